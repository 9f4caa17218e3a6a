//! Personal access tokens: what they may do, and the table of all of them in memory, so that no request asks the
//! database who is calling and a revocation holds from the moment it is recorded.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use pullpass_oci::Action;
use pullpass_secrets::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::credential::Cause;

/// What a personal access token may do at all. The words are GitHub's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PatScope {
    /// Pull.
    #[serde(rename = "read:packages")]
    Read,
    /// Push, and therefore pull.
    #[serde(rename = "write:packages")]
    Write,
    /// Delete, and nothing else.
    #[serde(rename = "delete:packages")]
    Delete,
}

/// Why a text is no [`PatScope`].
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no scope: there are `read:packages`, `write:packages` and `delete:packages`")]
pub struct UnknownScope(String);

impl PatScope {
    const ALL: [PatScope; 3] = [PatScope::Read, PatScope::Write, PatScope::Delete];

    /// The scope as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            PatScope::Read => "read:packages",
            PatScope::Write => "write:packages",
            PatScope::Delete => "delete:packages",
        }
    }

    /// The scope that `action` needs.
    pub(crate) fn of(action: Action) -> PatScope {
        match action {
            Action::Pull => PatScope::Read,
            Action::Push => PatScope::Write,
            Action::Delete => PatScope::Delete,
        }
    }

    fn includes(self, needed: PatScope) -> bool {
        self == needed || (self == PatScope::Write && needed == PatScope::Read)
    }
}

impl fmt::Display for PatScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PatScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<PatScope, UnknownScope> {
        PatScope::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// SHA-256 of a token: what is stored of it. Looking a hash up by equality tells an attacker nothing, because nobody
/// can choose it; 238 random bits need no slow hash.
pub(crate) type TokenHash = [u8; 32];

/// The hash of a token.
pub(crate) fn hash(token: &Secret) -> TokenHash {
    Sha256::digest(token.reveal().as_bytes()).into()
}

/// One personal access token, without the token.
pub(crate) struct Pat {
    pub(crate) id: i64,
    pub(crate) hash: TokenHash,
    pub(crate) user: String,
    pub(crate) note: String,
    pub(crate) scopes: Vec<PatScope>,
    pub(crate) fingerprint: String,
    /// Counts changes of what it may do; bearer tokens of an earlier version are dead.
    pub(crate) version: i64,
    pub(crate) created: i64,
    pub(crate) expires: Expires,
    pub(crate) revoked: OnceLock<i64>,
    pub(crate) last_used: LastUsed,
}

impl Pat {
    /// Whether its scopes allow `action`.
    pub(crate) fn allows(&self, action: Action) -> bool {
        self.scopes.iter().any(|scope| scope.includes(PatScope::of(action)))
    }

    /// When it was revoked, if it was.
    pub(crate) fn revoked(&self) -> Option<i64> {
        self.revoked.get().copied()
    }

    fn check_alive(&self, now: i64) -> Result<(), Cause> {
        if self.revoked().is_some() {
            return Err(Cause::Revoked);
        }
        match self.expires.get() {
            Some(expires) if expires <= now => Err(Cause::Expired(expires)),
            _ => Ok(()),
        }
    }
}

/// When a token ends, if ever, which can be brought forward.
pub(crate) struct Expires(AtomicI64);

impl Expires {
    const NEVER: i64 = i64::MAX;

    pub(crate) fn at(time: Option<i64>) -> Expires {
        Expires(AtomicI64::new(time.unwrap_or(Expires::NEVER)))
    }

    pub(crate) fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|time| *time != Expires::NEVER)
    }
}

/// When a token was last used, kept in memory and written in batches. 0 is never.
#[derive(Default)]
pub(crate) struct LastUsed {
    seen: AtomicI64,
    written: AtomicI64,
}

impl LastUsed {
    pub(crate) fn stored(time: Option<i64>) -> LastUsed {
        let time = time.unwrap_or_default();
        LastUsed { seen: AtomicI64::new(time), written: AtomicI64::new(time) }
    }

    pub(crate) fn get(&self) -> Option<i64> {
        Some(self.seen.load(Ordering::Relaxed)).filter(|time| *time != 0)
    }

    fn touch(&self, now: i64) {
        self.seen.fetch_max(now, Ordering::Relaxed);
    }
}

/// Every token, by hash and by id.
#[derive(Default)]
pub(crate) struct Pats(RwLock<Table>);

#[derive(Default)]
struct Table {
    by_hash: HashMap<TokenHash, i64>,
    by_id: HashMap<i64, Arc<Pat>>,
}

impl Pats {
    pub(crate) fn new(pats: Vec<Pat>) -> Pats {
        let table = Pats::default();
        pats.into_iter().for_each(|pat| table.put(pat));
        table
    }

    /// Adds a token. Call after the database has it.
    pub(crate) fn put(&self, pat: Pat) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        table.by_hash.insert(pat.hash, pat.id);
        table.by_id.insert(pat.id, Arc::new(pat));
    }

    /// Ends a token's life, for all who hold it. Call after the database has it.
    pub(crate) fn revoke(&self, id: i64, now: i64) {
        if let Some(pat) = self.get(id) {
            // Fails only for a token that is revoked already.
            let _ = pat.revoked.set(now);
        }
    }

    /// Has a token end at `time`, for all who hold it, unless it ends earlier. Call after the database has it.
    pub(crate) fn end_by(&self, id: i64, time: i64) {
        if let Some(pat) = self.get(id) {
            pat.expires.0.fetch_min(time, Ordering::Relaxed);
        }
    }

    /// The live token with this text.
    pub(crate) fn authenticate(&self, token: &Secret, now: i64) -> Result<Arc<Pat>, Cause> {
        let found = {
            let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
            table.by_hash.get(&hash(token)).and_then(|id| table.by_id.get(id)).cloned()
        };
        let pat = found.ok_or(Cause::Unknown)?;
        pat.check_alive(now)?;
        pat.last_used.touch(now);
        Ok(pat)
    }

    /// The live token that a bearer token was made from.
    pub(crate) fn of_bearer(&self, id: i64, version: i64, now: i64) -> Result<Arc<Pat>, Cause> {
        let pat = self.get(id).ok_or(Cause::BearerInvalid)?;
        pat.check_alive(now)?;
        if pat.version != version {
            return Err(Cause::BearerExpired);
        }
        pat.last_used.touch(now);
        Ok(pat)
    }

    pub(crate) fn get(&self, id: i64) -> Option<Arc<Pat>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }

    /// All tokens, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Pat>> {
        let mut all: Vec<Arc<Pat>> =
            self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.values().cloned().collect();
        all.sort_unstable_by_key(|pat| pat.id);
        all
    }

    /// Tokens used since they were last reported here, with the time. Report what could be stored with
    /// [`Pats::stored`].
    pub(crate) fn used(&self) -> Vec<(i64, i64)> {
        let seen = |pat: &Arc<Pat>| (pat.id, pat.last_used.seen.load(Ordering::Relaxed));
        let changed = |pat: &Arc<Pat>| pat.last_used.written.load(Ordering::Relaxed) != seen(pat).1;
        self.all().iter().filter(|pat| changed(pat)).map(seen).collect()
    }

    /// These last uses are in the database now.
    pub(crate) fn stored(&self, used: &[(i64, i64)]) {
        for (id, time) in used {
            if let Some(pat) = self.get(*id) {
                pat.last_used.written.store(*time, Ordering::Relaxed);
            }
        }
    }
}
