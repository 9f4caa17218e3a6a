//! One cause as it was found on a host.

use super::{Cause, entry};

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The evidence allows nothing else.
    Sure,
    /// Nothing else is known that answers like this.
    Likely,
    /// It is one of the candidates; [`Finding::decide`] says what would tell which.
    CannotTell,
}

/// What ends a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// A command to run as it is.
    Command(String),
    /// An address to open.
    Page(String),
    /// Words.
    Words(String),
}

/// A cause, with what was seen of it here. No text in it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong; of several candidates the likeliest.
    pub cause: Cause,
    /// The other candidates, at most two; empty unless [`Certainty::CannotTell`].
    pub or: Vec<Cause>,
    /// How sure that is.
    pub certainty: Certainty,
    /// Whether a pull (or the push that was asked about) fails because of it; else it is something to put right before it does.
    pub blocks: bool,
    /// What it is about: an engine, a file, a credential by its fingerprint. Empty when it is about the registry or image.
    pub about: String,
    /// What was seen, at most two lines.
    pub evidence: Vec<String>,
    /// What to do, the first thing first.
    pub fixes: Vec<Fix>,
    /// Other causes that look the same and are not the case, each with the reason.
    pub ruled_out: Vec<String>,
    /// The probe that would tell candidates apart.
    pub decide: Option<String>,
}

impl Finding {
    /// A finding that blocks and is sure, without evidence yet.
    pub fn new(cause: Cause) -> Finding {
        Finding {
            cause,
            or: Vec::new(),
            certainty: Certainty::Sure,
            blocks: true,
            about: String::new(),
            evidence: Vec::new(),
            fixes: Vec::new(),
            ruled_out: Vec::new(),
            decide: None,
        }
    }

    /// What is wrong, in words.
    pub fn title(&self) -> &'static str {
        entry(self.cause).title
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Finding {
        self.about = about.into();
        self
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn seen(mut self, line: impl Into<String>) -> Finding {
        self.evidence.push(line.into());
        self
    }

    /// Adds a thing to do.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Finding {
        self.fixes.push(fix);
        self
    }

    /// Adds a command to run.
    #[must_use]
    pub fn command(self, command: impl Into<String>) -> Finding {
        self.fix(Fix::Command(command.into()))
    }

    /// Adds something to do, in words.
    #[must_use]
    pub fn words(self, words: impl Into<String>) -> Finding {
        self.fix(Fix::Words(words.into()))
    }

    /// Adds what was ruled out, and why.
    #[must_use]
    pub fn not(mut self, line: impl Into<String>) -> Finding {
        self.ruled_out.push(line.into());
        self
    }

    /// Nothing else is known that answers like this, but it is not proved.
    #[must_use]
    pub fn likely(mut self) -> Finding {
        self.certainty = Certainty::Likely;
        self
    }

    /// It may as well be one of `others`; `decide` is the probe that would tell.
    #[must_use]
    pub fn or(mut self, others: &[Cause], decide: impl Into<String>) -> Finding {
        self.or = others.to_vec();
        self.certainty = Certainty::CannotTell;
        self.decide = Some(decide.into());
        self
    }

    /// It is not in the way now.
    #[must_use]
    pub fn warning(mut self) -> Finding {
        self.blocks = false;
        self
    }

    /// The causes that it may be.
    pub fn candidates(&self) -> impl Iterator<Item = Cause> {
        std::iter::once(self.cause).chain(self.or.iter().copied())
    }
}

/// What blocks goes first, in the order of [`Cause::ALL`]; one finding of a cause about the same thing is enough.
pub fn rank(findings: Vec<Finding>) -> Vec<Finding> {
    let place = |cause: Cause| Cause::ALL.iter().position(|other| *other == cause);
    let mut ranked: Vec<Finding> = Vec::new();
    for finding in findings {
        if !ranked.iter().any(|other| other.cause == finding.cause && other.about == finding.about) {
            ranked.push(finding);
        }
    }
    ranked.sort_by_key(|finding| (!finding.blocks, place(finding.cause)));
    ranked
}
