//! What is between this host and the registry, whoever asks.

use jiff::SignedDuration;

use super::said;
use crate::{
    diagnosis::{Cause, Finding},
    error::{Failure, RegistryError},
    http::Stage,
    probe::{Evidence, Tried},
};

/// A clock that is off by less does no harm: certificates and tokens count for longer.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// As many tags are shown.
const SHOWN_TAGS: usize = 10;

/// Findings about the way to the registry, and about the image.
pub fn registry(evidence: &Evidence) -> Vec<Finding> {
    let credited = evidence.credentials.iter().filter_map(|credited| credited.tried.as_ref());
    let tried: Vec<&Tried> = std::iter::once(&evidence.anonymous).chain(credited).collect();
    let mut findings: Vec<Finding> = Vec::new();
    let mut add = |finding: Option<Finding>| {
        findings.extend(finding.filter(|new| !findings.iter().any(|old| old.cause == new.cause)));
    };
    for tried in &tried {
        add(tried.outcome.as_ref().err().and_then(|error| way(evidence, error)));
        add(tried.storage.as_ref().and_then(|fetched| storage(evidence, fetched.as_ref().err()?)));
    }
    add(clock(evidence, &tried));
    add(proxy(evidence));
    if findings.is_empty() {
        findings.extend(stranger(evidence, &tried));
    }
    findings
}

/// What an error says about the way to the registry; none when the registry has answered the question.
fn way(evidence: &Evidence, error: &RegistryError) -> Option<Finding> {
    let registry = &evidence.registry;
    let subject = &error.request.subject;
    Some(match &error.failure {
        Failure::CredentialRefused { .. } | Failure::AuthenticationRequired(_) | Failure::AccessDenied(_) => {
            return None;
        }
        Failure::Unreachable { why } => unreachable(evidence, why),
        Failure::Timeout { .. } => Finding::new(Cause::Unreachable)
            .or(
                &[Cause::Proxy, Cause::Outage],
                format!("`curl -v https://{registry}/v2/` from here and from another network"),
            )
            .seen(said(error))
            .words("let a firewall or proxy in between pass it, or wait for the registry"),
        Failure::Tls { why } => untrusted(evidence, why),
        Failure::NotTls => Finding::new(Cause::PlainHttp).seen(said(error)).words(format!(
            "give {registry} TLS: engines and `pullpass` send no login over plain HTTP but on loopback"
        )),
        Failure::NotARegistry { .. } => Finding::new(Cause::NotARegistry)
            .seen(said(error))
            .words("log in to the network's sign-in page, or leave out the proxy that answers with it"),
        Failure::NotFound(refusal) => {
            let is_old = refusal.errors.iter().any(|entry| entry.message.contains("Accept header does not support"));
            let is_name = refusal.errors.iter().any(|entry| entry.code == "NAME_UNKNOWN");
            let finding = Finding::new(match () {
                () if is_old => Cause::OldClient,
                () if is_name => Cause::NoSuchPackage,
                () => Cause::NoSuchTag,
            });
            let finding = finding.seen(said(error)).not("the login: access is open");
            match tags(evidence) {
                Some(tags) => {
                    finding.seen(format!("it has the tags {tags}")).words("use one of them, or push this one")
                }
                None => finding.words("correct the name or the tag, or push the image"),
            }
        }
        Failure::NoPlatform { wanted, offered } => Finding::new(Cause::NoPlatform)
            .seen(format!("`{subject}` has images for {}, not for {wanted}", offered.join(", ")))
            .not("the login: access is open")
            .words("build the image for this platform too, or pull another tag"),
        Failure::RateLimited { .. } => {
            Finding::new(Cause::RateLimit).seen(said(error)).words("wait and try again; log in, for a larger share")
        }
        Failure::UnexpectedStatus(refusal) if refusal.status >= 500 => Finding::new(Cause::Outage)
            .seen(said(error))
            .not("the login: nobody is let in")
            .fix(crate::diagnosis::Fix::Page("https://www.githubstatus.com/".to_owned())),
        Failure::RealmElsewhere { realm } | Failure::RealmInsecure { realm } => Finding::new(Cause::ForeignRealm)
            .seen(said(error))
            .seen(format!("nothing was sent to `{realm}`"))
            .words(format!("do not log in to {registry} unless it is known to belong to `{realm}`")),
        Failure::UnexpectedStatus(_)
        | Failure::RedirectRefused { .. }
        | Failure::BadAnswer { .. }
        | Failure::DigestMismatch { .. } => Finding::new(Cause::BadAnswer)
            .seen(said(error))
            .seen(format!("{}: {} {}", error.request.stage, error.request.method, error.request.url))
            .words("look at what stands between this host and the registry: a proxy, a cache, a mirror"),
        Failure::Certificates { path, why } => Finding::new(Cause::Tls)
            .about(path.display().to_string())
            .seen(format!("it {why}"))
            .words("mend or remove the file"),
        Failure::Sink(_) => return None,
    })
}

