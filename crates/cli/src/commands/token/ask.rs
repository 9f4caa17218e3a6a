//! Asking GitHub about tokens: each once, and none that it has refused within a day.

use std::time::Duration;

use pullpass_client::{
    Credential, Failure as Cause, Options, RegistryError,
    github::{self, Account, Answered},
};
use pullpass_secrets::token::Kind;

use super::{
    host::Host,
    inspected::{Heard, Inspected},
};
use crate::{
    environment,
    failure::Failure,
    network,
    refused::{self, Retry},
    wait::{self, Wait},
};

/// How long one conversation may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// What GitHub tells an installation's token, which lives and has no account.
const NO_ACCOUNT: &str = "Resource not accessible by integration";

/// Asks about every token of which GitHub can tell something, one after the other. When it answers nothing, the others are not
/// asked about.
///
/// # Errors
/// There is no home directory. What GitHub answers, or that it does not, is no error of this.
pub(super) fn ask(tokens: &mut [Inspected], host: &Host, retry: Retry, wait: Wait) -> Result<(), Failure> {
    let environment = environment::stores()?;
    let mut silence = None;
    for token in tokens.iter_mut().filter(|token| token.is_askable()) {
        // It is told no user.
        let credential = Credential { user: String::new(), secret: token.secret.clone() };
        let before = retry.refused(&host.api_host, &credential).filter(|_| !wait.is_wanted());
        token.heard = match (before, &silence) {
            (Some(ago), _) => {
                let said = format!("{}, and it was not sent again", refused::said(&host.api_host, "", ago));
                Heard { is_alive: Some(false), said, ..Heard::default() }
            }
            (None, Some(said)) => Heard { is_missing: true, said: String::clone(said), ..Heard::default() },
            (None, None) => {
                let options = Options { deadline: Some(DEADLINE), ..network::options(&environment, &host.api_host) };
                let answered = network::block_on(async { Ok(one(host, &credential, options, wait).await) })?;
                refused::remember(&host.api_host, &credential, answered.result.as_ref());
                silence = answered.result.as_ref().err().filter(|error| is_silence(error)).map(ToString::to_string);
                heard(answered, token.kind())
            }
        };
    }
    Ok(())
}

async fn one(host: &Host, credential: &Credential, options: Options, wait: Wait) -> Answered<Account> {
    let ask = async || {
        let answered = github::account(&host.api, credential, options.clone()).await;
        if answered.result.is_ok() { Ok(answered) } else { Err(answered) }
    };
    let (Ok(answered) | Err(answered)) = wait.until(ask, |answered| wait::hope(answered.result.as_ref().err()?)).await;
    answered
}

/// Whether it would be the same for every token.
fn is_silence(error: &RegistryError) -> bool {
    matches!(
        error.failure,
        Cause::Unreachable { .. }
            | Cause::Timeout { .. }
            | Cause::Tls { .. }
            | Cause::NotTls
            | Cause::RateLimited { .. }
    )
}

fn heard(answered: Answered<Account>, kind: Kind) -> Heard {
    let Answered { result, sso, limit } = answered;
    let heard = Heard { sso, limit, ..Heard::default() };
    let error = match result {
        Ok(account) => return Heard { is_alive: Some(true), account: Some(account), ..heard },
        Err(error) => error,
    };
    let is_without_account = |code: &str| kind == Kind::GithubInstallation && code.eq_ignore_ascii_case(NO_ACCOUNT);
    match &error.failure {
        Cause::CredentialRefused { .. } => Heard { is_alive: Some(false), said: error.to_string(), ..heard },
        Cause::AccessDenied(said) if said.errors.iter().any(|entry| is_without_account(&entry.code)) => {
            Heard { is_alive: Some(true), ..heard }
        }
        _ => Heard { is_missing: true, said: error.to_string(), ..heard },
    }
}
