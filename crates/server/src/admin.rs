//! Administration: on the locked data directory, or over a socket in it while a server holds the lock. Both ways end at
//! the same desk. The socket speaks one JSON line in each direction; only the server's own user and root may connect.

pub mod check;
pub(crate) mod socket;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use pullpass_oci::RepositoryName;
use pullpass_secrets::{Secret, token};
use serde::{Deserialize, Serialize};
use tokio::{task, time};

pub use crate::{auth::pat::PatScope, db::packages::Visibility};
use crate::{
    auth::pat::{self, Pat, Pats},
    blobs::{BlobStore, session::Sessions},
    clock::Clock,
    data_dir::{DataDir, admin_socket},
    db::Db,
    error::Error as ServerError,
};

/// How often, and how long apart, to try again while another process holds the lock but does not listen: it is another
/// command, or a server that is starting or stopping.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// How many characters a password has at least.
const MIN_PASSWORD: usize = 8;

/// How many characters a note has at most.
const MAX_NOTE: usize = 200;

/// What to do.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Adds a person; also makes the data directory when there is none.
    UserAdd {
        /// Lower case, one component of a repository name: the owner of packages `NAME/…`.
        name: String,
        /// At least 8 characters. It opens no registry request, tokens do.
        #[serde(with = "secret_text")]
        password: Secret,
    },
    /// Lists all packages.
    PackageList,
    /// Says who may pull a package.
    PackageSetVisibility {
        /// `owner/name`.
        name: String,
        /// From now on.
        visibility: Visibility,
    },
    /// Makes a personal access token.
    TokenNew {
        /// Whose.
        user: String,
        /// What for, in the user's words.
        note: String,
        /// What it may do; at least one.
        scopes: Vec<PatScope>,
        /// Unix milliseconds, or never.
        expires: Option<i64>,
    },
    /// Lists tokens, also dead ones.
    TokenList {
        /// Of this user only.
        user: Option<String>,
    },
    /// Makes a token that may do what another one may, for the same user.
    TokenRotate {
        /// The other one's, which has to be alive.
        id: i64,
        /// What for; that of the other one without it.
        note: Option<String>,
        /// When the new one ends, in unix milliseconds, or never.
        expires: Option<i64>,
        /// When the other one ends if not earlier, in unix milliseconds; it stays as it is without that.
        old_ends: Option<i64>,
    },
    /// Ends a token's life, at once.
    TokenRevoke {
        /// As listed.
        id: i64,
    },
    /// Compares everything that is stored with what is known of it. Reads every blob.
    Check,
}

/// What was done. It has no `Debug`, as it may hold a fresh token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// Nothing more to say.
    Done,
    /// To [`Request::PackageList`].
    Packages(Vec<PackageInfo>),
    /// To [`Request::TokenNew`]: the only time that the token is seen.
    Token {
        /// Its number.
        id: i64,
        /// The token itself.
        #[serde(with = "secret_text")]
        token: Secret,
        /// What it is recognised by later.
        fingerprint: String,
    },
    /// To [`Request::TokenRotate`]: the only time that the new token is seen.
    Rotated {
        /// The token itself.
        #[serde(with = "secret_text")]
        token: Secret,
        /// What is known of it.
        new: Box<TokenInfo>,
        /// The other one, as it is now.
        old: Box<TokenInfo>,
    },
    /// To [`Request::TokenList`].
    Tokens(Vec<TokenInfo>),
    /// To [`Request::Check`].
    Checked(check::Report),
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageInfo {
    /// `owner/name`.
    pub name: String,
    /// A user's name.
    pub owner: String,
    /// Who may pull it.
    pub visibility: Visibility,
}

