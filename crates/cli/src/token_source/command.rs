//! A program that prints a token: `cmd:COMMAND LINE`, and the presets.
//!
//! What it prints is the token itself, on one line, or JSON: `{"version": 1, "token": "…"}` and, where it knows them,
//! `username` and `expires_at` (RFC 3339). Exit code 2 says that there is no such token.

use std::{
    process::{self, Stdio},
    sync::Mutex,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use pullpass_secrets::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::preset::Preset;
use crate::{
    failure::Failure,
    program::{self, Ended, NoAnswer, Reason, With, words},
};

/// How long it may take, also when it asks a person.
const LIMIT: Duration = Duration::from_secs(30);
/// What a command answers that does not know the token.
const NOT_FOUND: i32 = 2;

/// What is run, and how what it prints is read.
pub(crate) struct Command {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) format: Format,
    /// None for a command line.
    pub(super) preset: Option<&'static Preset>,
    answer: Mutex<Option<Answer>>,
}

/// How a program prints a token.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// As this module has it.
    Plain,
    /// On the first of several lines.
    FirstLine,
    /// As a JSON text.
    Json,
    /// As `value` of a JSON object.
    JsonValue,
    /// In base64.
    Base64,
}

/// What a command says of a token.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) token: Secret,
    pub(super) user: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Command {
    pub(super) fn new(
        words: Vec<String>,
        format: Format,
        preset: Option<&'static Preset>,
    ) -> Result<Command, &'static str> {
        let mut words = words.into_iter();
        let program = words.next().ok_or("the token command is empty")?;
        Ok(Command { program, arguments: words.collect(), format, preset, answer: Mutex::new(None) })
    }

    /// The words of a line, as a shell splits it; no shell runs it.
    pub(super) fn from_line(line: &str) -> Result<Command, String> {
        let words = words(line).ok_or("a quote in the token command is left open")?;
        Ok(Command::new(words, Format::Plain, None)?)
    }

    /// What it answers; it is run for the first answer only.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let mut known = self.answer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(answer) = &*known {
            return Ok(answer.clone());
        }
        let answer = self.run()?;
        if let Some(at) = answer.expires_at.filter(|at| *at <= Timestamp::now()) {
            return Err(Failure::usage(format!("the token of {} expired at {at}", self.name())));
        }
        *known = Some(answer.clone());
        Ok(answer)
    }

    fn name(&self) -> String {
        match self.preset {
            Some(preset) => format!("`{}` ({})", self.program, preset.product),
            None => format!("the token command `{}`", self.program),
        }
    }

    fn run(&self) -> Result<Answer, Failure> {
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null());
        // Where a terminal is, it may ask there; elsewhere nothing that it starts may outlive it.
        let with = match std::fs::File::open("/dev/tty") {
            Ok(_) => With::Person,
            Err(_) => With::Input(b""),
        };
        let ended = program::ask(&mut command, with, LIMIT).map_err(|no_answer| self.no_answer(no_answer))?;
        if !ended.status.success() {
            return Err(self.failed(&ended));
        }
        let printed = self.format.read(&ended.stdout).map_err(|problem| self.unreadable(&problem))?;
        parse(&printed).map_err(|problem| self.unreadable(&problem))
    }

    fn no_answer(&self, no_answer: NoAnswer) -> Failure {
        let hint = match (&no_answer.reason, self.preset) {
            (Reason::NotStarted(_), Some(preset)) => format!("install {}, then {}", preset.product, preset.sign_in),
            (Reason::NotStarted(_), None) => "name the program with its whole path".to_owned(),
            _ => "run it by hand to see what it waits for".to_owned(),
        };
        Failure::from(no_answer).fact("the token was to come from it").hint(hint)
    }

    fn failed(&self, ended: &Ended) -> Failure {
        let name = self.name();
        let failure = match (self.preset, ended.status.code()) {
            (None, Some(NOT_FOUND)) => return Failure::usage(format!("{name} knows no such token")),
            (_, Some(code)) => Failure::usage(format!("{name} failed with exit code {code}")),
            (_, None) => Failure::usage(format!("{name} was ended by a signal")),
        };
        match self.preset {
            None => failure,
            Some(preset) => failure.fact("either it is not signed in or has no such secret").hint(preset.hint()),
        }
    }

    /// What was printed is never repeated: it may be a secret all the same.
    fn unreadable(&self, problem: &str) -> Failure {
        let failure = Failure::usage(format!("{} {problem}", self.name()));
        match self.preset {
            None => failure.hint("it is to print the token on one line, or `{\"version\": 1, \"token\": \"…\"}`"),
            Some(preset) => failure.hint(preset.hint()),
        }
    }
}

impl Format {
    fn read(self, printed: &[u8]) -> Result<Zeroizing<String>, String> {
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(_) => Err("printed something that is not UTF-8 text".to_owned()),
        };
        match self {
            Format::Plain => text(printed),
            Format::FirstLine => text(printed.split(|byte| *byte == b'\n').next().unwrap_or_default()),
            Format::Json => match serde_json::from_slice::<Option<String>>(printed) {
                Ok(value) => Ok(Zeroizing::new(value.unwrap_or_default())),
                Err(_) => Err("printed something else than a JSON text".to_owned()),
            },
            Format::JsonValue => match serde_json::from_slice::<Valued>(printed) {
                Ok(valued) => Ok(Zeroizing::new(valued.value)),
                Err(_) => Err("printed something else than a JSON object with a `value`".to_owned()),
            },
            Format::Base64 => match STANDARD.decode(printed.trim_ascii()).map(Zeroizing::new) {
                Ok(decoded) => text(&decoded),
                Err(_) => Err("printed something that is not base64".to_owned()),
            },
        }
    }
}

#[derive(Deserialize)]
struct Valued {
    value: String,
}

#[derive(Deserialize)]
struct Described {
    version: u64,
    token: String,
    username: Option<String>,
    expires_at: Option<String>,
}

/// The token in what was printed, less one line end.
fn parse(printed: &str) -> Result<Answer, String> {
    let text = printed.strip_suffix('\n').map_or(printed, |rest| rest.strip_suffix('\r').unwrap_or(rest));
    if !text.trim_start().starts_with('{') {
        return Ok(Answer { token: token(text)?, user: None, expires_at: None });
    }
    let described: Described = serde_json::from_str(text)
        .map_err(|_| "printed JSON without a `version` and a `token`, or with other types".to_owned())?;
    // Wiped, also when it is not used.
    let secret = Secret::new(described.token);
    if described.version != 1 {
        return Err(format!("printed JSON of version {}: only version 1 is known", described.version));
    }
    let expires_at = described.expires_at.filter(|text| !text.is_empty());
    let expires_at = expires_at
        .map(|text| text.parse().map_err(|_| "printed an `expires_at` that is no RFC 3339 time".to_owned()))
        .transpose()?;
    Ok(Answer { token: token(secret.reveal())?, user: described.username.filter(|user| !user.is_empty()), expires_at })
}

/// A token is one word. Of anything else only the count is told.
fn token(text: &str) -> Result<Secret, String> {
    let lines = text.lines().count();
    let blanks = text.chars().filter(|character| character.is_whitespace() || character.is_control()).count();
    match (lines, blanks) {
        (0, _) => Err("printed nothing".to_owned()),
        (1, 0) => Ok(Secret::new(text.to_owned())),
        (1, _) => Err(format!("printed a line with blanks or control characters in it ({blanks}): a token has none")),
        _ => Err(format!("printed {lines} lines: a token is one")),
    }
}
