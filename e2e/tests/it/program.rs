//! The program under test, and a registry that it serves.

use std::path::{Path, PathBuf};
use std::process::Command;

use pullpass_testing::home::Home;
use pullpass_testing::serve::Server;
pub(crate) use pullpass_testing::serve::USER;

/// `pullpass` in `home`.
pub(crate) fn pullpass(home: &Home) -> Command {
    home.command(program())
}

/// Ansible's `program` in `home`.
pub(crate) fn ansible(home: &Home, program: &str) -> Command {
    home.command(ansible_path(program))
}

/// Where `scripts/setup` puts Ansible's `program`.
pub(crate) fn ansible_path(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin").join(program);
    assert!(path.is_file(), "{} is missing; run: scripts/setup", path.display());
    path
}

/// Tests are built into `target/PROFILE/deps`, the program into `target/PROFILE`.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let program = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps").join("pullpass");
    assert!(program.is_file(), "{} is not built; run: cargo build", program.display());
    program
}

/// Serves plain HTTP.
pub(crate) fn over_http(home: &Home) -> Server<'_> {
    Server::start(home, program(), &[])
}

/// Serves TLS with a certificate authority of its own, see [`Server::ca`].
pub(crate) fn over_tls(home: &Home) -> Server<'_> {
    Server::start(home, program(), &["--tls-dev"])
}