/// One token, without the token. Times are unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// To revoke it by.
    pub id: i64,
    /// Whose it is.
    pub user: String,
    /// What for.
    pub note: String,
    /// What it may do.
    pub scopes: Vec<PatScope>,
    /// Prefix and last four characters.
    pub fingerprint: String,
    /// When it was made.
    pub created: i64,
    /// When it ends, if ever.
    pub expires: Option<i64>,
    /// When it was revoked.
    pub revoked: Option<i64>,
    /// When it was last presented.
    pub last_used: Option<i64>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be fulfilled; the text says why.
    #[error("{0}")]
    Refused(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Somebody holds the lock, and nobody answers.
    #[error("data directory `{data}` is in use, and its server does not answer on `admin.sock`: {reason}")]
    NoAnswer {
        /// The directory.
        data: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// Has `request` done on the server with the data directory `data`, running or not.
///
/// # Errors
/// [`Error::Refused`] when it was understood and cannot be; the others when it could not be asked.
pub async fn call(data: &Path, request: &Request, clock: &Clock) -> Result<Response, Error> {
    let mut attempt = 0;
    loop {
        let opened = match request {
            Request::UserAdd { .. } => DataDir::open(data),
            _ => DataDir::open_existing(data),
        };
        match opened {
            Ok(directory) => {
                let desk = Desk::open(&directory, Arc::clone(clock)).await?;
                let answer = desk.handle(request).await;
                desk.db.close().await;
                return answer;
            }
            Err(ServerError::InUse(_)) => {}
            Err(error) => return Err(error.into()),
        }
        match socket::connect(&admin_socket(data)).await {
            Ok(stream) => return socket::exchange(stream, data, request).await,
            Err(_) if attempt < ATTEMPTS => time::sleep(PAUSE).await,
            Err(error) => return Err(Error::NoAnswer { data: data.to_owned(), reason: error.to_string() }),
        }
        attempt += 1;
    }
}

/// Where requests are fulfilled: the database first, then the table that a running server decides by.
pub(crate) struct Desk {
    pub(crate) db: Db,
    pub(crate) pats: Arc<Pats>,
    pub(crate) blobs: BlobStore,
    /// None are open where no server runs.
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) clock: Clock,
}

impl Desk {
    /// Opens the database and the blobs in `directory` and reads the tokens.
    pub(crate) async fn open(directory: &DataDir, clock: Clock) -> Result<Desk, ServerError> {
        let db = Db::open(&directory.database()?).await?;
        let pats = Arc::new(Pats::new(db.pats().await?));
        let blobs = BlobStore::open(directory)?;
        let sessions = Arc::new(Sessions::new(blobs.clone(), Arc::clone(&clock)));
        Ok(Desk { db, pats, blobs, sessions, clock })
    }

    /// Writes down when tokens were last used.
    pub(crate) async fn store_last_used(&self) -> Result<(), ServerError> {
        let used = self.pats.used();
        if !used.is_empty() {
            self.db.set_last_used(&used).await?;
            self.pats.stored(&used);
        }
        Ok(())
    }

    pub(crate) async fn handle(&self, request: &Request) -> Result<Response, Error> {
        match request {
            Request::UserAdd { name, password } => self.add_user(name, password).await,
            Request::PackageList => {
                let packages = self.db.packages().await?;
                let info = |(name, owner, visibility)| PackageInfo { name, owner, visibility };
                Ok(Response::Packages(packages.into_iter().map(info).collect()))
            }
            Request::PackageSetVisibility { name, visibility } => {
                match self.db.set_visibility(name, *visibility).await? {
                    true => Ok(Response::Done),
                    false => Err(Error::Refused(format!("there is no package `{name}`"))),
                }
            }
            Request::TokenNew { user, note, scopes, expires } => self.new_token(user, note, scopes, *expires).await,
            Request::TokenRotate { id, note, expires, old_ends } => {
                self.rotate_token(*id, note.as_deref(), *expires, *old_ends).await
            }
            Request::TokenList { user } => self.list_tokens(user.as_deref()).await,
            Request::TokenRevoke { id } => self.revoke_token(*id).await,
            Request::Check => Ok(Response::Checked(check::run(self).await?)),
        }
    }

    async fn add_user(&self, name: &str, password: &Secret) -> Result<Response, Error> {
        if name.contains('/') || name.parse::<RepositoryName>().is_err() {
            let rule = "lower-case letters and digits, with single `.`, `_`, `__` or `-`s inside";
            return Err(Error::Refused(format!("`{name}` is no user name: it is {rule}")));
        }
        if password.reveal().chars().count() < MIN_PASSWORD {
            return Err(Error::Refused(format!("a password has at least {MIN_PASSWORD} characters")));
        }
        let password = password.clone();
        let hashed = task::spawn_blocking(move || {
            let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.reveal().as_bytes());
            hash.map(|hash| hash.to_string())
        });
        let hash = match hashed.await {
            Ok(Ok(hash)) => hash,
            Ok(Err(error)) => return Err(Error::Refused(format!("the password could not be hashed: {error}"))),
            Err(error) => return Err(Error::Refused(format!("the password could not be hashed: {error}"))),
        };
        match self.db.add_user(name, &hash, (self.clock)()).await? {
            true => Ok(Response::Done),
            false => Err(Error::Refused(format!("there is a user `{name}` already"))),
        }
    }

    async fn new_token(
        &self,
        user: &str,
        note: &str,
        scopes: &[PatScope],
        expires: Option<i64>,
    ) -> Result<Response, Error> {
        let user_id = self.user(user).await?;
        let (token, pat) = draft(user, note, scopes, (self.clock)(), expires)?;
        let id = self.db.add_pat(user_id, &pat).await?;
        let fingerprint = pat.fingerprint.clone();
        self.pats.put(Pat { id, ..pat });
        Ok(Response::Token { id, token, fingerprint })
    }

    async fn rotate_token(
        &self,
        id: i64,
        note: Option<&str>,
        expires: Option<i64>,
        old_ends: Option<i64>,
    ) -> Result<Response, Error> {
        let now = (self.clock)();
        if old_ends.is_some_and(|ends| ends <= now) {
            return Err(Error::Refused(format!("token {id} would have ended already: revoke it instead")));
        }
        let old = self.pat(id)?;
        let user_id = self.user(&old.user).await?;
        let (token, new) = draft(&old.user, note.unwrap_or(&old.note), &old.scopes, now, expires)?;
        let Some(new_id) = self.db.rotate_pat(id, old_ends, user_id, &new).await? else {
            let why = format!("token {id} (`{}`) is dead: make another with `pullpass token new`", old.fingerprint);
            return Err(Error::Refused(why));
        };
        let new = Pat { id: new_id, ..new };
        let known = Box::new(info(&new));
        self.pats.put(new);
        if let Some(ends) = old_ends {
            self.pats.end_by(id, ends);
        }
        Ok(Response::Rotated { token, new: known, old: Box::new(info(&old)) })
    }

    async fn list_tokens(&self, user: Option<&str>) -> Result<Response, Error> {
        if let Some(user) = user {
            self.user(user).await?;
        }
        let listed = |pat: &Arc<Pat>| user.is_none_or(|user| user == pat.user);
        Ok(Response::Tokens(self.pats.all().iter().filter(|pat| listed(pat)).map(|pat| info(pat)).collect()))
    }

    async fn revoke_token(&self, id: i64) -> Result<Response, Error> {
        let pat = self.pat(id)?;
        let now = (self.clock)();
        if !self.db.revoke_pat(id, now).await? {
            return Err(Error::Refused(format!("token {id} (`{}`) was revoked before", pat.fingerprint)));
        }
        self.pats.revoke(id, now);
        Ok(Response::Done)
    }

    fn pat(&self, id: i64) -> Result<Arc<Pat>, Error> {
        self.pats.get(id).ok_or_else(|| Error::Refused(format!("there is no token {id}")))
    }

    async fn user(&self, name: &str) -> Result<i64, Error> {
        self.db.user(name).await?.ok_or_else(|| {
            Error::Refused(format!("there is no user `{name}`: add one with `pullpass admin user add {name}`"))
        })
    }
}

