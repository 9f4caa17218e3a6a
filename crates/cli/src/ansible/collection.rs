//! The collection `pullpass.registry` as this program brings it along, so that both are always of the same version.

use std::{fs, io, path::Path};

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../../../ansible/", $path)))),*]
    };
}

/// What Ansible needs to run it; a test compares the list with the directory.
const FILES: &[(&str, &[u8])] = files![
    "galaxy.yml",
    "meta/runtime.yml",
    "plugins/doc_fragments/options.py",
    "plugins/filter/mark.py",
    "plugins/module_utils/pullpass.py",
    "plugins/modules/login.py",
    "plugins/modules/logout.py",
    "plugins/modules/status.py",
    "plugins/modules/verify.py",
    "roles/registry_login/defaults/main.yml",
    "roles/registry_login/meta/argument_specs.yml",
    "roles/registry_login/meta/main.yml",
    "roles/registry_login/tasks/check.yml",
    "roles/registry_login/tasks/logout.yml",
    "roles/registry_login/tasks/main.yml",
    "roles/registry_login/tasks/search.yml",
];

/// Writes it where Ansible looks beside a playbook.
pub(super) fn unpack(beside: &Path) -> io::Result<()> {
    let collection = beside.join("collections/ansible_collections/pullpass/registry");
    for (path, bytes) in FILES {
        let path = collection.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, ffi::OsStr, path::PathBuf};

    use super::*;

    fn below(directory: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension() == Some(OsStr::new("py")) || path.extension() == Some(OsStr::new("yml")) {
                found.insert(path);
            }
        }
    }

    #[test]
    fn no_file_of_the_collection_is_left_out() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ansible");
        let mut found = BTreeSet::new();
        below(&root, &mut found);
        let packed: BTreeSet<PathBuf> = FILES.iter().map(|(path, _)| root.join(path)).collect();
        assert_eq!(packed, found);
    }
}
