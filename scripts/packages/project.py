"""What is packed: version, time and architecture, all from the sources."""
import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

Arch = namedtuple("Arch", "triple debian rpm")
ARCHES = [
    Arch("x86_64-unknown-linux-gnu", "amd64", "x86_64"),
    Arch("aarch64-unknown-linux-gnu", "arm64", "aarch64"),
]
DESCRIPTION = """\
Logs Docker and Podman in to ghcr.io and other registries, shows what is stored
where, proves that a pull will work, and says why one does not. Its server is a
registry with personal access tokens of its own."""


def fail(why):
    sys.exit(f"scripts/package: {why}")


def run(words, **more):
    """Runs `words` to its end and returns what it printed."""
    try:
        ended = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True, **more)
    except FileNotFoundError:
        fail(f"`{words[0]}` is missing; run: sudo scripts/setup")
    if ended.returncode != 0:
        fail(f"`{words[0]}` ended with {ended.returncode}")
    return ended.stdout


class Project:
    def __init__(self, version, epoch, arch, metadata):
        self.version, self.epoch, self.arch, self.metadata = version, epoch, arch, metadata
        # Programs that write times take this one.
        self.environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C", "TZ": "UTC"}

    @staticmethod
    def read():
        about = dict(line.split(": ", 1) for line in run(["rustc", "-vV"]).splitlines() if ": " in line)
        arch = next((arch for arch in ARCHES if arch.triple == about["host"]), None)
        if not arch:
            fail(f"no packages are made on `{about['host']}`, only on " + ", ".join(arch.triple for arch in ARCHES))
        cargo = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", arch.triple]
        metadata = json.loads(run(cargo, cwd=ROOT))
        version = next(package["version"] for package in metadata["packages"] if package["name"] == "pullpass")
        epoch = os.environ.get("SOURCE_DATE_EPOCH") or run(["git", "log", "-1", "--format=%ct"], cwd=ROOT)
        return Project(version, int(epoch), arch, metadata)
