//! What is known of one token: from its characters alone, and from GitHub.

use jiff::{SignedDuration, Timestamp};
use pullpass_client::github::{Account, Limit, Sso};
use pullpass_secrets::{
    Secret,
    token::{self, Kind, Malformed},
};
use serde_json::{Value, json};

use super::{
    host::Host,
    kind::{self, Pulls},
};
use crate::{commands::status::Stored, failure::Failure, output};

/// What a token needs to pull, and all that it needs.
pub(super) const TO_PULL: &str = "read:packages";

pub(crate) struct Inspected {
    pub(crate) secret: Secret,
    pub(crate) fingerprint: String,
    kind: Kind,
    /// Where it is stored.
    places: Vec<String>,
    malformed: Option<Malformed>,
    pulls: Pulls,
    /// The same in words.
    verdict: String,
    /// The scopes that it is to have.
    wanted: Vec<String>,
    pub(crate) heard: Heard,
}

/// What GitHub said of it.
#[derive(Default)]
pub(crate) struct Heard {
    /// None when it was not asked, or that is not known.
    pub(crate) is_alive: Option<bool>,
    /// Whether it was to be asked and gave no answer.
    pub(crate) is_missing: bool,
    /// Why there is no account.
    pub(crate) said: String,
    pub(crate) account: Option<Account>,
    pub(super) sso: Option<Sso>,
    pub(super) limit: Option<Limit>,
}

impl Inspected {
    /// A token that was given, by its characters. `wanted` are the scopes that it is to have.
    pub(super) fn given(secret: Secret, host: &Host, wanted: &[String], key: &[u8; 32]) -> Inspected {
        Inspected::new(secret, host, wanted, None, key)
    }

    /// The same of one that is stored.
    pub(super) fn stored(stored: Stored, host: &Host, key: &[u8; 32]) -> Inspected {
        let shown = |text: &str| output::printable(&token::mask(text));
        let is_here = stored.places.iter().any(|place| host.owns(&place.registry));
        let elsewhere = stored.places.first().filter(|_| !is_here).map(|place| shown(&place.registry));
        let places = stored.places.iter().map(|place| shown(&format!("{} in `{}`", place.registry, place.store)));
        let places = places.collect();
        let wanted = [TO_PULL.to_owned()];
        Inspected { places, ..Inspected::new(stored.secret, host, &wanted, elsewhere.as_deref(), key) }
    }

    fn new(secret: Secret, host: &Host, wanted: &[String], elsewhere: Option<&str>, key: &[u8; 32]) -> Inspected {
        let (pulls, verdict) = kind::pulls(&secret, host, elsewhere);
        let kind = Kind::of(&secret);
        let malformed = token::check(&secret).err();
        let said = match (&malformed, kind, elsewhere) {
            (Some(_), ..) => "a token that is not whole is sent to nobody".to_owned(),
            (_, Kind::GithubRefresh, _) => "GitHub tells nothing of a refresh token".to_owned(),
            _ if !kind.is_github() => "it is sent to nobody, as GitHub did not make it".to_owned(),
            (_, _, Some(other)) => {
                format!("it is stored for {other}, and not sent to {}: `--github-host` names its GitHub", host.name)
            }
            _ => String::new(),
        };
        let heard = Heard { said, ..Heard::default() };
        let fingerprint = token::fingerprint(&secret, key);
        let wanted = wanted.to_vec();
        Inspected { secret, fingerprint, kind, places: Vec::new(), malformed, pulls, verdict, wanted, heard }
    }

    /// Whether GitHub can be asked.
    pub(super) fn is_askable(&self) -> bool {
        self.heard.said.is_empty()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    fn scopes(&self) -> Option<&Vec<String>> {
        self.heard.account.as_ref()?.scopes.as_ref()
    }

    /// The scopes that it is to have and has not.
    fn lacks(&self) -> Vec<&str> {
        let Some(scopes) = self.scopes() else { return Vec::new() };
        let has = |wanted: &str| {
            scopes.iter().any(|scope| scope == wanted || (scope == "write:packages" && wanted == TO_PULL))
        };
        self.wanted.iter().map(String::as_str).filter(|wanted| !has(wanted)).collect()
    }

    /// What makes it useless, if anything does.
    pub(super) fn problem(&self) -> Option<String> {
        if let Some(malformed) = &self.malformed {
            return Some(malformed.to_string());
        }
        if self.heard.is_alive == Some(false) {
            return Some(format!("it is dead: {}", self.heard.said));
        }
        if self.pulls == Pulls::No {
            return Some(self.verdict.clone());
        }
        let lacks = self.lacks();
        (!lacks.is_empty()).then(|| format!("it lacks {}", quoted(&lacks)))
    }

    /// What is not as it should be.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let Some(account) = &self.heard.account else { return warnings };
        let is_wanted = |scope: &&str| self.wanted.iter().any(|wanted| wanted == scope);
        let scopes = account.scopes.iter().flatten().map(String::as_str);
        let more: Vec<&str> = scopes.filter(|scope| !is_wanted(scope)).collect();
        if !more.is_empty() {
            let than = if self.wanted == [TO_PULL] { "pull" } else { "was asked for" };
            warnings.push(format!("it can do more than {than}: {}", quoted(&more)));
        }
        // GitHub ends these by itself.
        let is_short = matches!(self.kind, Kind::GithubInstallation | Kind::GithubUser);
        if account.expires.is_none() && !is_short {
            warnings.push("it never ends: who finds it may use it for ever".to_owned());
        }
        if let Some(sso) = &self.heard.sso {
            warnings.push(sso_words(sso));
        }
        warnings
    }

