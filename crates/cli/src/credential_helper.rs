//! Asking the credential helpers of others, as Docker and Podman do: docker/docker-credential-helpers, `client/client.go`.

use std::{process::Command, time::Duration};

use pullpass_secrets::{
    Secret,
    store::{self, Credential},
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    program::{self, Ended},
};

/// The engines wait for ever. A person may be asked for a passphrase meanwhile.
const LIMIT: Duration = Duration::from_secs(60);
/// What a helper prints, with exit code 1, when it has no login.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The login that helper `name` has for a server, or `None`.
///
/// # Errors
/// In words for a person: it is missing, hangs, fails, or prints something else. Nothing of what it printed is repeated.
pub(crate) fn get(name: &str, server: &str) -> Result<Option<Credential>, String> {
    let ended = run(name, "get", server.as_bytes()).map_err(|failure| failure.message)?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stdout);
        return if said.trim() == NOT_FOUND { Ok(None) } else { Err(refusal(name, "get", &ended).message) };
    }
    let answer = object(&ended.stdout).ok_or_else(|| format!("`{}` printed no credential", program_name(name)))?;
    // Go's decoder takes the names in any case.
    let text = |field: &str| {
        let value = answer.iter().find(|(key, _)| key.eq_ignore_ascii_case(field)).map(|(_, value)| value);
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let credential = Credential { user: text("Username"), secret: Secret::new(text("Secret")) };
    // An old `pass` helper says so that it has none; the engines go on without a login.
    Ok(Some(credential).filter(|found| !found.user.is_empty() && !found.secret.reveal().is_empty()))
}

/// Gives helper `name` a login.
///
/// # Errors
/// It does not take it.
pub(crate) fn store(name: &str, server: &str, credential: &Credential) -> Result<(), Failure> {
    let login = json!({ "ServerURL": server, "Username": credential.user, "Secret": credential.secret.reveal() });
    let input = Zeroizing::new(format!("{login}\n"));
    done(name, "store", &run(name, "store", input.as_bytes())?)
}

/// Has helper `name` forget a server. Most helpers take it as done when there is nothing.
///
/// # Errors
/// It fails at that.
pub(crate) fn erase(name: &str, server: &str) -> Result<(), Failure> {
    done(name, "erase", &run(name, "erase", server.as_bytes())?)
}

/// The servers that helper `name` has logins of, with their users.
///
/// # Errors
/// It is missing, hangs, fails, or prints something else.
pub(crate) fn list(name: &str) -> Result<Vec<(String, String)>, Failure> {
    // As Docker does, for helpers that wait for input.
    let ended = run(name, "list", b"unused")?;
    done(name, "list", &ended)?;
    let servers = object(&ended.stdout)
        .ok_or_else(|| Failure::unknown(format!("`{}` printed no list of servers", program_name(name))))?;
    Ok(servers.into_iter().map(|(server, user)| (server, user.as_str().unwrap_or_default().to_owned())).collect())
}

fn program_name(name: &str) -> String {
    format!("docker-credential-{name}")
}

fn run(name: &str, verb: &str, input: &[u8]) -> Result<Ended, Failure> {
    if !store::is_helper_name(name) {
        return Err(Failure::usage("a file names a credential helper that cannot be one: its name could be a path"));
    }
    program::run(Command::new(program_name(name)).arg(verb), input, LIMIT)
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(bytes).ok()
}

fn done(name: &str, verb: &str, ended: &Ended) -> Result<(), Failure> {
    if ended.status.success() { Ok(()) } else { Err(refusal(name, verb, ended)) }
}

/// What a helper says goes to standard output, where secrets go too: it is not repeated.
fn refusal(name: &str, verb: &str, ended: &Ended) -> Failure {
    let program = program_name(name);
    Failure::unknown(format!("`{program} {verb}` failed ({})", ended.status))
        .hint(format!("see what it says to `{program} list`"))
}
