//! Asks registries: one connection for each registry and credential, over which all its images are asked for.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pullpass_client::{
    Credential, Failure as Cause, RegistryError, Step,
    pull::{Connection, Opened},
};
use pullpass_oci::{Platform, Reference, Registry};
use pullpass_secrets::store::Environment;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use super::{
    answer::{Answer, Outcome, Rights},
    progress::Progress,
};
use crate::{
    failure::Exit,
    network,
    refused::{self, Retry},
};

/// How many images are asked for at a time over one connection, and how many connections there are at a time.
const AT_ONCE: usize = 8;
/// After this many images in a row for which a registry gave no answer, it is left alone.
const GIVE_UP: usize = 4;

/// What is asked, and how.
pub(super) struct Asking {
    pub(super) environment: Environment,
    pub(super) platform: Platform,
    pub(super) rights: Rights,
    pub(super) all_layers: bool,
    /// None when refused credentials are sent all the same.
    pub(super) retry: Option<Retry>,
    pub(super) end: Instant,
    pub(super) progress: Progress,
    /// The blobs that were fetched and verified.
    pub(super) whole: Mutex<HashSet<String>>,
}

/// An image to ask for with one credential, or without.
pub(super) struct Question {
    pub(super) reference: Reference,
    pub(super) credential: Option<Credential>,
}

/// What goes over one connection: a registry, what is presented to it, and which questions are asked, by their place.
struct Conversation {
    registry: Registry,
    credential: Option<Credential>,
    questions: Vec<(usize, Reference)>,
}

/// Asks every question once; the answers are in their order.
pub(super) async fn ask(asking: &Arc<Asking>, questions: Vec<Question>) -> Vec<Answer> {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let count = questions.len();
    for conversation in conversations(questions) {
        let (asking, permits) = (Arc::clone(asking), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire().await;
            converse(&asking, conversation).await
        });
    }
    let mut answers: Vec<(usize, Answer)> = tasks.join_all().await.into_iter().flatten().collect();
    debug_assert_eq!(answers.len(), count);
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Questions by registry and credential.
fn conversations(questions: Vec<Question>) -> Vec<Conversation> {
    let mut conversations: Vec<Conversation> = Vec::new();
    let mut of_registry: HashMap<Registry, Vec<usize>> = HashMap::new();
    for (place, Question { reference, credential }) in questions.into_iter().enumerate() {
        let known = of_registry.entry(reference.registry.clone()).or_default();
        let is_same = |index: &&usize| same(conversations[**index].credential.as_ref(), credential.as_ref());
        let index = known.iter().find(is_same).copied().unwrap_or_else(|| {
            let registry = reference.registry.clone();
            conversations.push(Conversation { registry, credential, questions: Vec::new() });
            known.push(conversations.len() - 1);
            conversations.len() - 1
        });
        conversations[index].questions.push((place, reference));
    }
    for conversation in &mut conversations {
        conversation.questions = in_turn(std::mem::take(&mut conversation.questions));
    }
    conversations
}

/// A few repositories at a time, and of these each in turn: nobody waits for the token that another is asking for, and it
/// is still good when the last image of its repository is asked for.
fn in_turn(mut questions: Vec<(usize, Reference)>) -> Vec<(usize, Reference)> {
    questions.sort_by(|(_, one), (_, other)| one.repository.cmp(&other.repository));
    let repositories = questions.chunk_by(|(_, one), (_, other)| one.repository == other.repository).enumerate();
    let turn = |(number, images): (usize, &[(usize, Reference)])| {
        (0..images.len()).map(move |image| (number / AT_ONCE, image)).collect::<Vec<_>>()
    };
    let turns: Vec<(usize, usize)> = repositories.flat_map(turn).collect();
    let mut ordered: Vec<_> = turns.into_iter().zip(questions).collect();
    ordered.sort_by_key(|(turn, _)| *turn);
    ordered.into_iter().map(|(_, question)| question).collect()
}

/// Whether the same is presented.
pub(super) fn same(one: Option<&Credential>, other: Option<&Credential>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.user == other.user && one.secret == other.secret,
        (None, None) => true,
        _ => false,
    }
}

async fn converse(asking: &Arc<Asking>, conversation: Conversation) -> Vec<(usize, Answer)> {
    let Conversation { registry, credential, questions } = conversation;
    let all = |answer: Answer| {
        asking.progress.images(questions.len());
        questions.iter().map(|(place, _)| (*place, answer.clone())).collect()
    };
    let rights = asking.rights;
    if let Some(credential) = &credential
        && let Some(ago) = asking.retry.and_then(|retry| retry.refused(&registry, credential))
    {
        return all(Answer::refused_before(rights, &refused::said(&registry, &credential.user, ago)));
    }
    let Some(left) = asking.end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
        return all(Answer::given_up(rights, format!("no time was left to ask `{registry}`"), Vec::new()));
    };
    let mut options = network::options(&asking.environment, &registry);
    options.deadline = Some(left);
    let opened = Connection::open(&registry, credential.as_ref(), options).await;
    match opened.outcome {
        Err(error) => {
            remember(&registry, credential.as_ref(), &error);
            all(Answer::failed(rights, &error, opened.steps))
        }
        Ok(connection) => ask_all(asking, connection, credential, opened.steps, questions).await,
    }
}

