"""The search for tokens."""
import base64
import os
import random
import statistics
import string
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from .measure import measure, once, program

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIXES = ["ppt_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"]
PLAIN = "ppt_[0-9A-Za-z]{46}|gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"


def encoded_pattern():
    """The same in base64: a prefix at each of the three places that it can have in a group, and as many more characters."""
    needles = []
    for prefix in PREFIXES:
        for shift in range(3):
            begin, end = -(-shift * 8 // 6), (shift + len(prefix)) * 8 // 6
            needles.append(base64.b64encode(b"\0" * shift + prefix.encode()).decode()[begin:end])
    return f"({'|'.join(needles)})[0-9A-Za-z+/_-]{{48}}"


def new_token(rng):
    """A whole `ghp_` token; in two pieces, for scanners of this file."""
    body = "".join(rng.choices(BASE62, k=30))
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit] + digits
    return "ghp" + "_" + body + digits


class Text:
    """Text as source, configuration and lock files have it, of which no line comes twice but by chance."""

    def __init__(self, rng):
        self.rng = rng
        self.words = ["ghcr.io", "registry", "docker login", "ghp_YourToken", "{", "}", "=", "image:", "octocat", "//", "();"]
        self.words += ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 10))) for _ in range(5000)]

    def lines(self, size):
        rng, made = self.rng, []
        while size > 0:
            line = " " * (4 * rng.randrange(5)) + " ".join(rng.choices(self.words, k=rng.randint(1, 12)))
            made.append(line + rng.choice([";", ",", " {", ")", ""]) + "\n")
            size -= len(made[-1])
        return "".join(made).encode()

    def lock_file(self, size):
        integrity = lambda: base64.b64encode(self.rng.randbytes(64)).decode()
        return "".join(f'    "integrity": "sha512-{integrity()}",\n' for _ in range(size // 118 + 1)).encode()

    def any(self, size):
        kind = self.rng.random()
        return self.rng.randbytes(size) if kind < 0.1 else self.lock_file(size) if kind < 0.2 else self.lines(size)


def plant(folder, rng):
    """Four files with a token each, two of them in base64; returns their names and what stands there for the token."""
    auth = lambda: base64.b64encode(f"octocat:{new_token(rng)}".encode()).decode()
    planted = {"planted.env": new_token(rng), "planted.yml": new_token(rng), "planted-1.json": auth(), "planted-2.json": auth()}
    for name, spelled in planted.items():
        Path(folder, name).write_text(f'{{\n"auths": {{"ghcr.io": {{"auth": "{spelled}"}}}}\n')
    return planted


def generated_tree(folder, size):
    """Files of `size` bytes in all, in a repository."""
    rng = random.Random(1)
    text, total, number = Text(rng), 0, 0
    while total < size:
        content = text.any(rng.choice([500, 2_000, 8_000, 8_000, 30_000, 300_000]))
        path = Path(folder, f"d{number % 100}", f"f{number}")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        total, number = total + len(content), number + 1
    planted = plant(folder, rng)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    return total, number + len(planted), planted


def generated_history(folder, commits):
    """A repository of 200 files, of which each commit changes three; the planted files come and go in the middle."""
    rng = random.Random(2)
    text = Text(rng)
    files = [text.lines(rng.choice([2_000, 8_000, 30_000])).splitlines(keepends=True) for _ in range(200)]
    run = lambda *words, **more: subprocess.run(["git", *words], cwd=folder, check=True, **more)
    run("init", "--quiet", "--initial-branch=main")
    importer = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE)
    data = lambda content: importer.stdin.write(b"data %d\n%s\n" % (len(content), content))
    total = 0
    for commit in range(commits):
        importer.stdin.write(b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\n" % (1_700_000_000 + commit))
        data(text.lines(60))
        for number in range(200) if commit == 0 else rng.sample(range(200), 3):
            lines = files[number]
            for _ in range(5):
                lines[rng.randrange(len(lines))] = text.lines(20)
            content = b"".join(lines)
            total += len(content)
            importer.stdin.write(b"M 100644 inline d%d/f%d\n" % (number % 20, number))
            data(content)
        if commit == commits // 2:
            planted = plant(folder, rng)
            for name in planted:
                importer.stdin.write(b"M 100644 inline %s\n" % name.encode())
                data(Path(folder, name).read_bytes())
                Path(folder, name).unlink()
        if commit == commits // 2 + 1:
            importer.stdin.write(b"".join(b"D %s\n" % name.encode() for name in planted))
    importer.stdin.close()
    if importer.wait():
        sys.exit("scripts/bench: git fast-import failed")
    run("repack", "-a", "-d", "--quiet")
    return total, planted


def compared(commands, planted, total, short, count):
    """Measures `commands`, and prints what each finds and how many of `total` bytes it reads in a second."""
    medians = measure(commands, "ghp_", 3 if short else count, code=1)
    for label, words in commands.items():
        printed = once(words, os.devnull, 1)[1]
        seen = sum(name in printed or spelled in printed for name, spelled in planted.items())
        print(f"{label:<44} {total / medians[label] / 1e6:8.0f} MB/s, {seen} of {len(planted)} tokens")


def run(short):
    """Every file of a tree, and every version of every file of a history.

    The peers are given the shapes of the tokens, and once those in base64 too; they check no checksum.
    """
    label, pullpass = "pullpass (dev)" if short else "pullpass", str(program(short))
    both = f"{PLAIN}|{encoded_pattern()}"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        tree = Path(folder, "tree")
        tree.mkdir()
        total, files, planted = generated_tree(tree, 5_000_000 if short else 250_000_000)
        os.chdir(tree)
        print(f"a tree of {files} files, {total / 1e6:.0f} MB; {os.cpu_count()} processors")
        commands = {
            f"{label} scan": [pullpass, "scan"],
            "git grep, plain tokens": ["git", "grep", "--text", "-P", PLAIN],
            "git grep, those in base64 too": ["git", "grep", "--text", "-P", both],
            "grep --recursive, plain tokens": ["grep", "-r", "--text", "-P", PLAIN, "."],
        }
        compared(commands, planted, total, short, 30)

        history = Path(folder, "history")
        history.mkdir()
        commits = 100 if short else 3000
        total, planted = generated_history(history, commits)
        os.chdir(history)
        print(f"\na history of {commits} commits, {total / 1e6:.0f} MB in all versions of the files")
        commands = {
            f"{label} scan --history": [pullpass, "scan", "--history"],
            "git log --patch | grep": ["sh", "-c", f"git log --all --patch --text | grep --text -P '{PLAIN}'"],
            "git grep in every commit": ["sh", "-c", f"git grep --text -P '{PLAIN}' $(git rev-list --all)"],
        }
        compared(commands, planted, total, short, 5)

        hostile = Path(folder, "hostile")
        hostile.mkdir()
        os.chdir(hostile)
        size = 1_000_000 if short else 50_000_000
        print(f"\nfiles of {size / 1e6:.0f} MB that look like tokens at every place")
        pieces = {
            "ghp_": b"ghp_",
            "ghp_ in base64": base64.b64encode(b"ghp_" * 3),
            "ghs_1_eyJ in base64": base64.b64encode(b"ghs_1_eyJ"),
            "github_pat_ in base64": base64.b64encode(b"github_pat_" * 3),
            '"auth":" in base64': base64.b64encode(b'"auth":"a'),
        }
        for name, piece in pieces.items():
            Path("file").write_bytes(piece * (size // len(piece)))
            seconds = statistics.median(once([pullpass, "scan"])[0] for _ in range(3))
            print(f"{name:<44} {size / seconds / 1e6:8.0f} MB/s")
