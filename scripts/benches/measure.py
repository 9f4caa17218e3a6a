"""What every benchmark is measured with."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def program(short, *features):
    """The path of `pullpass` built with `features`. Cargo gives all of them one path, so the small one is put aside."""
    suffix = "-small" if features else ""
    if short:
        path = ROOT / f"target/debug/pullpass{suffix}"
        if not path.exists():
            sys.exit(f"scripts/bench: {path.relative_to(ROOT)} is missing; scripts/test builds it")
        return path
    os.environ["CARGO_TARGET_DIR"] = str(ROOT / "target")
    cargo = ["cargo", "build", "--locked", "--release", "--package", "pullpass", *features]
    subprocess.run(cargo, cwd=ROOT, check=True)
    path = ROOT / f"target/release/pullpass{suffix}"
    if suffix:
        shutil.copy2(ROOT / "target/release/pullpass", path)
    return path


def example(short, package, name):
    """The path of an example program of a package."""
    if not short:
        cargo = ["cargo", "build", "--locked", "--release", "--package", package, "--example", name]
        subprocess.run(cargo, cwd=ROOT, check=True)
    path = ROOT / f"target/{'debug' if short else 'release'}/examples/{name}"
    if not path.exists():
        sys.exit(f"scripts/bench: {path.relative_to(ROOT)} is missing; scripts/test builds it")
    return path


def once(words, stdin_path=os.devnull, code=0):
    """Runs `words` with a file as standard input: seconds from its start to its end, and what it printed.

    `pullpass scan` ends with 1 when it has found what it looked for: more than `code` is a failure.
    """
    with open(stdin_path, "rb") as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(words, stdin=stdin, stdout=out, stderr=err)
        process.wait()
        seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        if not 0 <= process.returncode <= code:
            sys.exit(f"scripts/bench: {words[0]} ended with {process.returncode}: {err.read().decode()}")
        return seconds, out.read().decode()


def peak(words, stdin_path, code):
    """The most memory that one process of a run had, in bytes. Our own is not counted in, as it is in what the system says of
    a child that we start ourselves."""
    with tempfile.NamedTemporaryFile() as said:
        once(["/usr/bin/time", "--quiet", "--format=%M", f"--output={said.name}", *words], stdin_path, code)
        return int(said.read()) * 1024


def measure(commands, expected, count, stdin_path=os.devnull, code=0, before=None, after=None):
    """Runs `commands` (label → words) in turns, prints a table of milliseconds and megabytes, returns label → median.

    Each has to print `expected`, or one of several: what does not do its work is not measured. `before` and `after` get each label around
    each run, and are not measured.
    """
    accepted = (expected,) if isinstance(expected, str) else expected
    seconds = {label: [] for label in commands}
    memory = dict.fromkeys(commands, 0)
    # The first start reads the program from disk, and is not counted.
    for run in range(count + 1):
        for label, words in commands.items():
            if before:
                before(label)
            taken, printed = once(words, stdin_path, code)
            if not any(text in printed for text in accepted):
                sys.exit(f"scripts/bench: {' '.join(words)} does not print `{accepted[0]}`")
            if after:
                after(label)
            if run > 0:
                seconds[label].append(taken)
    for label, words in commands.items():
        if before:
            before(label)
        memory[label] = peak(words, stdin_path, code)
    print(f"{f'ms, {count} runs each':<44} {'median':>8} {'min':>8} {'p95':>8} {'p99':>8} {'peak MB':>8}")
    medians = {}
    for label, values in seconds.items():
        values.sort()
        medians[label] = statistics.median(values)
        p95, p99 = (values[round(part * (len(values) - 1))] for part in (0.95, 0.99))
        figures = " ".join(f"{figure * 1e3:8.2f}" for figure in (medians[label], values[0], p95, p99))
        print(f"{label:<44} {figures} {memory[label] / 1e6:8.1f}")
    return medians


def factor(medians, wanted=None):
    """How many times as long the second of two takes."""
    (ours, mine), (theirs, other) = medians.items()
    wish = f"; at least {wanted} is wanted" if wanted else ""
    print(f"factor: {other / mine:.1f} (median of {theirs} over median of {ours}{wish})\n")
