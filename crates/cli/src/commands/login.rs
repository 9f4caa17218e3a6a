//! `pullpass login`

mod change;
mod place;

use std::path::PathBuf;

use clap::Args;
use pullpass_client::{Credential, Failure as Cause, RegistryError, registry::Login as Answer};
use pullpass_secrets::{
    store::{self, Environment, Lookup, Source},
    token::{self, Kind},
};
use serde_json::{Value, json};

use self::{
    change::Change,
    place::{Place, check_edits},
};
use crate::{
    engines::Engine,
    environment,
    failure::Failure,
    login_name::LoginName,
    network, output, prompt,
    refused::{self, Retry},
    stores::{self, flags::Flags},
    token_source::{Found, TokenSource},
    vault_password::VaultPassword,
    wait::{self, Wait},
};

/// Log Docker and Podman in, after the registry accepted the credential
///
/// The registry is asked first: nothing is written that it refuses. Then the engines that are installed get the login
/// where their own `login` would put it, in a file or in the credential helper that their configuration names, and it is
/// read back as they read it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass login -u octocat --password-stdin < token.txt
  pullpass login ghcr.io --token-from 'vault:inventory.yml#all.vars.iaas_console.ghcr_pat'
  pullpass login 127.0.0.1:5000 -u octocat --token-from env:TOKEN --podman --persistent
  pullpass login ghcr.io/octo-org -u octocat --token-from file:org.token --podman
  pullpass login -u octocat --token-from file:new.token --wait 5m
  pullpass login -u octocat --token-from file:new.token --persistent --dry-run --json
  pullpass login --get-login")]
pub(crate) struct Login {
    /// The registry; for Podman also a part of one, with a login of its own: ghcr.io/owner
    #[arg(value_name = "REGISTRY", default_value = "ghcr.io")]
    name: LoginName,
    /// The user; ghcr.io does not look at it, but the engines need one
    #[arg(long, short)]
    username: Option<String>,
    /// Read the token from standard input
    #[arg(long, conflicts_with = "token_from")]
    password_stdin: bool,
    /// Where the token is: env:NAME, file:PATH, vault:FILE#KEYPATH, cmd:COMMAND and others
    #[arg(long, value_name = "SOURCE")]
    token_from: Option<TokenSource>,
    #[command(flatten)]
    vault_password: VaultPassword,
    #[command(flatten)]
    flags: Flags,
    /// Write Podman's login where a reboot does not empty it
    #[arg(long)]
    persistent: bool,
    /// Put a malformed file aside, beside itself, and begin a new one
    #[arg(long)]
    repair: bool,
    /// Ask the registry, say what would change, and write nothing
    #[arg(long, conflicts_with = "repair")]
    dry_run: bool,
    /// Only print the user of the login that is there
    #[arg(long, conflicts_with_all = ["username", "password_stdin", "token_from", "persistent", "repair", "dry_run", "retry", "wait"])]
    get_login: bool,
    /// With `false`, accept any certificate of the registry
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// A directory of certificates for this registry, instead of the engines' own
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    #[command(flatten)]
    retry: Retry,
    #[command(flatten)]
    wait: Wait,
    /// Say every request that was sent
    #[arg(long, short)]
    verbose: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[arg(long, short, hide = true, num_args = 0..=1, default_missing_value = "")]
    password: Option<String>,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

/// Where a login is going, known before anybody is asked for a token.
pub(crate) struct Ready {
    pub(crate) environment: Environment,
    places: Vec<Place>,
}

/// A credential that the registry has accepted, and that every place can take.
pub(crate) struct Accepted {
    pub(crate) credential: Credential,
    answer: Answer,
}

/// A login that is there.
pub(crate) struct Done {
    places: Vec<Place>,
    changes: Vec<Change>,
    accepted: Accepted,
}

impl Login {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let arguments = [self.password.take().into_iter().collect(), std::mem::take(&mut self.secret)].concat();
        prompt::refuse_arguments(&arguments, "pullpass login ghcr.io -u octocat --password-stdin < token.txt")?;
        if self.get_login {
            return self.print_login(&self.flags.environment()?);
        }
        let ready = self.ready()?;
        self.finish(ready, self.found()?)
    }

    /// A login with a token that another command has.
    pub(crate) fn of(
        name: LoginName,
        username: Option<String>,
        flags: Flags,
        persistent: bool,
        retry: Retry,
        wait: Wait,
    ) -> Login {
        Login {
            name,
            username,
            password_stdin: false,
            token_from: None,
            vault_password: VaultPassword::default(),
            flags,
            persistent,
            repair: false,
            dry_run: false,
            get_login: false,
            tls_verify: None,
            cert_dir: None,
            retry,
            wait,
            verbose: false,
            json: false,
            password: None,
            secret: Vec::new(),
        }
    }