/// A new token, and what is to be kept of it, but for its number.
fn draft(user: &str, note: &str, scopes: &[PatScope], now: i64, expires: Option<i64>) -> Result<(Secret, Pat), Error> {
    if scopes.is_empty() {
        return Err(Error::Refused("a token without a scope could do nothing: give at least one".to_owned()));
    }
    if expires.is_some_and(|expires| expires <= now) {
        return Err(Error::Refused("the token would have expired already".to_owned()));
    }
    if note.chars().count() > MAX_NOTE || note.contains(char::is_control) {
        return Err(Error::Refused(format!("a note has at most {MAX_NOTE} characters and is one line")));
    }
    let mut scopes = scopes.to_vec();
    scopes.sort_unstable();
    scopes.dedup();
    let token = token::generate().map_err(ServerError::from)?;
    let pat = Pat {
        id: 0,
        hash: pat::hash(&token),
        user: user.to_owned(),
        note: note.to_owned(),
        scopes,
        // A generated token has a checksum, so that no key enters its fingerprint.
        fingerprint: token::fingerprint(&token, &[0; 32]),
        version: 1,
        created: now,
        expires: pat::Expires::at(expires),
        revoked: OnceLock::new(),
        last_used: pat::LastUsed::default(),
    };
    Ok((token, pat))
}

fn info(pat: &Pat) -> TokenInfo {
    TokenInfo {
        id: pat.id,
        user: pat.user.clone(),
        note: pat.note.clone(),
        scopes: pat.scopes.clone(),
        fingerprint: pat.fingerprint.clone(),
        created: pat.created,
        expires: pat.expires.get(),
        revoked: pat.revoked(),
        last_used: pat.last_used.get(),
    }
}

/// On the socket a secret is text; nowhere else does a [`Secret`] become data.
mod secret_text {
    use pullpass_secrets::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.reveal())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}
