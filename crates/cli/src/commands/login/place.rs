//! The places that a login goes to: which they are, whether they can take it, and how it gets there.

use std::path::Path;

use pullpass_client::Credential;
use pullpass_secrets::store::{self, AuthFile, Entry, Environment, Lookup, Source, StoreError, docker, podman};

use super::Login;
use crate::{
    credential_helper,
    engines::Engine,
    failure::Failure,
    output,
    stores::{self, flags::written_key},
};

/// How often a login is written again that somebody else has written over.
const MORE_TRIES: u32 = 3;

/// Where one engine's login goes.
pub(super) struct Place {
    pub(super) engine: Engine,
    pub(super) target: Source,
    /// Of the entry, or what the helper is told.
    pub(super) key: String,
    pub(super) is_emptied_by_reboot: bool,
}

impl Login {
    /// Puts what no engine could read aside, and says where the login goes then.
    pub(super) fn repaired_places(
        &self,
        environment: &Environment,
        credential: &Credential,
    ) -> Result<Vec<Place>, Failure> {
        for engine in self.flags.asked_or_installed()? {
            for path in stores::read_paths(engine, environment) {
                if let Some(aside) = stores::repair(&path)? {
                    let (path, aside) = (path.display(), aside.display());
                    output::say(format_args!("`{path}` was malformed: it is `{aside}` now, and a new one is begun"));
                }
            }
        }
        let places = self.places(environment)?;
        check_edits(&places, credential)?;
        Ok(places)
    }

    /// Where the login goes, after making sure that the engine would read it there.
    pub(super) fn places(&self, environment: &Environment) -> Result<Vec<Place>, Failure> {
        let mut engines = self.flags.asked_or_installed()?;
        if let Some(part) = &self.name.part {
            let registry = &self.name.registry;
            let word =
                format!("docker has one login for a whole registry, and no use for `{registry}/{}`", part.as_str());
            engines.retain(|engine| *engine == Engine::Podman);
            if self.flags.asks_for(Engine::Docker) || engines.is_empty() {
                return Err(Failure::usage(word).hint(format!("name the registry: `pullpass login {registry}`")));
            }
            output::warn(word);
        }
        engines.into_iter().map(|engine| self.place(engine, environment)).collect()
    }

    fn place(&self, engine: Engine, environment: &Environment) -> Result<Place, Failure> {
        let registry = self.name.registry.as_str();
        if engine == Engine::Docker {
            refuse_variable(environment, registry)?;
        }
        let target = stores::target(engine, environment, registry, self.persistent)?;
        if let Source::Helper { name, .. } = &target {
            credential_helper::get(name, stores::key(engine, &self.name.registry))
                .map_err(|reason| helper_fails(engine, &target, registry, &reason))?;
        }
        let is_compatible = self.flags.is_compatible(environment);
        let name = self.name.to_string();
        if self.name.part.is_some() && (is_compatible || !matches!(target, Source::File(_))) {
            return Err(Failure::usage(format!("{} holds logins of whole registries only", place_shown(&target)))
                .hint(format!("name the registry, `{registry}`, or a file with `--authfile`")));
        }
        let is_helper = matches!(target, Source::Helper { .. });
        let key = match (engine, is_helper) {
            (Engine::Podman, true) => stores::key(engine, &self.name.registry).to_owned(),
            _ => written_key(engine, is_compatible, &name).to_owned(),
        };
        let is_emptied_by_reboot = engine == Engine::Podman
            && target.path().is_some_and(|path| !is_helper && podman::is_emptied_by_reboot(environment, path));
        Ok(Place { engine, target, key, is_emptied_by_reboot })
    }

    /// Writes the login, and proves by reading that the engine finds it.
    pub(super) fn write(
        &self,
        place: &Place,
        environment: &Environment,
        credential: &Credential,
    ) -> Result<(), Failure> {
        match &place.target {
            Source::Helper { path, name } => {
                let login = store::Credential { user: credential.user.clone(), secret: credential.secret.clone() };
                credential_helper::store(name, &place.key, &login)?;
                path.as_ref().map_or(Ok(()), |path| place.remove_readable(path, self.name.registry.as_str()))?;
            }
            _ => {
                let path = place.target.path().unwrap_or(Path::new(""));
                stores::edit(path, |bytes| place.with_login(bytes, credential))?;
                self.unshadow(place, path, environment)?;
            }
        }
        let lookup = || stores::lookup(place.engine, environment, &self.name.registry, &self.name.to_string());
        let is_it = |found: &Lookup| {
            matches!(found, Lookup::Found { credential: found, .. }
                if found.secret == credential.secret && found.user == credential.user)
        };
        let mut found = lookup()?;
        // A program that does not lock may have read the file before, and written it since.
        for _ in 0..MORE_TRIES {
            if let (Source::File(path), false) = (&place.target, is_it(&found)) {
                stores::edit(path, |bytes| place.with_login(bytes, credential))?;
                found = lookup()?;
            }
        }
        let what = match found {
            found if is_it(&found) => return Ok(()),
            Lookup::Found { source, .. } | Lookup::IdentityToken { source, .. } => format!("finds the one of {source}"),
            Lookup::Broken { source, reason } => format!("fails at {source}: {reason}"),
            Lookup::None => "finds none".to_owned(),
        };
        let engine = place.engine.name();
        Err(Failure::no(format!("the login was written to {}, but {engine} {what}", place.shown()))
            .hint(format!("see what stands before it: `pullpass status {}`", self.name)))
    }