    /// Finds out where the login goes.
    ///
    /// # Errors
    /// The engines would not read it there.
    pub(crate) fn ready(&self) -> Result<Ready, Failure> {
        let environment = self.flags.environment()?;
        // What is malformed says nothing of where the login goes, and stays as it is until the registry has accepted it.
        let places = if self.repair { Vec::new() } else { self.places(&environment)? };
        Ok(Ready { environment, places })
    }

    /// [`Login::ready`], also where there is no engine, which gets nothing then.
    ///
    /// # Errors
    /// Those of [`Login::ready`].
    pub(crate) fn ready_if_any(&self) -> Result<Ready, Failure> {
        match self.flags.asked_or_installed() {
            Ok(_) => self.ready(),
            Err(_) => Ok(Ready { environment: self.flags.environment()?, places: Vec::new() }),
        }
    }

    /// Asks the registry, and writes the login.
    ///
    /// # Errors
    /// It is refused, or cannot be written.
    pub(crate) fn finish(&self, ready: Ready, found: Found) -> Result<(), Failure> {
        let accepted = self.prove(&ready, found)?;
        let done = self.put(ready, accepted)?;
        match self.json {
            true => output::json(&self.to_json(&done)),
            false => self.lines(&done).into_iter().for_each(output::data),
        }
        Ok(())
    }

    /// Asks the registry, and whether the login can be written.
    ///
    /// # Errors
    /// It is refused, or cannot be written.
    pub(crate) fn prove(&self, ready: &Ready, found: Found) -> Result<Accepted, Failure> {
        let credential = found.into_credential(self.username.as_ref())?;
        token::check(&credential.secret).map_err(|problem| {
            Failure::usage(problem.to_string())
                .fact("nobody was asked and nothing was changed")
                .hint("copy it again, whole")
        })?;
        check_edits(&ready.places, &credential)?;
        let answer = self.ask(&ready.environment, &credential)?;
        Ok(Accepted { credential, answer })
    }

    /// Writes the login.
    ///
    /// # Errors
    /// It cannot be written, or the engine does not find it.
    pub(crate) fn put(&self, ready: Ready, accepted: Accepted) -> Result<Done, Failure> {
        let Ready { environment, places } = ready;
        let credential = &accepted.credential;
        let places = if self.repair { self.repaired_places(&environment, credential)? } else { places };
        let changes = self.changes(&places, &environment, credential)?;
        let written = if self.dry_run { &[][..] } else { &places };
        for (index, place) in written.iter().enumerate() {
            let written = places[..index].iter().map(|place| format!("{} has the login already", place.shown()));
            self.write(place, &environment, credential).map_err(|failure| written.fold(failure, Failure::fact))?;
        }
        self.warn_of_kind(Kind::of(&credential.secret));
        if matches!(accepted.answer, Answer::NotAsked) {
            let registry = &self.name.registry;
            output::warn(format_args!("`{registry}` lets everybody in, so that nothing is proved about the token"));
        }
        Ok(Done { places, changes, accepted })
    }

    fn changes(
        &self,
        places: &[Place],
        environment: &Environment,
        credential: &Credential,
    ) -> Result<Vec<Change>, Failure> {
        places.iter().map(|place| Change::of(self, place, environment, credential)).collect()
    }

    /// What [`Login::put`] would do, a line for each engine.
    ///
    /// # Errors
    /// A place cannot be read.
    pub(crate) fn plan(&self, ready: &Ready, accepted: &Accepted) -> Result<Vec<String>, Failure> {
        let changes = self.changes(&ready.places, &ready.environment, &accepted.credential)?;
        let line = |(place, change): (&Place, &Change)| {
            let instead = change.user().filter(|user| *user != accepted.credential.user);
            let instead = instead.map(|user| format!(", in the place of the login of `{}`", token::mask(user)));
            let word = if change.is_one { instead.unwrap_or_default() } else { " has it already".to_owned() };
            format!("{}: {}{word}{}", place.engine.name(), place.target, place.warning())
        };
        Ok(ready.places.iter().zip(&changes).map(line).collect())
    }

