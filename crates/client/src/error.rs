//! What can go wrong between here and a registry, sorted by what a person has to do about it.

use std::{fmt, io, path::PathBuf, time::Duration};

use pullpass_oci::{Digest, error_code::ErrorEntry};

use crate::http::Stage;

/// A step that failed: which request it was and how it failed. It never holds a secret: queries are cut off, and every
/// text that came from outside has lost what was sent as a credential, and its control characters.
#[derive(Debug)]
pub struct RegistryError {
    /// The request, which was sent unless the failure says otherwise.
    pub request: Box<Asked>,
    /// How it failed.
    pub failure: Failure,
    /// A loopback registry is asked over HTTPS first; when plain HTTP fails as well, this is how HTTPS failed.
    pub over_https: Option<Box<RegistryError>>,
}

/// A request as errors show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The registry that the person named.
    pub registry: String,
    /// The part of the conversation.
    pub stage: Stage,
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The last address that was asked, without what may be secret in it. A token request keeps its query, which we wrote.
    pub url: String,
    /// What it was about: a scope, `owner/name:tag`, `owner/name@digest`, or the registry.
    pub subject: String,
}

/// What a registry said when it said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The entries of the body, when it was a registry's error body.
    pub errors: Vec<ErrorEntry>,
}

/// How a request failed.
#[derive(Debug)]
pub enum Failure {
    /// No connection: a wrong name, a closed port, a broken line.
    Unreachable {
        /// The innermost cause.
        why: String,
    },
    /// A TLS connection that cannot be trusted.
    Tls {
        /// The innermost cause.
        why: String,
    },
    /// The port answers, but not in TLS.
    NotTls,
    /// No answer, or no further byte of it, in time.
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// Something answers at `/v2/`, but it is no registry.
    NotARegistry {
        /// What it answered.
        saw: String,
    },
    /// The credential is dead or wrong. It was sent once and will not be sent again over this connection.
    CredentialRefused {
        /// Whose credential.
        user: String,
        /// The refusal.
        said: Said,
    },
    /// Nothing was presented, and this does not open without.
    AuthenticationRequired(Said),
    /// What was presented is good, or nothing was asked for, but it does not open this.
    AccessDenied(Said),
    /// Access is open, but there is no such manifest, blob or repository.
    NotFound(Said),
    /// Too many requests.
    RateLimited {
        /// The refusal.
        said: Said,
        /// When to come back, if the registry says so.
        retry_after: Option<Duration>,
    },
    /// Any other status.
    UnexpectedStatus(Said),
    /// The registry sends logins to a host that is not its own, nor known as its token service. Nothing was sent there.
    RealmElsewhere {
        /// `host[:port]` of the token service, to be confirmed by the person.
        realm: String,
    },
    /// The token service has plain HTTP while the registry has HTTPS. Nothing was sent there.
    RealmInsecure {
        /// `host[:port]` of the token service.
        realm: String,
    },
    /// A redirect or an upload location that is not followed.
    RedirectRefused {
        /// Where it points and why not.
        why: String,
    },
    /// An answer that is not what it should be: too long, broken off, not JSON, without a header it must have.
    BadAnswer {
        /// What is wrong with it.
        why: String,
    },
    /// The bytes are not those that the digest names.
    DigestMismatch {
        /// What was asked for, or what the registry said it would send.
        expected: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// The index has no image for this platform.
    NoPlatform {
        /// `OS/ARCHITECTURE`, and the variant if one was asked for.
        wanted: String,
        /// What it has.
        offered: Vec<String>,
    },
    /// A file or directory with certificates cannot be used.
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// What was fetched cannot be written.
    Sink(io::Error),
}

impl RegistryError {
    /// What stands behind the message, one fact a line: the request, and how HTTPS failed when HTTP did as well.
    pub fn facts(&self) -> Vec<String> {
        let mut facts = vec![format!("{}: {} {}", self.request.stage, self.request.method, self.request.url)];
        facts.extend(self.over_https.iter().map(|error| format!("over HTTPS: {error}")));
        facts
    }
}

impl Failure {
    /// Every text in it that may come from outside.
    pub(crate) fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Failure::Unreachable { why }
            | Failure::Tls { why }
            | Failure::RedirectRefused { why }
            | Failure::BadAnswer { why } => vec![why],
            Failure::NotARegistry { saw } => vec![saw],
            Failure::CredentialRefused { said, .. } | Failure::RateLimited { said, .. } => said.texts(),
            Failure::AuthenticationRequired(said)
            | Failure::AccessDenied(said)
            | Failure::NotFound(said)
            | Failure::UnexpectedStatus(said) => said.texts(),
            Failure::RealmElsewhere { realm } | Failure::RealmInsecure { realm } => vec![realm],
            Failure::NoPlatform { offered, .. } => offered.iter_mut().collect(),
            Failure::NotTls
            | Failure::Timeout { .. }
            | Failure::DigestMismatch { .. }
            | Failure::Certificates { .. }
            | Failure::Sink(_) => Vec::new(),
        }
    }
}

