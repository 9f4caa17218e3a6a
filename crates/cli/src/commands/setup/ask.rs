//! Questions to a person, each with what would be the answer without one.

use std::fmt::Display;

use crate::{
    failure::{Exit, Failure},
    output, prompt,
};

/// How often an answer may be wrong.
const TRIES: u32 = 3;

/// Who answers what no option says.
#[derive(Clone, Copy)]
pub(super) struct Person {
    /// Whether there is one at a terminal who wants to be asked.
    pub(super) is_asked: bool,
}

impl Person {
    /// The answer that was `given` by an option, else a person's, as `check` has it. A wrong one is asked for again, with the
    /// reason; one that was given is not.
    ///
    /// # Errors
    /// Nobody is there to answer, or the answer stays wrong.
    pub(super) fn answer<T: Clone, U>(
        self,
        given: Option<T>,
        mut ask: impl FnMut() -> Result<T, Failure>,
        missing: impl FnOnce() -> Failure,
        mut check: impl FnMut(T) -> Result<U, Failure>,
    ) -> Result<U, Failure> {
        match given {
            Some(given) => check(given),
            None if !self.is_asked => Err(missing()),
            None => self.until_right(|| ask().and_then(&mut check)),
        }
    }

    /// Does what a person's answer may be wrong for, and says why it was.
    ///
    /// # Errors
    /// That of the last try, or at once what no answer can change.
    pub(super) fn until_right<T>(self, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
        let tries = if self.is_asked { TRIES } else { 1 };
        for _ in 1..tries {
            match attempt() {
                Err(failure) if matches!(failure.exit, Exit::No | Exit::Usage) => output::failure(&failure),
                done => return done,
            }
        }
        attempt()
    }
}

/// Asks for a text that may be seen; `default` is for an empty answer.
pub(super) fn text(question: &str, default: &str) -> Result<String, Failure> {
    let answer = prompt::shown(&format!("{question} [{default}]"))?;
    let answer = answer.reveal().trim();
    Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
}

/// An answer that is not what it is to be. It is not repeated: a token may have been pasted in the wrong place.
pub(super) fn wrong(what: &str, why: impl Display) -> Failure {
    Failure::usage(format!("this is no {what}: {why}"))
}
