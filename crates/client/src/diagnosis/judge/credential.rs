//! What the answers to a credential, and to nobody, mean.

use pullpass_secrets::token::Kind;

use super::{NEW_TOKEN, WithSettings, log_in, owner_and_name, said, subject};
use crate::{
    diagnosis::{Cause, Finding, Fix},
    error::{Failure, RegistryError, Said},
    github::{Account, Answered, Package, Sso},
    probe::{Credited, Evidence},
};

/// What is wrong with a credential that an engine presents. `about` names it. Nothing where it opens the image, or where the
/// way to the registry is what fails.
pub fn credential(evidence: &Evidence, credited: &Credited, about: &str) -> Vec<Finding> {
    let finding = shape(evidence, credited).or_else(|| {
        if credited.is_refused {
            return Some(refused_before(evidence, credited));
        }
        let tried = credited.tried.as_ref()?;
        match &tried.outcome.as_ref().err()?.failure {
            Failure::CredentialRefused { said, .. } => Some(refused(evidence, credited, said)),
            Failure::AccessDenied(_) | Failure::AuthenticationRequired(_) => {
                Some(denied(evidence, credited, tried.outcome.as_ref().err()?))
            }
            _ => None,
        }
    });
    let is_found = |cause: Cause| finding.as_ref().is_some_and(|finding| finding.candidates().any(|its| its == cause));
    let locked = locked(evidence, credited).filter(|_| !is_found(Cause::Lockout));
    let ending = ending(evidence, credited);
    finding.into_iter().chain(locked).chain(ending).map(|finding| finding.about(about)).collect()
}

/// What it means for an engine that presents nothing.
pub fn nobody(evidence: &Evidence, about: &str) -> Option<Finding> {
    let error = evidence.anonymous.outcome.as_ref().err()?;
    let finding = match &error.failure {
        Failure::AuthenticationRequired(_) => Finding::new(Cause::NoLogin)
            .seen(said(error))
            .seen("no store that it reads has a login for it")
            .command(log_in(evidence, "USER")),
        Failure::AccessDenied(_) if evidence.is_githubs => no_package(evidence).seen(said(error)),
        Failure::AccessDenied(_) => Finding::new(Cause::NoLogin)
            .or(&[Cause::NoSuchPackage], format!("`pullpass verify {}` with a login", subject(evidence)))
            .seen(said(error))
            .command(log_in(evidence, "USER")),
        _ => return None,
    };
    Some(finding.about(about))
}

/// What is wrong with its characters alone; nothing was sent then.
fn shape(evidence: &Evidence, credited: &Credited) -> Option<Finding> {
    let kind = credited.kind.prefix();
    if let Err(malformed) = &credited.shape {
        let finding = Finding::new(Cause::Mangled).seen(malformed.to_string()).seen("it was sent nowhere");
        return Some(finding.command(log_in(evidence, &credited.user)).words("copy the token again, whole and alone"));
    }
    if !evidence.is_githubs {
        return None;
    }
    let unusable = |cause: Cause| {
        let finding =
            Finding::new(cause).seen(format!("it begins with `{kind}`")).seen("it was not sent to the registry");
        finding.command(NEW_TOKEN)
    };
    match credited.kind {
        Kind::GithubFineGrained => Some(unusable(Cause::FineGrained)),
        Kind::GithubRefresh => Some(unusable(Cause::WrongKind)),
        Kind::Pullpass => {
            Some(unusable(Cause::WrongKind).seen("it is a token of a pullpass server, which GitHub does not know"))
        }
        _ => None,
    }
}

fn refused_before(evidence: &Evidence, credited: &Credited) -> Finding {
    let cause = if is_public(evidence) { Cause::DeadLoginOnPublic } else { Cause::DeadLogin };
    Finding::new(cause)
        .likely()
        .seen(format!("{} refused it within the last day, so that it was not sent again", evidence.registry))
        .command(log_in(evidence, &credited.user))
        .words("`--retry` sends it once more")
}

