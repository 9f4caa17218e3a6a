"""A fleet, phase by phase, beside Ansible alone."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .doctor import IMAGE, REFERENCE, ADDRESSES, Namespace, home
from .fake_ghcr import FakeGhcr, stand_in
from .measure import ROOT, once, program

FORKS = 20
# What a rotation says when one of its phases has ended.
PHASES = {
    "begin: look at every host, find and ask the token": "the token ",
    "new: check the new token, stage the files": "the new token is ",
    "canary: one host": "has gone first",
    "files: replace the token": "the inventory is changed",
    "hosts: batch by batch": "hosts have proved it",
    "gate: every host proves it": "have proved the new token, and",
    "revoke: end the old token": " is revoked",
    "proof: it is refused": " refuses the old token",
}


def run(short):
    """Every host is this machine, with a Docker configuration of its own: what is measured is Ansible and pullpass."""
    # As many batches as usual would be one host each of ten.
    hosts, batch = (10, "50%") if short else (200, "10%")
    label, pullpass, fake_ghcr = f"pullpass{' (dev)' if short else ''}", program(short), stand_in(short)
    ansible = ROOT / ".venv/bin"
    if not (ansible / "ansible").exists():
        sys.exit("scripts/bench: .venv/bin/ansible is missing; run: scripts/setup")
    with tempfile.TemporaryDirectory(prefix="pp-", dir="/tmp") as folder:
        folder = Path(folder)
        home(folder)
        os.environ.update(
            PATH=f"{ansible}:{os.environ['PATH']}",
            ANSIBLE_VAULT_PASSWORD_FILE=str(folder / "vault-password"),
            ANSIBLE_BECOME_METHOD="su",
            ANSIBLE_PIPELINING="true",
        )
        namespace = Namespace(folder)
        listen = [f"--{server}={address}:443" for server, address in ADDRESSES.items()]
        ghcr = FakeGhcr(namespace.enter(fake_ghcr, "--tls", *listen), [IMAGE], 0)
        namespace.trust(ghcr.ca)
        old, new = (folder / name for name in ("old", "new"))
        old.write_text(ghcr.tokens["read"])
        new.write_text(ghcr.tokens["write"])
        inventory(folder, hosts, pullpass, old)
        fleet = namespace.enter(pullpass, "fleet")
        common = ["-i", "inventory.yml", "--forks", str(FORKS)]
        ping, _ = once(namespace.enter("ansible", "all", *common, "-m", "ping"))
        print(f"{hosts} hosts, {FORKS} at a time{'':<29} {'s':>8} {'ms a host':>10} {'of a ping':>10}")

        def show(what, seconds):
            print(f"{what:<52} {seconds:8.2f} {seconds / hosts * 1e3:10.1f} {seconds / ping:10.2f}")

        show("ansible -m ping", ping)
        for command in ("login", "check"):
            seconds, printed = once([*fleet, command, *common, "--json"])
            states = [row["state"] for row in json.loads(printed)["logins"]]
            if states != ["ok"] * hosts:
                sys.exit(f"scripts/bench: fleet {command}: {states.count('ok')} of {hosts} hosts are well")
            show(f"{label} fleet {command}", seconds)
        words = [*fleet, "rotate", *common, "--batch", batch, "--yes", "--json", "--password-stdin"]
        total, phases = rotate(words, new, hosts)
        show(f"{label} fleet rotate", total)
        for phase, seconds in phases.items():
            show(f"  {phase}", seconds)
        ghcr.end()
        namespace.end()


def inventory(folder, hosts, pullpass, token):
    """Hosts with the variables of the role, and a token that is encrypted."""
    (folder / "vault-password").write_text("correct horse\n")
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
        "registry_login_executable": str(pullpass),
        "registry_login_images": [REFERENCE],
        "registry_login_users": [{"engines": ["docker"], "config": f"{folder}/hosts/{{{{ inventory_hostname }}}}"}],
    }
    lines = ["all:", "  vars:", *(f"    {name}: {json.dumps(value)}" for name, value in variables.items())]
    lines += ["    iaas_console:", "      ghcr_user: octocat", "  hosts:"]
    lines += [f"    host-{number:03}:" for number in range(hosts)]
    (folder / "inventory.yml").write_text("\n".join(lines) + "\n")
    words = [pullpass, "inventory", "set", folder / "inventory.yml", "all.vars.iaas_console.ghcr_pat"]
    once([str(word) for word in words], stdin_path=token)


def rotate(words, token, hosts):
    """Seconds of a whole rotation, and of each of its phases."""
    lines, started = [], time.perf_counter()
    with open(token, "rb") as stdin:
        process = subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def listen():
        for line in process.stderr:
            lines.append((time.perf_counter() - started, line))

    listener = threading.Thread(target=listen)
    listener.start()
    printed = process.stdout.read()
    listener.join()
    code, total = process.wait(), time.perf_counter() - started
    if code != 0 or len(json.loads(printed)["proved"]) != hosts:
        sys.exit(f"scripts/bench: fleet rotate ended with {code}: {''.join(line for _, line in lines)}")
    phases, before = {}, 0
    for phase, mark in PHASES.items():
        # Batches say so one by one.
        ended = max(at for at, line in lines if mark in line)
        phases[phase], before = ended - before, ended
    return total, phases
