"""The stand-in that benchmarks ask in place of ghcr.io."""
import atexit
import json
import subprocess
import sys

from .measure import ROOT


def stand_in(short):
    """The path of its program."""
    if not short:
        cargo = ["cargo", "build", "--locked", "--release", "--package", "pullpass-testing", "--bin", "fake-ghcr"]
        subprocess.run(cargo, cwd=ROOT, check=True)
    path = ROOT / f"target/{'debug' if short else 'release'}/fake-ghcr"
    if not path.exists():
        sys.exit(f"scripts/bench: {path.relative_to(ROOT)} is missing; scripts/test builds it")
    return path


class FakeGhcr:
    """The stand-in with private images, each answer of which takes `delay` milliseconds. `words` start its program."""

    def __init__(self, words, images, delay):
        words = [*map(str, words), f"--delay={delay}", *(f"--private={image}" for image in images)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.process.kill)
        said = json.loads(self.process.stdout.readline())
        self.host, self.tokens, self.ca = said["ghcr"].removeprefix("http://"), said["tokens"], said["ca"]
        self.token = self.tokens["read"]

    def end(self):
        """How often each token was asked for."""
        self.process.stdin.close()
        counts = json.loads(self.process.stdout.readline())["token_requests"]
        self.process.wait()
        return counts