/// The token service did not take it.
fn refused(evidence: &Evidence, credited: &Credited, refusal: &Said) -> Finding {
    let registry = &evidence.registry;
    let line = format!("{registry} refused it: {refusal}");
    let is_public = is_public(evidence);
    let dead = |why: String| {
        let cause = if is_public { Cause::DeadLoginOnPublic } else { Cause::DeadLogin };
        let finding = Finding::new(cause).seen(line.clone());
        if is_public {
            finding
                .seen(format!("{why}the image is public: the same request without a login succeeds"))
                .command(format!("pullpass logout {registry}"))
                .command(log_in(evidence, &credited.user))
        } else {
            let finding = if why.is_empty() { finding } else { finding.seen(why.trim_end_matches("; ").to_owned()) };
            finding.command(log_in(evidence, &credited.user))
        }
    };
    if !evidence.is_githubs {
        return dead(String::new());
    }
    match (credited.kind, &credited.account) {
        (Kind::Unknown, _) if !credited.is_legacy => Finding::new(Cause::Password)
            .seen(line)
            .seen("it begins like no token of GitHub's: ghcr.io takes no password of an account")
            .command(NEW_TOKEN)
            .not(public_or_not(is_public)),
        (Kind::GithubInstallation, Some(Answered { result: Ok(_), .. })) => installation(evidence, line),
        (_, Some(Answered { result: Ok(account), .. })) => alive_elsewhere(evidence, account, line),
        (kind, Some(Answered { result: Err(error), .. })) => match &error.failure {
            Failure::CredentialRefused { .. } if kind == Kind::GithubInstallation => Finding::new(Cause::Workflow)
                .or(&[Cause::Installation], "who made it: a workflow's token ends with its job, an app's after an hour")
                .seen(line)
                .seen(format!("GitHub does not know it any more: {}", code(error)))
                .command(NEW_TOKEN)
                .not(public_or_not(is_public)),
            Failure::CredentialRefused { .. } => dead(format!("GitHub says so too: {}; ", code(error))),
            Failure::AccessDenied(said) if is_lockout(said) => lockout(evidence, error).seen(line),
            Failure::AccessDenied(_) if kind == Kind::GithubInstallation => installation(evidence, line),
            _ => {
                let finding = dead(String::new());
                let others = &[Cause::Lockout, Cause::NotActiveYet];
                finding
                    .or(others, "`pullpass token inspect`, when api.github.com can be reached")
                    .seen(said_of_github(error))
            }
        },
        (_, None) => dead(String::new()),
    }
}

/// GitHub knows the token, and the registry does not take it.
fn alive_elsewhere(evidence: &Evidence, account: &Account, line: String) -> Finding {
    if let Some(scopes) = lacks_read(account) {
        // Whether the token service looks at scopes is not certain; either way this is what it lacks.
        return Finding::new(Cause::NoReadScope).seen(line).seen(scopes).command(NEW_TOKEN);
    }
    Finding::new(Cause::NotActiveYet)
        .or(&[Cause::Lockout], "the same a few minutes later: a new token is known everywhere by then")
        .seen(line)
        .seen(format!("GitHub knows it, as a token of `{}`", account.login))
        .command(format!("pullpass verify {} --wait 5m", subject(evidence)))
        .not("a dead token: GitHub accepts it")
}

/// One that GitHub knows and the registry does not let in: an app's never is, a workflow's only for its own packages.
fn installation(evidence: &Evidence, line: String) -> Finding {
    Finding::new(Cause::Installation)
        .or(&[Cause::Workflow], "who made it: an app, or a workflow of another repository")
        .seen(line)
        .seen("it is alive: GitHub knows it")
        .command(NEW_TOKEN)
        .settings(evidence)
}

fn lockout(evidence: &Evidence, error: &RegistryError) -> Finding {
    Finding::new(Cause::Lockout)
        .seen(said_of_github(error))
        .words("wait an hour; meanwhile end what tries again and again with a dead token")
        .command(format!("pullpass status {} --check", evidence.registry))
}

