//! `pullpass login`

use std::path::{Path, PathBuf};

use clap::Args;
use pullpass_client::{Credential, Failure as Cause, RegistryError, registry::Login as Answer};
use pullpass_oci::Registry;
use pullpass_secrets::{
    Secret,
    store::{self, Environment, Lookup, StoreError, podman},
    token::{self, Kind},
};
use serde_json::json;

use crate::{
    engines::{Choice, Engine},
    environment,
    failure::Failure,
    network, output, prompt, stores,
    token_source::{Found, TokenSource},
    vault_password::VaultPassword,
};

/// Log Docker and Podman in, after the registry accepted the credential
///
/// The registry is asked first: nothing is written that it refuses. Then the engines that are installed get the login
/// where their own `login` would put it, and it is read back.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass login -u octocat --password-stdin < token.txt
  pullpass login ghcr.io --token-from 'vault:inventory.yml#all.vars.iaas_console.ghcr_pat'
  pullpass login 127.0.0.1:5000 -u octocat --token-from env:TOKEN --podman --persistent")]
pub(crate) struct Login {
    /// The registry
    #[arg(default_value = "ghcr.io")]
    registry: Registry,
    /// The user; ghcr.io does not look at it, but the engines need one
    #[arg(long, short)]
    username: Option<String>,
    /// Read the token from standard input
    #[arg(long, conflicts_with = "token_from")]
    password_stdin: bool,
    /// Where the token is: env:NAME, file:PATH or vault:FILE#KEYPATH
    #[arg(long, value_name = "SOURCE")]
    token_from: Option<TokenSource>,
    #[command(flatten)]
    vault_password: VaultPassword,
    #[command(flatten)]
    engines: Choice,
    /// Write Podman's login where a reboot does not empty it
    #[arg(long)]
    persistent: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[arg(long, short, hide = true, num_args = 0..=1, default_missing_value = "")]
    password: Option<String>,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

impl Login {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let arguments = [self.password.take().into_iter().collect(), std::mem::take(&mut self.secret)].concat();
        prompt::refuse_arguments(&arguments, "pullpass login ghcr.io -u octocat --password-stdin < token.txt")?;
        let environment = environment::stores()?;
        let places = self.places(&environment)?;
        let credential = self.credential()?;
        token::check(&credential.secret).map_err(|problem| {
            Failure::usage(problem.to_string())
                .fact("nobody was asked and nothing was changed")
                .hint("copy it again, whole")
        })?;
        for place in &places {
            stores::check_edit(&place.path, |bytes| self.with_login(bytes, place, &credential))?;
        }
        let answer = self.ask(&environment, &credential)?;
        for (index, place) in places.iter().enumerate() {
            let written =
                places[..index].iter().map(|place| format!("`{}` has the login already", place.path.display()));
            self.write(place, &environment, &credential).map_err(|failure| written.fold(failure, Failure::fact))?;
        }
        self.warn_of_kind(Kind::of(&credential.secret));
        self.report(&places, &credential, answer);
        Ok(())
    }

    /// Where the login goes, after making sure that the engine would read it there.
    fn places(&self, environment: &Environment) -> Result<Vec<Place>, Failure> {
        let engines = self.engines.asked_or_installed()?;
        let registry = self.registry.as_str();
        let place = |engine: Engine| {
            let path = stores::login_path(engine, environment, self.persistent);
            for read in stores::read_paths(engine, environment) {
                if let Some(file) = stores::read(&read)?
                    && let Some(name) = stores::helper(engine, &file, registry)
                {
                    return Err(stores::helper_in_the_way(engine, &read, &name, registry, "login"));
                }
                if read == path {
                    break;
                }
            }
            let is_emptied_by_reboot = engine == Engine::Podman && podman::is_emptied_by_reboot(environment, &path);
            Ok(Place { engine, path, is_emptied_by_reboot })
        };
        engines.into_iter().map(place).collect()
    }

    /// A store with the login in it.
    fn with_login(&self, bytes: &[u8], place: &Place, credential: &Credential) -> Result<Vec<u8>, StoreError> {
        store::set(bytes, stores::key(place.engine, &self.registry), &credential.user, &credential.secret)
    }

    fn credential(&self) -> Result<Credential, Failure> {
        let found = match &self.token_from {
            Some(source) => source.read(&self.vault_password)?,
            None if self.password_stdin => Found { token: prompt::secret_from_standard_input()?, user: None },
            None if prompt::is_interactive() => Found { token: prompt::hidden("token")?, user: None },
            None => {
                return Err(Failure::usage("no token: standard input is no terminal to ask on")
                    .hint("pipe it in with `--password-stdin`, or name a place with `--token-from`"));
            }
        };
        let user = self.username.clone().or(found.user).ok_or_else(|| {
            Failure::usage("no user: name one with `--username`")
                .fact("ghcr.io accepts any name, but Docker and Podman need one")
        })?;
        if user.is_empty() || user.contains(|character: char| character == ':' || character.is_control()) {
            return Err(Failure::usage("a user name is not empty and has neither `:` nor line breaks"));
        }
        if Kind::of(&Secret::new(user.clone())) != Kind::Unknown {
            return Err(
                Failure::usage("the user name is a token").hint("the token goes to standard input: `--password-stdin`")
            );
        }
        Ok(Credential { user, secret: found.token })
    }

