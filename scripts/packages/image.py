"""A container image of the program and nothing else: one archive that is an OCI layout for podman and skopeo, and has the
`manifest.json` by which every `docker load` knows an image."""
import gzip
import hashlib
import io
import json
import tarfile
from datetime import datetime, timezone
from pathlib import Path

from .project import DESCRIPTION, fail

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# Nobody else's: no host has a user of that number by itself.
USER = 65532
DATA = "var/lib/pullpass"
OCI = "application/vnd.oci.image"


def write(project, program, out):
    """Writes the archive into `out`."""
    plain = layer(project, program)
    packed = gzip.compress(plain, 9, mtime=0)
    created = datetime.fromtimestamp(project.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "org.opencontainers.image.title": "pullpass",
        "org.opencontainers.image.description": DESCRIPTION.replace("\n", " "),
        "org.opencontainers.image.version": project.version,
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
        "org.opencontainers.image.created": created,
    }
    config = as_json({
        "architecture": project.arch.debian,
        "os": "linux",
        "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "Env": ["PATH=/usr/bin", f"HOME=/{DATA}", f"XDG_DATA_HOME=/{Path(DATA).parent}"],
            "Entrypoint": ["/usr/bin/pullpass"],
            "Cmd": ["serve", "--help"],
            "WorkingDir": f"/{DATA}",
            "Volumes": {f"/{DATA}": {}},
            "ExposedPorts": {"5000/tcp": {}},
            "StopSignal": "SIGTERM",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
        "history": [{"created": created, "created_by": "scripts/package"}],
    })
    manifest = as_json({
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": descriptor(f"{OCI}.config.v1+json", config),
        "layers": [descriptor(f"{OCI}.layer.v1.tar+gzip", packed)],
    })
    name = f"localhost/pullpass:{project.version}"
    entry = descriptor(f"{OCI}.manifest.v1+json", manifest)
    entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": project.version}
    index = as_json({"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [entry]})
    docker = as_json([{"Config": blob(config), "RepoTags": [name], "Layers": [blob(packed)]}])
    contents = {blob(data): data for data in (config, manifest, packed)}
    contents |= {"index.json": index, "manifest.json": docker, "oci-layout": as_json({"imageLayoutVersion": "1.0.0"})}
    archive = Archive(project.epoch)
    for directory in ("blobs", "blobs/sha256"):
        archive.directory(directory)
    for path in sorted(contents):
        archive.file(path, contents[path])
    (out / f"pullpass-{project.version}-{project.arch.debian}.oci.tar").write_bytes(archive.close())


def layer(project, program):
    if not AUTHORITIES.exists():
        fail(f"`{AUTHORITIES}` is missing; run: sudo scripts/setup")
    archive = Archive(project.epoch)
    for directory in ("etc", "etc/ssl", "etc/ssl/certs"):
        archive.directory(directory)
    archive.file("etc/group", f"root:x:0:\npullpass:x:{USER}:\n".encode())
    archive.file("etc/passwd", f"root:x:0:0::/:\npullpass:x:{USER}:{USER}::/{DATA}:\n".encode())
    archive.file(str(AUTHORITIES)[1:], AUTHORITIES.read_bytes())
    archive.directory("tmp", 0o1777)
    for directory in ("usr", "usr/bin"):
        archive.directory(directory)
    archive.file("usr/bin/pullpass", program.read_bytes(), 0o755)
    for directory in ("var", "var/lib"):
        archive.directory(directory)
    # A new volume gets owner and mode from here.
    archive.directory(DATA, 0o700, USER)
    return archive.close()


class Archive:
    """A tar file with root's entries, all of one time."""

    def __init__(self, epoch):
        self.bytes, self.epoch = io.BytesIO(), epoch
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.USTAR_FORMAT)

    def directory(self, name, mode=0o755, owner=0):
        self.add(name, tarfile.DIRTYPE, mode, owner)

    def file(self, name, data, mode=0o644):
        self.add(name, tarfile.REGTYPE, mode, 0, data)

    def add(self, name, kind, mode, owner, data=b""):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.mtime, entry.size = kind, mode, self.epoch, len(data)
        entry.uid = entry.gid = owner
        self.tar.addfile(entry, io.BytesIO(data))

    def close(self):
        self.tar.close()
        return self.bytes.getvalue()


def as_json(value):
    return json.dumps(value, sort_keys=True).encode()


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def blob(data):
    return f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"


def descriptor(kind, data):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}