/// The token is alive and does not open the image.
fn denied(evidence: &Evidence, credited: &Credited, error: &RegistryError) -> Finding {
    let line = said(error);
    let (Failure::AccessDenied(refusal) | Failure::AuthenticationRequired(refusal)) = &error.failure else {
        return Finding::new(Cause::NoRole).seen(line);
    };
    let alive = "the token is alive";
    if !evidence.is_githubs {
        return Finding::new(Cause::NoRole)
            .or(&[Cause::NoSuchPackage], "whoever runs the registry: it does not tell the two apart")
            .seen(line)
            .not(alive);
    }
    let has_said = |text: &str| refusal.errors.iter().any(|entry| entry.message.contains(text));
    if credited.kind == Kind::GithubInstallation {
        return installation(evidence, line);
    }
    let account = credited.account.as_ref();
    let known = account.and_then(|account| account.result.as_ref().ok());
    if let Some(scopes) = known.and_then(lacks_read) {
        return Finding::new(Cause::NoReadScope).seen(line).seen(scopes).command(NEW_TOKEN).not(alive);
    }
    if has_said("does not match expected scopes") {
        return Finding::new(Cause::NoReadScope).seen(line).command(NEW_TOKEN).not(alive);
    }
    if let Some(Err(error)) = account.map(|account| &account.result)
        && let Failure::AccessDenied(said) = &error.failure
        && is_lockout(said)
    {
        return lockout(evidence, error).seen(line);
    }
    if let Some(package) = &credited.package {
        return by_package(evidence, credited, package, line).not(alive);
    }
    if is_missing_owner(evidence) || is_missing_anonymously(evidence) {
        return no_package(evidence).seen(line).not(alive);
    }
    let decide = "`pullpass doctor` again, when api.github.com can be reached";
    let finding = Finding::new(Cause::NoRole).or(&[Cause::Sso, Cause::IpAllowList], decide).seen(line).not(alive);
    finding.settings(evidence)
}

/// What GitHub's API says of the package decides what the registry does not say.
fn by_package(evidence: &Evidence, credited: &Credited, package: &Answered<Package>, line: String) -> Finding {
    let owner = evidence.reference.as_ref().map(|reference| owner_and_name(reference).0).unwrap_or_default();
    if let Some(Sso::Required { url }) = &package.sso {
        return sso(line).seen("GitHub asks for single sign-on first").fix(Fix::Page(url.clone()));
    }
    let error = match &package.result {
        Err(error) => error,
        Ok(found) => {
            let cause = if found.visibility == "public" { Cause::Outage } else { Cause::NoRole };
            let other = if cause == Cause::NoRole { Cause::Outage } else { Cause::IpAllowList };
            return Finding::new(cause)
                .or(&[other], "the same an hour later, and https://www.githubstatus.com/")
                .seen(line)
                .seen(format!("GitHub shows the package to this token: it is {}", found.visibility))
                .settings(evidence);
        }
    };
    let Failure::AccessDenied(refusal) = &error.failure else {
        return hidden(evidence, credited, package, line);
    };
    let words = refusal.errors.iter().map(|entry| entry.code.as_str()).collect::<Vec<_>>().join("; ");
    let has_said = |text: &str| words.contains(text);
    let saw = format!("GitHub: {words}");
    if has_said("SAML") {
        return sso(line).seen(saw).fix(Fix::Page(format!("https://github.com/orgs/{owner}/sso")));
    }
    if has_said("IP allow list") {
        return Finding::new(Cause::IpAllowList)
            .seen(line)
            .seen(saw)
            .words(format!("have an owner of `{owner}` allow this host's public address"));
    }
    if has_said("forbids access via a personal access token") {
        return Finding::new(Cause::TokenPolicy)
            .seen(line)
            .seen(saw)
            .words("make a token that the policy allows: a shorter life, or an OAuth token (`gh auth refresh -s read:packages`)");
    }
    if credited.kind == Kind::GithubOauth && (has_said("OAuth") || has_said("Although you appear")) {
        return Finding::new(Cause::OauthApp).seen(line).seen(saw).fix(app_policy(owner));
    }
    if is_lockout(refusal) {
        return lockout(evidence, error).seen(line);
    }
    hidden(evidence, credited, package, line).seen(saw)
}

/// GitHub does not show the package to this token.
fn hidden(evidence: &Evidence, credited: &Credited, package: &Answered<Package>, line: String) -> Finding {
    if is_missing_anonymously(evidence) {
        return no_package(evidence).seen(line);
    }
    let is_organizations =
        evidence.owner.as_ref().and_then(|owner| owner.result.as_ref().ok()).is_some_and(|owner| owner.is_organization);
    let owner = evidence.reference.as_ref().map(|reference| owner_and_name(reference).0).unwrap_or_default();
    let is_partial = |sso: &Option<Sso>| matches!(sso, Some(Sso::Partial { .. }));
    let has_partial =
        is_partial(&package.sso) || credited.account.as_ref().is_some_and(|account| is_partial(&account.sso));
    if has_partial && is_organizations {
        return sso(line)
            .likely()
            .seen("GitHub leaves out what belongs to an organization with single sign-on")
            .fix(Fix::Page("https://github.com/settings/tokens".to_owned()));
    }
    let exists = "the package exists: without a login it answers 401, and a name that is none 403";
    let finding = Finding::new(Cause::NoRole).seen(line).settings(evidence);
    let finding = finding.words("give the account, or a team of its, the read role there");
    match (credited.kind, is_organizations) {
        (Kind::GithubOauth, true) => finding
            .or(
                &[Cause::OauthApp, Cause::Sso],
                format!("`{owner}`'s list of approved apps, and the same with a classic token"),
            )
            .seen("GitHub does not show the package to this token")
            .not(exists),
        (_, true) => finding
            .or(
                &[Cause::Sso],
                format!("whether https://github.com/settings/tokens offers `Configure SSO` for `{owner}`"),
            )
            .seen("GitHub does not show the package to this token")
            .not(exists),
        _ => finding.seen("GitHub does not show the package to this token").not(exists),
    }
}

