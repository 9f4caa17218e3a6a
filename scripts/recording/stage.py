"""The host on which a recording is made: root's empty home, and a network in which ghcr.io is the stand-in."""
import atexit
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from benches.doctor import ADDRESSES, Namespace
from benches.fake_ghcr import FakeGhcr
from benches.measure import ROOT

from .screen import COLUMNS

# No home and no running service of this machine is seen, and every path is the same on all machines. `$1` is the folder of
# the recording, `$2` the program and `$3` where Ansible is, both of which may themselves be below the home.
FURNISH = """\
set -e
touch "$1/run/bin/pullpass"
mount --bind "$2" "$1/run/bin/pullpass"
mount --bind "$3" "$1/run/venv"
mount --bind "$1/home" /root
mount --rbind "$1/run" /run
"""

# What the shell has in its environment, and nothing else.
ENVIRONMENT = {
    "HOME": "/root", "USER": "root", "XDG_RUNTIME_DIR": "/run/user/0", "LANG": "C.UTF-8", "TERM": "xterm-256color",
    "PATH": "/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


class Stage:
    """A host, and a ghcr.io with the private image `image` and `tokens` by what is the matter with each."""

    def __init__(self, folder, image):
        pullpass, fake_ghcr = (built(name) for name in ("pullpass", "fake-ghcr"))
        for name in ("home", "run/user/0", "run/bin", "run/venv"):
            (folder / name).mkdir(parents=True)
        self.home = folder / "home"
        self.namespace = Namespace(folder)
        listen = [f"--{server}={address}:443" for server, address in ADDRESSES.items()]
        self.ghcr = FakeGhcr(self.namespace.enter(fake_ghcr, "--tls", *listen), [image], 0)
        self.tokens = self.ghcr.tokens
        self.namespace.trust(self.ghcr.ca)
        subprocess.run(self.namespace.enter("sh", "-c", FURNISH, "furnish", folder, pullpass, ROOT / ".venv"), check=True)
        # The one of `.venv` names the Python of the place where it was made.
        ansible = folder / "run/bin/ansible-playbook"
        ansible.write_text('#!/bin/sh\nexec /run/venv/bin/python -m ansible playbook "$@"\n')
        ansible.chmod(0o755)

    def write(self, name, contents):
        """A file in the home that only its owner reads."""
        path = self.home / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(contents)
        path.chmod(0o600)

    def run(self, command):
        """What a terminal gets when somebody runs `command`, and its exit code."""
        environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        words = ["env", "--ignore-environment", "--chdir=/root", *environment, "sh", "-c", command]
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 50, COLUMNS, 0, 0))
        ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        process = subprocess.Popen(self.namespace.enter(*words), **ends, start_new_session=True)
        atexit.register(process.kill)
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                # So a terminal says that the last program on it has ended.
                break
        os.close(ours)
        return shown.decode(), process.wait()

    def end(self):
        self.ghcr.end()
        self.namespace.end()


def built(name):
    """The path of a program that cargo has built."""
    path = ROOT / "target/debug" / name
    if not path.exists():
        sys.exit(f"scripts/record: {path.relative_to(ROOT)} is missing; run: cargo build --workspace")
    return path
