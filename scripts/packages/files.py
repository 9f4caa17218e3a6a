"""What a package puts where. Names and contents alike on every machine; owners and times are for whoever packs it."""
import gzip
import hashlib
import os
import shutil
from pathlib import Path

from .project import ROOT, fail, run

COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/pullpass",
    "zsh": "usr/share/zsh/site-functions/_pullpass",
    "fish": "usr/share/fish/vendor_completions.d/pullpass.fish",
}
UNITS = "usr/lib/systemd/system"
DOCUMENTS = "usr/share/doc/pullpass"


def lay_out(project, program, bill, tree):
    """Fills the new directory `tree` with what an installation has; `bill` is the list of what the program contains."""
    copy(program, tree / "usr/bin/pullpass", 0o755)
    (tree / "usr/bin/docker-credential-pullpass").symlink_to("pullpass")
    for shell, place in COMPLETIONS.items():
        write(tree / place, run([program, "completions", shell]).encode())
    manual(program, tree / "usr/share/man/man1")
    for unit in sorted((ROOT / "packaging/systemd").iterdir()):
        copy(unit, tree / UNITS / unit.name)
    for name in ("serve.toml", "check.env"):
        copy(ROOT / "packaging" / name, tree / "etc/pullpass" / name)
    copy(ROOT / "packaging/debian/copyright", tree / DOCUMENTS / "copyright")
    write(tree / DOCUMENTS / "CHANGELOG.md.gz", compressed((ROOT / "CHANGELOG.md").read_bytes()))
    copy(ROOT / "LICENSE-APACHE", tree / DOCUMENTS / "LICENSE-APACHE")
    copy(ROOT / "LICENSE-MIT", tree / DOCUMENTS / "LICENSE-MIT")
    copy(bill, tree / DOCUMENTS / "sbom.cdx.json")
    for directory in [tree, *(path for path in tree.rglob("*") if path.is_dir())]:
        directory.chmod(0o755)


def manual(program, pages):
    run([program, "man", "--directory", pages])
    for page in pages.iterdir():
        write(page.with_name(page.name + ".gz"), compressed(page.read_bytes()))
        page.unlink()


def compressed(data):
    return gzip.compress(data, 9, mtime=0)


def write(path, data, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def copy(source, path, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    path.chmod(mode)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def empty(directory):
    """Makes `directory`, or removes what an earlier run has left in it, which only packages can be."""
    directory.mkdir(parents=True, exist_ok=True)
    left = list(directory.iterdir())
    foreign = [path.name for path in left if not path.name.startswith("pullpass") and path.name != "SHA256SUMS"]
    if foreign:
        fail(f"`{directory}` has other files: {', '.join(sorted(foreign))}")
    for path in left:
        os.remove(path)
