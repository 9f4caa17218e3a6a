//! The boundaries that `docs/architecture.md` draws between the crates, kept by asking cargo and reading the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes a tree asynchronous or able to reach the network.
const NETWORK: [&str; 6] = ["tokio", "hyper", "reqwest", "rustls", "socket2", "async-std"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace above e2e").to_owned()
}

/// The names of everything that `package` is built from, itself included.
fn tree(package: &str, more: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        .args(more)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are UTF-8");
    let names: BTreeSet<String> = text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(names.contains(package), "cargo tree shows the package itself");
    names
}

/// The `.rs` files below `dir`.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn secrets_and_oci_have_no_async_runtime_and_no_network() {
    for package in ["pullpass-secrets", "pullpass-oci"] {
        let names = tree(package, &[]);
        let found: Vec<_> = NETWORK.iter().filter(|name| names.contains(**name)).collect();
        assert!(found.is_empty(), "{package} is built with {found:?}");
    }
}

#[test]
fn secrets_and_oci_use_nothing_of_ours_and_client_and_server_not_each_others_users() {
    let ours = |package: &str| -> Vec<String> {
        tree(package, &[]).into_iter().filter(|name| name.starts_with("pullpass") && name != package).collect()
    };
    assert_eq!(ours("pullpass-oci"), [""; 0]);
    assert_eq!(ours("pullpass-secrets"), [""; 0]);
    for package in ["pullpass-client", "pullpass-server"] {
        let used = ours(package);
        assert!(!used.iter().any(|name| name == "pullpass" || name == "pullpass-testing"), "{package} uses {used:?}");
    }
}

#[test]
fn the_small_program_is_built_without_the_server() {
    let small = tree("pullpass", &["--no-default-features"]);
    for name in ["pullpass-server", "sqlx", "axum", "libsqlite3-sys"] {
        assert!(!small.contains(name), "`pullpass --no-default-features` is built with `{name}`");
    }
    assert!(tree("pullpass", &[]).contains("pullpass-server"), "the full program has the server");
}

#[test]
fn every_package_forbids_unsafe_code_through_the_workspace_lints() {
    let read = |path: &Path| fs::read_to_string(path).expect("a manifest");
    assert!(read(&root().join("Cargo.toml")).contains("unsafe_code = \"forbid\""));
    let crates = fs::read_dir(root().join("crates")).expect("crates").map(|entry| entry.expect("an entry").path());
    for package in crates.chain([root().join("e2e")]) {
        let manifest = read(&package.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", package.display());
    }
}

/// Printing is covered by lints; these have none that fits, because `cli` and the tests may do it.
#[test]
fn the_libraries_read_neither_environment_nor_clock_and_never_exit() {
    for name in ["oci", "secrets", "client", "server"] {
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(&file).expect("a source file");
            for word in ["std::env", "process::exit", "process::abort", "SystemTime::now", "Timestamp::now"] {
                assert!(!text.contains(word), "{} has `{word}`; take it as an argument from cli", file.display());
            }
        }
    }
}

#[test]
fn no_file_names_the_directory_it_was_written_in() {
    let here = format!("{}/", root().display());
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().expect("git runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("names are UTF-8");
    let mut read = 0;
    for name in names.split_terminator('\0') {
        // A file that was deleted but not committed is still listed.
        let Ok(bytes) = fs::read(root().join(name)) else { continue };
        let found = bytes.windows(here.len()).any(|window| window == here.as_bytes());
        assert!(!found, "{name} names {here}");
        read += 1;
    }
    assert!(read > 10, "git listed {read} files");
}
