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
    helper: Option<String>,
    entries: Vec<Row>,
    problem: Option<String>,
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
        let mut found = Vec::new();
        for path in stores::all_paths(&engines, &environment) {
            let reads = |engine: &Engine| stores::read_paths(*engine, &environment).contains(&path);
            let engines: Vec<Engine> = engines.iter().copied().filter(reads).collect();
            found.extend(self.store(&path, engines));
        }
        if self.json {
            output::json(&json!({ "stores": found.iter().map(Store::to_json).collect::<Vec<_>>() }));
        } else {
            self.print(&found);
        }
        for store in &found {
            store.warn();
        }
        let is_empty = found.iter().all(|store| store.entries.is_empty() && store.helper.is_none());
        if found.iter().any(|store| store.problem.is_some()) {
            return Err(Failure::silent(Exit::Unknown));
        }
        if self.registry.is_some() && is_empty { Err(Failure::silent(Exit::No)) } else { Ok(()) }
    }

    /// What is in a file; nothing when there is no file.
    fn store(&self, path: &Path, engines: Vec<Engine>) -> Option<Store> {
        let mode = file::mode(path).ok().flatten();
        let mut store =
            Store { path: path.to_owned(), engines, mode, helper: None, entries: Vec::new(), problem: None };
        match stores::read(path) {
            Ok(None) => return None,
            Err(failure) => store.problem = Some(failure.to_string()),
            Ok(Some(file)) => {
                store.helper = match &self.registry {
                    Some(registry) => {
                        store.engines.iter().find_map(|engine| stores::helper(*engine, &file, registry.as_str()))
                    }
                    None => file.creds_store().map(str::to_owned),
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
                store.entries = entries.filter_map(|(key, entry)| Row::of(key, entry)).collect();
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
        if rows.is_empty() {
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
        if let Some(problem) = &self.problem {
            output::warn(problem);
        }
        if let Some(name) = &self.helper {
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
            "helper": self.helper,
            "problem": self.problem,
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
        })
    }
}

impl Row {
    /// A marker, which only points to a helper, is no credential.
    fn of(key: &str, entry: &Entry) -> Option<Row> {
        let row = |user: Option<&str>, kind: &str, fingerprint| Row {
            key: key.to_owned(),
            user: user.map(str::to_owned),
            kind: kind.to_owned(),
            fingerprint,
        };
        let fingerprint = |secret| Some(token::fingerprint(secret, &environment::fingerprint_key()));
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