    /// As `podman login --get-login`.
    fn print_login(&self, environment: &Environment) -> Result<(), Failure> {
        let mut users: Vec<String> = Vec::new();
        for engine in self.flags.asked_or_all() {
            match stores::lookup(engine, environment, &self.name.registry, &self.name.to_string())? {
                Lookup::Found { credential, .. } => users.push(credential.user),
                Lookup::IdentityToken { .. } => users.push(store::TOKEN_USER.to_owned()),
                Lookup::Broken { source, reason } => output::warn(format_args!("{source} cannot be used: {reason}")),
                Lookup::None => {}
            }
        }
        users.dedup();
        if users.is_empty() {
            return Err(Failure::no(format!("not logged into `{}`", self.name)));
        }
        match self.json {
            true => output::json(&json!({ "registry": self.name.to_string(), "users": users })),
            false => users.iter().for_each(|user| output::data(token::mask(user))),
        }
        Ok(())
    }

    fn found(&self) -> Result<Found, Failure> {
        match &self.token_from {
            Some(source) => source.read(&self.vault_password),
            None if self.password_stdin => Ok(Found { token: prompt::secret_from_standard_input()?, user: None }),
            None if prompt::is_interactive() => Ok(Found { token: prompt::hidden("token")?, user: None }),
            None => Err(Failure::usage("no token: standard input is no terminal to ask on")
                .hint("pipe it in with `--password-stdin`, or name a place with `--token-from`")),
        }
    }

    fn ask(&self, environment: &Environment, credential: &Credential) -> Result<Answer, Failure> {
        let registry = &self.name.registry;
        if !self.wait.is_wanted() {
            self.retry.check(registry, credential).map_err(|failure| failure.fact("nothing was changed"))?;
        }
        let mut options = network::options(environment, registry);
        options.insecure = self.tls_verify == Some(false);
        if let Some(directory) = &self.cert_dir {
            options.certs_dirs = vec![directory.clone()];
        }
        if self.verbose {
            options.observer = Some(network::said_steps());
        }
        network::block_on(async {
            let ask = async || network::check_login(registry, credential.clone(), options.clone()).await;
            let answer = self.wait.until(ask, |error| wait::hope(error)).await;
            refused::remember(registry, credential, answer.as_ref().map_err(AsRef::as_ref));
            answer.map_err(|error| self.refused(&error, Kind::of(&credential.secret)))
        })
    }

    fn refused(&self, error: &RegistryError, kind: Kind) -> Failure {
        let failure = network::failure(error).fact("nothing was changed");
        let is_ghcr = self.name.registry.as_str() == "ghcr.io";
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
            (Cause::CredentialRefused { .. }, _) => failure.hint(format!(
                "make a new token at `{}`, and check that it belongs to this registry",
                self.name.registry
            )),
            _ => failure,
        }
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
        if self.name.registry.as_str() == "ghcr.io" {
            output::warn(format_args!(
                "ghcr.io accepted this login, and will deny pulls all the same: {reason}; make a classic token with \
                 `read:packages`"
            ));
        }
    }

    /// What a program reads.
    pub(crate) fn to_json(&self, done: &Done) -> Value {
        let Done { places, changes, accepted } = done;
        let stores = places.iter().zip(changes).map(|(place, change)| {
            let helper = if let Source::Helper { name, .. } = &place.target { Some(name) } else { None };
            json!({
                "engine": place.engine.name(), "path": place.target.path(), "helper": helper, "key": place.key,
                "changed": change.is_one, "before": change.before(),
            })
        });
        json!({
            "registry": self.name.registry.as_str(), "user": accepted.credential.user,
            "fingerprint": accepted.fingerprint(), "proved": accepted.is_proof(), "stores": stores.collect::<Vec<_>>(),
        })
    }

    /// What a person reads.
    pub(crate) fn lines(&self, done: &Done) -> Vec<String> {
        let line = |(place, change): (&Place, &Change)| {
            let would = match (self.dry_run, change.is_one) {
                (false, _) => "",
                (true, false) => " has it already",
                (true, true) => " would get it",
            };
            format!("{}: {}{would}{}", place.engine.name(), place.target, place.warning())
        };
        let places = done.places.iter().zip(&done.changes).map(line);
        std::iter::once(format!("{} {}", self.name.registry, done.accepted.said())).chain(places).collect()
    }
}

impl Ready {
    /// The engines that are to be logged in.
    pub(crate) fn engines(&self) -> Vec<Engine> {
        self.places.iter().map(|place| place.engine).collect()
    }
}

impl Accepted {
    /// Whether the registry has looked at the credential.
    fn is_proof(&self) -> bool {
        matches!(self.answer, Answer::Accepted)
    }

    fn fingerprint(&self) -> String {
        token::fingerprint(&self.credential.secret, &environment::fingerprint_key())
    }

    /// What the registry did, as in a sentence.
    pub(crate) fn said(&self) -> String {
        let verb = if self.is_proof() { "accepted" } else { "did not ask for" };
        format!("{verb} {} of {}", self.fingerprint(), self.credential.user)
    }
}
