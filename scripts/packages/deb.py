"""A package for Debian and Ubuntu. dpkg-deb writes it: owners root, entries sorted, times no later than SOURCE_DATE_EPOCH."""
import hashlib
import shutil

from .files import write as write_file
from .project import DESCRIPTION, ROOT, run


def write(project, tree, out):
    """Packs `tree` into `out`."""
    name = f"pullpass_{project.version}_{project.arch.debian}"
    root = tree.parent / name
    shutil.copytree(tree, root, symlinks=True)
    # Where zsh looks on Debian.
    (root / "usr/share/zsh/site-functions").rename(root / "usr/share/zsh/vendor-completions")
    entries = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in entries)
    configuration = [f"/{path.relative_to(root)}" for path in entries if path.is_relative_to(root / "etc")]
    size = sum(path.stat().st_size for path in entries) // 1024
    for script in ("postinst", "prerm", "postrm"):
        write_file(root / "DEBIAN" / script, (ROOT / "packaging/debian" / script).read_bytes(), 0o755)
    write_file(root / "DEBIAN/md5sums", sums.encode())
    write_file(root / "DEBIAN/conffiles", "".join(f"{path}\n" for path in configuration).encode())
    write_file(root / "DEBIAN/control", control(project, size).encode())
    (root / "DEBIAN").chmod(0o755)
    # xz, because older Debian reads nothing newer; one thread, because their number changes the bytes.
    words = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, out / f"{name}.deb"]
    run(words, env={**project.environment, "DPKG_DEB_THREADS_MAX": "1"})


def control(project, size):
    description = DESCRIPTION.replace("\n", "\n ")
    return f"""\
Package: pullpass
Version: {project.version}
Architecture: {project.arch.debian}
Maintainer: The pullpass authors <pullpass@localhost>
Installed-Size: {size}
Depends: ca-certificates
Section: admin
Priority: optional
Description: authenticate Docker and Podman to container registries
 {description}
"""
