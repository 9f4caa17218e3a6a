//! What the answers mean together, in words.

use pullpass_oci::Reference;

use super::{
    answer::{Answer, Known, Outcome, Refusal},
    ask,
    engine::Said,
    login::{Client, Login},
};
use crate::{engines::Engine, failure::Exit};

/// An image, and what came of asking for it.
pub(super) struct Image {
    pub(super) reference: Reference,
    pub(super) prospects: Vec<Prospect>,
    /// None when it was not asked for without a login.
    pub(super) anonymous: Option<Answer>,
}

/// What one client would meet.
pub(super) struct Prospect {
    pub(super) client: Client,
    pub(super) login: Login,
    /// With the login; none when there is none.
    pub(super) answer: Option<Answer>,
    /// What the engine itself said; none when it was not asked.
    pub(super) said: Option<Said>,
    /// Podman was not told that it may speak plain HTTP to this registry.
    pub(super) needs_tls: bool,
}

/// The end of it, for one client and one right.
pub(super) struct Verdict {
    pub(super) text: String,
    /// None when it is yes.
    pub(super) exit: Option<Exit>,
    /// Nothing that we know explains it.
    pub(super) is_open: bool,
}

impl Image {
    /// The verdicts for every client, first about pulling, then about pushing.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        self.prospects.iter().flat_map(|prospect| prospect.verdicts(self)).collect()
    }

    /// One text, with the command that finds out more where the cause is not plain.
    pub(super) fn verdict(&self) -> String {
        let verdicts = self.verdicts();
        let mut lines: Vec<String> = verdicts.iter().map(|verdict| verdict.text.clone()).collect();
        if verdicts.iter().any(|verdict| verdict.is_open) {
            lines.push(format!("hint: find out why with `pullpass doctor {}`", self.reference));
        }
        lines.join("\n")
    }

    /// None when all is yes.
    pub(super) fn exit(&self) -> Option<Exit> {
        ask::worst(self.verdicts().iter().filter_map(|verdict| verdict.exit))
    }
}

impl Prospect {
    /// The answer that this client gets; none when it cannot be told what it would present.
    pub(super) fn effective<'a>(&'a self, image: &'a Image) -> Option<&'a Answer> {
        match &self.login {
            Login::Credential { .. } => self.answer.as_ref(),
            Login::None => image.anonymous.as_ref(),
            Login::Unclear(_) => None,
        }
    }

    pub(super) fn verdicts(&self, image: &Image) -> Vec<Verdict> {
        let name = self.client.name();
        if let Login::Unclear(why) = &self.login {
            return vec![Verdict {
                text: format!("{name}: cannot tell: {why}"),
                exit: Some(Exit::Unknown),
                is_open: false,
            }];
        }
        let Some(answer) = self.effective(image) else { return Vec::new() };
        let pull = answer.pull.as_ref().map(|outcome| self.pull(image, answer, outcome));
        let push = answer.push.as_ref().map(|outcome| self.push(answer, outcome));
        pull.into_iter().chain(push).collect()
    }

    fn pull(&self, image: &Image, answer: &Answer, outcome: &Outcome) -> Verdict {
        let ours = self.our_pull(image, answer, outcome);
        let Some(said) = &self.said else { return ours };
        let name = self.client.name();
        match (said.opens, ours.exit) {
            (Some(true), None) => Verdict { text: format!("{}; {name} itself says so too", ours.text), ..ours },
            (Some(true), Some(_)) => Verdict {
                text: format!(
                    "{name} will pull: it has asked itself, and the image opens; asked from here: {}",
                    ours.text
                ),
                exit: None,
                is_open: false,
            },
            (Some(false), Some(Exit::No)) => {
                Verdict { text: format!("{}; {name} itself says `{}`", ours.text, said.text), ..ours }
            }
            (Some(false), _) => Verdict {
                text: format!("{name} will not pull: it says `{}`, while asked from here: {}", said.text, ours.text),
                exit: Some(Exit::No),
                is_open: true,
            },
            (None, _) => Verdict {
                text: format!("{name} has no answer of its own: {}; asked from here: {}", said.text, ours.text),
                exit: Some(Exit::Unknown),
                is_open: ours.is_open,
            },
        }
    }

