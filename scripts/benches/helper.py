"""The credential helper."""
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .measure import factor, measure, program


def pass_helper(folder):
    """docker-credential-pass, pass and what they call, unpacked from Debian's packages; a GPG key; one login in pass.

    They are not installed: Docker takes docker-credential-pass for its helper as soon as it is there.
    """
    packages = ["golang-docker-credential-helpers", "pass", "tree"]
    fetched = subprocess.run(["apt-get", "download", "--quiet", *packages], cwd=folder, capture_output=True, check=False)
    if fetched.returncode != 0 or not shutil.which("gpg"):
        return None
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(folder / "pass")], check=True)
    os.environ["PATH"] = f"{folder / 'pass/usr/bin'}:{os.environ['PATH']}"
    os.environ["GNUPGHOME"] = str(folder / "gnupg")
    (folder / "gnupg").mkdir(mode=0o700)
    gpg = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "bench@example.org"]
    # Its agent would outlive this.
    atexit.register(subprocess.run, ["gpgconf", "--kill", "all"], check=False)
    for words in (gpg, ["pass", "init", "bench@example.org"]):
        subprocess.run(words, check=True, capture_output=True)
    helper = folder / "pass/usr/bin/docker-credential-pass"
    subprocess.run([helper, "store"], input=login("ghcr.io"), check=True)
    return helper


def login(server):
    return f'{{"ServerURL":"{server}","Username":"octocat","Secret":"not a real token: {"x" * 22}"}}'.encode()


def run(short):
    """A cold `get` of a login and of a host that has none, from stores of 1, 100 and 10,000 logins."""
    note = " (dev)" if short else ""
    runs = 3 if short else 200
    with tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp") as folder:
        folder = Path(folder)
        ours = folder / "docker-credential-pullpass"
        ours.symlink_to(program(short))
        for name in ("XDG_DATA_HOME", "XDG_STATE_HOME", "PASSWORD_STORE_DIR", "CREDENTIALS_DIRECTORY", "PULLPASS_KEY_COMMAND"):
            os.environ.pop(name, None)
        os.environ["HOME"] = str(folder)
        stored, foreign = folder / "stored", folder / "foreign"
        stored.write_text("ghcr.io")
        foreign.write_text("registry.example.org")
        theirs = pass_helper(folder)
        if theirs is None and not short:
            sys.exit("scripts/bench: docker-credential-pass cannot be had: it takes gpg, and apt-get for its packages")
        store = folder / ".local/share/pullpass/credentials"
        for count in (1, 100, 10_000):
            # Others are copies of one line: a reader looks at all of them, and opens one.
            subprocess.run([ours, "store"], input=login("ghcr.io"), check=True)
            header, line = store.read_text().splitlines()[:2]
            others = [line.replace("ghcr.io", f"registry-{number}.example.org") for number in range(count - 1)]
            store.write_text("\n".join([header, line, *others]) + "\n")
            print(f"{count} logins, {store.stat().st_size} bytes")
            commands = {f"docker-credential-pullpass{note} get": [str(ours), "get"], "cat of the store": ["cat", str(store)]}
            if theirs and count == 1:
                commands["docker-credential-pass get"] = [str(theirs), "get"]
            medians = measure(commands, "ghcr.io", runs, stored)
            if theirs and count == 1:
                medians.pop("cat of the store")
                factor(medians, 5)
            print("a host without a login")
            commands = {f"docker-credential-pullpass{note} get": [str(ours), "get"]}
            if theirs and count == 1:
                commands["docker-credential-pass get"] = [str(theirs), "get"]
            # Debian's release of pass's helper answers with an empty login instead.
            measure(commands, ("not found", '"Secret":""'), runs, foreign, code=1)