fn sso(line: String) -> Finding {
    Finding::new(Cause::Sso).seen(line)
}

fn app_policy(owner: &str) -> Fix {
    Fix::Page(format!("https://github.com/organizations/{owner}/settings/oauth_application_policy"))
}

fn no_package(evidence: &Evidence) -> Finding {
    let subject = subject(evidence);
    let finding = Finding::new(Cause::NoSuchPackage);
    let finding = match (is_missing_owner(evidence), &evidence.reference) {
        (true, Some(reference)) => finding.seen(format!("GitHub has no account `{}`", owner_and_name(reference).0)),
        _ => finding,
    };
    finding
        .words(format!("correct the name: `{subject}` is none; a package that was renamed or deleted is none either"))
}

fn is_public(evidence: &Evidence) -> bool {
    match &evidence.anonymous.outcome {
        Ok(opened) => opened.is_some(),
        // Nobody's token was good for it; what is behind it is not what was asked for.
        Err(error) => {
            use Failure::{DigestMismatch, NoPlatform, NotFound};
            matches!(error.failure, NotFound(_) | NoPlatform { .. } | DigestMismatch { .. })
        }
    }
}

fn public_or_not(is_public: bool) -> String {
    match is_public {
        true => "a private image: it opens without a login".to_owned(),
        false => "a public image: it does not open without a login".to_owned(),
    }
}

/// ghcr.io answers nobody's token request 401 for a package that is private, and 403 for a name that is none.
fn is_missing_anonymously(evidence: &Evidence) -> bool {
    matches!(&evidence.anonymous.outcome, Err(error) if matches!(error.failure, Failure::AccessDenied(_)))
}

fn is_missing_owner(evidence: &Evidence) -> bool {
    let error = evidence.owner.as_ref().and_then(|owner| owner.result.as_ref().err());
    error.is_some_and(|error| matches!(error.failure, Failure::NotFound(_)))
}

fn is_lockout(said: &Said) -> bool {
    said.errors.iter().any(|entry| entry.code.contains("login attempts exceeded"))
}

/// What GitHub says without a code.
fn code(error: &RegistryError) -> String {
    match &error.failure {
        Failure::CredentialRefused { said, .. } => said.to_string(),
        _ => error.to_string(),
    }
}

fn said_of_github(error: &RegistryError) -> String {
    format!("GitHub: {error}")
}

/// Which scopes it has, when reading packages is not among them.
fn lacks_read(account: &Account) -> Option<String> {
    let scopes = account.scopes.as_ref()?;
    let reads = scopes.iter().any(|scope| matches!(scope.as_str(), "read:packages" | "write:packages"));
    let shown = if scopes.is_empty() { "none".to_owned() } else { scopes.join(", ") };
    (!reads).then(|| format!("its scopes are: {shown}"))
}

/// GitHub's lockout, where the registry lets the token in all the same.
fn locked(evidence: &Evidence, credited: &Credited) -> Option<Finding> {
    let error = credited.account.as_ref()?.result.as_ref().err()?;
    let is_it = matches!(&error.failure, Failure::AccessDenied(said) if is_lockout(said));
    is_it.then(|| lockout(evidence, error).warning())
}

/// What is not in the way yet.
fn ending(evidence: &Evidence, credited: &Credited) -> Option<Finding> {
    let expires = credited.account.as_ref()?.result.as_ref().ok()?.expires?;
    let left = expires.duration_since(evidence.now);
    let days = left.as_hours() / 24;
    (days < SOON).then(|| {
        Finding::new(Cause::Expiring)
            .warning()
            .seen(format!("it ends on {}, in {days} days", expires.strftime("%Y-%m-%d")))
            .command(NEW_TOKEN)
    })
}

/// A token that ends within as many days is worth a word.
const SOON: i64 = 7;
