//! Whether credentials still work. Each is sent once, to its own registry; GitHub's tokens to GitHub as well, if that was
//! asked for.

use std::{sync::Arc, time::Duration};

use pullpass_client::{Credential, Failure as Cause, Options, RegistryError, github, registry::Login};
use pullpass_oci::Registry;
use pullpass_secrets::{
    store::{self, Environment},
    token,
};
use tokio::task::JoinSet;
use url::Url;

use crate::{
    failure::{Failure, OrFail},
    logins::{
        name,
        report::{Entry, Refused, Report},
    },
    network,
    refused::{self, Retry},
};

/// How many are asked at a time.
const AT_ONCE: usize = 8;
/// How long one conversation may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Who is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) registries: bool,
    pub(super) github: bool,
}

/// A credential, whom to ask about it, and the entries that hold it.
#[derive(Clone)]
struct Question {
    registry: Registry,
    credential: Credential,
    options: Options,
    /// By store and entry.
    places: Vec<(usize, usize)>,
}

/// What came of it.
#[derive(Default)]
struct Answer {
    alive: Option<bool>,
    is_missing: bool,
    said: Option<String>,
    account: Option<github::Account>,
}

/// Asks, and writes into `report` what was answered. `before` are credentials that were refused earlier in this run.
pub(super) fn run(
    report: &mut Report,
    environment: &Environment,
    asked: Asked,
    retry: Retry,
    before: &[Refused],
) -> Result<(), Failure> {
    for entry in report.stores.iter_mut().flat_map(|store| &mut store.entries) {
        if before.iter().any(|refused| entry.is(refused)) {
            entry.alive = Some(false);
            entry.check = Some("refused when it was asked for another user, who has it too".to_owned());
        }
    }
    if asked.registries {
        let questions = questions(report, environment, |entry, credential| {
            Some((name::registry(&entry.registry)?, network::credential(credential)))
        });
        answer(report, questions, retry, |question| async move {
            let Question { registry, credential, options, .. } = question;
            match network::check_login(&registry, credential, options).await {
                Ok(Login::Accepted) => Ok(Answer { alive: Some(true), ..Answer::default() }),
                Ok(Login::NotAsked) => {
                    Ok(Answer { said: Some(format!("{registry} asks nobody for a login")), ..Answer::default() })
                }
                Err(error) => Err(error),
            }
        })?;
    }
    if asked.github {
        let api: Registry = "api.github.com".parse().or_unknown()?;
        let url = github::API.parse().or_unknown()?;
        // It is told no user, so that a token that several have is one question.
        let questions = questions(report, environment, |entry, credential| {
            let credential = Credential { user: String::new(), secret: credential.secret.clone() };
            entry.is_githubs().then(|| (api.clone(), credential))
        });
        answer(report, questions, retry, move |question| {
            let url: Url = Url::clone(&url);
            async move {
                let account = github::account(&url, &question.credential, question.options).await.result?;
                Ok(Answer { alive: Some(true), account: Some(account), ..Answer::default() })
            }
        })?;
    }
    Ok(())
}

/// One question for all entries that would ask the same. What is known to be refused is not sent again, to nobody.
fn questions(
    report: &Report,
    environment: &Environment,
    whom: impl Fn(&Entry, &store::Credential) -> Option<(Registry, Credential)>,
) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for (store, entries) in report.stores.iter().map(|store| &store.entries).enumerate() {
        for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.alive != Some(false)) {
            let stored = entry.credential.as_ref();
            let Some((registry, credential)) = stored.and_then(|stored| whom(entry, stored)) else { continue };
            let is_same = |question: &&mut Question| {
                let other = &question.credential;
                question.registry == registry && other.user == credential.user && other.secret == credential.secret
            };
            match questions.iter_mut().find(is_same) {
                Some(question) => question.places.push((store, place)),
                None => {
                    let options = Options { deadline: Some(DEADLINE), ..network::options(environment, &registry) };
                    questions.push(Question { registry, credential, options, places: vec![(store, place)] });
                }
            }
        }
    }
    questions
}

/// Asks the questions, some at a time.
fn answer<F>(
    report: &mut Report,
    questions: Vec<Question>,
    retry: Retry,
    ask: impl Fn(Question) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<Answer, Arc<RegistryError>>> + Send + 'static,
{
    let mut open = Vec::new();
    for question in questions {
        match retry.refused(&question.registry, &question.credential) {
            Some(ago) => {
                let said = refused::said(&question.registry, &question.credential.user, ago);
                let answer = Answer { alive: Some(false), said: Some(said), ..Answer::default() };
                tell(report, &question, &answer);
            }
            None => open.push(question),
        }
    }
    for some in open.chunks(AT_ONCE) {
        let answers = network::block_on(async {
            let mut tasks = JoinSet::new();
            for (index, question) in some.iter().enumerate() {
                let answer = ask(question.clone());
                tasks.spawn(async move { (index, answer.await) });
            }
            Ok(tasks.join_all().await)
        })?;
        for (index, answer) in answers {
            let question = &some[index];
            refused::remember(&question.registry, &question.credential, answer.as_ref().map_err(AsRef::as_ref));
            tell(report, question, &answer.unwrap_or_else(|error| Answer::failed(&error)));
        }
    }
    Ok(())
}

impl Answer {
    fn failed(error: &RegistryError) -> Answer {
        let alive = matches!(error.failure, Cause::CredentialRefused { .. }).then_some(false);
        Answer { alive, is_missing: alive.is_none(), said: Some(error.to_string()), account: None }
    }
}

fn tell(report: &mut Report, question: &Question, answer: &Answer) {
    for (store, place) in &question.places {
        let entry = &mut report.stores[*store].entries[*place];
        entry.alive = answer.alive.or(entry.alive);
        entry.is_unanswered |= answer.is_missing;
        entry.check = answer.said.as_deref().map(token::mask).or(entry.check.take());
        if let Some(account) = &answer.account {
            entry.login = Some(account.login.clone());
            entry.scopes.clone_from(&account.scopes);
            entry.expires = account.expires;
        }
    }
}
