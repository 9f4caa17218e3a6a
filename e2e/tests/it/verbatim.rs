//! The guide, verbatim: every block of it is taken out of its file and run by bash with nothing changed but the
//! placeholders, with the real Docker, Podman and Ansible, against our server and against a faithful ghcr.io, both under
//! the name `ghcr.io` on port 443 of a network of the test's own.
//!
//! Two guides are followed: the usual one (`e2e/fixtures/guide.md`, as it is found on the web), and ours, which replaces
//! it (`docs/guide/`).

mod guide;
mod host;
mod ours;
mod registry;
mod report;
mod usual;

use std::panic::resume_unwind;
use std::path::Path;
use std::process::Command;
use std::thread;

use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::find;
use pullpass_testing::home::Home;
use pullpass_testing::namespace::{Namespace, processes_in};
use pullpass_testing::run::run;

use self::guide::Guide;
use self::host::{Host, Outcome};
use self::registry::{Cause, HOSTS, Registry};
use self::report::{Column, Verdict};
use crate::program::ansible;

const USUAL: &str = include_str!("../../fixtures/guide.md");
const OURS: &str = include_str!("../../../docs/guide/ghcr-authentication.md");
const VAULT_PASSWORD: &str = "the vault password";

/// Somebody who follows a guide on a host.
struct Reader<'a> {
    guide: &'a Guide,
    host: &'a Host<'a>,
    registry: &'a Registry<'a>,
    column: Column,
}

impl Reader<'_> {
    /// The block `number` of `section`, with the placeholders filled in for the user who may pull.
    fn block(&self, section: &str, number: usize, token: &str) -> String {
        self.guide.block(section, number).filled_in(self.registry.user(), token)
    }

    /// `section` is a part of the heading that the step is about.
    fn step(&mut self, section: &str, name: &str, verdict: Verdict) {
        self.column.step(self.guide.heading(section), format!("{section}: {name}"), verdict);
    }

    /// What both engines show when both are refused.
    fn refused(&self, outcome: &Outcome, command: &str, cause: Cause) -> Verdict {
        let (docker, podman) = (format!("docker {command}"), format!("podman {command}"));
        outcome.fails(&[&docker, &podman]).and(outcome.says(&self.registry.texts(cause)))
    }
}

/// Follows a guide with each registry and each Docker client, and shows what came of it.
fn follow(name: &str, file: &str, guide: &Guide, steps: impl Fn(&mut Reader<'_>) + Sync) {
    let columns = thread::scope(|scope| {
        let each_client = |registry| {
            docker::clients().iter().map(|client| column(registry, client, guide, &steps)).collect::<Vec<_>>()
        };
        // Both at once: much of the time goes by with waiting for daemons.
        let registries = Registry::NAMES.map(|registry| scope.spawn(move || each_client(registry)));
        let joined = registries.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.into_iter().flatten().collect::<Vec<Column>>()
    });
    let home = Home::new();
    let title = format!(
        "{file}: {} blocks with podman {}, dockerd {}, ansible-core {} and",
        guide.len(),
        version(home.command(find("podman")).arg("--version")),
        version(home.command(find("dockerd")).arg("--version")),
        version(ansible(&home, "ansible-vault").arg("--version")),
    );
    report::close(name, &title, &columns, &guide.left_out());
}

fn column(registry_name: &'static str, client: &Path, guide: &Guide, steps: &dyn Fn(&mut Reader<'_>)) -> Column {
    let namespace = Namespace::new(HOSTS);
    let network = namespace.network();
    let (server_home, home) = (namespace.home(), namespace.home());
    let registry = Registry::start(registry_name, &namespace, &server_home);
    let engine = Engine::start_in(namespace.home());
    let host = Host::new(&home, &engine, client);
    let column = Column::new(registry_name, format!("docker {}", version(home.command(client).arg("--version"))));
    let mut reader = Reader { guide, host: &host, registry: &registry, column };
    steps(&mut reader);
    let column = reader.column;
    drop((engine, registry, namespace));
    assert_eq!(processes_in(&network), 0, "everything that was started has ended");
    column
}

/// `20.10.24+dfsg1` from `Docker version 20.10.24+dfsg1, build 297e128`.
fn version(command: &mut Command) -> String {
    let said = run(command).expect_success();
    let mut words = said.lines().next().unwrap_or_default().split([' ', ',', '[', ']']);
    words.find(|word| word.starts_with(|first: char| first.is_ascii_digit())).unwrap_or("of no version").to_owned()
}
