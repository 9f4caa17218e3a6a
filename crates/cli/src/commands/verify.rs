//! `pullpass verify`

mod answer;
mod ask;
mod engine;
mod login;
mod one;
mod print;
mod progress;
mod references;
mod verdict;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use clap::Args;
use pullpass_client::Credential;
use pullpass_oci::{Platform, Reference};
use pullpass_secrets::{store::Environment, token};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use self::{
    answer::Rights,
    ask::{Asking, Question},
    login::{Client, Login, Logins},
    progress::Progress,
    verdict::{Image, Prospect},
};
use crate::{
    engines::{self, Choice, Engine},
    environment,
    failure::Failure,
    network, output, prompt,
    refused::Retry,
    token_source::{Found, TokenSource},
    vault_password::VaultPassword,
    wait::{Hope, Wait},
};
pub(crate) use one::{One, Who};
pub(crate) use references::parse as reference;

/// How many images an engine is asked for at a time.
const ENGINES_AT_ONCE: usize = 4;

/// Prove that a pull will work, or say what it fails at
///
/// Does what an engine does (challenge, token, manifest) with the credential that the engine would use, and again
/// without one. Three questions are answered apart: is the token alive, does it open this image, and would the image
/// open with no login at all. No layer is fetched, unless `--all-layers` asks for that.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass verify ghcr.io/octocat/app:v1
  pullpass verify ghcr.io/octocat/app:v1 --podman --json
  pullpass verify --from-file images.txt --engine docker
  pullpass verify ghcr.io/octocat/app:v1 --push --engine self -u octocat --token-from env:TOKEN
  pullpass verify ghcr.io/octocat/app:v1 --platform linux/arm64 --all-layers --wait 5m")]
