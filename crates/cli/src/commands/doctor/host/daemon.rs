//! Docker's daemon, which is what speaks to registries: it has a proxy and an age of its own.

use std::time::Duration;

use pullpass_client::{
    diagnosis::{Cause, Finding},
    probe::Evidence,
};
use pullpass_oci::media_type;
use pullpass_secrets::store::Environment;
use serde_json::Value;

use crate::{docker_daemon, engines::Engine, environment};

/// How long the daemon may take to tell of itself.
const LIMIT: Duration = Duration::from_secs(2);
/// The first version that is known to ask for images as OCI describes them (moby/buildkit#3490). One that does not ask for them
/// is told that there is no such manifest.
const OCI: (u32, u32) = (18, 9);

/// What the daemon says of itself: `GET /info`.
pub(in crate::commands::doctor) struct Daemon {
    /// For HTTPS, without the user and password that it may have.
    proxy: Option<String>,
    no_proxy: String,
    version: String,
}

/// None when there is no daemon that could be asked.
pub(in crate::commands::doctor) async fn ask(engines: &[Engine], environment: &Environment) -> Option<Daemon> {
    if !engines.contains(&Engine::Docker) {
        return None;
    }
    let socket = docker_daemon::socket(environment).ok()?;
    let answer = tokio::time::timeout(LIMIT, docker_daemon::get(&socket, "/info", "")).await.ok()?;
    let (_, info) = answer.ok().filter(|(status, _)| *status == 200)?;
    Some(Daemon::read(&info))
}

impl Daemon {
    fn read(info: &Value) -> Daemon {
        let text = |name: &str| info[name].as_str().unwrap_or_default().to_owned();
        let proxy = Some(text("HttpsProxy")).filter(|proxy| !proxy.is_empty());
        Daemon {
            proxy: proxy.map(|proxy| without_user(&proxy)),
            no_proxy: text("NoProxy"),
            version: text("ServerVersion"),
        }
    }

    /// The proxy through which it goes to a host.
    fn proxy_to(&self, host: &str) -> Option<&str> {
        self.proxy.as_deref().filter(|_| !environment::goes_direct(host, &self.no_proxy))
    }

    /// Whether it has a way to the registry, as far as is known.
    pub(in crate::commands::doctor) fn has_way(&self, evidence: &Evidence) -> bool {
        evidence.without_proxy != Some(false) || self.proxy_to(evidence.registry.host()).is_some()
    }

    /// What is known better of the way to the registry, now that the daemon has told: in place of what was found without.
    pub(in crate::commands::doctor) fn amend(&self, evidence: &Evidence, findings: &mut Vec<Finding>) {
        let host = evidence.registry.host();
        let is_about_proxy = |finding: &Finding| finding.cause == Cause::Proxy && !finding.blocks;
        match self.proxy_to(host) {
            None => {
                for finding in findings.iter_mut().filter(|finding| is_about_proxy(finding)) {
                    *finding = needs_proxy(finding.clone());
                }
            }
            Some(proxy) => {
                findings.retain(|finding| !is_about_proxy(finding));
                let is_far = |finding: &&mut Finding| matches!(finding.cause, Cause::Unreachable | Cause::NoAddress);
                for finding in findings.iter_mut().filter(is_far).filter(|_| !evidence.has_proxy) {
                    *finding = has_proxy(proxy, finding.evidence.first().cloned().unwrap_or_default());
                }
            }
        }
        findings.extend(self.age(evidence));
    }

    /// An image that its version does not know how to ask for.
    fn age(&self, evidence: &Evidence) -> Option<Finding> {
        let is_old = version(&self.version)? < OCI;
        let tried = evidence.credentials.iter().filter_map(|credited| credited.tried.as_ref());
        let opened = std::iter::once(&evidence.anonymous)
            .chain(tried)
            .find_map(|tried| tried.outcome.as_ref().ok()?.as_ref())?;
        (is_old && opened.image.media_type == media_type::OCI_MANIFEST).then(|| {
            Finding::new(Cause::OldClient)
                .likely()
                .about("docker")
                .seen(format!("its daemon has the version {}, and the image is as OCI describes it", self.version))
                .not("the login: access is open")
                .words("install a newer Docker: `https://docs.docker.com/engine/install/`")
        })
    }
}

/// `finding` says that the registry answers through the proxy of this shell alone.
fn needs_proxy(finding: Finding) -> Finding {
    let seen = finding.evidence.into_iter().next().unwrap_or_default();
    Finding::new(Cause::Proxy)
        .about("docker")
        .seen(seen)
        .seen("Docker's daemon, which is what pulls, has no proxy")
        .words("name the proxy in /etc/docker/daemon.json: `{\"proxies\": {\"https-proxy\": \"http://HOST:PORT\"}}` (before Docker 23, as `Environment=HTTPS_PROXY=…` of docker.service)")
        .command("sudo systemctl restart docker")
}

fn has_proxy(proxy: &str, seen: String) -> Finding {
    Finding::new(Cause::Proxy)
        .likely()
        .seen(seen)
        .seen(format!("Docker's daemon goes through `{proxy}`, and this shell has no proxy"))
        .command(format!("export HTTPS_PROXY={proxy}"))
        .words("what Docker pulls may work, which cannot be told from here until then")
}

/// `http://user:password@host:port` without the first two.
fn without_user(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").map_or(("", proxy), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_proxy_of_the_daemon_is_shown_without_its_password_and_not_for_what_it_leaves_out() {
        let info = json!({ "HttpsProxy": "http://me:secret@proxy:3128", "NoProxy": "localhost,.example.org" });
        let daemon = Daemon::read(&info);
        assert_eq!(daemon.proxy_to("ghcr.io"), Some("http://proxy:3128"));
        assert_eq!(daemon.proxy_to("ghcr.example.org"), None);
        assert_eq!(Daemon::read(&json!({ "HttpsProxy": "" })).proxy_to("ghcr.io"), None);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("17.09.1-ce").unwrap() < OCI && version("18.06.3-ce").unwrap() < OCI);
        assert!(version("18.09.9").unwrap() >= OCI && version("20.10.24+dfsg1").unwrap() >= OCI);
        assert_eq!(version("dev"), None);
    }
}
