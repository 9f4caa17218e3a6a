//! `pullpass logout`

use std::path::{Path, PathBuf};

use clap::Args;
use pullpass_oci::Registry;
use pullpass_secrets::store::{self, AuthFile, docker, podman};
use serde_json::json;

use crate::{
    engines::{Choice, Engine},
    environment,
    failure::Failure,
    output, stores,
};

/// Remove a login from every store, and read them back
///
/// Looks into every file that Docker or Podman reads, whether they are installed or not, and removes every spelling of
/// the registry (`ghcr.io`, `https://ghcr.io`, …).
#[derive(Args)]
#[command(after_help = "Examples:\n  pullpass logout\n  pullpass logout 127.0.0.1:5000\n  pullpass logout --all")]
pub(crate) struct Logout {
    /// The registry
    #[arg(default_value = "ghcr.io")]
    registry: Registry,
    /// Remove the logins of all registries
    #[arg(long, conflicts_with = "registry")]
    all: bool,
    #[command(flatten)]
    engines: Choice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One file and the keys to be removed from it.
struct Removal {
    path: PathBuf,
    keys: Vec<String>,
}

impl Logout {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let environment = environment::stores()?;
        let engines = self.engines.asked_or_all();
        let mut removals = Vec::new();
        for path in stores::all_paths(&engines, &environment) {
            if let Some(file) = stores::read(&path)? {
                let keys = self.keys(&engines, &path, &file)?;
                removals.push(Removal { path, keys });
            }
        }
        for removal in removals.iter().filter(|removal| !removal.keys.is_empty()) {
            let keys: Vec<&str> = removal.keys.iter().map(String::as_str).collect();
            stores::edit(&removal.path, |bytes| store::remove(bytes, &keys))?;
        }
        for removal in &removals {
            self.prove(&engines, &removal.path)?;
        }
        self.report(&removals);
        Ok(())
    }

    /// The keys of `file` that hold a login to be removed.
    fn keys(&self, engines: &[Engine], path: &Path, file: &AuthFile) -> Result<Vec<String>, Failure> {
        let registry = self.registry.as_str();
        let twins = [docker::twins(file, registry), podman::twins(file, registry)].concat();
        let present = file.entries().iter().map(|(key, _)| key.clone());
        let keys: Vec<String> = present.filter(|key| self.all || twins.contains(key)).collect();
        let asked: Vec<&str> = match self.all {
            true => file.cred_helpers().map(|(registry, _)| registry).chain([registry]).collect(),
            false => vec![registry],
        };
        for engine in engines {
            for registry in &asked {
                if let Some(name) = stores::helper(*engine, file, registry) {
                    return Err(stores::helper_in_the_way(*engine, path, &name, registry, "logout"));
                }
            }
        }
        Ok(keys)
    }

    /// Reads the store again.
    fn prove(&self, engines: &[Engine], path: &Path) -> Result<(), Failure> {
        let left = match stores::read(path)? {
            Some(file) => self.keys(engines, path, &file)?,
            None => Vec::new(),
        };
        match left.first() {
            None => Ok(()),
            Some(key) => Err(Failure::no(format!("the login of `{key}` is still in `{}`", path.display()))
                .fact("another program wrote it back")
                .hint("run the same command again")),
        }
    }

    fn report(&self, removals: &[Removal]) {
        if self.json {
            let removed: Vec<_> = removals
                .iter()
                .filter(|removal| !removal.keys.is_empty())
                .map(|removal| json!({ "path": removal.path, "keys": removal.keys }))
                .collect();
            output::json(&json!({ "removed": removed }));
            return;
        }
        let mut removed_any = false;
        for removal in removals {
            for key in &removal.keys {
                removed_any = true;
                output::data(format_args!("removed the login of {key} from {}", removal.path.display()));
            }
        }
        if !removed_any {
            let whose = if self.all { "any registry" } else { self.registry.as_str() };
            output::data(format_args!("there was no login of {whose}"));
        }
    }
}