pub(crate) struct Verify {
    /// The images
    #[arg(value_name = "REFERENCE", value_parser = references::parse, required_unless_present = "from_file")]
    references: Vec<Reference>,
    /// A file with a reference on each line, or `-` for standard input; what follows a `#` is passed over
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Ask for the right to pull; this is asked unless only `--push` is given
    #[arg(long)]
    pull: bool,
    /// Ask for the right to push, by opening an upload and cancelling it
    #[arg(long)]
    push: bool,
    /// Ask Docker's daemon or Podman itself as well, or only pullpass with the credential that it is given; may be repeated
    #[arg(long, value_name = "docker|podman|self")]
    engine: Vec<Client>,
    #[command(flatten)]
    engines: Choice,
    /// The user of a credential for `--engine self`
    #[arg(long, short)]
    username: Option<String>,
    /// Read a token for `--engine self` from standard input
    #[arg(long, conflicts_with = "token_from")]
    password_stdin: bool,
    /// Where a token for `--engine self` is: env:NAME, file:PATH, vault:FILE#KEYPATH, cmd:COMMAND and others
    #[arg(long, value_name = "SOURCE")]
    token_from: Option<TokenSource>,
    #[command(flatten)]
    vault_password: VaultPassword,
    /// Which image of an index; the default is Linux on this machine's architecture
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Fetch and verify the configuration and every layer too, and keep nothing
    #[arg(long, conflicts_with = "push")]
    all_layers: bool,
    #[command(flatten)]
    retry: Retry,
    #[command(flatten)]
    wait: Wait,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// For another command: one image, asked for by the engines themselves, or by pullpass when there are none.
    fn of(reference: Reference, engines: &[Engine], retry: Retry, wait: Wait) -> Verify {
        let engine = engines.iter().map(|engine| Client::Engine(*engine));
        Verify {
            references: vec![reference],
            from_file: None,
            pull: true,
            push: false,
            engine: if engines.is_empty() { vec![Client::Own] } else { engine.collect() },
            engines: Choice::default(),
            username: None,
            password_stdin: false,
            token_from: None,
            vault_password: VaultPassword::default(),
            platform: None,
            all_layers: false,
            retry,
            wait,
            json: false,
        }
    }

    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.password_stdin && self.from_file.as_deref() == Some(Path::new("-")) {
            return Err(Failure::usage("standard input cannot hold both the references and the token")
                .hint("put one of them into a file: `--from-file FILE`, or `--token-from file:PATH`"));
        }
        let references = references::all(&self.references, self.from_file.as_deref())?;
        let environment = environment::stores()?;
        let images = self.ask(references, &environment, self.given()?.as_ref())?;
        if self.json {
            output::json(&print::to_json(&images));
        } else {
            print::text(&images);
        }
        match ask::worst(images.iter().filter_map(Image::exit)) {
            Some(exit) => Err(Failure::silent(exit)),
            None => Ok(()),
        }
    }

    fn ask(
        &self,
        references: Vec<Reference>,
        environment: &Environment,
        given: Option<&Credential>,
    ) -> Result<Vec<Image>, Failure> {
        let mut images = self.images(references, environment, given)?;
        if self.push {
            output::say(
                "asking for the right to push opens an upload and cancels it; at ghcr.io it cannot be cancelled, and lapses by itself",
            );
        }
        network::block_on(async {
            let round = async || {
                self.round(environment, &mut images).await;
                still_to_come(&images).map_or(Ok(()), Err)
            };
            // What is not yes in the end is told by its verdict.
            let _ = self.wait.until(round, |hope: &Hope| Some(hope.clone())).await;
            Ok(())
        })?;
        Ok(images)
    }

    fn rights(&self) -> Rights {
        Rights { pull: self.pull || !self.push, push: self.push }
    }

    /// The credential for `--engine self`.
    fn given(&self) -> Result<Option<Credential>, Failure> {
        let found = match &self.token_from {
            Some(source) => source.read(&self.vault_password)?,
            None if self.password_stdin => Found { token: prompt::secret_from_standard_input()?, user: None },
            None if self.username.is_some() => {
                return Err(Failure::usage("a user without a token")
                    .hint("pipe the token in with `--password-stdin`, or name a place with `--token-from`"));
            }
            None => return Ok(None),
        };
        token::check(&found.token).map_err(|problem| {
            Failure::usage(problem.to_string()).fact("nobody was asked").hint("copy it again, whole")
        })?;
        found.into_credential(self.username.as_ref()).map(Some)
    }

    /// Who pulls: those that are named, else pullpass if it is given a credential, else the engines that are installed. Where
    /// there is none, the question is what the stores hold for either.
    fn clients(&self, is_given: bool) -> Result<Vec<Client>, Failure> {
        let named = Engine::ALL.into_iter().filter(|engine| self.engines.asks_for(*engine)).map(Client::Engine);
        let mut clients: Vec<Client> = self.engine.clone();
        clients.extend(named);
        if clients.is_empty() && is_given {
            clients.push(Client::Own);
        }
        if clients.is_empty() {
            let engines = self.engines.asked_or_installed().unwrap_or_else(|_| Engine::ALL.to_vec());
            clients.extend(engines.into_iter().map(Client::Engine));
        }
        if is_given && !clients.contains(&Client::Own) {
            return Err(Failure::usage("an engine uses its own credentials, not one that is given here")
                .hint("`--engine self` uses the one that is given"));
        }
        let mut once = Vec::new();
        for client in clients {
            if !once.contains(&client) {
                once.push(client);
            }
        }
        Ok(once)
    }

    fn images(
        &self,
        references: Vec<Reference>,
        environment: &Environment,
        given: Option<&Credential>,
    ) -> Result<Vec<Image>, Failure> {
        let clients = self.clients(given.is_some())?;
        let mut logins = Logins::new(environment);
        let insecure = environment::insecure_registries(environment);
        let image = |reference: Reference| {
            let name = format!("{}/{}", reference.registry, reference.repository);
            let is_meant =
                |place: &String| name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let prospects = clients.iter().map(|client| {
                let login = match client {
                    Client::Engine(engine) => logins.find(*engine, &reference)?,
                    Client::Own => given.map_or(Login::None, |credential| Login::Credential {
                        source: None,
                        credential: credential.clone(),
                    }),
                };
                let needs_tls = *client == Client::Engine(Engine::Podman) && !insecure.iter().any(is_meant);
                Ok(Prospect { client: *client, login, answer: None, said: None, needs_tls })
            });
            let prospects = prospects.collect::<Result<Vec<_>, Failure>>()?;
            Ok(Image { reference, prospects, anonymous: None })
        };
        references.into_iter().map(image).collect()
    }

    /// Asks for everything that is not known yet, or that time may have changed.
    async fn round(&self, environment: &Environment, images: &mut [Image]) {
        let platform = self.platform.clone().unwrap_or_else(engines::platform);
        let asking = Arc::new(Asking {
            environment: environment.clone(),
            platform,
            rights: self.rights(),
            all_layers: self.all_layers,
            retry: (!self.wait.is_wanted()).then_some(self.retry),
            end: Instant::now() + ask::limit(images.len(), self.all_layers),
            progress: Progress::new(images.len(), self.all_layers),
            whole: Mutex::new(HashSet::new()),
        });
        with_logins(&asking, images).await;
        without_login(&asking, images).await;
        self.engines_themselves(environment, images).await;
        asking.progress.end();
    }

    /// Asks the engines that were named with `--engine`.
    async fn engines_themselves(&self, environment: &Environment, images: &mut [Image]) {
        let permits = Arc::new(Semaphore::new(ENGINES_AT_ONCE));
        let mut tasks = JoinSet::new();
        for (place, image) in images.iter().enumerate() {
            for (which, prospect) in image.prospects.iter().enumerate() {
                let is_named = self.engine.contains(&prospect.client);
                let is_known = prospect.said.as_ref().is_some_and(|said| said.opens == Some(true));
                let Some(engine) = prospect.may_ask_engine(image).filter(|_| is_named && !is_known) else { continue };
                let question = engine::Question {
                    engine,
                    reference: image.reference.clone(),
                    login: prospect.login.clone(),
                    environment: environment.clone(),
                    platform: self.platform.clone(),
                };
                let permits = Arc::clone(&permits);
                tasks.spawn(async move {
                    let _permit = permits.acquire().await;
                    (place, which, question.ask().await)
                });
            }
        }
        for (place, which, said) in tasks.join_all().await {
            images[place].prospects[which].said = Some(said);
        }
    }
}