fn remember(registry: &Registry, credential: Option<&Credential>, error: &RegistryError) {
    if let Some(credential) = credential {
        refused::remember::<()>(registry, credential, Err(error));
    }
}

/// What the workers of one conversation share.
struct Shared {
    asking: Arc<Asking>,
    connection: Connection,
    registry: Registry,
    credential: Option<Credential>,
    /// The steps of making the connection.
    steps: Vec<Step>,
    questions: Mutex<std::vec::IntoIter<(usize, Reference)>>,
    /// For how many images in a row there was no answer, and why.
    silent: AtomicUsize,
    why: Mutex<String>,
    /// Whether it was noted of this credential that it is refused, or good.
    is_noted: AtomicUsize,
}

async fn ask_all(
    asking: &Arc<Asking>,
    connection: Connection,
    credential: Option<Credential>,
    steps: Vec<Step>,
    questions: Vec<(usize, Reference)>,
) -> Vec<(usize, Answer)> {
    let workers = AT_ONCE.min(questions.len());
    let shared = Arc::new(Shared {
        asking: Arc::clone(asking),
        registry: questions[0].1.registry.clone(),
        connection,
        credential,
        steps,
        questions: Mutex::new(questions.into_iter()),
        silent: AtomicUsize::new(0),
        why: Mutex::default(),
        is_noted: AtomicUsize::new(0),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut answers = Vec::new();
            while let Some((place, reference)) = shared.next() {
                answers.push((place, shared.answer(&reference).await));
                shared.asking.progress.images(1);
            }
            answers
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

impl Shared {
    fn next(&self) -> Option<(usize, Reference)> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    async fn answer(&self, reference: &Reference) -> Answer {
        let Asking { rights, ref platform, all_layers, .. } = *self.asking;
        if self.silent.load(Ordering::Relaxed) >= GIVE_UP {
            let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Answer::given_up(rights, format!("not asked after {GIVE_UP} without an answer: {why}"), Vec::new());
        }
        let mut answer = Answer::empty(self.steps.clone());
        if rights.pull {
            let attempt = self.connection.attempt(reference, platform).await;
            self.note(attempt.outcome.as_ref().err());
            let opened = answer.add_pull(attempt);
            if let Some(opened) = opened.filter(|_| all_layers) {
                self.fetch(reference, &opened, &mut answer).await;
            }
        }
        if rights.push {
            let attempt = self.connection.can_push(reference).await;
            self.note(attempt.outcome.as_ref().err());
            answer.add_push(attempt);
        }
        answer
    }

    /// Fetches and verifies what the image is made of, and what was not verified before; nothing is kept.
    async fn fetch(&self, reference: &Reference, opened: &Opened, answer: &mut Answer) {
        let blobs = || std::iter::once(&opened.config).chain(&opened.layers);
        let name = |digest| format!("{}/{}@{digest}", reference.registry, reference.repository);
        let progress = &self.asking.progress;
        // A manifest can promise anything.
        progress.expect_bytes(blobs().fold(0, |sum, blob| sum.saturating_add(blob.size)));
        let mut bytes = 0;
        for blob in blobs() {
            let name = name(&blob.digest);
            if self.asking.whole.lock().unwrap_or_else(PoisonError::into_inner).contains(&name) {
                progress.bytes(blob.size);
                continue;
            }
            let attempt = self.connection.fetch(reference, blob, &mut progress.sink()).await;
            answer.steps.extend(attempt.steps);
            match attempt.outcome {
                Ok(length) => bytes += length,
                Err(error) => {
                    answer.pull = Some(Outcome::of(Some(&error)));
                    return;
                }
            }
            self.asking.whole.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        }
        answer.bytes = Some(bytes);
    }

    /// Learns from an answer whether to go on, and whether the credential is one to remember.
    fn note(&self, error: Option<&RegistryError>) {
        let no_answer =
            error.filter(|error| matches!(error.failure, Cause::Timeout { .. } | Cause::Unreachable { .. }));
        match no_answer {
            None => self.silent.store(0, Ordering::Relaxed),
            Some(error) => {
                self.silent.fetch_add(1, Ordering::Relaxed);
                *self.why.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
            }
        }
        let is_refused = error.is_some_and(|error| matches!(error.failure, Cause::CredentialRefused { .. }));
        let Some(credential) = self.credential.as_ref().filter(|_| error.is_none() || is_refused) else { return };
        // Once is enough: the file is written each time.
        let word = if is_refused { 2 } else { 1 };
        if self.is_noted.fetch_max(word, Ordering::Relaxed) < word {
            refused::remember(&self.registry, credential, error.map_or(Ok(&()), Err));
        }
    }
}

/// How long all of this may take.
pub(super) fn limit(images: usize, all_layers: bool) -> Duration {
    let each = if all_layers { Duration::from_secs(60 * 60) } else { Duration::from_millis(250) };
    let images = u32::try_from(images).unwrap_or(u32::MAX);
    Duration::from_secs(60) + each.saturating_mul(images)
}

/// The exit code that many answers mean together: one that is no decides.
pub(super) fn worst(exits: impl Iterator<Item = Exit>) -> Option<Exit> {
    let order = |exit: &Exit| match exit {
        Exit::No => 3,
        Exit::Unknown => 2,
        _ => 1,
    };
    exits.max_by_key(order)
}
