//! Asks the engines themselves, which go their own way: with their own resolver, proxy, certificates and mirrors. No layer
//! is fetched.

mod docker;
mod podman;

use std::time::{Duration, Instant};

use pullpass_oci::{Platform, Reference};
use pullpass_secrets::{store::Environment, token};

use super::login::Login;
use crate::{engines::Engine, output};

/// How long one engine may take for one image.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest text of an engine that is repeated, in characters.
const MAX_TEXT: usize = 500;

/// What an engine says.
#[derive(Clone)]
pub(super) struct Said {
    /// None when it could not be asked, or had no answer.
    pub(super) opens: Option<bool>,
    /// In the engine's words, or why it could not be asked. Empty when the image opens.
    pub(super) text: String,
    pub(super) took: Duration,
}

/// An image for an engine to look at, with what it needs for that.
pub(super) struct Question {
    pub(super) engine: Engine,
    pub(super) reference: Reference,
    pub(super) login: Login,
    pub(super) environment: Environment,
    /// None for the engine's own.
    pub(super) platform: Option<Platform>,
}

impl Question {
    pub(super) async fn ask(self) -> Said {
        let started = Instant::now();
        let asked = async {
            match self.engine {
                Engine::Docker => docker::ask(&self).await,
                Engine::Podman => podman::ask(&self).await,
            }
        };
        let answer = tokio::time::timeout(LIMIT, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", LIMIT.as_secs())));
        let (opens, text) = match answer {
            Ok(Reply::Opens) => (Some(true), String::new()),
            Ok(Reply::No(text)) => (Some(false), text),
            Ok(Reply::Says(text)) => (is_no(&text).then_some(false), text),
            Err(why) => (None, why),
        };
        // What the engine was told in confidence, should it say that back.
        let secret = self.login.credential().map(|credential| credential.secret.reveal());
        let text = secret.filter(|secret| !secret.is_empty()).map_or(text.clone(), |secret| text.replace(secret, "…"));
        let text: String = output::printable(token::mask(&text).trim()).chars().take(MAX_TEXT).collect();
        Said { opens, text, took: started.elapsed() }
    }

    /// With the digest alone where there is one: Podman takes no reference with both.
    fn name(&self) -> String {
        let Reference { registry, repository, digest, .. } = &self.reference;
        let separator = if digest.is_some() { '@' } else { ':' };
        format!("{registry}/{repository}{separator}{}", self.reference.manifest_reference())
    }
}

/// What came back from an engine that could be asked.
enum Reply {
    Opens,
    /// The registry has said no, in the engine's words.
    No(String),
    /// Why not, in the engine's words alone.
    Says(String),
}

/// Whether a message says that the registry was reached and does not open the image: what Docker prints, and Podman for an
/// answer of 401, 403 and 404. A system's own "permission denied" is none of these.
fn is_no(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = [
        "unauthorized",
        ": denied",
        "denied: ",
        "access denied",
        "is denied",
        "manifest unknown",
        "name unknown",
        "no image found",
        "no matching manifest",
        "403 (forbidden)",
        "403 forbidden",
    ];
    words.iter().any(|words| text.contains(words))
}
