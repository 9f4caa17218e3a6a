//! Finding out what is wrong: the name, the logins, the registry, this host, in this order.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pullpass_client::{
    Credential, Options, Step,
    diagnosis::{Cause, Finding, judge, rank},
    github,
    probe::{self, Api, Ask, Credited, Evidence, Question},
};
use pullpass_oci::{Reference, Registry};
use pullpass_secrets::{store::Source, token};
use url::Url;

use super::{
    Doctor, GHCR, host,
    presented::{self, Login, Logins, Place, Program},
    report::{EngineOutlook, Found, Remedy, Report},
};
use crate::{
    engines::{self, Engine},
    environment,
    failure::{Failure, OrFail},
    logins::name::Name,
    network, refused,
};

/// How long it may take until there is an answer, of whatever kind.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(15);

/// Finds out.
pub(super) async fn run(doctor: &Doctor) -> Result<Report, Failure> {
    let mut report = Report::default();
    let engines = doctor.engines.asked_or_installed();
    let is_missing = engines.is_err();
    let engines = engines.unwrap_or_else(|_| Engine::ALL.to_vec());
    let mut findings: Vec<Found> = host::engines(doctor, &engines, is_missing).into_iter().map(Found::from).collect();
    match &doctor.reference {
        Some(text) => {
            let text = token::mask(text);
            report.subject = Some(text.clone());
            match host::name::read(&text) {
                Ok(reference) => {
                    let name: Name = text_of(&reference).parse().map_err(Failure::usage)?;
                    findings.extend(one(doctor, &name, Some(reference), &engines, &mut report).await?);
                }
                Err(finding) => findings.push((*finding).into()),
            }
        }
        None => {
            for name in host::stored_registries(&engines)? {
                findings.extend(one(doctor, &name, None, &engines, &mut report).await?);
            }
        }
    }
    report.findings = ranked(findings);
    Ok(report)
}

fn text_of(reference: &Reference) -> String {
    format!("{}/{}", reference.registry, reference.repository)
}

/// Everything about one registry, and the image in it.
async fn one(
    doctor: &Doctor,
    name: &Name,
    reference: Option<Reference>,
    engines: &[Engine],
    report: &mut Report,
) -> Result<Vec<Found>, Failure> {
    let logins = presented::read(name, engines)?;
    let steps: Arc<Mutex<Vec<Step>>> = Arc::default();
    let question = question(doctor, &logins, reference, &steps)?;
    let (evidence, daemon) = tokio::join!(probe::probe(&question), host::daemon::ask(engines, &logins.environment));
    report.steps.append(&mut steps.lock().unwrap_or_else(PoisonError::into_inner));
    for (stored, credited) in logins.stored.iter().zip(&evidence.credentials) {
        if let Some(tried) = &credited.tried {
            refused::remember(&name.registry, &network::credential(&stored.credential), tried.outcome.as_ref());
        }
        if let Some((account, (host, _))) = credited.account.as_ref().zip(api(&name.registry)?) {
            let credential = userless(&network::credential(&stored.credential));
            refused::remember(&host, &credential, account.result.as_ref());
        }
    }
    let mut way = judge::registry(&evidence);
    if let Some(daemon) = &daemon {
        daemon.amend(&evidence, &mut way);
    }
    let mut findings: Vec<Found> = way.into_iter().map(Found::from).collect();
    findings.extend(host::stores(&logins));
    findings.extend(of_logins(&evidence, &logins));
    findings.extend(host::service::findings(&evidence, &logins));
    let has_way = daemon.is_none_or(|daemon| daemon.has_way(&evidence));
    report.engines.extend(outlooks(&evidence, &logins, has_way));
    report.notes.extend(notes(&evidence, &logins));
    report.notes.extend(host::service::notes(&evidence, &logins));
    report.notes.extend(host::login::roots(&evidence, &logins));
    Ok(findings)
}

