//! `pullpass verify`

use clap::Args;
use pullpass_client::{
    Credential, Step,
    pull::{self, Attempt, Opened},
};
use pullpass_oci::{Reference, reference::InvalidReference};
use pullpass_secrets::{
    store::{Environment, Lookup, Source},
    token,
};
use serde_json::{Value, json};

use crate::{
    engines::{self, Choice, Engine},
    environment,
    failure::{Exit, Failure},
    network, output,
    refused::{self, Retry},
    stores,
    wait::{self, Wait},
};

/// Prove that a pull will work, or say what it fails at
///
/// Does what an engine does (challenge, token, manifest) with the credential that the engine would use, and again
/// without one. Three questions are answered apart: is the token alive, does it open this image, and would the image
/// open with no login at all.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass verify ghcr.io/octocat/app:v1
  pullpass verify ghcr.io/octocat/app:v1 --podman --json")]
pub(crate) struct Verify {
    /// The image
    #[arg(value_parser = reference)]
    reference: Reference,
    #[command(flatten)]
    engines: Choice,
    #[command(flatten)]
    retry: Retry,
    #[command(flatten)]
    wait: Wait,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Docker's rules take a token for an image of Docker Hub, or for a tag, and would send it there.
fn reference(text: &str) -> Result<Reference, String> {
    if token::mask(text) != text {
        return Err("there is a token in it".to_owned());
    }
    text.parse().map_err(|error: InvalidReference| error.to_string())
}

/// What an engine would present.
enum Login {
    Credential {
        source: Source,
        credential: Credential,
    },
    None,
    /// It cannot be told: an identity token, a helper or a file that is broken.
    Unclear(String),
}

/// What came of one way of asking, in plain values.
#[derive(Clone)]
struct Answer {
    alive: Option<bool>,
    /// None when it could not be found out.
    opens: Option<bool>,
    /// The registry's answer, when it was not yes.
    error: Option<String>,
    digest: Option<String>,
    /// The registry answered over plain HTTP only.
    is_plain: bool,
    exit: Option<Exit>,
    steps: Vec<Step>,
}

/// What one engine would meet.
struct Prospect {
    engine: Engine,
    login: Login,
    answer: Option<Answer>,
    /// The engine would not speak to the registry the way that it speaks.
    is_refused_by_engine: bool,
    verdict: String,
}

impl Verify {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let environment = environment::stores()?;
        // Where no engine is installed, the question is what the stores hold for either.
        let engines = self.engines.asked_or_installed().unwrap_or_else(|_| Engine::ALL.to_vec());
        let logins = engines
            .into_iter()
            .map(|engine| Ok((engine, self.login(engine, &environment)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let (prospects, anonymous) = network::block_on(async { Ok(self.ask(&environment, logins).await) })?;
        if self.json {
            output::json(&self.to_json(&prospects, &anonymous));
        } else {
            self.print(&prospects, &anonymous);
        }
        let exits: Vec<Exit> = prospects.iter().filter_map(|prospect| prospect.exit(&anonymous)).collect();
        match exits.iter().find(|exit| **exit == Exit::No).or(exits.first()) {
            Some(exit) => Err(Failure::silent(*exit)),
            None => Ok(()),
        }
    }

    fn login(&self, engine: Engine, environment: &Environment) -> Result<Login, Failure> {
        let name = format!("{}/{}", self.reference.registry, self.reference.repository);
        Ok(match stores::lookup(engine, environment, &self.reference.registry, &name)? {
            Lookup::Found { source, credential, .. } => {
                Login::Credential { source, credential: network::credential(&credential) }
            }
            Lookup::None => Login::None,
            Lookup::IdentityToken { source, .. } => {
                Login::Unclear(format!("the login of {source} is an identity token"))
            }
            Lookup::Broken { source, reason } => Login::Unclear(format!("{source} is broken: {reason}")),
        })
    }

    /// Asks once with each distinct credential, and once without.
    async fn ask(&self, environment: &Environment, logins: Vec<(Engine, Login)>) -> (Vec<Prospect>, Answer) {
        let anonymous = self.attempt(environment, None).await;
        let mut asked: Vec<(Credential, Answer)> = Vec::new();
        let mut prospects = Vec::new();
        for (engine, login) in logins {
            let answer = match &login {
                Login::Credential { credential, .. } => {
                    let same = |(other, _): &&(Credential, Answer)| {
                        other.user == credential.user && other.secret == credential.secret
                    };
                    match asked.iter().find(same) {
                        Some((_, answer)) => Some(answer.clone()),
                        None => {
                            let answer = self.attempt(environment, Some(credential)).await;
                            asked.push((credential.clone(), answer.clone()));
                            Some(answer)
                        }
                    }
                }
                Login::None | Login::Unclear(_) => None,
            };
            let is_plain = answer.as_ref().unwrap_or(&anonymous).is_plain;
            let is_refused_by_engine = is_plain && engine == Engine::Podman && !self.podman_allows_http(environment);
            let verdict = match is_refused_by_engine {
                true => format!(
                    "podman will not pull: `{registry}` speaks plain HTTP, and Podman was not told that it may: give the \
                     registry TLS, or add `[[registry]]`, `location = \"{registry}\"`, `insecure = true` to registries.conf",
                    registry = self.reference.registry
                ),
                false => self.verdict(engine, &login, answer.as_ref(), &anonymous),
            };
            prospects.push(Prospect { engine, login, answer, is_refused_by_engine, verdict });
        }
        (prospects, anonymous)
    }

    /// Whether registries.conf marks the registry, or the repository, as insecure. Docker needs no such word for loopback.
    fn podman_allows_http(&self, environment: &Environment) -> bool {
        let name = format!("{}/{}", self.reference.registry, self.reference.repository);
        let is_meant =
            |place: &str| name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let tables = environment::registries_conf(environment).into_iter();
        let registries = tables.filter_map(|table| table.get("registry")?.as_array().cloned()).flatten();
        let mut insecure =
            registries.filter(|entry| entry.get("insecure").and_then(toml::Value::as_bool) == Some(true));
        insecure.any(|entry| {
            let place = entry.get("prefix").or_else(|| entry.get("location"));
            place.and_then(toml::Value::as_str).is_some_and(is_meant)
        })
    }

    async fn attempt(&self, environment: &Environment, credential: Option<&Credential>) -> Answer {
        let registry = &self.reference.registry;
        if let Some(credential) = credential
            && !self.wait.is_wanted()
            && let Some(ago) = self.retry.refused(registry, credential)
        {
            return Answer::refused_before(&refused::said(registry, &credential.user, ago));
        }
        let attempt = async || {
            let options = network::options(environment, registry);
            let attempt = pull::attempt(&self.reference, engines::architecture(), credential, options).await;
            if attempt.outcome.is_ok() { Ok(attempt) } else { Err(attempt) }
        };
        let may_change = |attempt: &Attempt<Opened>| wait::hope(attempt.outcome.as_ref().err()?);
        let (Ok(attempt) | Err(attempt)) = self.wait.until(attempt, may_change).await;
        if let Some(credential) = credential {
            refused::remember(registry, credential, attempt.outcome.as_ref());
        }
        Answer::of(attempt)
    }

    fn verdict(&self, engine: Engine, login: &Login, answer: Option<&Answer>, anonymous: &Answer) -> String {
        let name = engine.name();
        let because = |answer: &Answer| answer.error.clone().unwrap_or_default();
        match (login, answer) {
            (Login::Unclear(why), _) => format!("{name}: cannot tell: {why}"),
            (Login::Credential { credential, .. }, Some(answer)) => match (answer.opens, anonymous.opens) {
                (Some(true), Some(true)) => {
                    format!("{name} will pull: the image is public and would open with no login")
                }
                (Some(true), Some(false)) => {
                    let user = &credential.user;
                    format!("{name} will pull: the login of `{user}` opens the image, which does not open without")
                }
                (Some(true), None) => format!("{name} will pull: the login of `{}` opens the image", credential.user),
                (Some(false), Some(true)) if answer.alive == Some(false) => {
                    let because = because(answer);
                    format!("{name} will not pull: {because}; the image is public, and the dead login keeps it shut")
                }
                (Some(false), _) => format!("{name} will not pull: {}", because(answer)),
                (None, _) => format!("{name}: could not find out: {}", because(answer)),
            },
            _ => match anonymous.opens {
                Some(true) => format!("{name} will pull: the image is public; there is no login, and it needs none"),
                Some(false) => format!("{name} will not pull: there is no login: {}", because(anonymous)),
                None => format!("{name}: could not find out: {}", because(anonymous)),
            },
        }
    }

    fn print(&self, prospects: &[Prospect], anonymous: &Answer) {
        let word = |answer: Option<bool>| match answer {
            Some(true) => "yes",
            Some(false) => "no",
            None => "could not find out",
        };
        let key = environment::fingerprint_key();
        output::data(&self.reference);
        for prospect in prospects {
            let who = match &prospect.login {
                Login::Credential { source, credential } => {
                    format!("{}, {}, from {source}", credential.user, token::fingerprint(&credential.secret, &key))
                }
                Login::None => "no login".to_owned(),
                Login::Unclear(why) => why.clone(),
            };
            output::data(format_args!("  {} ({who})", prospect.engine.name()));
            if let Some(answer) = &prospect.answer {
                output::data(format_args!("    token alive: {}", word(answer.alive)));
                output::data(format_args!("    opens this image: {}", word(answer.opens)));
            }
        }
        output::data(format_args!("  without a login\n    opens this image: {}", word(anonymous.opens)));
        for prospect in prospects {
            output::data(&prospect.verdict);
        }
    }

    fn to_json(&self, prospects: &[Prospect], anonymous: &Answer) -> Value {
        let key = environment::fingerprint_key();
        let engines = prospects.iter().map(|prospect| {
            let login = match &prospect.login {
                Login::Credential { source, credential } => json!({
                    "path": source.path(), "source": source.to_string(), "user": credential.user,
                    "fingerprint": token::fingerprint(&credential.secret, &key),
                }),
                _ => Value::Null,
            };
            let mut value = prospect.answer.as_ref().unwrap_or(&Answer::unasked(anonymous)).to_json();
            value["engine"] = json!(prospect.engine.name());
            value["login"] = login;
            value["will_pull"] = match prospect.exit(anonymous) {
                None => json!(true),
                Some(Exit::No) => json!(false),
                Some(_) => Value::Null,
            };
            value["verdict"] = json!(prospect.verdict);
            value
        });
        let verdicts: Vec<&str> = prospects.iter().map(|prospect| prospect.verdict.as_str()).collect();
        json!({
            "reference": self.reference.to_string(),
            "engines": engines.collect::<Vec<_>>(),
            "anonymous": anonymous.to_json(),
            "verdict": verdicts.join("\n"),
        })
    }
}

impl Prospect {
    /// The exit code that this engine's prospect means; none when it will pull.
    fn exit(&self, anonymous: &Answer) -> Option<Exit> {
        match &self.login {
            _ if self.is_refused_by_engine => Some(Exit::No),
            Login::Unclear(_) => Some(Exit::Unknown),
            Login::None => anonymous.exit,
            Login::Credential { .. } => self.answer.as_ref().and_then(|answer| answer.exit),
        }
    }
}

impl Answer {
    fn of(attempt: Attempt<Opened>) -> Answer {
        let exit = attempt.outcome.as_ref().err().map(network::exit);
        Answer {
            alive: attempt.is_credential_alive,
            opens: match exit {
                None => Some(true),
                Some(Exit::No) => Some(false),
                Some(_) => None,
            },
            digest: attempt.outcome.as_ref().ok().map(|opened| opened.digest.to_string()),
            error: attempt.outcome.err().map(|error| error.to_string()),
            exit,
            is_plain: attempt.steps.iter().any(|step| step.url.starts_with("http://") && step.status.is_some()),
            steps: attempt.steps,
        }
    }

    /// What was answered within the last day, and is not asked again.
    fn refused_before(said: &str) -> Answer {
        let error = format!("{said}, and it was not sent again (`--retry` sends it)");
        let (steps, exit) = (Vec::new(), Some(Exit::No));
        Answer {
            alive: Some(false),
            opens: Some(false),
            error: Some(error),
            digest: None,
            is_plain: false,
            exit,
            steps,
        }
    }

    /// What an engine without a login gets: the anonymous answer, with no token to be alive.
    fn unasked(anonymous: &Answer) -> Answer {
        Answer { alive: None, steps: Vec::new(), ..anonymous.clone() }
    }

    fn to_json(&self) -> Value {
        let step = |step: &Step| {
            json!({
                "stage": step.stage.to_string(), "method": step.method, "url": step.url, "status": step.status,
                "milliseconds": step.took.as_secs_f64() * 1000.0,
            })
        };
        json!({
            "token_alive": self.alive,
            "opens": self.opens,
            "digest": self.digest,
            "error": self.error,
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
        })
    }
}
