//! What a message of a client means. Pure, and for any text: nothing is asked, and nothing of the text is repeated but the
//! name of the image.
//!
//! Names are taken out of the text first ([`text`]), so that an image that is called `denied` decides nothing; what is left
//! is compared with all that clients are known to print ([`rules`]), the most telling first. Why the same refusal is printed
//! in so many ways: Docker and containerd shorten `{code, message}` to the code when the message is the usual one for
//! it, and put the address in front when the request for the token failed, but not when the one for the manifest did
//! (`errcode.UnmarshalJSON` of distribution, `daemon/containerd/registry_errors.go` of Moby).

mod clients;
mod name;
mod rules;
mod text;

use self::rules::{On, Rule};
use self::text::Text;
use super::Cause;

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Something on this host, before anything was sent.
    Local,
    /// The credential helper.
    Helper,
    /// The way to the registry, or what answers there.
    Network,
    /// The request for a token: a login, or the first step of a pull or a push.
    Token,
    /// The request for the manifest, or what it says.
    Manifest,
    /// The upload of a push.
    Upload,
    /// GitHub's API.
    Github,
}

impl Stage {
    /// Words for people and for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Local => "this host, before anything was sent",
            Stage::Helper => "the credential helper",
            Stage::Network => "the way to the registry",
            Stage::Token => "the request for a token",
            Stage::Manifest => "the request for the manifest",
            Stage::Upload => "the upload",
            Stage::Github => "GitHub's API",
        }
    }
}

/// What a text can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Who printed it, if the text shows that.
    pub client: Option<&'static str>,
    /// The image that it is about, tokens masked.
    pub reference: Option<String>,
    /// What failed.
    pub stage: Stage,
    /// What can be the case, one to three, the likeliest first.
    pub causes: Vec<Cause>,
    /// How the text shows that, in one or two sentences.
    pub why: String,
    /// The command that would tell which, or whether.
    pub decide: String,
}

/// What `text` means, which a client printed: a line of it, or all of it. `None` when it is not about a registry, or not an
/// error.
pub fn explain(text: &str) -> Option<Explanation> {
    let text = Text::read(text);
    let client = clients::of(&text);
    let rule = rules::all().find(|rule| rule.fits(&text, client));
    let host = text.registry.as_deref().and_then(host_cause).or_else(|| text.reference.as_deref().and_then(case_cause));
    let (stage, mut causes, why) = match (rule, host) {
        (Some(rule), _) => (rule.stage, rule.causes.to_vec(), rule.why.to_owned()),
        (None, Some((Cause::LookAlike | Cause::LegacyHost, _))) => (Stage::Local, Vec::new(), String::new()),
        (None, _) => return None,
    };
    if text.registry.as_deref().is_some_and(|registry| registry != "ghcr.io") && causes.first() == Some(&Cause::NoLogin)
    {
        // Others than ghcr.io answer a dead token like this, too.
        causes.retain(|cause| *cause != Cause::DeadLogin);
        causes.insert(1, Cause::DeadLogin);
    }
    let why = match host {
        Some((cause, said)) => {
            causes.retain(|other| *other != cause);
            causes.insert(0, cause);
            format!("{said} {why}").trim_end().to_owned()
        }
        None => why,
    };
    causes.truncate(3);
    let decide = decide(stage, &causes, text.reference.as_deref(), text.registry.as_deref());
    Some(Explanation { client, reference: text.reference, stage, causes, why, decide })
}

/// What the name of a host alone tells.
fn host_cause(host: &str) -> Option<(Cause, &'static str)> {
    const LOOK_ALIKES: [&str; 9] =
        ["ghrc.io", "gchr.io", "gcrh.io", "grhc.io", "hgcr.io", "ghcr.com", "ghcr.co", "ghcr.oi", "gchr.com"];
    if LOOK_ALIKES.contains(&host) {
        return Some((Cause::LookAlike, "The host is not `ghcr.io`, but one that looks like it."));
    }
    (host == "docker.pkg.github.com").then_some((Cause::LegacyHost, "The host is that of GitHub's old registry."))
}

/// What capitals in a name tell: some clients refuse them, others ask for them and find nothing.
fn case_cause(reference: &str) -> Option<(Cause, &'static str)> {
    let name = reference.split(['@', '…']).next().unwrap_or_default();
    let (host, path) = name.split_once('/').unwrap_or(("", name));
    let path = path.rsplit_once(':').map_or(path, |(path, _)| path);
    let has_capitals = host.contains('.') && path.contains(|character: char| character.is_ascii_uppercase());
    has_capitals.then_some((Cause::UpperCase, "The name has capitals, which no registry has."))
}

fn decide(stage: Stage, causes: &[Cause], reference: Option<&str>, registry: Option<&str>) -> String {
    let is_about_host = matches!(stage, Stage::Local | Stage::Helper);
    let reference = match (reference, registry) {
        (Some(reference), _) => reference.to_owned(),
        (None, _) if is_about_host => return "pullpass doctor".to_owned(),
        (None, registry) => format!("{}/OWNER/NAME:TAG", registry.unwrap_or("REGISTRY")),
    };
    match (stage, causes) {
        (Stage::Upload, _) => format!("pullpass verify {reference} --push"),
        (_, [Cause::NoSuchTag | Cause::NoPlatform | Cause::OldClient | Cause::RateLimit | Cause::Outage]) => {
            format!("pullpass verify {reference}")
        }
        _ => format!("pullpass doctor {reference}"),
    }
}

impl Rule {
    fn fits(&self, text: &Text, client: Option<&str>) -> bool {
        let is_on = match self.on {
            On::Any => true,
            On::Registry => text.is_about_a_registry() || client.is_some(),
            On::Push => text.is_push(),
            On::Login => text.is_login(),
            On::Kubernetes => clients::is_kubernetes(client),
            On::Podman => clients::is_podmans(client),
        };
        is_on && self.texts.iter().any(|pattern| text.has(pattern))
    }
}
