//! What came of one way of asking, in plain values.

use pullpass_client::{
    Failure as Cause, RegistryError, Stage, Step,
    pull::{Attempt, Opened},
};

use crate::{failure::Exit, network, wait};

/// Whether something may be done.
#[derive(Clone)]
pub(super) enum Outcome {
    Yes,
    No(Refusal),
}

/// Why something may not be done, or why that could not be found out.
#[derive(Clone)]
pub(super) struct Refusal {
    /// The registry's answer, or what was in its way.
    pub(super) error: String,
    pub(super) exit: Exit,
    pub(super) cause: Known,
    /// Whether time can change it.
    pub(super) hope: Option<wait::Hope>,
}

/// What a refusal means, as far as one answer tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The credential is dead or wrong.
    Refused,
    /// Nothing was presented, and that is not enough.
    LoginNeeded,
    /// The token service gives no token for this repository.
    DeniedToken,
    /// The registry denies it.
    Denied,
    /// Access is open, but there is no such tag or platform.
    Missing,
    /// Anything else.
    Other,
}

impl Outcome {
    pub(super) fn of(error: Option<&RegistryError>) -> Outcome {
        error.map_or(Outcome::Yes, |error| Outcome::No(Refusal::of(error)))
    }

    /// None when it could not be found out.
    pub(super) fn word(&self) -> Option<bool> {
        match self {
            Outcome::Yes => Some(true),
            Outcome::No(refusal) if refusal.exit == Exit::No => Some(false),
            Outcome::No(_) => None,
        }
    }

    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Outcome::Yes => None,
            Outcome::No(refusal) => Some(refusal),
        }
    }
}

impl Refusal {
    fn of(error: &RegistryError) -> Refusal {
        let cause = match &error.failure {
            Cause::CredentialRefused { .. } => Known::Refused,
            Cause::AuthenticationRequired(_) => Known::LoginNeeded,
            Cause::AccessDenied(_) if error.request.stage == Stage::Token => Known::DeniedToken,
            Cause::AccessDenied(_) => Known::Denied,
            Cause::NotFound(_) | Cause::NoPlatform { .. } => Known::Missing,
            _ => Known::Other,
        };
        Refusal { error: error.to_string(), exit: network::exit(error), cause, hope: wait::hope(error) }
    }

    /// What is not asked, because it would be no use.
    fn unasked(error: String, exit: Exit, cause: Known) -> Refusal {
        Refusal { error, exit, cause, hope: None }
    }
}

/// What a registry answers with one credential, or without.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) alive: Option<bool>,
    /// None when it was not asked for.
    pub(super) pull: Option<Outcome>,
    /// None when it was not asked for.
    pub(super) push: Option<Outcome>,
    pub(super) digest: Option<String>,
    /// How many bytes of configuration and layers were fetched and verified.
    pub(super) bytes: Option<u64>,
    pub(super) steps: Vec<Step>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub(super) pull: bool,
    pub(super) push: bool,
}

impl Answer {
    pub(super) fn empty(steps: Vec<Step>) -> Answer {
        Answer { alive: None, pull: None, push: None, digest: None, bytes: None, steps }
    }

    /// The same for all that is asked for.
    fn all(rights: Rights, refusal: Refusal, alive: Option<bool>, steps: Vec<Step>) -> Answer {
        let outcome = |asked: bool| asked.then(|| Outcome::No(refusal.clone()));
        Answer { alive, pull: outcome(rights.pull), push: outcome(rights.push), ..Answer::empty(steps) }
    }

    /// There was no connection.
    pub(super) fn failed(rights: Rights, error: &RegistryError, steps: Vec<Step>) -> Answer {
        Answer::all(rights, Refusal::of(error), None, steps)
    }

    /// What was answered within the last day, and is not asked again.
    pub(super) fn refused_before(rights: Rights, said: &str) -> Answer {
        let error = format!("{said}, and it was not sent again (`--retry` sends it)");
        Answer::all(rights, Refusal::unasked(error, Exit::No, Known::Refused), Some(false), Vec::new())
    }

    /// Others were not answered, and this was not sent any more.
    pub(super) fn given_up(rights: Rights, why: String, steps: Vec<Step>) -> Answer {
        Answer::all(rights, Refusal::unasked(why, Exit::Unknown, Known::Other), None, steps)
    }

    pub(super) fn add_pull(&mut self, attempt: Attempt<Opened>) -> Option<Opened> {
        self.alive = attempt.is_credential_alive;
        self.steps.extend(attempt.steps);
        self.pull = Some(Outcome::of(attempt.outcome.as_ref().err()));
        self.digest = attempt.outcome.as_ref().ok().map(|opened| opened.digest.to_string());
        attempt.outcome.ok()
    }

    pub(super) fn add_push(&mut self, attempt: Attempt<()>) {
        self.alive = attempt.is_credential_alive;
        self.steps.extend(attempt.steps);
        self.push = Some(Outcome::of(attempt.outcome.as_ref().err()));
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.pull.iter().chain(&self.push)
    }

    /// What was not yes.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.outcomes().filter_map(Outcome::refusal)
    }

    pub(super) fn is_yes(&self) -> bool {
        self.refusals().next().is_none()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refusals().any(|refusal| refusal.cause == Known::Refused)
    }

    /// The registry answered over plain HTTP only.
    pub(super) fn is_plain(&self) -> bool {
        self.steps.iter().any(|step| step.url.starts_with("http://") && step.status.is_some())
    }

    /// Whether it is worth asking again.
    pub(super) fn is_hopeful(&self) -> bool {
        self.refusals().any(|refusal| refusal.hope.is_some())
    }
}
