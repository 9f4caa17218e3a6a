"""Size and start of the program."""
import os
from pathlib import Path

from .measure import measure, program


def run(short):
    """Sizes and `--version`, which is the whole way through loading, argument parsing and ending."""
    note = " (dev)" if short else ""
    measured = [
        (f"pullpass without the server{note}", program(short, "--no-default-features")),
        (f"pullpass{note}", program(short)),
    ]
    for name in ("/usr/bin/docker", "/usr/local/bin/docker"):
        if os.access(name, os.X_OK):
            measured.append((name, Path(name)))
    for label, path in measured:
        print(f"{label:<44} {path.stat().st_size / 1e6:8.1f} MB")
    measure({f"{label} --version": [str(path), "--version"] for label, path in measured}, ".", 3 if short else 30)