    fn our_pull(&self, image: &Image, answer: &Answer, outcome: &Outcome) -> Verdict {
        let name = self.client.name();
        if self.needs_tls && answer.is_plain() {
            let registry = &image.reference.registry;
            let text = format!(
                "podman will not pull: `{registry}` speaks plain HTTP, and Podman was not told that it may: give the \
                 registry TLS, or add `[[registry]]`, `location = \"{registry}\"`, `insecure = true` to registries.conf"
            );
            return Verdict { text, exit: Some(Exit::No), is_open: false };
        }
        let without = image.anonymous.as_ref().and_then(|anonymous| anonymous.pull.as_ref());
        let Outcome::No(refusal) = outcome else {
            let text = match (&self.login, without.map(Outcome::word)) {
                (Login::Credential { .. }, Some(Some(true))) => {
                    "the image is public and would open with no login".to_owned()
                }
                (Login::Credential { credential, .. }, Some(Some(false))) => {
                    format!("the login of `{}` opens the image, which does not open without", credential.user)
                }
                (Login::Credential { credential, .. }, _) => {
                    format!("the login of `{}` opens the image", credential.user)
                }
                _ => "the image is public; there is no login, and it needs none".to_owned(),
            };
            return Verdict { text: format!("{name} will pull: {text}"), exit: None, is_open: false };
        };
        if refusal.exit != Exit::No {
            return refusal.unknown(name);
        }
        let mut facts = vec![refusal.error.clone()];
        if self.login.credential().is_none() {
            facts.insert(0, "there is no login".to_owned());
        }
        let meaning = self.meaning(image, refusal, without);
        facts.extend(meaning.clone());
        let is_open = refusal.cause == Known::Denied || (refusal.cause == Known::DeniedToken && meaning.is_none());
        Verdict { text: format!("{name} will not pull: {}", join(&facts)), exit: Some(Exit::No), is_open }
    }

    /// What the answer means beside the one without a login.
    fn meaning(&self, image: &Image, refusal: &Refusal, without: Option<&Outcome>) -> Option<String> {
        let repository = &image.reference.repository;
        let cause = without.and_then(Outcome::refusal).map(|refusal| refusal.cause);
        let is_public = matches!(without, Some(Outcome::Yes));
        match (refusal.cause, self.login.credential()) {
            (Known::Refused, _) if is_public => {
                Some("the image is public, and the dead login keeps it shut".to_owned())
            }
            // ghcr.io gives 401 for a package that is there and private, and 403 for a name that it does not know.
            (Known::Denied | Known::DeniedToken, Some(_)) if cause == Some(Known::DeniedToken) => Some(format!(
                "there is no package `{repository}`, or it is hidden from this login: without one, its name is not known either"
            )),
            (Known::Denied | Known::DeniedToken, Some(credential)) if cause == Some(Known::LoginNeeded) => Some(
                format!("the login of `{}` is alive, and `{repository}` may be there, but not for it", credential.user),
            ),
            (Known::DeniedToken, None) => Some(format!(
                "there is no such package as `{repository}`, or this registry hides it from those without a login"
            )),
            _ => None,
        }
    }

    fn push(&self, answer: &Answer, outcome: &Outcome) -> Verdict {
        let name = self.client.name();
        let Outcome::No(refusal) = outcome else {
            let why = match &self.login {
                Login::Credential { credential, .. } => format!("the login of `{}` may", credential.user),
                _ => "everybody may, and there is no login".to_owned(),
            };
            return Verdict { text: format!("{name} will push: {why}"), exit: None, is_open: false };
        };
        if refusal.exit != Exit::No {
            return refusal.unknown(name);
        }
        let no_login = if self.login.credential().is_none() { "there is no login: " } else { "" };
        let is_open = refusal.cause == Known::Denied && answer.alive == Some(true);
        Verdict { text: format!("{name} will not push: {no_login}{}", refusal.error), exit: Some(Exit::No), is_open }
    }

    /// Whether the engine itself is to be asked: not with a credential that was just refused.
    pub(super) fn may_ask_engine(&self, image: &Image) -> Option<Engine> {
        let Client::Engine(engine) = self.client else { return None };
        let answer = self.effective(image)?;
        (answer.pull.is_some() && !answer.is_refused()).then_some(engine)
    }
}

impl Refusal {
    fn unknown(&self, name: &str) -> Verdict {
        Verdict { text: format!("{name}: could not find out: {}", self.error), exit: Some(self.exit), is_open: true }
    }
}

/// The first two belong together, when the first says that there is no login.
fn join(facts: &[String]) -> String {
    match facts {
        [first, second, rest @ ..] if first == "there is no login" => {
            [&[format!("{first}: {second}")], rest].concat().join("; ")
        }
        _ => facts.join("; "),
    }
}
