//! `pullpass helper install`

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use clap::Args;
use pullpass_oci::Registry;
use pullpass_secrets::{
    Secret,
    store::{self, AuthFile, Credential, Entry, Environment, StoreError, TOKEN_USER, docker, podman},
};
use serde_json::json;

use super::{link, sealed};
use crate::{
    engines::{Choice, Engine},
    environment,
    failure::Failure,
    output, program, stores,
};

/// What files call this helper.
pub(super) const HELPER: &str = "pullpass";
/// More than the helper gives itself.
const READ_BACK_LIMIT: Duration = Duration::from_secs(25);

/// Have Docker and Podman keep their logins in the encrypted store
///
/// Names this program as the credential helper of the registries in the engines' files, and moves logins that lie there
/// readable into the store. A login leaves its file only after the helper has answered with it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass helper install
  pullpass helper install ghcr.io quay.io --docker
  pullpass helper install --all")]
pub(super) struct Install {
    /// The registries
    #[arg(default_value = "ghcr.io")]
    registry: Vec<Registry>,
    /// All registries: those with logins, and for Docker also those to come
    #[arg(long, conflicts_with = "registry")]
    all: bool,
    #[command(flatten)]
    engines: Choice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A file of an engine that has, or is to have, this helper.
pub(super) struct Place {
    pub(super) engine: Engine,
    pub(super) path: PathBuf,
    pub(super) file: AuthFile,
}

/// The files that the engines' own logins write, and for Podman the one that a reboot does not empty.
pub(super) fn places(environment: &Environment, engines: &[Engine]) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = Vec::new();
    for engine in engines {
        for path in [false, true].map(|persistent| stores::login_path(*engine, environment, persistent)) {
            if !places.iter().any(|place| place.engine == *engine && place.path == path) {
                let file = stores::read(&path)?.unwrap_or_default();
                places.push(Place { engine: *engine, path, file });
            }
        }
    }
    Ok(places)
}

/// What is to become of one file.
struct Change {
    path: PathBuf,
    engine: Engine,
    /// The keys of `credHelpers` that are to name this helper; with `for_all` there is `credsStore` too.
    helped: Vec<String>,
    for_all: bool,
    /// The entries that go.
    removed: Vec<String>,
}

/// A login that lies readable in a file.
struct Readable {
    server: String,
    credential: Credential,
    path: PathBuf,
}

impl Install {
    pub(super) fn run(self) -> Result<(), Failure> {
        let environment = environment::stores()?;
        let places = places(&environment, &self.engines.asked_or_installed()?)?;
        let link = link::find()?;
        let mut logins = Vec::new();
        let changes: Vec<Change> =
            places.iter().map(|place| self.change(place, &mut logins)).collect::<Result<_, _>>()?;
        refuse_two_logins(&logins)?;
        for change in &changes {
            stores::check_edit(&change.path, |bytes| change.apply(bytes))?;
        }
        link.make()?;
        for login in &logins {
            sealed::store(&login.server, &login.credential.user, &login.credential.secret)?;
            prove(&link.path, login)?;
        }
        for change in &changes {
            stores::edit(&change.path, |bytes| change.apply(bytes))?;
            change.prove()?;
        }
        report(&environment, &changes, &logins, self.json);
        Ok(())
    }

    /// What one file needs; the logins that it holds are added to `logins`.
    fn change(&self, place: &Place, logins: &mut Vec<Readable>) -> Result<Change, Failure> {
        let Place { engine, path, file } = place;
        let refuse =
            |why: String| Err(Failure::usage(why).fact(path.display().to_string()).fact("nothing was changed"));
        let for_all = self.all && *engine == Engine::Docker;
        if for_all && let Some(other) = file.creds_store().filter(|name| *name != HELPER) {
            return refuse(format!("docker keeps logins in the credential helper `{other}`"))
                .map_err(|failure| failure.hint("take `credsStore` out of that file, or name single registries"));
        }
        let mut change =
            Change { path: path.clone(), engine: *engine, helped: Vec::new(), for_all, removed: Vec::new() };
        for registry in self.registries(*engine, file) {
            if let Some(other) = file.cred_helper(&registry).filter(|name| *name != HELPER) {
                return refuse(format!("`{registry}` has the credential helper `{other}`"))
                    .map_err(|failure| failure.hint("take it out of that file"));
            }
            let below = format!("{registry}/");
            if let (Engine::Podman, Some((key, _))) =
                (engine, file.entries().iter().find(|(key, _)| key.starts_with(&below)))
            {
                return refuse(format!("podman would no longer use its login for `{key}`"))
                    .map_err(|failure| failure.hint(format!("run `podman logout {key}` first, or use `--docker`")));
            }
            let twins = match engine {
                Engine::Docker => docker::twins(file, &registry),
                Engine::Podman => podman::twins(file, &registry),
            };
            for (key, entry) in file.entries().iter().filter(|(key, _)| twins.contains(key)) {
                let credential = match entry {
                    Entry::Credential(credential) | Entry::Plain(credential) => Some(credential.clone()),
                    Entry::IdentityToken { token, .. } => {
                        Some(Credential { user: TOKEN_USER.to_owned(), secret: token.clone() })
                    }
                    Entry::Marker => None,
                    Entry::Bad(why) => {
                        return refuse(format!("the login of `{key}` cannot be read: {why}"))
                            .map_err(|failure| failure.hint(format!("run `pullpass logout {key}` first")));
                    }
                };
                let server = docker::key(&registry).to_owned();
                logins.extend(credential.map(|credential| Readable { server, credential, path: path.clone() }));
                change.removed.push(key.clone());
            }
            if !for_all {
                change.helped.push(registry);
            }
        }
        Ok(change)
    }

