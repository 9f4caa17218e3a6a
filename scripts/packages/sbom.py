"""What the program is made of, as CycloneDX 1.5."""
import json
import tomllib
from datetime import datetime, timezone
from pathlib import Path

from .project import ROOT


def write(project, out):
    """Writes it into `out` and returns its path."""
    packages = {package["id"]: package for package in project.metadata["packages"]}
    needed = {node["id"]: dependencies(node) for node in project.metadata["resolve"]["nodes"]}
    root = next(key for key, package in packages.items() if package["name"] == "pullpass")
    inside = closure(root, needed)
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in locked}
    made = datetime.fromtimestamp(project.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": made, "component": component(packages[root], None, "application")},
        "components": sorted(
            (component(packages[key], checksums) for key in inside if key != root), key=lambda one: one["bom-ref"]
        ),
        "dependencies": sorted(
            ({"ref": url(packages[key]), "dependsOn": sorted({url(packages[one]) for one in needed[key]})} for key in inside),
            key=lambda one: one["ref"],
        ),
    }
    path = out / f"pullpass-{project.version}.cdx.json"
    path.write_text(json.dumps(bill, indent=1) + "\n")
    return path


def dependencies(node):
    """What one package is built from, without what only its tests use."""
    return [one["pkg"] for one in node["deps"] if any(kind["kind"] != "dev" for kind in one["dep_kinds"])]


def closure(root, needed):
    found, left = set(), [root]
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            left += needed[key]
    return found


def component(package, checksums, kind="library"):
    entry = {
        "type": kind,
        "bom-ref": url(package),
        "name": package["name"],
        "version": package["version"],
        "purl": url(package),
    }
    if package["license"]:
        # Older packages separate a choice by a slash.
        entry["licenses"] = [{"expression": package["license"].replace(" / ", "/").replace("/", " OR ")}]
    elif package["license_file"]:
        text = (Path(package["manifest_path"]).parent / package["license_file"]).read_text()
        entry["licenses"] = [{"license": {"name": package["license_file"], "text": {"content": text}}}]
    checksum = checksums and checksums.get((package["name"], package["version"]))
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def url(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"
