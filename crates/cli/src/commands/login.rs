//! `pullpass login`

mod change;

use std::path::{Path, PathBuf};

use clap::Args;
use pullpass_client::{Credential, Failure as Cause, RegistryError, registry::Login as Answer};
use pullpass_secrets::{
    store::{self, AuthFile, Entry, Environment, Lookup, Source, StoreError, docker, podman},
    token::{self, Kind},
};
use serde_json::{Value, json};

use self::change::Change;
use crate::{
    credential_helper,
    engines::Engine,
    environment,
    failure::Failure,
    login_name::LoginName,
    network, output, prompt,
    refused::{self, Retry},
    stores::{
        self,
        flags::{Flags, written_key},
    },
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

/// How often a login is written again that somebody else has written over.
const MORE_TRIES: u32 = 3;

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

/// Where one engine's login goes.
struct Place {
    engine: Engine,
    target: Source,
    /// Of the entry, or what the helper is told.
    key: String,
    is_emptied_by_reboot: bool,
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

    /// Puts what no engine could read aside, and says where the login goes then.
    fn repaired_places(&self, environment: &Environment, credential: &Credential) -> Result<Vec<Place>, Failure> {
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
    fn places(&self, environment: &Environment) -> Result<Vec<Place>, Failure> {
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

    /// Writes the login, and proves by reading that the engine finds it.
    fn write(&self, place: &Place, environment: &Environment, credential: &Credential) -> Result<(), Failure> {
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
    fn shadows(&self, place: &Place, written: &Path, environment: &Environment) -> Result<Vec<String>, Failure> {
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

impl Place {
    fn warning(&self) -> &'static str {
        if self.is_emptied_by_reboot { " (a reboot empties it; `--persistent` writes one that stays)" } else { "" }
    }

    fn shown(&self) -> String {
        place_shown(&self.target)
    }

    /// A file with the login in it, and without older spellings of its key, which hold an older login.
    fn with_login(&self, bytes: &[u8], credential: &Credential) -> Result<Vec<u8>, StoreError> {
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
    fn readable(&self, path: &Path, registry: &str) -> Result<Vec<String>, Failure> {
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
fn check_edits(places: &[Place], credential: &Credential) -> Result<(), Failure> {
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