    /// The keys of the registries that this is about, in one file.
    fn registries(&self, engine: Engine, file: &AuthFile) -> Vec<String> {
        let mut keys: Vec<String> = match self.all {
            false => self.registry.iter().map(|registry| stores::key(engine, registry).to_owned()).collect(),
            true => file.entries().iter().map(|(key, _)| host(engine, key).to_owned()).collect(),
        };
        keys.sort();
        keys.dedup();
        keys
    }
}

/// The registry of an entry.
fn host(engine: Engine, key: &str) -> &str {
    match engine {
        Engine::Docker => docker::key(key),
        Engine::Podman => podman::key(key).split('/').next().unwrap_or_default(),
    }
}

impl Change {
    fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let removed: Vec<&str> = self.removed.iter().map(String::as_str).collect();
        let mut bytes = if removed.is_empty() { bytes.to_owned() } else { store::remove(bytes, &removed)? };
        for registry in &self.helped {
            bytes = store::set_helper(&bytes, Some(registry), HELPER)?;
        }
        if self.for_all { store::set_helper(&bytes, None, HELPER) } else { Ok(bytes) }
    }

    /// Reads the file again.
    fn prove(&self) -> Result<(), Failure> {
        let file = stores::read(&self.path)?.unwrap_or_default();
        let is_helped = |key: &String| stores::helper(self.engine, &file, key).as_deref() == Some(HELPER);
        let is_left = |key: &String| file.entries().iter().any(|(left, _)| left == key);
        if !self.helped.iter().all(is_helped) || self.removed.iter().any(is_left) {
            return Err(Failure::no(format!("another program has changed `{}` meanwhile", self.path.display()))
                .hint("run the same command again"));
        }
        Ok(())
    }
}

/// The store has one credential for a server; which of two would be a guess.
fn refuse_two_logins(logins: &[Readable]) -> Result<(), Failure> {
    for login in logins {
        let other = logins.iter().find(|other| other.server == login.server && other.credential != login.credential);
        let place = match other {
            Some(other) => Some(format!("one is in `{}`", other.path.display())),
            None => sealed::get(&login.server)?
                .filter(|stored| *stored != login.credential)
                .map(|_| "one is in the store already".to_owned()),
        };
        if let Some(place) = place {
            return Err(Failure::usage(format!("there are two different logins of `{}`", login.server))
                .fact(format!("one is in `{}`", login.path.display()))
                .fact(place)
                .fact("nothing was changed")
                .hint(format!("log in to `{}` again with both engines, or log one of them out", login.server)));
        }
    }
    Ok(())
}

/// Asks the helper for a login as an engine will.
fn prove(helper: &Path, login: &Readable) -> Result<(), Failure> {
    let ended = program::run(Command::new(helper).arg("get"), login.server.as_bytes(), READ_BACK_LIMIT)?;
    let answer: Option<(String, Secret)> = serde_json::from_slice::<Answer>(&ended.stdout)
        .ok()
        .map(|answer| (answer.username, Secret::new(answer.secret)));
    let Credential { user, secret } = &login.credential;
    if answer.is_some_and(|(found, answer)| found == *user && answer == *secret) {
        return Ok(());
    }
    Err(Failure::no(format!("the helper does not answer with the login of `{}`", login.server)).fact(format!(
        "`{}` was asked; the login is still in `{}`",
        helper.display(),
        login.path.display()
    )))
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

fn report(environment: &Environment, changes: &[Change], logins: &[Readable], as_json: bool) {
    let helped = changes.iter().flat_map(|change| {
        let all = change.for_all.then_some("every registry");
        change.helped.iter().map(String::as_str).chain(all).map(move |registry| (change, registry))
    });
    if as_json {
        let moved = logins.iter().map(|login| json!({ "registry": login.server, "path": login.path }));
        let helped = helped.map(
            |(change, registry)| json!({ "engine": change.engine.name(), "registry": registry, "path": change.path }),
        );
        output::json(&json!({ "moved": moved.collect::<Vec<_>>(), "installed": helped.collect::<Vec<_>>() }));
    } else {
        for login in logins {
            output::data(format_args!(
                "moved the login of {} from {} into the store",
                login.server,
                login.path.display()
            ));
        }
        for (change, registry) in helped {
            output::data(format_args!(
                "{} keeps the login of {registry} in the store now ({})",
                change.engine.name(),
                change.path.display()
            ));
        }
    }
    let is_emptied =
        |change: &Change| change.engine == Engine::Podman && podman::is_emptied_by_reboot(environment, &change.path);
    if changes.iter().any(is_emptied) {
        output::say("podman's own file is gone after a reboot; before the next `podman login`, run this command again");
    }
}
