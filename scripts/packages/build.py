"""The statically linked programs."""
import os
import shutil
from pathlib import Path

from .project import ROOT, fail, run

TARGET = "target/static"


def programs(project):
    """Builds the program and the one without the server; returns their paths."""
    return program(project, "pullpass"), program(project, "pullpass-small", "--no-default-features")


def program(project, name, *features):
    triple = project.arch.triple
    (ROOT / TARGET).mkdir(parents=True, exist_ok=True)
    # Relative, because the place must not be part of what cargo names things by. Cargo links in the workspace's root.
    stub = f"{TARGET}/no_dlopen.o"
    run([os.environ.get("CC", "cc"), "-O2", "-c", "packaging/static/no_dlopen.c", "-o", stub], cwd=ROOT)
    cargo = ["cargo", "rustc", "--locked", "--release", "--package", "pullpass", "--bin", "pullpass"]
    link = ["-C", "link-arg=-Wl,--wrap=__libc_dlopen_mode", "-C", f"link-arg={stub}"]
    run([*cargo, "--target", triple, *features, "--", *link], cwd=ROOT, env=environment(project))
    built = ROOT / TARGET / triple / "release/pullpass"
    if "INTERP" in run(["readelf", "--program-headers", "--wide", built]):
        fail(f"{built.relative_to(ROOT)} is not statically linked")
    # Cargo gives both programs one path.
    kept = ROOT / TARGET / name
    shutil.copy2(built, kept)
    return kept


def environment(project):
    cargo_home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    # Names of source files are in messages; those of this machine are not.
    places = {ROOT: "/pullpass", cargo_home: "/cargo"}
    rust = [f"--remap-path-prefix={place}={name}" for place, name in places.items()]
    c = " ".join(f"-ffile-prefix-map={place}={name}" for place, name in places.items())
    return {
        **project.environment,
        "CARGO_TARGET_DIR": str(ROOT / TARGET),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(["-Ctarget-feature=+crt-static", *rust]),
        f"CFLAGS_{project.arch.triple.replace('-', '_')}": c,
    }