/// Asks for each image once with each distinct credential.
async fn with_logins(asking: &Arc<Asking>, images: &mut [Image]) {
    let mut questions: Vec<Question> = Vec::new();
    // By question: the image, and those of its prospects that present this credential.
    let mut askers: Vec<(usize, Vec<usize>)> = Vec::new();
    for (place, image) in images.iter().enumerate() {
        let first = questions.len();
        for (which, prospect) in image.prospects.iter().enumerate() {
            let is_known = prospect.answer.as_ref().is_some_and(|answer| !answer.is_hopeful());
            let Some(credential) = prospect.login.credential().filter(|_| !is_known) else { continue };
            let is_same = |question: &Question| ask::same(question.credential.as_ref(), Some(credential));
            match questions[first..].iter().position(is_same) {
                Some(index) => askers[first + index].1.push(which),
                None => {
                    let (reference, credential) = (image.reference.clone(), Some(credential.clone()));
                    questions.push(Question { reference, credential });
                    askers.push((place, vec![which]));
                }
            }
        }
    }
    for ((place, prospects), answer) in askers.into_iter().zip(ask::ask(asking, questions).await) {
        for which in prospects {
            images[place].prospects[which].answer = Some(answer.clone());
        }
    }
}

/// Asks for the images without a login: for a single one always, of several for those that a login does not open, because
/// nobody reads the answer for the others.
async fn without_login(asking: &Arc<Asking>, images: &mut [Image]) {
    let is_one = images.len() == 1;
    let is_wanted = |image: &Image| {
        let is_known = image.anonymous.as_ref().is_some_and(|answer| !answer.is_hopeful());
        let opens = |prospect: &Prospect| prospect.answer.as_ref().is_some_and(|answer| answer.is_yes());
        !is_known && (is_one || !image.prospects.iter().all(opens))
    };
    let places: Vec<usize> = (0..images.len()).filter(|place| is_wanted(&images[*place])).collect();
    let question = |place: &usize| Question { reference: images[*place].reference.clone(), credential: None };
    let answers = ask::ask(asking, places.iter().map(question).collect()).await;
    for (place, answer) in places.into_iter().zip(answers) {
        images[place].anonymous = Some(answer);
    }
}

/// What time may still change, if anything: what the clients themselves are answered, and nobody else.
fn still_to_come(images: &[Image]) -> Option<Hope> {
    let answers = images.iter().flat_map(|image| image.prospects.iter().filter_map(|client| client.effective(image)));
    let hopes: Vec<&Hope> =
        answers.flat_map(|answer| answer.refusals().filter_map(|refusal| refusal.hope.as_ref())).collect();
    let first = hopes.first()?;
    let not_before = hopes.iter().map(|hope| hope.not_before).max().unwrap_or_default();
    let others = match hopes.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(Hope { answer: format!("{}{others}", first.answer), not_before })
}