fn question(
    doctor: &Doctor,
    logins: &Logins,
    reference: Option<Reference>,
    steps: &Arc<Mutex<Vec<Step>>>,
) -> Result<Question, Failure> {
    let registry = logins.registry();
    let github = api(registry)?;
    let ask = |stored: &presented::Stored| {
        let credential = network::credential(&stored.credential);
        let has_refused =
            |registry: &Registry, credential: &Credential| doctor.retry.refused(registry, credential).is_some();
        let for_github = userless(&credential);
        let is_refused_by_github = github.as_ref().is_some_and(|(host, _)| has_refused(host, &for_github));
        Ask { is_refused: has_refused(registry, &credential), is_refused_by_github, credential }
    };
    let seen = Arc::clone(steps);
    let observer = move |step: Step| seen.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    let options = |registry: &Registry| Options {
        deadline: Some(DEADLINE),
        request_timeout: REQUEST,
        observer: Some(Arc::new(observer.clone())),
        ..network::options(&logins.environment, registry)
    };
    Ok(Question {
        registry: registry.clone(),
        reference,
        architecture: engines::architecture(),
        push: doctor.push,
        now: Timestamp::now(),
        credentials: logins.stored.iter().map(ask).collect(),
        github: github.as_ref().map(|(host, url)| Api { url: url.clone(), options: options(host) }),
        has_proxy: !registry.is_loopback() && environment::has_proxy(registry.host()),
        options: options(registry),
    })
}

/// As it is asked about at GitHub, which is told no user.
fn userless(credential: &Credential) -> Credential {
    Credential { user: String::new(), secret: credential.secret.clone() }
}

/// GitHub's API, where the registry is GitHub's, and its name in the memory of refusals.
fn api(registry: &Registry) -> Result<Option<(Registry, Url)>, Failure> {
    if registry.as_str() != GHCR {
        return Ok(None);
    }
    let url: Url = github::API.parse().or_unknown()?;
    Ok(Some((url.host_str().unwrap_or_default().parse().or_unknown()?, url)))
}

/// What is wrong with what each program presents: what this host does to it, else what the registry says to it.
fn of_logins(evidence: &Evidence, logins: &Logins) -> Vec<Found> {
    let mut findings: Vec<Found> = Vec::new();
    let mut open: Vec<&Program> = Vec::new();
    for program in &logins.programs {
        match host::login::explain(evidence, logins, program) {
            Some(found) => join(&mut findings, found),
            None => open.push(program),
        }
    }
    for (index, credited) in evidence.credentials.iter().enumerate() {
        let is_user = |program: &&&Program| logins.users(index).iter().any(|user| std::ptr::eq(*user, **program));
        let users: Vec<&Program> = open.iter().filter(is_user).copied().collect();
        if users.is_empty() && !logins.users(index).is_empty() || logins.is_a_services(index) {
            continue;
        }
        let about = logins.about(index, &users);
        let judged = judge::credential(evidence, credited, &about);
        let judged = judged.into_iter().chain(judge::push(evidence, credited, &about));
        findings.extend(judged.map(|mut finding| {
            finding.blocks &= !users.is_empty();
            let remedy = remedy(evidence, logins, index, &finding);
            Found { finding, remedy }
        }));
    }
    let without: Vec<&Program> = open.into_iter().filter(|program| matches!(program.login, Login::None)).collect();
    if !without.is_empty() {
        findings.extend(judge::nobody(evidence, &presented::names(&without)).map(Found::from));
    }
    findings
}

/// Adds a finding about a program, which may be the same about another.
fn join(findings: &mut Vec<Found>, found: Found) {
    let is_same = |other: &&mut Found| {
        let (one, other) = (&found.finding, &other.finding);
        (one.cause, &one.evidence, &one.fixes, one.blocks) == (other.cause, &other.evidence, &other.fixes, other.blocks)
    };
    match findings.iter_mut().find(is_same) {
        Some(other) => other.finding.about = format!("{} and {}", other.finding.about, found.finding.about),
        None => findings.push(found),
    }
}