/// The newest tags that there are, where a registry lists the oldest first as ghcr.io does.
fn tags(evidence: &Evidence) -> Option<String> {
    let credited = evidence.credentials.iter().filter_map(|credited| credited.tried.as_ref());
    let tags = credited.chain([&evidence.anonymous]).map(|tried| &tried.tags).find(|tags| !tags.is_empty())?;
    let newest: Vec<String> = tags.iter().rev().take(SHOWN_TAGS).map(|tag| format!("`{tag}`")).collect();
    let more = if tags.len() > newest.len() { ", and others" } else { "" };
    Some(newest.join(", ") + more)
}

fn unreachable(evidence: &Evidence, why: &str) -> Finding {
    let registry = &evidence.registry;
    let because = format!("`{registry}`: {why}");
    if evidence.without_proxy == Some(true) {
        return Finding::new(Cause::Proxy)
            .seen(because)
            .seen("without the proxy of this environment it answers")
            .words("unset `HTTPS_PROXY`, or add the registry to `NO_PROXY`");
    }
    if evidence.has_proxy {
        return Finding::new(Cause::Proxy)
            .or(&[Cause::Unreachable], format!("`curl -v https://{registry}/v2/` through the proxy, and without"))
            .seen(because)
            .seen("without the proxy of this environment it does not answer either")
            .words("correct `HTTPS_PROXY`");
    }
    match &evidence.addresses {
        Err(error) => Finding::new(Cause::NoAddress)
            .seen(format!("`{}`: {error}", registry.host()))
            .words("correct the name, or the host's resolver in /etc/resolv.conf"),
        Ok(addresses) if addresses.iter().all(|address| address.is_ipv4()) && is_without_route(why) => {
            let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let finding = if evidence.has_ipv6 {
                Finding::new(Cause::Ipv6Only)
                    .seen("this host has a route for IPv6 and none for IPv4")
                    .words("give the host IPv4, NAT64 with DNS64, or a proxy or mirror that has both")
            } else {
                Finding::new(Cause::Unreachable).seen("this host has no route to anywhere outside").command("ip route")
            };
            finding.seen(format!("`{registry}` has the addresses {shown}: {why}"))
        }
        Ok(_) => Finding::new(Cause::Unreachable)
            .seen(because)
            .command(format!("curl -v https://{registry}/v2/"))
            .words("if a proxy is needed here, set `HTTPS_PROXY` for the engine's service"),
    }
}

fn is_without_route(why: &str) -> bool {
    why.contains("etwork is unreachable") || why.contains("No route to host")
}

/// A certificate that is not trusted: the wrong clock, or the wrong certificate.
fn untrusted(evidence: &Evidence, why: &str) -> Finding {
    let registry = &evidence.registry;
    let Some(certificate) = &evidence.certificate else {
        return Finding::new(Cause::Tls).seen(format!("`{registry}`: {why}")).words(trust(evidence));
    };
    let signed = format!("the certificate is signed by `{}`", certificate.issuer);
    let off = certificate.date.map(|date| evidence.now.duration_since(date)).filter(|off| off.abs() > SKEW);
    let lies_outside = |time: jiff::Timestamp| {
        certificate.begins.is_some_and(|begins| time < begins) || certificate.ends.is_some_and(|ends| time > ends)
    };
    let is_timely = certificate.date.is_some_and(|date| !lies_outside(date));
    if let Some(off) = off.filter(|_| lies_outside(evidence.now) && is_timely) {
        return Finding::new(Cause::ClockSkew)
            .seen(format!("`{registry}`: {why}"))
            .seen(format!("this host's clock is {} than the registry's", distance(off)))
            .command("timedatectl set-ntp true");
    }
    let finding = Finding::new(Cause::Tls).seen(format!("`{registry}`: {why}"));
    match evidence.is_githubs && !certificate.is_githubs {
        true => finding
            .seen(format!("{signed}; the answer has no number of GitHub's, so something in between answers"))
            .words(trust(evidence)),
        false => finding.seen(signed).words(trust(evidence)),
    }
}

