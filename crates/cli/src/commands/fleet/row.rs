//! One line of the answer: a user of a host, and an engine.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

#[derive(Clone, Default, Serialize)]
pub(super) struct Row {
    pub(super) host: String,
    /// Of the host; `None` where nothing could be asked.
    pub(super) user: Option<String>,
    pub(super) engine: Option<String>,
    /// The user at the registry.
    pub(super) login: Option<String>,
    pub(super) fingerprint: Option<String>,
    /// Under the key of this run, see [`pullpass_secrets::token::mark`]; not printed.
    #[serde(skip)]
    pub(super) mark: Option<String>,
    /// Whether the registry accepted the token; `None` when it gave no answer, or was not asked.
    pub(super) alive: Option<bool>,
    /// Whether every image opens; `None` when none was asked for, or there was no answer.
    pub(super) opens: Option<bool>,
    /// When the token ends, if that is known.
    pub(super) expires: Option<Expiry>,
    pub(super) state: State,
    /// What is in the way; empty when nothing is.
    pub(super) why: String,
    /// Whether the login was written just now.
    pub(super) changed: bool,
}

/// When a token ends.
#[derive(Clone, Copy)]
pub(super) enum Expiry {
    At(Timestamp),
    Never,
}

impl Expiry {
    pub(super) fn at(self) -> Option<Timestamp> {
        match self {
            Expiry::At(at) => Some(at),
            Expiry::Never => None,
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expiry::At(at) => write!(f, "{}", at.strftime("%Y-%m-%d")),
            Expiry::Never => f.write_str("never"),
        }
    }
}

impl Serialize for Expiry {
    /// RFC 3339, or `never`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Expiry::At(at) => serializer.collect_str(at),
            Expiry::Never => serializer.serialize_str("never"),
        }
    }
}

/// What became of a login.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// The token that it is to be, alive, and it opens every image.
    Ok,
    /// It works, with another token than the inventory's.
    Old,
    /// It does not work, or the host could not do what it was told.
    #[default]
    Failed,
    /// Ansible did not get there.
    Unreachable,
}

impl State {
    pub(super) const ALL: [State; 4] = [State::Ok, State::Old, State::Failed, State::Unreachable];

    pub(super) fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Old => "old",
            State::Failed => "failed",
            State::Unreachable => "unreachable",
        }
    }
}

impl Row {
    /// A host about which there is nothing but this to say.
    pub(super) fn of_host(host: &str, state: State, why: String) -> Row {
        Row { host: host.to_owned(), state, why, ..Row::default() }
    }

    /// Decides, once everything is known. `expected` is the mark of the token that the inventory has for the host.
    pub(super) fn judge(&mut self, expected: Option<&str>) {
        // Decided by what was done: there is nothing more to know.
        if self.state == State::Ok {
            return;
        }
        let is_expected = expected.zip(self.mark.as_deref()).map(|(expected, mark)| expected == mark);
        (self.state, self.why) = match (self.alive, self.opens, is_expected) {
            _ if self.engine.is_none() => (State::Failed, std::mem::take(&mut self.why)),
            _ if self.fingerprint.is_none() => (State::Failed, self.reason("there is no login")),
            (Some(false), ..) => (State::Failed, self.reason("the registry refuses the token")),
            (_, Some(false), _) => (State::Failed, self.reason("an image does not open")),
            (None, None, _) => (State::Failed, self.reason("the registry gave no answer")),
            (_, _, Some(false)) => (State::Old, "another token than the inventory's".to_owned()),
            _ => (State::Ok, String::new()),
        };
    }

    /// What works is not well all the same when nobody knows which token it is to be.
    pub(super) fn doubt(&mut self, why: &str) {
        if self.state == State::Ok {
            (self.state, self.why) = (State::Failed, format!("the inventory's token cannot be read: {why}"));
        }
    }

    fn reason(&mut self, default: &str) -> String {
        let why = std::mem::take(&mut self.why);
        if why.is_empty() { default.to_owned() } else { why }
    }
}
