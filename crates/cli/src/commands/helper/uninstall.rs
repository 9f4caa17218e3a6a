//! `pullpass helper uninstall`

use std::path::PathBuf;

use clap::Args;
use pullpass_oci::Registry;
use pullpass_secrets::store::{self, Credential, Entry, StoreError, TOKEN_USER};
use serde_json::json;

use super::{
    install::{HELPER, Place, places},
    link, sealed,
};
use crate::{
    engines::{Choice, Engine},
    environment,
    failure::Failure,
    output, stores,
};

/// Put logins back into the files of Docker and Podman, where they lie readable
///
/// The other way round of `install`: a login leaves the encrypted store only after it was read back from the files.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass helper uninstall
  pullpass helper uninstall --all")]
pub(super) struct Uninstall {
    /// The registries
    #[arg(default_value = "ghcr.io")]
    registry: Vec<Registry>,
    /// All registries that have this helper, and the helper's name on PATH
    #[arg(long, conflicts_with = "registry")]
    all: bool,
    #[command(flatten)]
    engines: Choice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is to become of one file.
struct Change {
    path: PathBuf,
    engine: Engine,
    /// The keys of `credHelpers` that go; with `for_all` goes `credsStore` too.
    helped: Vec<String>,
    for_all: bool,
    logins: Vec<(String, Credential)>,
}

impl Uninstall {
    pub(super) fn run(self) -> Result<(), Failure> {
        let environment = environment::stores()?;
        let places = places(&environment, &self.engines.asked_or_all())?;
        let changes: Vec<Change> = places.iter().map(|place| self.change(place)).collect::<Result<_, _>>()?;
        let changes: Vec<Change> =
            changes.into_iter().filter(|change| change.for_all || !change.helped.is_empty()).collect();
        for change in &changes {
            stores::check_edit(&change.path, |bytes| change.apply(bytes))?;
        }
        for change in &changes {
            stores::edit(&change.path, |bytes| change.apply(bytes))?;
            change.prove()?;
            if !self.json {
                change.report();
            }
        }
        let left = self::places(&environment, &Engine::ALL)?;
        for (key, _) in changes.iter().flat_map(|change| &change.logins) {
            // An engine that was not asked for may still have it there.
            if !left.iter().any(|place| stores::helper(place.engine, &place.file, key).as_deref() == Some(HELPER)) {
                sealed::erase(key)?;
            }
        }
        if self.all && !left.iter().any(names_helper) {
            link::find()?.remove()?;
        }
        if self.json {
            output::json(&json!({ "uninstalled": changes.iter().map(Change::to_json).collect::<Vec<_>>() }));
        } else if changes.is_empty() {
            output::data("no file named this helper");
        }
        Ok(())
    }

    fn change(&self, place: &Place) -> Result<Change, Failure> {
        let Place { engine, path, file } = place;
        let own = file.cred_helpers().filter(|(_, name)| *name == HELPER).map(|(registry, _)| registry.to_owned());
        let asked = |key: &String| self.registry.iter().any(|registry| stores::key(*engine, registry) == key);
        let helped: Vec<String> = own.filter(|key| self.all || asked(key)).collect();
        let for_all = self.all && file.creds_store() == Some(HELPER);
        let mut keys = helped.clone();
        if for_all {
            keys.extend(sealed::users()?.into_iter().map(|(server, _)| server).filter(|key| !helped.contains(key)));
        }
        let mut logins = Vec::new();
        for key in keys {
            let Some(credential) = sealed::get(&key)? else { continue };
            if credential.user == TOKEN_USER {
                return Err(Failure::usage(format!(
                    "the login of `{key}` is an identity token, which is not put into files"
                ))
                .fact("nothing was changed")
                .hint(format!("run `docker logout {key}` first, and log in again behind this")));
            }
            logins.push((key, credential));
        }
        Ok(Change { path: path.clone(), engine: *engine, helped, for_all, logins })
    }
}

fn names_helper(place: &Place) -> bool {
    place.file.creds_store() == Some(HELPER) || place.file.cred_helpers().any(|(_, name)| name == HELPER)
}

impl Change {
    fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut bytes = bytes.to_owned();
        for registry in &self.helped {
            bytes = store::remove_helper(&bytes, Some(registry))?;
        }
        if self.for_all {
            bytes = store::remove_helper(&bytes, None)?;
        }
        for (key, credential) in &self.logins {
            bytes = store::set(&bytes, key, &credential.user, &credential.secret)?;
        }
        Ok(bytes)
    }

    fn report(&self) {
        for (key, _) in &self.logins {
            output::data(format_args!("put the login of {key} back into {}", self.path.display()));
        }
        output::data(format_args!("{} no longer uses the helper ({})", self.engine.name(), self.path.display()));
    }

    fn to_json(&self) -> serde_json::Value {
        let put_back: Vec<&str> = self.logins.iter().map(|(key, _)| key.as_str()).collect();
        json!({ "engine": self.engine.name(), "path": self.path, "put_back": put_back })
    }

    /// Reads the file again.
    fn prove(&self) -> Result<(), Failure> {
        let file = stores::read(&self.path)?.unwrap_or_default();
        for (key, credential) in &self.logins {
            let wanted = Entry::Credential(credential.clone());
            if !file.entries().iter().any(|(name, entry)| name == key && *entry == wanted) {
                return Err(Failure::no(format!("the login of `{key}` is not in `{}`", self.path.display()))
                    .fact("another program has changed the file meanwhile; the login is still in the store")
                    .hint("run the same command again"));
            }
        }
        Ok(())
    }
}
