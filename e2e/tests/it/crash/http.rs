//! Requests to a server that may be killed at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pullpass_client::{Credential, Failure, Options, Registry, RegistryError};
use pullpass_secrets::Secret;
use reqwest::{Method, redirect};

use crate::program::USER;

/// The server was killed before it answered: the request was fulfilled, or was not.
pub(crate) struct Cut;

/// An answer, as much of it as came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) digest: String,
    body: Option<Vec<u8>>,
}

impl Answer {
    pub(crate) fn body(self) -> Result<Vec<u8>, Cut> {
        self.body.ok_or(Cut)
    }
}

/// One server and the token for it.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    address: String,
    token: String,
    /// The product's own client, for what it does.
    pub(crate) registry: Arc<Registry>,
    is_silent: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Http {
    pub(crate) async fn new(address: &str, token: &str) -> Http {
        let client = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none());
        let client = client.timeout(Duration::from_secs(30)).build().expect("a client");
        let credential = Credential { user: USER.to_owned(), secret: Secret::new(token.to_owned()) };
        let name = address.parse().expect("a registry");
        let registry = match Registry::connect(&name, Some(credential), Options::default()).await {
            Ok(registry) => Arc::new(registry),
            Err(error) => panic!("{error}"),
        };
        Http {
            client,
            address: address.to_owned(),
            token: token.to_owned(),
            registry,
            is_silent: Arc::default(),
            acknowledged: Arc::default(),
        }
    }

    /// From now on it is all right when the server does not answer.
    pub(crate) fn expect_silence(&self) {
        self.is_silent.store(true, Ordering::SeqCst);
    }

    /// The token of the workers.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::SeqCst)
    }

    /// How many blobs, manifests and deletions were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// Sends a request; `path` is a path with its query, or a location.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Answer, Cut> {
        self.send_as(&self.token, method, path, "application/octet-stream", body).await
    }

    /// The same with another token or type.
    pub(crate) async fn send_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Answer, Cut> {
        let (what, is_deletion) = (format!("{method} {path}"), method == Method::DELETE);
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        let request = request.basic_auth(USER, Some(token)).header("content-type", media_type);
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => return Err(self.cut(&what, &error)),
        };
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (status, location, digest) =
            (response.status().as_u16(), header("location"), header("docker-content-digest"));
        let body = match response.bytes().await {
            Ok(bytes) => Some(bytes.to_vec()),
            // The status has come: a promise is a promise.
            Err(error) => {
                self.cut(&what, &error);
                None
            }
        };
        assert!(status < 500, "{what}: {status} {}", String::from_utf8_lossy(&body.unwrap_or_default()));
        if status == 201 || is_deletion {
            self.acknowledge();
        }
        Ok(Answer { status, location, digest, body })
    }

    /// What the product's own client was told.
    pub(crate) fn told<T>(&self, result: Result<T, RegistryError>) -> Result<T, Cut> {
        result.inspect(|_| self.acknowledge()).map_err(|error| match error.failure {
            Failure::Unreachable { .. } | Failure::BadAnswer { .. } => self.cut("the client", &error),
            _ => panic!("{error}"),
        })
    }

    fn cut(&self, what: &str, error: &dyn std::error::Error) -> Cut {
        assert!(self.is_silent(), "{what}: the server went away by itself: {error}");
        Cut
    }
}
