//! GitHub's answer to guessing: after several bad tries it refuses every credential of an account for a while.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Bad tries by account. Those with something that never was a token are nobody's.
#[derive(Default)]
pub(crate) struct Lockouts {
    tries: HashMap<Option<String>, usize>,
    until: HashMap<Option<String>, Instant>,
}

impl Lockouts {
    pub(crate) fn is_out(&self, holder: &Option<String>) -> bool {
        self.until.get(holder).is_some_and(|until| Instant::now() < *until)
    }

    /// Notes a bad try; the last of `allowed` ones locks out for `duration`.
    pub(crate) fn bad_try(&mut self, holder: Option<String>, allowed: usize, duration: Duration) {
        let tries = self.tries.entry(holder.clone()).or_default();
        *tries += 1;
        if *tries >= allowed {
            *tries = 0;
            self.lock_out(holder, duration);
        }
    }

    pub(crate) fn lock_out(&mut self, holder: Option<String>, duration: Duration) {
        self.until.insert(holder, Instant::now() + duration);
    }
}
