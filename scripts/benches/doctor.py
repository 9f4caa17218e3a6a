"""What `pullpass doctor` takes where nothing is wrong."""
import atexit
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .fake_ghcr import FakeGhcr, stand_in
from .measure import measure, once, program

IMAGE = "midokura/app:v1"
REFERENCE = f"ghcr.io/{IMAGE}"
API = "api.github.com"
# A network of documentation's (RFC 5737): docker takes any certificate from loopback.
ADDRESSES = {"ghcr": "192.0.2.1", "storage": "192.0.2.2", "api": "192.0.2.3"}
NAMES = {"ghcr": "ghcr.io", "storage": "pkg-containers.githubusercontent.com", "api": API}
# Milliseconds that every answer takes, and that doctor may take beside the answers that wait for one another.
DELAY, ALLOWED = 200, 150

# `$1` is an empty directory and `$2` the hosts file. `cat` ends with its standard input, and the namespaces with it.
HOLD = """\
set -e
ip link set lo up
ip address add 192.0.2.1/24 dev lo
mount -t tmpfs -o mode=755 pullpass-bench "$1"
cp -a /etc/. "$1"
mount --bind "$1" /etc
printf %s "$2" > /etc/hosts
echo ready
exec cat
"""


class Namespace:
    """A network and an /etc that only the programs in here see, so that `ghcr.io` is the stand-in, on port 443."""

    def __init__(self, folder):
        self.folder = folder
        etc = folder / "etc"
        etc.mkdir()
        hosts = "127.0.0.1 localhost\n" + "".join(f"{ADDRESSES[server]} {name}\n" for server, name in NAMES.items())
        words = ["unshare", "--mount", "--net", "--propagation", "private", "--", "sh", "-c", HOLD, "hold", str(etc), hosts]
        self.holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.holder.kill)
        if self.holder.stdout.readline() != "ready\n":
            sys.exit("scripts/bench: no namespaces: unshare and mount need root")

    def enter(self, *words):
        """How a program is started in here."""
        enter = ["nsenter", "--mount", "--net", f"--target={self.holder.pid}", f"--wdns={self.folder}", "--"]
        return [*enter, *map(str, words)]

    def trust(self, authority):
        """Lets programs in here trust the stand-in, as an administrator would."""
        for name in NAMES.values():
            certificates = Path(f"/proc/{self.holder.pid}/root/etc/containers/certs.d", name)
            certificates.mkdir(parents=True)
            (certificates / "ca.crt").write_text(authority)

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


def run(short):
    """Doctor on a host on which all is well may take what the answers take that wait for one another, and little more."""
    for name in ("unshare", "nsenter", "skopeo"):
        if not shutil.which(name):
            sys.exit(f"scripts/bench: {name} is missing; run: sudo scripts/setup")
    label, pullpass, fake_ghcr = f"pullpass doctor{' (dev)' if short else ''}", program(short), stand_in(short)
    with tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp") as folder:
        folder = Path(folder)
        home(folder)
        namespace = Namespace(folder)
        listen = [f"--{server}={address}:443" for server, address in ADDRESSES.items()]
        ghcr = FakeGhcr(namespace.enter(fake_ghcr, "--tls", *listen), [IMAGE], DELAY)
        namespace.trust(ghcr.ca)
        auth_file = logins(folder, ghcr.token)
        doctor = namespace.enter(pullpass, "doctor", REFERENCE)
        inspect = namespace.enter("skopeo", "inspect", "--authfile", auth_file, f"docker://{REFERENCE}")
        chain = longest_chain(once([*doctor, "--json"], code=1)[1])
        nothing = measure({"nsenter": namespace.enter("true"), "without": ["true"]}, "", 3 if short else 30)
        taken = measure({label: doctor}, "nothing is in the way", 3 if short else 30)[label]
        measure({"skopeo inspect": inspect}, '"Digest"', 3 if short else 10)
        ghcr.end()
        namespace.end()
    print(f"of each, nsenter takes {(nothing['nsenter'] - nothing['without']) * 1e3:.1f} ms")
    least = chain * DELAY
    print(f"longest chain: {chain} answers of {DELAY} ms = {least} ms; ", end="")
    print(f"doctor: {taken * 1e3:.0f} ms, {taken * 1e3 - least:.0f} ms more ({ALLOWED} are allowed)")


def longest_chain(report):
    """How many answers wait for one another: one conversation with the registry goes from place to place, up to where the
    image is stored. Others go the same way, not as far and at the same time, and GitHub's API is asked meanwhile."""
    report = json.loads(report)
    if report["findings"]:
        sys.exit(f"scripts/bench: this host is not healthy: {', '.join(found['title'] for found in report['findings'])}")
    places = {request["url"].partition("?")[0] for request in report["requests"]}
    return sum(not place.startswith(f"https://{API}/") for place in places)


def home(folder):
    """A home for the programs, and nothing else in their environment."""
    search = os.environ["PATH"]
    os.environ.clear()
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    os.environ.update(HOME=str(folder), XDG_RUNTIME_DIR=str(runtime), PATH=search)


def logins(folder, token):
    """One login for all engines; returns the file in which podman and skopeo look."""
    auth = base64.b64encode(f"octocat:{token}".encode()).decode()
    paths = folder / ".docker/config.json", folder / "run/containers/auth.json"
    for path in paths:
        path.parent.mkdir(mode=0o700)
        path.write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}}}))
        path.chmod(0o600)
    return paths[1]
