"""Many images at once."""
import base64
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .fake_ghcr import FakeGhcr, stand_in
from .measure import measure, once, program


def run(short):
    """Many images in one run, beside one program start for each. `--raw` is the least that skopeo can ask for."""
    if not shutil.which("skopeo"):
        sys.exit("scripts/bench: skopeo is missing; run: sudo scripts/setup")
    label, pullpass = "pullpass verify (dev)" if short else "pullpass verify", str(program(short))
    fake_ghcr = stand_in(short)
    repositories, tags, looped, runs = (4, 10, 10, 1) if short else (50, 20, 50, 5)
    images = [f"octocat/app{number}:v{tag}" for tag in range(tags) for number in range(repositories)]
    for delay in (0, 20):
        with tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp") as folder:
            for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
                os.environ.pop(name, None)
            os.environ["HOME"] = folder
            config, listed = Path(folder, ".docker/config.json"), Path(folder, "images")
            config.parent.mkdir()
            words = [pullpass, "verify", "--docker", "--from-file", str(listed)]

            def served():
                ghcr = FakeGhcr([fake_ghcr], images, delay)
                auth = base64.b64encode(f"octocat:{ghcr.token}".encode()).decode()
                config.write_text(json.dumps({"auths": {ghcr.host: {"auth": auth}}}))
                config.chmod(0o600)
                listed.write_text("".join(f"{ghcr.host}/{image}\n" for image in images))
                return ghcr

            print(f"{len(images)} images in {repositories} repositories, {delay} ms added to every answer")
            ghcr = served()
            once(words)
            counts = ghcr.end()
            print(f"  tokens asked for in one run: {sum(counts.values())}; most for one repository: {max(counts.values())}")
            if len(counts) > repositories or max(counts.values()) > 1:
                sys.exit("scripts/bench: pullpass asks more than once for the token of a repository")
            ghcr = served()
            inspect = f"skopeo inspect --raw --tls-verify=false --authfile {config} docker://{ghcr.host}"
            loop = f"set -e; for image in {' '.join(images[:looped])}; do {inspect}/$image; done"
            one_by_one = f"skopeo inspect of {looped}, one by one"
            ours = measure({label: words}, "docker will pull", runs)[label]
            theirs = measure({one_by_one: ["sh", "-c", loop]}, "schemaVersion", runs)[one_by_one]
            ghcr.end()
            all_of_them = theirs * len(images) / looped
            print(f"{len(images)} images by skopeo at that pace: {all_of_them * 1e3:.0f} ms, {all_of_them / ours:.1f} times as long\n")