    fn ask(&self, environment: &Environment, credential: &Credential) -> Result<Answer, Failure> {
        let options = network::options(environment, &self.registry);
        network::block_on(async {
            network::check_login(&self.registry, credential.clone(), options)
                .await
                .map_err(|error| self.refused(&error, Kind::of(&credential.secret)))
        })
    }

    fn refused(&self, error: &RegistryError, kind: Kind) -> Failure {
        let failure = network::failure(error).fact("nothing was changed");
        let is_ghcr = self.registry.as_str() == "ghcr.io";
        match (&error.failure, kind) {
            (Cause::CredentialRefused { .. }, Kind::GithubFineGrained) if is_ghcr => {
                failure.hint("ghcr.io takes no fine-grained tokens: make a classic one with `read:packages`")
            }
            (Cause::CredentialRefused { .. }, Kind::Pullpass) if is_ghcr => {
                failure.hint("this is a token of a pullpass server: name that server instead of ghcr.io")
            }
            (Cause::CredentialRefused { .. }, Kind::Unknown) if is_ghcr => {
                failure.hint("ghcr.io takes no account passwords: make a classic token with `read:packages`")
            }
            (Cause::CredentialRefused { .. }, _) if is_ghcr => {
                failure.hint("it is expired, revoked or mistyped: make a new one at https://github.com/settings/tokens")
            }
            (Cause::CredentialRefused { .. }, _) => failure
                .hint(format!("make a new token at `{}`, and check that it belongs to this registry", self.registry)),
            _ => failure,
        }
    }

    /// Writes the login, and proves by reading that the engine finds it.
    fn write(&self, place: &Place, environment: &Environment, credential: &Credential) -> Result<(), Failure> {
        stores::edit(&place.path, |bytes| self.with_login(bytes, place, credential))?;
        if place.engine == Engine::Podman && self.persistent {
            self.unshadow(&place.path, environment)?;
        }
        match stores::lookup(place.engine, environment, &self.registry, self.registry.as_str())? {
            Lookup::Found { credential: found, .. }
                if found.secret == credential.secret && found.user == credential.user =>
            {
                Ok(())
            }
            _ => Err(Failure::no(format!(
                "the login was written to `{}`, but {} does not find it there",
                place.path.display(),
                place.engine.name()
            ))
            .hint("see what stands before it: `pullpass status`")),
        }
    }

    /// A login in the runtime file would win over the persistent one.
    fn unshadow(&self, written: &Path, environment: &Environment) -> Result<(), Failure> {
        let runtime = podman::login_path(environment, false);
        let Some(file) = stores::read(&runtime)?.filter(|_| runtime != written) else { return Ok(()) };
        let twins = podman::twins(&file, self.registry.as_str());
        let twins: Vec<&str> = twins.iter().map(String::as_str).collect();
        stores::edit(&runtime, |bytes| store::remove(bytes, &twins))
    }

    /// ghcr.io gives a bearer token to every live token, also to those that it lets pull nothing.
    fn warn_of_kind(&self, kind: Kind) {
        let reason = match kind {
            Kind::GithubFineGrained => "it takes no fine-grained tokens for packages",
            Kind::GithubInstallation => {
                "a token of a GitHub App opens packages of its own workflow only, while that runs"
            }
            Kind::GithubRefresh => "a refresh token is no password",
            _ => return,
        };
        if self.registry.as_str() == "ghcr.io" {
            output::warn(format_args!(
                "ghcr.io accepted this login, and will deny pulls all the same: {reason}; make a classic token with \
                 `read:packages`"
            ));
        }
    }

    fn report(&self, places: &[Place], credential: &Credential, answer: Answer) {
        let fingerprint = token::fingerprint(&credential.secret, &environment::fingerprint_key());
        let proved = match answer {
            Answer::Accepted => true,
            Answer::NotAsked => {
                output::warn(format_args!(
                    "`{}` lets everybody in, so that nothing is proved about the token",
                    self.registry
                ));
                false
            }
        };
        if self.json {
            let stores: Vec<_> =
                places.iter().map(|place| json!({ "engine": place.engine.name(), "path": place.path })).collect();
            output::json(&json!({
                "registry": self.registry.as_str(), "user": credential.user, "fingerprint": fingerprint,
                "proved": proved, "stores": stores,
            }));
            return;
        }
        let verb = if proved { "accepted" } else { "did not ask for" };
        output::data(format_args!("{} {verb} {fingerprint} of {}", self.registry, credential.user));
        for place in places {
            let path = place.path.display();
            match place.is_emptied_by_reboot {
                true => output::data(format_args!(
                    "{}: {path} (a reboot empties it; `--persistent` writes one that stays)",
                    place.engine.name()
                )),
                false => output::data(format_args!("{}: {path}", place.engine.name())),
            }
        }
    }
}

/// A file that a login goes into.
struct Place {
    engine: Engine,
    path: PathBuf,
    is_emptied_by_reboot: bool,
}
