"""A package for Fedora, RHEL and SUSE, which rpmbuild writes."""
from .project import ROOT, run


def write(project, tree, out, scratch):
    """Packs `tree` into `out`."""
    defined = {
        "_topdir": scratch / "rpm",
        "_rpmdir": out,
        "_rpmfilename": "%{name}-%{version}-%{release}.%{arch}.rpm",
        "version": project.version.replace("-", "~"),
        "tree": tree,
    }
    words = ["rpmbuild", "--quiet", "-bb", "--target", f"{project.arch.rpm}-linux"]
    for name, value in defined.items():
        words += ["--define", f"{name} {value}"]
    run([*words, ROOT / "packaging/pullpass.spec"], env=project.environment)