/// A dead login in a file can be taken away.
fn remedy(evidence: &Evidence, logins: &Logins, index: usize, finding: &Finding) -> Option<Remedy> {
    let is_proved = evidence.credentials[index].tried.as_ref().is_some_and(|tried| tried.is_alive == Some(false));
    if !is_proved || !matches!(finding.cause, Cause::DeadLogin | Cause::DeadLoginOnPublic) || !finding.or.is_empty() {
        return None;
    }
    // What only a service reads may be of another format, and is not this person's.
    let is_programs = |place: &&Place| {
        logins.programs.iter().any(|program| place.read_by.iter().any(|name| name == program.reader.name))
    };
    let place = logins.stored[index].places.iter().filter(is_programs).find(|place| place.path.is_some())?;
    Some(Remedy::Remove { path: place.path.clone()?, key: place.key.clone() })
}

/// `has_way`: whether Docker's daemon can get to the registry.
fn outlooks(evidence: &Evidence, logins: &Logins, has_way: bool) -> Vec<EngineOutlook> {
    let Some(_) = &evidence.reference else { return Vec::new() };
    let outlook = |program: &Program| {
        let tried = match &program.login {
            Login::Stored { index, .. } => {
                evidence.credentials.get(*index).and_then(|credited| credited.tried.as_ref())
            }
            Login::None => Some(&evidence.anonymous),
            Login::IdentityToken(_) => None,
            Login::Broken { .. } => None,
        };
        let is_sent = |credited: &Credited| credited.tried.is_some();
        let pulls = match (&program.login, tried) {
            _ if !has_way && program.reader.engine == Engine::Docker => Some(false),
            (_, Some(tried)) => match &tried.outcome {
                Ok(_) => Some(true),
                Err(error) if network::exit(error) == crate::failure::Exit::No => Some(false),
                Err(_) => None,
            },
            (Login::Stored { index, .. }, None) => {
                evidence.credentials.get(*index).filter(|credited| !is_sent(credited)).map(|_| false)
            }
            (Login::Broken { .. }, None) => Some(false),
            _ => None,
        };
        EngineOutlook { engine: program.reader.name.to_owned(), pulls, login: program.login.says(logins) }
    };
    logins.programs.iter().map(outlook).collect()
}

/// What is worth a word and harms nothing.
fn notes(evidence: &Evidence, logins: &Logins) -> Vec<String> {
    let mut notes = Vec::new();
    for (stored, credited) in logins.stored.iter().zip(&evidence.credentials) {
        let account = credited.account.as_ref().and_then(|account| account.result.as_ref().ok());
        if let Some(account) = account
            && !account.login.eq_ignore_ascii_case(&stored.credential.user)
        {
            notes.push(format!(
                "{} is a token of `{}`, and is stored under the user `{}`: ghcr.io does not mind",
                stored.fingerprint,
                account.login,
                token::mask(&stored.credential.user)
            ));
        }
    }
    for program in &logins.programs {
        if let Login::IdentityToken(source) = &program.login {
            notes.push(format!("{}: {source} holds an identity token, which was not tried", program.reader.name));
        }
        if let Login::Stored { source: Source::File(path), .. } = &program.login
            && program.reader.engine == Engine::Podman
            && pullpass_secrets::store::podman::is_emptied_by_reboot(&logins.environment, path)
        {
            notes.push(format!("{}: a reboot empties {}", program.reader.name, path.display()));
        }
    }
    notes
}

/// As [`rank`] has them, each with its remedy.
fn ranked(found: Vec<Found>) -> Vec<Found> {
    let findings = found.iter().map(|found| found.finding.clone()).collect();
    let mut found = found;
    let take = |finding: Finding| {
        let at = found.iter().position(|other| other.finding == finding)?;
        Some(found.swap_remove(at))
    };
    rank(findings).into_iter().filter_map(take).collect()
}
