//! `pullpass logout`

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;
use pullpass_secrets::store::{self, AuthFile, Environment, Lookup, Source, docker, podman};
use serde_json::json;

use crate::{
    credential_helper,
    engines::Engine,
    failure::Failure,
    login_name::LoginName,
    output,
    stores::{self, flags::Flags},
};

/// Remove a login from every store, and prove that it is gone
///
/// Removes it from every file that Docker and Podman read, under every spelling of the registry, and from the credential
/// helpers that they would ask; then every one of them is asked again.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass logout
  pullpass logout 127.0.0.1:5000 --docker
  pullpass logout ghcr.io/octo-org
  pullpass logout --all --dry-run
  pullpass logout --all")]
pub(crate) struct Logout {
    /// The registry, or the part of one that has a login of its own for Podman
    #[arg(value_name = "REGISTRY", default_value = "ghcr.io")]
    name: LoginName,
    /// Remove the logins of all registries
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    flags: Flags,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One file and the keys to be removed from it.
struct Removal {
    path: PathBuf,
    keys: Vec<String>,
}

/// A login that a helper may have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Helped {
    helper: String,
    server: String,
}

impl Logout {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let environment = self.flags.environment()?;
        let engines = self.flags.asked_or_all();
        let mut files = Vec::new();
        for path in stores::all_paths(&engines, &environment) {
            if let Some(file) = stores::read(&path)? {
                files.push((path, file));
            }
        }
        let mut problems = Vec::new();
        let helped = self.helped(&engines, &environment, &files, &mut problems);
        let removals: Vec<Removal> = files
            .iter()
            .map(|(path, file)| Removal { path: path.clone(), keys: self.keys(path, file, &environment) })
            .filter(|removal| !removal.keys.is_empty())
            .collect();
        for removal in &removals {
            let keys: Vec<&str> = removal.keys.iter().map(String::as_str).collect();
            if podman::is_dockercfg(&removal.path) {
                problems.push(in_dockercfg(removal));
                continue;
            }
            if self.dry_run {
                continue;
            }
            stores::edit(&removal.path, |bytes| store::remove(bytes, &keys))?;
        }
        let removals: Vec<Removal> =
            removals.into_iter().filter(|removal| !podman::is_dockercfg(&removal.path)).collect();
        let mut erased = Vec::new();
        for login in helped {
            match erase(&login, self.dry_run) {
                Ok(true) => erased.push(login),
                Ok(false) => {}
                Err(failure) => problems.push(failure),
            }
        }
        self.report(&removals, &erased, problems.is_empty());
        if let Some(first) = problems.into_iter().next() {
            return Err(first);
        }
        if self.dry_run { Ok(()) } else { self.prove(&engines, &environment, &removals) }
    }

    /// The keys of `file` that hold a login to be removed.
    fn keys(&self, path: &Path, file: &AuthFile, environment: &Environment) -> Vec<String> {
        let registry = self.name.registry.as_str();
        let mut wanted = match &self.name.part {
            Some(_) => vec![self.name.to_string()],
            None => podman::twins(file, registry),
        };
        // Docker falls back to keys of parts of the registry, too.
        if self.name.part.is_none() && path == docker::config_path(environment) {
            wanted.extend(docker::twins(file, registry));
        }
        let present = file.entries().iter().map(|(key, _)| key.clone());
        present.filter(|key| self.all || wanted.contains(key)).collect()
    }

    /// What the helpers that the engines would ask may hold. A helper holds logins of whole registries only.
    fn helped(
        &self,
        engines: &[Engine],
        environment: &Environment,
        files: &[(PathBuf, AuthFile)],
        problems: &mut Vec<Failure>,
    ) -> BTreeSet<Helped> {
        let mut helped = BTreeSet::new();
        if self.name.part.is_some() {
            return helped;
        }
        let registry = self.name.registry.as_str();
        let mut add = |helper: &str, servers: Vec<String>| {
            helped.extend(servers.into_iter().map(|server| Helped { helper: helper.to_owned(), server }));
        };
        let mut listed = |helper: &str| match credential_helper::list(helper) {
            Ok(servers) => servers.into_iter().map(|(server, _)| server).collect(),
            Err(failure) => {
                let message = format!("logins may still be in the credential helper `{helper}`: {failure}");
                problems.push(failure.hints.into_iter().fold(Failure::unknown(message), Failure::hint));
                Vec::new()
            }
        };
        for engine in engines {
            let paths = stores::all_paths(&[*engine], environment);
            for (_, file) in files.iter().filter(|(path, _)| paths.contains(path)) {
                if !self.all {
                    let helper = stores::helper(*engine, file, registry);
                    helper.iter().for_each(|helper| add(helper, spellings(*engine, registry)));
                    continue;
                }
                file.cred_helpers().for_each(|(key, helper)| add(helper, spellings(*engine, key)));
                let for_all = file.creds_store().filter(|_| *engine == Engine::Docker);
                for_all.into_iter().for_each(|helper| add(helper, listed(helper)));
            }
            let named = podman::helpers(environment).into_iter().filter(|name| *name != podman::AUTH_FILES);
            for helper in named.filter(|_| *engine == Engine::Podman) {
                add(helper, if self.all { listed(helper) } else { spellings(*engine, registry) });
            }
        }
        helped
    }

    /// Asks every store again.
    fn prove(&self, engines: &[Engine], environment: &Environment, removals: &[Removal]) -> Result<(), Failure> {
        for removal in removals {
            let file = stores::read(&removal.path)?.unwrap_or_default();
            let left = self.keys(&removal.path, &file, environment);
            if let Some(key) = left.first() {
                return Err(Failure::no(format!("the login of `{key}` is still in `{}`", removal.path.display()))
                    .fact("another program wrote it back")
                    .hint("run the same command again"));
            }
        }
        if self.name.part.is_some() || self.all {
            return Ok(());
        }
        for engine in engines {
            let name = engine.name();
            match stores::lookup(*engine, environment, &self.name.registry, &self.name.to_string())? {
                Lookup::None => {}
                Lookup::Found { source: Source::Variable, .. } => {
                    return Err(Failure::no(format!(
                        "{name} still has a login of `{}`: in DOCKER_AUTH_CONFIG",
                        self.name
                    ))
                    .hint("unset that variable, or take the login out of it"));
                }
                Lookup::Found { source, key, .. } | Lookup::IdentityToken { source, key, .. } => {
                    return Err(Failure::no(format!(
                        "{name} still has a login of `{}`: {source}, as `{key}`",
                        self.name
                    ))
                    .hint("run the same command again"));
                }
                Lookup::Broken { source, reason } => {
                    return Err(Failure::unknown(format!(
                        "cannot tell whether {name} still has a login: {source}: {reason}"
                    ))
                    .hint("mend it, and run the same command again"));
                }
            }
        }
        Ok(())
    }

    fn report(&self, removals: &[Removal], erased: &[Helped], is_well: bool) {
        if self.json {
            let files = removals.iter().map(|removal| json!({ "path": removal.path, "keys": removal.keys }));
            let helpers = erased.iter().map(|login| json!({ "helper": login.helper, "keys": [login.server] }));
            output::json(&json!({ "removed": files.chain(helpers).collect::<Vec<_>>() }));
            return;
        }
        let removed = if self.dry_run { "would remove" } else { "removed" };
        for removal in removals {
            for key in &removal.keys {
                output::data(format_args!("{removed} the login of {key} from {}", removal.path.display()));
            }
        }
        for Helped { helper, server } in erased {
            output::data(format_args!("{removed} the login of {server} from the credential helper `{helper}`"));
        }
        if removals.is_empty() && erased.is_empty() && is_well {
            let whose = if self.all { "any registry".to_owned() } else { self.name.to_string() };
            output::data(format_args!("there was no login of {whose}"));
        }
    }
}

