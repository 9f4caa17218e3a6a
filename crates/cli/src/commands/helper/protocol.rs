//! The protocol of credential helpers: docker/docker-credential-helpers, `credentials/credentials.go`.
//!
//! Errors go to standard output. Clients know three of them word for word, and containerd's hang on any other from `get`; so
//! nothing else is printed there, and why something failed is said on standard error, which clients pass on to the person.

use std::{borrow::Cow, ffi::OsString, sync::mpsc, thread, time::Duration};

use pullpass_secrets::{Secret, token};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{NAME, sealed};
use crate::{
    failure::{Failure, OrFail},
    output, prompt,
};

/// No client waits for less than its person's patience, and none gives up by itself. This is more than all steps within it
/// may take: the lock 10 seconds, a key command 8.
const LIMIT: Duration = Duration::from_secs(20);

const NOT_FOUND: &str = "credentials not found in native keychain";
const NO_SERVER: &str = "no credentials server URL";
const NO_USER: &str = "no credentials username";

/// What a helper can be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    Store,
    Erase,
    List,
    Version,
}

/// Why there is no answer.
enum Refusal {
    /// One of the three that clients know, and what a person should know beside it.
    Known(&'static str, Option<Failure>),
    Other(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Other(failure)
    }
}

type Answer = Result<Zeroizing<Vec<u8>>, Refusal>;

/// A credential on its way in.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Stored {
    #[serde(rename = "ServerURL")]
    server: String,
    username: String,
    secret: String,
}

/// A credential on its way out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// Answers the words of a command line; `false` means exit code 1.
pub(super) fn run_words(words: &[OsString]) -> bool {
    let [word] = words else { return refuse(&usage()) };
    match word.to_string_lossy().as_ref() {
        "get" => run(Action::Get),
        "store" => run(Action::Store),
        "erase" => run(Action::Erase),
        "list" => run(Action::List),
        "version" | "--version" | "-v" => run(Action::Version),
        "--help" | "-h" => print(format!("{}\n", usage()).as_bytes()),
        // A secret may have been pasted there.
        other => refuse(&format!("{NAME}: unknown action: {}", token::mask(other))),
    }
}

fn usage() -> String {
    format!("Usage: {NAME} <store|get|erase|list|version>")
}

/// Answers beside a clock, so that whatever hangs, be it a client that keeps our input open or a file system, nobody waits for
/// it. What is under way then ends with the process; a store is replaced whole or not at all.
pub(super) fn run(action: Action) -> bool {
    let (send, answer) = mpsc::channel();
    thread::spawn(move || send.send(perform(action)));
    let answer = answer.recv_timeout(LIMIT).unwrap_or_else(|_| {
        Err(Failure::unknown(format!("no answer within {} seconds: `{NAME}` gives up", LIMIT.as_secs())).into())
    });
    let (known, failure) = match answer {
        Ok(bytes) => return print(&bytes),
        Err(Refusal::Known(known, failure)) => (Some(known), failure),
        Err(Refusal::Other(failure)) => (Some(NOT_FOUND).filter(|_| action == Action::Get), Some(failure)),
    };
    if let Some(failure) = failure {
        output::failure(&failure);
    }
    known.is_some_and(refuse)
}

/// Prints why there is no answer, and says that there is none.
fn refuse(line: &str) -> bool {
    // Whether it arrives or not, the exit code is the same.
    let _ = print(format!("{line}\n").as_bytes());
    false
}

/// Whether it arrived.
fn print(bytes: &[u8]) -> bool {
    output::bytes(bytes).is_ok()
}

fn perform(action: Action) -> Answer {
    match action {
        Action::Get => get(),
        Action::Store => store(),
        Action::Erase => erase(),
        Action::List => list(),
        Action::Version => {
            Ok(Zeroizing::new(format!("{NAME} (pullpass) v{}\n", env!("CARGO_PKG_VERSION")).into_bytes()))
        }
    }
}

fn get() -> Answer {
    let server = server()?;
    match sealed::get(&server)? {
        None => Err(Refusal::Known(NOT_FOUND, None)),
        Some(credential) => {
            let found = Found { server: &server, username: &credential.user, secret: credential.secret.reveal() };
            json(&found)
        }
    }
}

fn store() -> Answer {
    let bytes = prompt::standard_input()?;
    // The words of a JSON error name what it met, which may be the secret.
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Failure::usage(format!("standard input is no credential: not the JSON that it should be at {place}"))
    })?;
    let secret = Secret::new(stored.secret);
    let known = |error| Err(Refusal::Known(error, None));
    if stored.server.trim().is_empty() {
        return known(NO_SERVER);
    }
    if stored.username.is_empty() {
        return known(NO_USER);
    }
    sealed::store(stored.server.trim(), &stored.username, &secret)?;
    Ok(Zeroizing::default())
}

fn erase() -> Answer {
    sealed::erase(&server()?)?;
    Ok(Zeroizing::default())
}

/// Clients may leave standard input open, so it is not looked at.
fn list() -> Answer {
    let users: Map<String, Value> = sealed::users()?.into_iter().map(|(server, user)| (server, user.into())).collect();
    json(&users)
}

fn json(value: &impl Serialize) -> Answer {
    let mut bytes = Zeroizing::new(Vec::new());
    serde_json::to_writer(&mut *bytes, value).or_unknown()?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The server that standard input names: without line breaks, and blanks around it.
fn server() -> Result<String, Refusal> {
    let bytes = prompt::standard_input()?;
    let text: Cow<'_, str> = String::from_utf8_lossy(&bytes);
    let server = text.replace(['\r', '\n'], "").trim().to_owned();
    if server.is_empty() { Err(Refusal::Known(NO_SERVER, None)) } else { Ok(server) }
}
