//! Which GitHub.

use pullpass_client::github;
use pullpass_oci::Registry;
use pullpass_secrets::token;
use url::Url;

/// github.com, or the host of an Enterprise.
#[derive(Clone)]
pub(crate) struct Host {
    /// Where its pages are.
    pub(crate) name: String,
    pub(super) api: Url,
    /// Where the API is, in the form in which refusals are remembered and certificates found.
    pub(super) api_host: Registry,
}

impl Host {
    /// What its container registry is called. An Enterprise Server's has a name of its own choice.
    pub(super) fn registry(&self) -> String {
        match self.name.as_str() {
            "github.com" => "ghcr.io".to_owned(),
            name => format!("the container registry of {name}"),
        }
    }

    /// Whether a login under this key is for a registry of this GitHub, as far as names tell: a token of one is not sent to
    /// another.
    pub(super) fn owns(&self, key: &str) -> bool {
        key.contains(&self.name) || (self.name == "github.com" && key.contains("ghcr.io"))
    }
}

impl std::str::FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Host, String> {
        let no_host = || "a host is wanted, as `github.example.org`".to_owned();
        if token::mask(text) != text {
            return Err("there is a token in it".to_owned());
        }
        let api = github::api(text).ok_or_else(no_host)?;
        let port = api.port().map(|port| format!(":{port}")).unwrap_or_default();
        let api_host = format!("{}{port}", api.host_str().unwrap_or_default()).parse().map_err(|_| no_host())?;
        Ok(Host { name: text.to_ascii_lowercase(), api, api_host })
    }
}