impl Said {
    fn texts(&mut self) -> Vec<&mut String> {
        self.errors.iter_mut().flat_map(|entry| [&mut entry.code, &mut entry.message]).collect()
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Asked { registry, method, url, subject, .. } = &*self.request;
        match &self.failure {
            Failure::Unreachable { why } => write!(f, "`{registry}` cannot be reached: {why}"),
            Failure::Tls { why } => write!(f, "`{registry}` has no TLS certificate to be trusted: {why}"),
            Failure::NotTls => write!(f, "`{registry}` does not speak TLS"),
            Failure::Timeout { after } => write!(f, "`{registry}` did not answer within {} s", after.as_secs_f32()),
            Failure::NotARegistry { saw } => write!(f, "`{registry}` is no registry: `/v2/` gives {saw}"),
            // GitHub's API is told no user.
            Failure::CredentialRefused { user, said } if user.is_empty() => {
                write!(f, "`{registry}` refused the credential: {said}")
            }
            Failure::CredentialRefused { user, said } => {
                write!(f, "`{registry}` refused the credential of `{user}`: {said}")
            }
            Failure::AuthenticationRequired(said) => {
                write!(f, "`{registry}` asks for a login for `{subject}`: {said}")
            }
            Failure::AccessDenied(said) => write!(f, "`{registry}` denied access to `{subject}`: {said}"),
            Failure::NotFound(said) => write!(f, "`{registry}` has no `{subject}`: {said}"),
            Failure::RateLimited { said, retry_after } => {
                write!(f, "`{registry}` limits how often it is asked: {said}")?;
                match retry_after {
                    Some(wait) => write!(f, " (again in {} s)", wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
                    None => Ok(()),
                }
            }
            Failure::UnexpectedStatus(said) => write!(f, "`{registry}` gave an unexpected answer: {said}"),
            Failure::RealmElsewhere { realm } => {
                write!(f, "`{registry}` sends logins to `{realm}`, which is not known as its token service")
            }
            Failure::RealmInsecure { realm } => {
                write!(f, "`{registry}` sends logins to `{realm}` over plain HTTP")
            }
            Failure::RedirectRefused { why } => write!(f, "`{registry}` sent a redirect that is not followed: {why}"),
            Failure::BadAnswer { why } => write!(f, "`{registry}` gave an answer to {method} `{url}` that {why}"),
            Failure::DigestMismatch { expected, found } => {
                write!(f, "`{registry}` sent other bytes than `{subject}`: expected `{expected}`, found `{found}`")
            }
            Failure::NoPlatform { wanted, offered } => {
                write!(f, "`{subject}` has no image for `{wanted}`, only for {}", offered.join(", "))
            }
            Failure::Certificates { path, why } => write!(f, "certificate file `{}` {why}", path.display()),
            Failure::Sink(error) => write!(f, "`{subject}` cannot be written: {error}"),
        }
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.over_https.as_ref().map(|error| &**error as &(dyn std::error::Error + 'static))
    }
}

impl fmt::Display for Said {
    /// `403 denied: permission denied: …`, or the status and its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (index, entry) in self.errors.iter().enumerate() {
            write!(f, "{}{entry}", if index == 0 { " " } else { "; " })?;
        }
        match reqwest::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason()) {
            Some(reason) if self.errors.is_empty() => write!(f, " {reason}"),
            _ => Ok(()),
        }
    }
}
