//! `pullpass status`

use std::path::{Path, PathBuf};

use clap::Args;
use pullpass_oci::Registry;
use pullpass_secrets::{
    file,
    store::{Credential, Entry, docker, podman},
    token::{self, Kind},
};
use serde_json::{Value, json};

use crate::{
    engines::{Choice, Engine},
    environment,
    failure::{Exit, Failure},
    output, stores,
};

/// Show which credentials are stored where
///
/// Lists every entry of every file that Docker and Podman read, with its kind and fingerprint, never the secret. With a
/// registry, only its entries; the exit code is 1 when there are none.
#[derive(Args)]
#[command(after_help = "Examples:\n  pullpass status\n  pullpass status ghcr.io --json")]
pub(crate) struct Status {
    /// Only this registry
    registry: Option<Registry>,
    #[command(flatten)]
    engines: Choice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One file.
struct Store {
    path: PathBuf,
    /// The engines that read it.
    engines: Vec<Engine>,
    mode: Option<u32>,
    /// Helpers that may hold logins too.
    helpers: Vec<String>,
    entries: Vec<Row>,
    /// Why it could not be read, and the exit code that it means.
    problem: Option<(Exit, String)>,
}

/// One entry of a file.
struct Row {
    key: String,
    user: Option<String>,
    kind: String,
    fingerprint: Option<String>,
}

impl Status {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let environment = environment::stores()?;
        let engines = self.engines.asked_or_all();
        let key = environment::fingerprint_key();
        let mut found = Vec::new();
        for path in stores::all_paths(&engines, &environment) {
            let reads = |engine: &Engine| stores::read_paths(*engine, &environment).contains(&path);
            let engines: Vec<Engine> = engines.iter().copied().filter(reads).collect();
            found.extend(self.store(&path, engines, &key));
        }
        if self.json {
            output::json(&json!({ "stores": found.iter().map(Store::to_json).collect::<Vec<_>>() }));
        } else {
            self.print(&found);
        }
        for store in &found {
            store.warn();
        }
        let is_empty = found.iter().all(|store| store.entries.is_empty() && store.helpers.is_empty());
        if let Some(exit) = found.iter().find_map(|store| store.problem.as_ref().map(|(exit, _)| *exit)) {
            return Err(Failure::silent(exit));
        }
        if self.registry.is_some() && is_empty { Err(Failure::silent(Exit::No)) } else { Ok(()) }
    }

    /// What is in a file; nothing when there is no file.
    fn store(&self, path: &Path, engines: Vec<Engine>, key: &[u8; 32]) -> Option<Store> {
        let mode = file::mode(path).ok().flatten();
        let mut store =
            Store { path: path.to_owned(), engines, mode, helpers: Vec::new(), entries: Vec::new(), problem: None };
        match stores::read(path) {
            Ok(None) => return None,
            Err(failure) => store.problem = Some((failure.exit, failure.to_string())),
            Ok(Some(file)) => {
                store.helpers = match &self.registry {
                    Some(registry) => {
                        let helper = |engine: &Engine| stores::helper(*engine, &file, registry.as_str());
                        store.engines.iter().find_map(helper).into_iter().collect()
                    }
                    None => {
                        let own = file.cred_helpers().map(|(registry, name)| format!("{name} ({registry})"));
                        file.creds_store().map(str::to_owned).into_iter().chain(own).collect()
                    }
                };
                let twins = self.registry.as_ref().map(|registry| {
                    [docker::twins(&file, registry.as_str()), podman::twins(&file, registry.as_str())].concat()
                });
                let is_meant = |key: &str| {
                    let is_part = |registry: &Registry| key.starts_with(&format!("{registry}/"));
                    twins.as_ref().is_none_or(|twins| twins.iter().any(|twin| twin == key))
                        || self.registry.as_ref().is_some_and(is_part)
                };
                let entries = file.entries().iter().filter(|(key, _)| is_meant(key));
                store.entries = entries.filter_map(|(name, entry)| Row::of(name, entry, key)).collect();
            }
        }
        Some(store)
    }

    fn print(&self, stores: &[Store]) {
        let rows: Vec<Vec<String>> = stores
            .iter()
            .flat_map(|store| {
                store.entries.iter().map(|row| {
                    vec![
                        row.key.clone(),
                        row.user.clone().unwrap_or_default(),
                        row.kind.clone(),
                        row.fingerprint.clone().unwrap_or_default(),
                        store.readers(),
                        store.path.display().to_string(),
                    ]
                })
            })
            .collect();
        if rows.is_empty() && stores.iter().any(|store| store.problem.is_some()) {
            output::say("no login could be read");
        } else if rows.is_empty() {
            let of = self.registry.as_ref().map(|registry| format!(" of {registry}")).unwrap_or_default();
            output::say(format_args!("there is no login{of}"));
        } else {
            output::data(output::table(&["REGISTRY", "USER", "KIND", "FINGERPRINT", "READ BY", "STORE"], &rows));
        }
    }
}

impl Store {
    fn readers(&self) -> String {
        self.engines.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(", ")
    }

    fn is_open_to_others(&self) -> bool {
        self.mode.is_some_and(|mode| mode & 0o077 != 0) && !self.entries.is_empty()
    }

    fn warn(&self) {
        let path = self.path.display();
        if let Some((_, problem)) = &self.problem {
            output::warn(problem);
        }
        for name in &self.helpers {
            output::warn(format_args!("`{path}` names the credential helper `{name}`, which may hold logins too"));
        }
        if self.is_open_to_others() {
            output::warn(format_args!("other users may read `{path}`: `chmod 600 {path}`"));
        }
    }

    fn to_json(&self) -> Value {
        let entry = |row: &Row| json!({ "registry": row.key, "user": row.user, "kind": row.kind, "fingerprint": row.fingerprint });
        json!({
            "path": self.path,
            "read_by": self.engines.iter().map(|engine| engine.name()).collect::<Vec<_>>(),
            "mode": self.mode.map(|mode| format!("{mode:04o}")),
            "helpers": self.helpers,
            "problem": self.problem.as_ref().map(|(_, problem)| problem),
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
        })
    }
}

impl Row {
    /// A marker, which only points to a helper, is no credential.
    fn of(name: &str, entry: &Entry, key: &[u8; 32]) -> Option<Row> {
        let row = |user: Option<&str>, kind: &str, fingerprint| Row {
            key: name.to_owned(),
            user: user.map(token::mask),
            kind: kind.to_owned(),
            fingerprint,
        };
        let fingerprint = |secret| Some(token::fingerprint(secret, key));
        match entry {
            Entry::Marker => None,
            Entry::Credential(Credential { user, secret }) | Entry::Plain(Credential { user, secret }) => {
                Some(row(Some(user), Kind::of(secret).name(), fingerprint(secret)))
            }
            Entry::IdentityToken { token: secret, .. } => Some(row(None, "identity token", fingerprint(secret))),
            Entry::Bad(problem) => Some(row(None, &format!("unusable: {problem}"), None)),
        }
    }
}