    /// A login in the runtime file would win over the persistent one.
    fn unshadow(&self, place: &Place, written: &Path, environment: &Environment) -> Result<(), Failure> {
        let shadows = self.shadows(place, written, environment)?;
        if shadows.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = shadows.iter().map(String::as_str).collect();
        stores::edit(&podman::login_path(environment, false), |bytes| store::remove(bytes, &keys))
    }

    /// The keys of the runtime file under which Podman would find another login first.
    pub(super) fn shadows(
        &self,
        place: &Place,
        written: &Path,
        environment: &Environment,
    ) -> Result<Vec<String>, Failure> {
        let runtime = podman::login_path(environment, false);
        if place.engine != Engine::Podman || !self.persistent || runtime == written {
            return Ok(Vec::new());
        }
        let Some(file) = stores::read(&runtime)? else { return Ok(Vec::new()) };
        let twins = self.twins(&file);
        let keys = file.entries().iter().map(|(key, _)| key.clone());
        Ok(keys.filter(|key| twins.contains(key)).collect())
    }

    fn twins(&self, file: &AuthFile) -> Vec<String> {
        match self.name.part {
            Some(_) => vec![self.name.to_string()],
            None => podman::twins(file, self.name.registry.as_str()),
        }
    }
}

impl Place {
    pub(super) fn warning(&self) -> &'static str {
        if self.is_emptied_by_reboot { " (a reboot empties it; `--persistent` writes one that stays)" } else { "" }
    }

    pub(super) fn shown(&self) -> String {
        place_shown(&self.target)
    }

    /// A file with the login in it, and without older spellings of its key, which hold an older login.
    pub(super) fn with_login(&self, bytes: &[u8], credential: &Credential) -> Result<Vec<u8>, StoreError> {
        let bytes = store::set(bytes, &self.key, &credential.user, &credential.secret)?;
        let file = AuthFile::parse(&bytes)?;
        // Docker Hub's own key is one.
        let is_old = |key: &&String| key.contains("://") && **key != self.key && docker::key(key) != docker::HUB_KEY;
        let twins = podman::twins(&file, &self.key);
        let old: Vec<&str> = twins.iter().filter(is_old).map(String::as_str).collect();
        if old.is_empty() { Ok(bytes) } else { store::remove(&bytes, &old) }
    }

    /// An older login in the file that names the helper is of no use to anybody, and can be read.
    fn remove_readable(&self, path: &Path, registry: &str) -> Result<(), Failure> {
        let readable = self.readable(path, registry)?;
        let keys: Vec<&str> = readable.iter().map(String::as_str).collect();
        if keys.is_empty() { Ok(()) } else { stores::edit(path, |bytes| store::remove(bytes, &keys)) }
    }

    /// The keys of such logins.
    pub(super) fn readable(&self, path: &Path, registry: &str) -> Result<Vec<String>, Failure> {
        let Some(file) = stores::read(path)? else { return Ok(Vec::new()) };
        let twins = match self.engine {
            Engine::Docker => docker::twins(&file, registry),
            Engine::Podman => podman::twins(&file, registry),
        };
        let is_readable = |(key, entry): &&(String, Entry)| twins.contains(key) && *entry != Entry::Marker;
        Ok(file.entries().iter().filter(is_readable).map(|(key, _)| key.clone()).collect())
    }
}

/// What would not come back from a helper must not go into it.
fn helper_fails(engine: Engine, target: &Source, registry: &str, reason: &str) -> Failure {
    let failure = Failure::usage(format!("{} keeps the login of `{registry}` in {target}, which fails", engine.name()))
        .fact(reason)
        .fact("nothing was changed");
    match target.path() {
        Some(path) => failure.hint(format!("mend the helper, or take it out of `{}`", path.display())),
        None => failure.hint("mend the helper, or take it out of `credential-helpers` in registries.conf"),
    }
}

fn place_shown(target: &Source) -> String {
    match target {
        Source::File(path) => format!("`{}`", path.display()),
        other => other.to_string(),
    }
}

/// Whether every file can take the login, so that either all get it or none.
pub(super) fn check_edits(places: &[Place], credential: &Credential) -> Result<(), Failure> {
    for place in places {
        if let Source::File(path) = &place.target {
            stores::check_edit(path, |bytes| place.with_login(bytes, credential))?;
        }
    }
    Ok(())
}

/// Docker takes a login from its variable before any other.
fn refuse_variable(environment: &Environment, registry: &str) -> Result<(), Failure> {
    let logins = environment.docker_auth_config.as_ref().map(docker::variable).and_then(Result::ok).unwrap_or_default();
    if logins.iter().all(|(key, _)| key != docker::key(registry)) {
        return Ok(());
    }
    Err(Failure::usage(format!("DOCKER_AUTH_CONFIG has a login of `{registry}`, which docker takes before any other"))
        .fact("nothing was changed")
        .hint("unset it, or change the login in it"))
}
