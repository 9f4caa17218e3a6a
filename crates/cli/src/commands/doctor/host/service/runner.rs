//! As whom a service runs an engine, and what the engine finds then.

use std::{
    cell::Cell,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use pullpass_client::diagnosis::Fix;
use pullpass_secrets::{
    file::FileError,
    store::{Environment, Lookup, Source, podman},
};

use super::{Access, Place, Search};
use crate::{commands::status, credential_helper, engines::Engine, environment, other_user, stores};

/// Whoever runs an engine.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever runs this.
    Me,
    /// By name or number.
    User(String),
}

/// An engine as a service runs it.
pub(super) struct Runner<'a> {
    pub(super) engine: Engine,
    pub(super) who: Who,
    /// Of the service; nothing of ours is in it.
    pub(super) variables: &'a [(String, String)],
    /// What a command line names.
    pub(super) file: Option<PathBuf>,
}

impl Runner<'_> {
    pub(super) fn about(&self, service: &str) -> String {
        match &self.who {
            Who::Me => format!("{service}, {} of this user", self.engine.name()),
            Who::User(name) => format!("{service}, {} of {name}", self.engine.name()),
        }
    }

    pub(super) fn is_root(&self) -> bool {
        matches!(&self.who, Who::User(name) if name == "root")
    }

    /// The one file that counts then.
    pub(super) fn explicit(&self) -> Option<PathBuf> {
        let variable = |name: &str| self.variable(name).map(PathBuf::from);
        self.file.clone().or_else(|| match self.engine {
            Engine::Docker => variable("DOCKER_CONFIG").map(|directory| directory.join("config.json")),
            Engine::Podman => variable("REGISTRY_AUTH_FILE"),
        })
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let mut of_name = self.variables.iter().filter(|(its, value)| its == name && !value.is_empty());
        of_name.next_back().map(|(_, value)| value.as_str())
    }

    /// What it finds for the name that is asked about.
    pub(super) fn access(&self, search: &mut Search<'_>) -> Access {
        let own = search.environment.uid;
        let account = match &self.who {
            Who::Me => None,
            Who::User(name) => match other_user::account(name) {
                Ok(Some(account)) => Some(account),
                _ => return Access::Broken(format!("there is no user `{name}`")),
            },
        };
        let uid = account.as_ref().map_or(own, |account| account.uid);
        let set = self.variable("HOME").map(PathBuf::from);
        let home = set.clone().or_else(|| account.as_ref().map(|account| account.home.clone()));
        let home = home.unwrap_or_else(|| search.environment.home.clone());
        let explicit = self.explicit().map(|path| expand(&path, &home));
        if uid != own && explicit.is_none() {
            return match account.filter(|_| own == 0 && set.is_none()) {
                Some(account) => self.of_another(search, &account),
                None => Access::Hidden,
            };
        }
        let is_mine = self.who == Who::Me;
        let environment = Environment {
            home,
            docker_config: explicit.as_ref().and_then(|path| Some(path.parent()?.to_owned())),
            xdg_runtime_dir: match self.variable("XDG_RUNTIME_DIR") {
                Some(directory) => Some(PathBuf::from(directory)),
                None => search.environment.xdg_runtime_dir.clone().filter(|_| is_mine),
            },
            xdg_config_home: self.variable("XDG_CONFIG_HOME").map(PathBuf::from),
            registry_auth_file: None,
            uid,
            docker_auth_config: None,
            credential_helpers: search.environment.credential_helpers.clone(),
        };
        let files = match explicit {
            Some(path) => vec![path],
            None => stores::read_paths(self.engine, &environment),
        };
        self.in_files(search, &environment, &files)
    }

    fn in_files(&self, search: &mut Search<'_>, environment: &Environment, files: &[PathBuf]) -> Access {
        if files.iter().any(|path| is_hidden(path)) {
            return Access::Hidden;
        }
        // One that runs with our home, and whose file is in it, is ours.
        let is_own = environment::owns_home() && environment.home == search.environment.home;
        let is_own = is_own && files.iter().all(|path| path.starts_with(&environment.home));
        let unasked = Cell::new(false);
        let ask = |helper: &str, server: &str| {
            if is_own {
                return credential_helper::get(helper, server);
            }
            unasked.set(true);
            Err(format!("the helper `{helper}` was not asked"))
        };
        let look = |files: &[PathBuf]| {
            stores::lookup_in(files, self.engine, environment, &search.name.registry, &search.name.full, &ask)
        };
        let found = match look(files) {
            Ok(found) => found,
            Err(failure) => return Access::Broken(failure.to_string()),
        };
        let places = || {
            let places: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
            format!("it looks into {}: none has a login for `{}`", places.join(", "), search.name.registry)
        };
        match found {
            Lookup::None => Access::None(places()),
            Lookup::Broken { source, .. } if unasked.get() => {
                Access::Elsewhere { source: source.to_string(), is_emptied: false }
            }
            Lookup::Broken { source, reason } => Access::Broken(format!("{source}: {reason}")),
            Lookup::IdentityToken { source, .. } => Access::Elsewhere { source: source.to_string(), is_emptied: false },
            Lookup::Found { source, key, credential } => {
                let lasting: Vec<PathBuf> =
                    files.iter().filter(|path| !is_in_memory(environment, path)).cloned().collect();
                let is_emptied = source.path().is_some_and(|path| is_in_memory(environment, path))
                    && matches!(look(&lasting), Ok(Lookup::None));
                let place = Place { source: &source, key: &key, reader: self.engine.name() };
                let index = (search.number)(&credential, place);
                Access::Login { index, source, is_emptied }
            }
        }
    }

    /// Read with their rights; their secrets stay theirs.
    fn of_another(&self, search: &Search<'_>, account: &other_user::Account) -> Access {
        let report = match status::logins_of(account, search.name) {
            Ok(report) => report,
            Err(failure) => return Access::Broken(failure.to_string()),
        };
        let winner = report.winners.iter().find(|winner| winner.engine == self.engine.name());
        let Some(winner) = winner else { return Access::Hidden };
        let Some(store) = &winner.store else {
            if report.stores.iter().any(|store| !store.helpers.is_empty()) {
                return Access::Elsewhere { source: "a credential helper".to_owned(), is_emptied: false };
            }
            return Access::None(format!("no file of `{}` has a login for it: {}", account.name, winner.why));
        };
        let is_emptied =
            store.starts_with("/run/") && !winner.shadowed.iter().any(|other| !other.store.starts_with("/run/"));
        let known = search.known.iter().find(|(fingerprint, _)| winner.fingerprint.as_ref() == Some(fingerprint));
        match known {
            Some((_, index)) => Access::Login { index: *index, source: Source::File(PathBuf::from(store)), is_emptied },
            None => Access::Elsewhere { source: store.clone(), is_emptied },
        }
    }

    /// What gives it a login.
    pub(super) fn fixes(&self, registry: &str) -> Vec<Fix> {
        let sudo = match &self.who {
            Who::Me => String::new(),
            Who::User(_) if self.is_root() => "sudo -H ".to_owned(),
            Who::User(name) => format!("sudo -H -u {name} "),
        };
        let file = match (self.explicit(), self.engine) {
            (Some(path), Engine::Podman) => format!("--authfile {}", path.display()),
            (Some(path), Engine::Docker) => format!("--compat-auth-file {}", path.display()),
            (None, Engine::Podman) => "--podman --persistent".to_owned(),
            (None, Engine::Docker) => "--docker".to_owned(),
        };
        vec![Fix::Command(format!("{sudo}pullpass login {registry} -u USER --password-stdin {file}"))]
    }
}

/// `%h` of units, which is the home.
fn expand(path: &Path, home: &Path) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_prefix("%h")) {
        Some(rest) => home.join(rest.trim_start_matches('/')),
        None => path.to_owned(),
    }
}

fn is_in_memory(environment: &Environment, path: &Path) -> bool {
    podman::is_emptied_by_reboot(environment, path) || path.starts_with("/run") || path.starts_with("/tmp/podman-run-")
}

fn is_hidden(path: &Path) -> bool {
    let is_denied = |error: &std::io::Error| error.kind() == ErrorKind::PermissionDenied;
    matches!(pullpass_secrets::file::read(path), Err(FileError::Io { source, .. }) if is_denied(&source))
}