    /// The same as the end of a command.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let failure = Failure::no(format!("`{}` is of no use: {}", self.fingerprint, self.problem()?));
        Some(match self.malformed {
            Some(_) => failure.hint("copy it again, whole"),
            None => failure.hint("have GitHub make one that pulls: `pullpass token new --at github`"),
        })
    }

    /// Tells a person.
    pub(super) fn print(&self, now: Timestamp) {
        self.lines(now).into_iter().for_each(output::data);
        for warning in self.warnings() {
            output::warn(format_args!("`{}`: {warning}", self.fingerprint));
        }
    }

    pub(crate) fn lines(&self, now: Timestamp) -> Vec<String> {
        let heard = &self.heard;
        let whole = match &self.malformed {
            Some(malformed) => format!("no: {malformed}"),
            None if self.kind == Kind::Unknown => "nobody can tell, as it has no known form".to_owned(),
            None => "yes".to_owned(),
        };
        let alive = match heard.is_alive {
            Some(true) => "yes".to_owned(),
            Some(false) => format!("no: {}", heard.said),
            None => format!("not known: {}", heard.said),
        };
        let mut rows: Vec<(&str, String)> = self.places.iter().map(|place| ("stored", place.clone())).collect();
        rows.extend([("whole", whole), ("pulls", self.verdict.clone()), ("alive", alive)]);
        if let Some(account) = &heard.account {
            rows.push(("owner", account.login.clone()));
            rows.push((
                "scopes",
                match &account.scopes {
                    None => "its kind has none".to_owned(),
                    Some(scopes) if scopes.is_empty() => "none".to_owned(),
                    Some(scopes) => scopes.join(", "),
                },
            ));
            let day = |at: Timestamp| format!("{}, {}", countdown(at, now), at.strftime("%Y-%m-%d %H:%M UTC"));
            rows.push(("ends", account.expires.map_or_else(|| "never".to_owned(), day)));
        }
        rows.extend(heard.limit.map(|limit| ("requests", limit_words(limit, now))));
        let rows = rows.into_iter().map(|(name, value)| format!("  {:10}{value}", format!("{name}:")));
        std::iter::once(format!("{}  {}", self.fingerprint, self.kind.name())).chain(rows).collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let heard = &self.heard;
        let account = heard.account.as_ref();
        let pulls = match self.pulls {
            Pulls::Yes => Some(true),
            Pulls::Perhaps => None,
            Pulls::No => Some(false),
        };
        json!({
            "fingerprint": self.fingerprint,
            "kind": self.kind.name(),
            "stored": self.places,
            "whole": self.malformed.is_none(),
            "kind_pulls": pulls,
            "verdict": self.verdict,
            "alive": heard.is_alive,
            "said": Some(&heard.said).filter(|said| !said.is_empty()),
            "is_unanswered": heard.is_missing,
            "owner": account.map(|account| &account.login),
            "scopes": self.scopes(),
            "expires": account.and_then(|account| account.expires),
            "sso": heard.sso.as_ref().map(|sso| match sso {
                Sso::Required { url } => json!({ "required": url }),
                Sso::Partial { organizations } => json!({ "left_out": organizations }),
            }),
            "limit": heard.limit.map(|limit| {
                json!({ "limit": limit.limit, "remaining": limit.remaining, "resets": limit.resets })
            }),
            "problem": self.problem(),
            "warnings": self.warnings(),
        })
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn sso_words(sso: &Sso) -> String {
    match sso {
        Sso::Required { url } => format!("single sign-on wants its owner to authorise it, within an hour: {url}"),
        Sso::Partial { organizations } => {
            let numbers: Vec<String> = organizations.iter().map(u64::to_string).collect();
            format!(
                "organisations with single sign-on leave it out, by number {}: its owner finds `Configure SSO` beside it \
                 in GitHub's list of tokens",
                numbers.join(", ")
            )
        }
    }
}

fn limit_words(limit: Limit, now: Timestamp) -> String {
    let resets = limit.resets.map(|at| format!(", all again {}", countdown(at, now))).unwrap_or_default();
    format!("{} of {} left{resets}", limit.remaining, limit.limit)
}

/// `in 12 days`, `3 hours ago`: the largest unit of which there are at least two.
fn countdown(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    let minutes = left.abs().as_mins();
    let (number, unit) = match minutes {
        2880.. => (minutes / 1440, "days"),
        120.. => (minutes / 60, "hours"),
        2.. => (minutes, "minutes"),
        _ => (left.abs().as_secs(), "seconds"),
    };
    if left < SignedDuration::ZERO { format!("{number} {unit} ago") } else { format!("in {number} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_has_the_unit_in_which_a_person_thinks() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let shown = |seconds: i64| countdown(now + SignedDuration::from_secs(seconds), now);
        assert_eq!(shown(12 * 86_400 + 5), "in 12 days");
        assert_eq!(shown(2 * 86_400 - 1), "in 47 hours");
        assert_eq!(shown(7_199), "in 119 minutes");
        assert_eq!(shown(119), "in 119 seconds");
        assert_eq!(shown(-3 * 86_400), "3 days ago");
    }
}