fn trust(evidence: &Evidence) -> String {
    format!(
        "if that authority is your own, put its certificate into /etc/docker/certs.d/{0}/ca.crt and /etc/containers/certs.d/{0}/ca.crt",
        evidence.registry
    )
}

fn storage(evidence: &Evidence, error: &RegistryError) -> Option<Finding> {
    let is_way = matches!(
        error.failure,
        Failure::Unreachable { .. } | Failure::Timeout { .. } | Failure::Tls { .. } | Failure::NotTls
    );
    let host = url::Url::parse(&error.request.url).ok()?.host_str()?.to_owned();
    if error.request.stage != Stage::Blob || !is_way || host == evidence.registry.host() {
        return way(evidence, error);
    }
    Some(
        Finding::new(Cause::StorageBlocked)
            .about(host.clone())
            .seen(format!("the manifest opens; `{host}`, where the layers are, {}", after(&error.failure)))
            .not("the login: it opens the image")
            .words(format!("let the firewall or proxy pass `{host}` as well as `{}`", evidence.registry)),
    )
}

fn after(failure: &Failure) -> String {
    match failure {
        Failure::Unreachable { why } => format!("cannot be reached: {why}"),
        Failure::Timeout { after } => format!("gave no answer in {} s", after.as_secs()),
        _ => "has no certificate to be trusted".to_owned(),
    }
}

/// By the `Date` of the first answer. Its seconds are whole, and it was under way for a while.
fn clock(evidence: &Evidence, tried: &[&Tried]) -> Option<Finding> {
    let date = tried.iter().flat_map(|tried| &tried.steps).find_map(|step| step.date)?;
    let off = evidence.now.duration_since(date);
    (off.abs() > SKEW).then(|| {
        Finding::new(Cause::ClockSkew)
            .warning()
            .seen(format!("this host's clock is {} than the registry's", distance(off)))
            .command("timedatectl set-ntp true")
    })
}

fn distance(off: SignedDuration) -> String {
    let minutes = off.abs().as_mins();
    let side = if off.is_negative() { "earlier" } else { "later" };
    match minutes {
        ..120 => format!("{minutes} minutes {side}"),
        120..2880 => format!("{} hours {side}", minutes / 60),
        _ => format!("{} days {side}", minutes / 1440),
    }
}

/// The proxy that the command line knows and a daemon may not.
fn proxy(evidence: &Evidence) -> Option<Finding> {
    let answers = evidence.anonymous.steps.iter().any(|step| step.status.is_some());
    (evidence.without_proxy == Some(false) && answers).then(|| {
        Finding::new(Cause::Proxy)
            .warning()
            .seen(format!("`{}` answers through the proxy of this environment, and not without it", evidence.registry))
            .words("give the engine's service the same `HTTPS_PROXY`: a daemon does not have this shell's environment")
    })
}

/// An answer in ghcr.io's name without GitHub's number.
fn stranger(evidence: &Evidence, tried: &[&Tried]) -> Option<Finding> {
    let mut steps = tried.iter().flat_map(|tried| &tried.steps);
    let stranger = steps.find(|step| step.status.is_some() && step.stage != Stage::Blob && !step.is_githubs)?;
    evidence.is_githubs.then(|| {
        Finding::new(Cause::Tls)
            .warning()
            .likely()
            .seen(format!("the answer to {} {} has no number of GitHub's", stranger.method, stranger.url))
            .words("something between this host and GitHub answers in its name: a proxy that opens TLS, or a mirror")
    })
}