/// What an engine erases of a registry: Docker, which had other keys once, four.
fn spellings(engine: Engine, registry: &str) -> Vec<String> {
    match engine {
        Engine::Docker => docker::twins(&AuthFile::default(), registry),
        Engine::Podman => vec![podman::key(registry).to_owned()],
    }
}

/// Has a helper forget a login, and asks it again; or only asks. `false` when it had none.
fn erase(login: &Helped, dry_run: bool) -> Result<bool, Failure> {
    let Helped { helper, server } = login;
    let get = || {
        let failed = |reason| Failure::unknown(format!("the login of `{server}` may still be there: {reason}"));
        credential_helper::get(helper, server).map_err(failed)
    };
    if get()?.is_none() {
        return Ok(false);
    }
    if dry_run {
        return Ok(true);
    }
    credential_helper::erase(helper, server)?;
    match get()? {
        None => Ok(true),
        Some(_) => Err(Failure::no(format!("the credential helper `{helper}` still has the login of `{server}`"))
            .hint("remove it with the helper's own program")),
    }
}

fn in_dockercfg(removal: &Removal) -> Failure {
    let path = removal.path.display();
    Failure::no(format!("the login of `{}` is in `{path}`, which podman reads and nobody writes", removal.keys[0]))
        .hint(format!("remove it there by hand, or remove the file: `rm {path}`"))
}
