"""What is done with vaults."""
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from .measure import ROOT, example, factor, measure, once, program

# Counts the payloads of a tree that ansible-core opens with the first password, and those that it opens with the second.
OPENS = r"""
import pathlib, re, sys
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret

def opens(password, payload):
    try:
        return bool(VaultLib([("default", VaultSecret(pathlib.Path(password).read_bytes()))]).decrypt(payload))
    except AnsibleError:
        return False

payloads = []
for path in pathlib.Path(sys.argv[1]).rglob("*.yml"):
    found = re.findall(r"\$ANSIBLE_VAULT;1\.1;AES256(?:\n *[0-9a-f]+$)+", path.read_text(), re.MULTILINE)
    payloads += [payload.replace(" ", "") for payload in found]
print(*(sum(opens(password, payload) for payload in payloads) for password in sys.argv[2:]))
"""

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.assert: {{that: {conditions}, quiet: true}}
      no_log: true
"""


class Trees:
    """What `rekey` and `check` are measured on: a tree of values and one of whole files, made once and copied."""

    def __init__(self, folder, pullpass, files, values):
        self.folder, self.files, self.values = Path(folder), files, values
        self.passwords = {name: self.folder / name for name in ("old", "new")}
        for name, path in self.passwords.items():
            path.write_text(f"the {name} password")
            path.chmod(0o600)
        secret = self.folder / "secret"
        secret.write_text("not a real token: " + "x" * 22)
        encrypt = [str(pullpass), "vault", "encrypt_string", "--vault-password-file", str(self.passwords["old"])]
        names = [[f"value_{file}_{value}" for value in range(values)] for file in range(files)]
        inventory, whole = self.folder / "values", self.folder / "whole"
        for folder in (inventory / "group_vars/all", whole):
            folder.mkdir(parents=True)
        (inventory / "hosts.yml").write_text("all: {hosts: {box: {ansible_connection: local}}}\n")
        for file, names_of_file in enumerate(names):
            blocks = [once([*encrypt, "--name", name], secret)[1] for name in names_of_file]
            (inventory / f"group_vars/all/{file}.yml").write_text(f"# file {file}\n---\n{''.join(blocks)}")
            (whole / f"{file}.yml").write_text("".join(f"{name}: {secret.read_text()}\n" for name in names_of_file))
        whole_files = [str(path) for path in whole.iterdir()]
        once([str(pullpass), "vault", "encrypt", *whole_files, "--vault-password-file", str(self.passwords["old"])])
        conditions = [f"{name} == '{secret.read_text()}'" for name in sum(names, [])]
        self.playbook = self.folder / "playbook.yml"
        self.playbook.write_text(PLAYBOOK.format(conditions=json.dumps(conditions)))

    def fresh(self, kind):
        """Puts a new copy of a tree where programs work on it, and gives the disk time to take it."""
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        shutil.copytree(self.folder / kind, self.folder / "work")
        os.sync()

    def work(self, kind):
        """Where the files of the copy are."""
        return [str(path.relative_to(self.folder / kind)) for path in (self.folder / kind).glob("*.yml")]

    def check(self, python, kind):
        """Whether all of the copy, and of the other password nothing, is under the new password."""
        wanted = self.files * (self.values if kind == "values" else 1)
        words = [python, "-c", OPENS, str(self.folder / "work"), str(self.passwords["new"]), str(self.passwords["old"])]
        opened = once(words)[1].split()
        if opened != [str(wanted), "0"]:
            sys.exit(f"scripts/bench: the new and the old password open {opened} of {wanted} payloads")


def run(short):
    """Everything about vaults beside the program that people use for it today."""
    tools = ROOT / ".venv/bin"
    if not (tools / "vault2vault").exists():
        sys.exit("scripts/bench: .venv/bin/vault2vault is missing; run scripts/setup")
    label, pullpass = "pullpass (dev)" if short else "pullpass", program(short)
    derive = example(short, "pullpass-secrets", "derive")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder  # ansible-vault makes ~/.ansible
        os.chdir(folder)
        trees = Trees(folder, pullpass, *((5, 4) if short else (50, 4)))
        one_secret(label, pullpass, tools, trees, 3 if short else 30)
        runs = 1 if short else 10
        rekey_values(label, pullpass, tools, trees, runs, derive)
        rekey_files(label, pullpass, tools, trees, runs)
        check(label, pullpass, tools, trees, runs)


def one_secret(label, pullpass, tools, trees, runs):
    """One secret on standard input, the password in a file, the block on standard output."""
    password = ["--vault-password-file", str(trees.passwords["old"])]
    commands = {
        f"{label} vault encrypt_string": [str(pullpass), "vault", "encrypt_string", "--name", "ghcr_pat", *password],
        "ansible-vault encrypt_string": [
            str(tools / "ansible-vault"), "encrypt_string", "--stdin-name", "ghcr_pat", *password,
        ],
    }
    factor(measure(commands, "ghcr_pat: !vault |", runs, trees.folder / "secret"), 25)


def rekey_words(trees, ours, *paths):
    """How both programs are told what to do."""
    old, new = (str(trees.passwords[name]) for name in ("old", "new"))
    if ours:
        return ["--vault-password-file", old, "--new-vault-password-file", new, *paths]
    return ["--old-pass-file", old, "--new-pass-file", new, *paths]


def rekey_values(label, pullpass, tools, trees, runs, derive):
    """Values inside files; each run has a new copy, and what it leaves is opened by ansible-core."""
    ours = [str(pullpass), "inventory", "rekey", *rekey_words(trees, True, "work")]
    print(f"rekey of {trees.files * trees.values} values in {trees.files} files")
    medians = measure(
        {f"{label} inventory rekey": ours, "vault2vault": [str(tools / "vault2vault"), *rekey_words(trees, False, "work")]},
        "",
        runs,
        before=lambda _: trees.fresh("values"),
        after=lambda _: trees.check(str(tools / "python"), "values"),
    )
    factor(medians, 2.5)
    values = trees.files * trees.values
    derived = statistics.median(float(once([str(derive), str(values)])[1]) for _ in range(max(3, runs)))
    print(f"  {2 * values} derivations on all {os.cpu_count()} processors, by themselves: {derived * 1e3:.0f} ms")
    trees.fresh("values")
    calls, summed, wall = synced(ours)
    print(f"  fsync in one run: {calls} calls, {summed * 1e3:.0f} ms in all, {wall * 1e3:.0f} ms of the clock", end="")
    print(" (vault2vault has none: what it wrote may be lost in a power cut)\n")


def synced(words):
    """The calls by which a program waits for the disk: how many, the sum of their seconds, and the seconds in which there
    was one or more of them."""
    with tempfile.NamedTemporaryFile() as log:
        calls = "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync"
        once(["strace", "-f", "-ttt", "-T", "-e", calls, "-o", log.name, *words])
        text = Path(log.name).read_text()
    # As in `7933  1700000000.123456 fsync(5) = 0 <0.000123>`; a call that another thread interrupts takes two lines.
    spans, begun = [], {}
    for thread, at, call in re.findall(r"^(\d+) +(\d+\.\d+) (.*)$", text, re.MULTILINE):
        if call.endswith("<unfinished ...>"):
            begun[thread] = float(at)
        elif taken := re.search(r"<(\d+\.\d+)>$", call):
            start = begun.pop(thread, float(at))
            spans.append((start, start + float(taken[1])))
    wall = end = 0.0
    for start, stop in sorted(spans):
        wall += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return len(spans), sum(stop - start for start, stop in spans), wall


def rekey_files(label, pullpass, tools, trees, runs):
    """Files that are encrypted as a whole."""
    files = [f"work/{path}" for path in trees.work("whole")]
    words = rekey_words(trees, True, *files)
    print(f"rekey of {len(files)} whole files")
    medians = measure(
        {
            f"{label} vault rekey": [str(pullpass), "vault", "rekey", *words],
            "ansible-vault rekey": [str(tools / "ansible-vault"), "rekey", *words],
        },
        "",
        runs,
        before=lambda _: trees.fresh("whole"),
        after=lambda _: trees.check(str(tools / "python"), "whole"),
    )
    factor(medians)


def check(label, pullpass, tools, trees, runs):
    """Whether every value opens."""
    trees.fresh("values")
    password = ["--vault-password-file", str(trees.passwords["old"])]
    count = trees.files * trees.values
    ours = [str(pullpass), "inventory", "check", "work", "--json", *password]
    answer = json.loads(once(ours)[1])
    if (answer["payloads"], answer["decrypted"], answer["findings"]) != (count, True, []):
        sys.exit(f"scripts/bench: `pullpass inventory check` says {answer}")
    print(f"reading {count} values in {trees.files} files")
    play = [str(tools / "ansible-playbook"), "-i", "work/hosts.yml", *password, str(trees.playbook)]
    factor(measure({f"{label} inventory check": ours, "ansible-playbook": play}, "", runs), 3)
