//! The configuration, whole and validated before anything is opened or bound.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use url::{Host, Url};

/// How to serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory; created (0700) when it does not exist.
    pub data: PathBuf,
    /// The address to listen on. Port 0 lets the kernel choose.
    pub listen: SocketAddr,
    /// The base URL under which clients reach the server; needed unless `listen` is a loopback address. The realm of
    /// the token service is made from it, never from a request.
    pub url: Option<Url>,
    /// The `service` of challenges and tokens; by default the host and port of the URL.
    pub service: Option<String>,
    /// Whether to speak TLS, and with which certificate.
    pub tls: Tls,
    /// Allows plain HTTP on an address that is not loopback.
    pub allow_plain_http: bool,
    /// How long a client may take.
    pub timeouts: Timeouts,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP.
    None,
    /// PEM files.
    Files {
        /// The certificate chain, leaf first.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// A certification authority of our own, made in the data directory.
    Dev,
}

/// How long a client may take for each part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For all headers of a request; an idle connection is closed after it as well.
    pub header: Duration,
    /// Between two pieces of a request body.
    pub body: Duration,
    /// For the peer to take any byte of an answer.
    pub write: Duration,
    /// For requests under way when the server is told to stop.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(30),
            body: Duration::from_secs(60),
            write: Duration::from_secs(60),
            drain: Duration::from_secs(30),
        }
    }
}

/// Why a [`Config`] cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// Clients need a name to come back to, which `0.0.0.0` is not.
    #[error("`{0}` is no loopback address: say with `--url` under which URL clients reach it")]
    NoUrl(SocketAddr),
    /// Tokens would cross a network in the clear.
    #[error(
        "plain HTTP on `{0}` would send tokens in the clear: give `--tls-cert` and `--tls-key`, `--tls-dev`, or \
         `--allow-plain-http` when a proxy in front speaks TLS"
    )]
    PlainHttp(SocketAddr),
    /// The URL has a path, a query, a user or no HTTP scheme.
    #[error("`{0}` is no base URL: it is `http://` or `https://`, a host and maybe a port")]
    Url(Url),
    /// Clients would be sent to a port that does not speak what they are told.
    #[error("the server speaks TLS, and `{0}` is a URL without")]
    UrlWithoutTls(Url),
    /// The service goes into a quoted header parameter and a token.
    #[error("a service name has 1 to 255 printable ASCII characters without quotes or backslashes")]
    Service,
}

impl Config {
    /// Plain HTTP on `listen` (which must be loopback, unless more is set) with the data in `data`.
    pub fn new(data: PathBuf, listen: SocketAddr) -> Config {
        Config {
            data,
            listen,
            url: None,
            service: None,
            tls: Tls::None,
            allow_plain_http: false,
            timeouts: Timeouts::default(),
        }
    }

    /// Checks everything that can be checked without touching disk or network.
    ///
    /// # Errors
    /// The first thing that is wrong, with the flag that puts it right.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let loopback = self.listen.ip().is_loopback();
        if !loopback && self.url.is_none() {
            return Err(InvalidConfig::NoUrl(self.listen));
        }
        if !loopback && self.tls == Tls::None && !self.allow_plain_http {
            return Err(InvalidConfig::PlainHttp(self.listen));
        }
        if let Some(url) = self.url.as_ref().filter(|url| !is_base(url)) {
            return Err(InvalidConfig::Url(without_password(url)));
        }
        if let Some(url) = self.url.as_ref().filter(|url| self.tls != Tls::None && url.scheme() == "http") {
            return Err(InvalidConfig::UrlWithoutTls(url.clone()));
        }
        let printable = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\';
        match &self.service {
            Some(service) if service.is_empty() || service.len() > 255 || !service.bytes().all(printable) => {
                Err(InvalidConfig::Service)
            }
            _ => Ok(()),
        }
    }

    /// The base URL when the server listens on `local`, without a slash at its end.
    pub(crate) fn base(&self, local: SocketAddr) -> String {
        match &self.url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None if self.tls == Tls::None => format!("http://{local}"),
            None => format!("https://{local}"),
        }
    }

    /// The host of the configured URL.
    pub(crate) fn host(&self) -> Option<Host<&str>> {
        self.url.as_ref().and_then(Url::host)
    }
}

fn is_base(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// For an error message: somebody may have put a credential into the URL.
fn without_password(url: &Url) -> Url {
    let mut url = url.clone();
    // Fails only for URLs that cannot have a password.
    let _ = url.set_password(None);
    url
}
