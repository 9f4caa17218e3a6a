//! What `pullpass status` has found out: as it is printed with `--json`, and as a process that reads for another user hands it
//! over. It never holds more of a secret than its fingerprint there.

use jiff::Timestamp;
use pullpass_secrets::{
    store::{self, Credential},
    token::{self, Kind},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) stores: Vec<Store>,
    /// By engine; empty unless a registry or an image was named.
    pub(crate) winners: Vec<Winner>,
}

/// A place that engines read.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    /// The system's user whose store it is; none when nobody's in particular was asked for.
    pub(crate) account: Option<String>,
    /// The file; with a helper, the one that names it. None for a variable, and a helper that registries.conf names.
    pub(crate) path: Option<String>,
    /// `NAME` of `docker-credential-NAME`, when this is what a helper has.
    pub(crate) helper: Option<String>,
    /// The variable that holds it.
    pub(crate) variable: Option<String>,
    pub(crate) read_by: Vec<String>,
    /// `0600`
    pub(crate) mode: Option<String>,
    /// Helpers that a file names.
    pub(crate) helpers: Vec<String>,
    /// Why it could not be read.
    pub(crate) problem: Option<String>,
    /// Whether that was the system or a helper, and not what is in it.
    pub(crate) is_unknown: bool,
    pub(crate) entries: Vec<Entry>,
}

/// One login.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The key: a registry, or a part of one.
    pub(crate) registry: String,
    pub(crate) user: Option<String>,
    pub(crate) kind: String,
    pub(crate) fingerprint: Option<String>,
    /// See [`Report::mark`].
    pub(crate) mark: Option<String>,
    /// Whether the registry, or GitHub, still accepts it; none when it was not asked, or gave no answer.
    pub(crate) alive: Option<bool>,
    /// What was answered, if it is not plainly yes.
    pub(crate) check: Option<String>,
    /// Whether there was no answer to be had.
    pub(crate) is_unanswered: bool,
    /// The account on GitHub.
    pub(crate) login: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) expires: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) credential: Option<Credential>,
}

/// The login that an engine uses.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Winner {
    pub(crate) account: Option<String>,
    pub(crate) engine: String,
    /// What it was looked up for.
    pub(crate) name: String,
    /// None when the engine goes without a login, or fails.
    pub(crate) store: Option<String>,
    pub(crate) registry: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) mark: Option<String>,
    pub(crate) why: String,
    /// Logins that the engine would use if it were not for this one.
    pub(crate) shadowed: Vec<Shadowed>,
    #[serde(skip)]
    pub(crate) credential: Option<Credential>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Shadowed {
    pub(crate) store: String,
    pub(crate) registry: String,
    pub(crate) fingerprint: Option<String>,
}

/// A credential that a registry has refused in this run; it is not sent again for another user who has it too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) registry: String,
    pub(crate) user: String,
    pub(crate) fingerprint: String,
}

impl Report {
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.stores.iter().flat_map(|store| &store.entries)
    }

    /// Helpers that files name and that were not asked, or gave no answer.
    pub(crate) fn unread_helpers(&self) -> impl Iterator<Item = (&Store, &str)> {
        let is_read = |account: &Option<String>, name: &str| {
            let is_it = |store: &Store| store.account == *account && store.helper.as_deref() == Some(name);
            self.stores.iter().any(|store| is_it(store) && store.problem.is_none())
        };
        let named =
            self.stores.iter().flat_map(|store| store.helpers.iter().map(move |helper| (store, helper.as_str())));
        // `NAME (SERVER)`, for one that is asked for a single server.
        named.filter(move |(store, helper)| !is_read(&store.account, helper.split(' ').next().unwrap_or_default()))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "stores": self.stores, "winners": self.winners })
    }

    /// What was refused, for the next user who has it too.
    pub(crate) fn refused(&self) -> Vec<Refused> {
        let dead = self.entries().filter(|entry| entry.alive == Some(false));
        dead.filter_map(|entry| {
            let Entry { registry, user, fingerprint, .. } = entry.clone();
            Some(Refused { registry, user: user?, fingerprint: fingerprint? })
        })
        .collect()
    }

    /// Marks every secret that is known, so that whoever gave the key can tell which of its own tokens it is.
    pub(crate) fn mark(&mut self, key: &[u8; 32]) {
        let mark = |credential: &Option<Credential>| credential.as_ref().map(|found| token::mark(&found.secret, key));
        for entry in self.stores.iter_mut().flat_map(|store| &mut store.entries) {
            entry.mark = mark(&entry.credential);
        }
        for winner in &mut self.winners {
            winner.mark = mark(&winner.credential);
        }
    }

    /// Says whose all of it is.
    pub(crate) fn of(mut self, account: &str) -> Report {
        self.stores.iter_mut().for_each(|store| store.account = Some(account.to_owned()));
        self.winners.iter_mut().for_each(|winner| winner.account = Some(account.to_owned()));
        self
    }
}

impl Store {
    /// How a person would call it.
    pub(crate) fn name(&self) -> String {
        let helper = self.helper.as_ref().map(|name| format!("docker-credential-{name}"));
        helper.or_else(|| self.variable.clone()).or_else(|| self.path.clone()).unwrap_or_default()
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.problem = Some(failure.to_string());
        self.is_unknown = failure.exit != Exit::Usage;
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.problem.as_ref().map(|_| if self.is_unknown { Exit::Unknown } else { Exit::Usage })
    }

    pub(crate) fn is_open_to_others(&self) -> bool {
        let mode = self.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        mode.is_some_and(|mode| mode & 0o077 != 0) && self.helper.is_none() && !self.entries.is_empty()
    }
}

impl Entry {
    /// An entry of a file. A marker, which only points to a helper, is no credential.
    pub(crate) fn of(registry: &str, entry: &store::Entry, key: &[u8; 32]) -> Option<Entry> {
        match entry {
            store::Entry::Marker => None,
            store::Entry::Credential(credential) | store::Entry::Plain(credential) => {
                Some(Entry::credential(registry, credential, key))
            }
            store::Entry::IdentityToken { token: secret, .. } => Some(Entry {
                fingerprint: Some(token::fingerprint(secret, key)),
                ..Entry::without(registry, "identity token")
            }),
            store::Entry::Bad(problem) => Some(Entry::without(registry, &format!("unusable: {problem}"))),
        }
    }

    pub(crate) fn credential(registry: &str, credential: &Credential, key: &[u8; 32]) -> Entry {
        let Credential { user, secret } = credential;
        Entry {
            user: Some(token::mask(user)),
            fingerprint: Some(token::fingerprint(secret, key)),
            credential: Some(credential.clone()),
            ..Entry::without(registry, Kind::of(secret).name())
        }
    }

    /// One whose credential is not known.
    pub(crate) fn without(registry: &str, kind: &str) -> Entry {
        Entry { registry: registry.to_owned(), kind: kind.to_owned(), ..Entry::default() }
    }

    pub(crate) fn is(&self, refused: &Refused) -> bool {
        self.registry == refused.registry
            && self.user.as_ref() == Some(&refused.user)
            && self.fingerprint.as_ref() == Some(&refused.fingerprint)
    }

    /// Whether GitHub can say something about it.
    pub(crate) fn is_githubs(&self) -> bool {
        let kind = self.credential.as_ref().map(|credential| Kind::of(&credential.secret));
        kind.is_some_and(|kind| kind.is_github() && kind != Kind::GithubRefresh)
    }
}
