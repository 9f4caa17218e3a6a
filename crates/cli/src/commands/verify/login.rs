//! What each client would present.

use std::{cell::RefCell, collections::HashMap, path::PathBuf, str::FromStr};

use pullpass_client::Credential;
use pullpass_oci::Reference;
use pullpass_secrets::store::{self, Environment, Lookup, Source};

use crate::{credential_helper, engines::Engine, failure::Failure, network, stores};

/// Who pulls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    Engine(Engine),
    /// pullpass, with a credential that it is given.
    Own,
}

impl Client {
    /// As in a sentence.
    pub(super) fn name(self) -> &'static str {
        match self {
            Client::Engine(engine) => engine.name(),
            Client::Own => "pullpass",
        }
    }

    /// As behind `--engine`.
    pub(super) fn option(self) -> &'static str {
        match self {
            Client::Engine(engine) => engine.name(),
            Client::Own => "self",
        }
    }
}

impl FromStr for Client {
    type Err = String;

    fn from_str(text: &str) -> Result<Client, String> {
        let all = [Client::Engine(Engine::Docker), Client::Engine(Engine::Podman), Client::Own];
        let found = all.into_iter().find(|client| client.option() == text);
        found.ok_or_else(|| "an engine is `docker`, `podman` or `self`".to_owned())
    }
}

/// What a client would present.
#[derive(Clone)]
pub(super) enum Login {
    Credential {
        /// None when it was given to us.
        source: Option<Source>,
        credential: Credential,
    },
    None,
    /// It cannot be told: an identity token, a helper or a file that is broken.
    Unclear(String),
}

impl Login {
    pub(super) fn credential(&self) -> Option<&Credential> {
        match self {
            Login::Credential { credential, .. } => Some(credential),
            Login::None | Login::Unclear(_) => None,
        }
    }
}

type Answer = Result<Option<store::Credential>, String>;

/// Finds logins as the engines do, and asks a credential helper once for a server, however many images are there.
pub(super) struct Logins<'a> {
    environment: &'a Environment,
    helpers: RefCell<HashMap<(String, String), Answer>>,
    found: HashMap<(&'static str, String), Login>,
}

impl<'a> Logins<'a> {
    pub(super) fn new(environment: &'a Environment) -> Logins<'a> {
        Logins { environment, helpers: RefCell::default(), found: HashMap::new() }
    }

    /// What an engine would present for an image.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn find(&mut self, engine: Engine, reference: &Reference) -> Result<Login, Failure> {
        let name = format!("{}/{}", reference.registry, reference.repository);
        if let Some(login) = self.found.get(&(engine.name(), name.clone())) {
            return Ok(login.clone());
        }
        let ask = |helper: &str, server: &str| {
            let key = (helper.to_owned(), server.to_owned());
            let known = self.helpers.borrow().get(&key).cloned();
            known.unwrap_or_else(|| {
                let answer = credential_helper::get(helper, server);
                self.helpers.borrow_mut().insert(key, answer.clone());
                answer
            })
        };
        let paths: Vec<PathBuf> = stores::read_paths(engine, self.environment);
        let lookup = stores::lookup_in(&paths, engine, self.environment, &reference.registry, &name, &ask)?;
        let login = match lookup {
            Lookup::Found { source, credential, .. } => {
                Login::Credential { source: Some(source), credential: network::credential(&credential) }
            }
            Lookup::None => Login::None,
            Lookup::IdentityToken { source, .. } => {
                Login::Unclear(format!("the login of {source} is an identity token"))
            }
            Lookup::Broken { source, reason } => Login::Unclear(format!("{source} is broken: {reason}")),
        };
        self.found.insert((engine.name(), name), login.clone());
        Ok(login)
    }
}
