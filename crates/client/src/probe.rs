//! What can be found out about a reference from here: with nobody's login, with each credential, and from GitHub. All of it is
//! asked at the same time; what depends on an answer is asked after it, and nothing twice.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use jiff::Timestamp;
use pullpass_oci::{Reference, Registry as Name};
use pullpass_secrets::token::{self, Kind, Malformed};
use tokio::{
    io::sink,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use url::Url;

use crate::{
    auth::Credential,
    error::{Failure, RegistryError},
    github::{self, Account, Answered, Owner, Package},
    http::{
        Options, Step,
        certificate::{self, Certificate},
    },
    pull::{self, Opened},
    registry::Registry,
};

/// The longest configuration of an image that is fetched to see whether its host answers, in bytes.
const LARGEST_CONFIG: u64 = 1024 * 1024;
/// An address that is nobody's (RFC 3849), to which there is a route where there is one to anybody.
const OUTSIDE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
/// How long all of it may take, unless it is said.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a name may take to be looked up, and a stranger to show a certificate.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// What is to be found out.
#[derive(Clone)]
pub struct Question {
    /// The registry.
    pub registry: Name,
    /// The image; none to ask only whether credentials are alive.
    pub reference: Option<Reference>,
    /// The machine's architecture, as engines call it.
    pub architecture: &'static str,
    /// Also whether a push would be let in, which opens an upload.
    pub push: bool,
    /// Every distinct credential.
    pub credentials: Vec<Ask>,
    /// GitHub's API; none for registries that are not GitHub's.
    pub github: Option<Api>,
    /// Whether the environment names a proxy for the registry.
    pub has_proxy: bool,
    /// By our own clock.
    pub now: Timestamp,
    /// How to connect to the registry. The deadline is that of the whole, and none is a minute.
    pub options: Options,
}

/// Where GitHub's API is, and how to connect to it.
#[derive(Clone)]
pub struct Api {
    /// [`github::API`], or where a stand-in listens.
    pub url: Url,
    /// How to connect; the deadline is that of the question.
    pub options: Options,
}

/// A credential, and whether it may be sent.
#[derive(Clone)]
pub struct Ask {
    /// The credential.
    pub credential: Credential,
    /// Whether the registry has refused it lately, so that it is sent to nobody.
    pub is_refused: bool,
    /// Whether GitHub has, so that it is not sent there.
    pub is_refused_by_github: bool,
}

/// What one way of asking the registry came to.
#[derive(Debug)]
pub struct Tried {
    /// Every request, in order.
    pub steps: Vec<Step>,
    /// Whether the credential is alive, whatever it opens; none when it was not sent.
    pub is_alive: Option<bool>,
    /// The image, when one was asked for and opens.
    pub outcome: Result<Option<Opened>, RegistryError>,
    /// What came of fetching the image's configuration, which comes from where layers come from.
    pub storage: Option<Result<(), RegistryError>>,
    /// The tags that there are, asked when the one that was asked for is none.
    pub tags: Vec<String>,
    /// What came of opening an upload.
    pub push: Option<Result<(), RegistryError>>,
}

/// What was found out about one credential.
pub struct Credited {
    /// Its kind, or what is wrong with its characters.
    pub shape: Result<Kind, Malformed>,
    /// The kind by the prefix, also of a malformed one.
    pub kind: Kind,
    /// Whether it is shaped as GitHub's tokens were before they had prefixes: 40 hexadecimal digits.
    pub is_legacy: bool,
    /// Who presents it.
    pub user: String,
    /// Whether the registry has refused it lately; then nothing was sent.
    pub is_refused: bool,
    /// The registry's answers; none when it was not sent.
    pub tried: Option<Tried>,
    /// Whose it is, as GitHub says.
    pub account: Option<Answered<Account>>,
    /// What GitHub says of the package, asked when the registry denied it to a living token.
    pub package: Option<Answered<Package>>,
}

/// Everything that was found out.
pub struct Evidence {
    /// The registry.
    pub registry: Name,
    /// The image.
    pub reference: Option<Reference>,
    /// Whether the registry is GitHub's.
    pub is_githubs: bool,
    /// Whether the environment names a proxy for the registry.
    pub has_proxy: bool,
    /// By our own clock.
    pub now: Timestamp,
    /// The registry's addresses, or why there are none.
    pub addresses: Result<Vec<IpAddr>, String>,
    /// Without a login.
    pub anonymous: Tried,
    /// One for each credential of the question.
    pub credentials: Vec<Credited>,
    /// Whose packages these are, asked when there was reason to.
    pub owner: Option<Answered<Owner>>,
    /// Who answers, when it cannot be trusted.
    pub certificate: Option<Certificate>,
    /// Whether the registry answers without the proxy, asked when there is one.
    pub without_proxy: Option<bool>,
    /// Whether this host has a way into the IPv6 network.
    pub has_ipv6: bool,
}

/// Finds it out. It ends by the deadline.
pub async fn probe(question: &Question) -> Evidence {
    let end = Instant::now() + question.options.deadline.unwrap_or(DEADLINE);
    let mut credentials = JoinSet::new();
    for (index, ask) in question.credentials.iter().enumerate() {
        let (question, ask) = (question.clone(), ask.clone());
        credentials.spawn(async move { (index, credited(&question, &ask).await) });
    }
    let (addresses, anonymous, without_proxy) =
        tokio::join!(addresses(&question.registry), tried(question, None), without_proxy(question));
    let mut credentials = credentials.join_all().await;
    credentials.sort_by_key(|(index, _)| *index);
    let mut evidence = Evidence {
        registry: question.registry.clone(),
        reference: question.reference.clone(),
        is_githubs: question.github.is_some(),
        has_proxy: question.has_proxy,
        now: question.now,
        addresses,
        anonymous,
        credentials: credentials.into_iter().map(|(_, credited)| credited).collect(),
        owner: None,
        certificate: None,
        without_proxy,
        has_ipv6: has_way(OUTSIDE),
    };
    // What is not answered by then stays unknown.
    let _ = timeout_at(end, ask_on(question, &mut evidence)).await;
    evidence
}

/// What only the answers so far give reason to ask.
async fn ask_on(question: &Question, evidence: &mut Evidence) {
    let is_untrusted =
        matches!(&evidence.anonymous.outcome, Err(error) if matches!(error.failure, Failure::Tls { .. }));
    if is_untrusted && let Ok(url) = format!("https://{}/v2/", question.registry).parse() {
        evidence.certificate = certificate::examine(url, question.options.system_proxy, LOOKUP_LIMIT).await;
    }
    let (Some(api), Some(reference)) = (&question.github, &question.reference) else { return };
    let is_denied = |tried: &Tried| matches!(&tried.outcome, Err(error) if is_no_access(&error.failure));
    let mine: Vec<usize> = (0..evidence.credentials.len())
        .filter(|index| {
            let credited = &evidence.credentials[*index];
            let is_githubs = matches!(&credited.account, Some(account) if account.result.is_ok());
            is_githubs && credited.tried.as_ref().is_some_and(|tried| tried.is_alive == Some(true) && is_denied(tried))
        })
        .collect();
    // Whether the owner is anybody tells a wrong name from a package that is hidden.
    let is_no_name =
        |tried: &Tried| matches!(&tried.outcome, Err(error) if matches!(error.failure, Failure::AccessDenied(_)));
    if mine.is_empty() && !is_no_name(&evidence.anonymous) {
        return;
    }
    let repository = reference.repository.as_str();
    let (name, package) = repository.split_once('/').unwrap_or((repository, ""));
    let options = Options { deadline: question.options.deadline, ..api.options.clone() };
    let owner = github::owner(&api.url, name, options.clone()).await;
    if let Ok(owner) = &owner.result {
        for index in mine {
            let credential = &question.credentials[index].credential;
            let answer = github::package(&api.url, owner, package, credential, options.clone()).await;
            evidence.credentials[index].package = Some(answer);
        }
    }
    evidence.owner = Some(owner);
}

fn is_no_access(failure: &Failure) -> bool {
    matches!(failure, Failure::AccessDenied(_) | Failure::AuthenticationRequired(_))
}

/// What there is to know about one credential. What cannot be one of this registry is not sent.
async fn credited(question: &Question, ask: &Ask) -> Credited {
    let credential = &ask.credential;
    let shape = token::check(&credential.secret);
    let kind = Kind::of(&credential.secret);
    let is_ghcr = question.github.is_some();
    let is_usable = !is_ghcr || !matches!(kind, Kind::GithubFineGrained | Kind::GithubRefresh);
    let is_sent = shape.is_ok() && is_usable && !ask.is_refused;
    let registry = async { if is_sent { Some(tried(question, Some(credential)).await) } else { None } };
    let github = async {
        let api = question.github.as_ref()?;
        let is_theirs = kind.is_github() && kind != Kind::GithubRefresh && shape.is_ok();
        let is_theirs = is_theirs && !ask.is_refused && !ask.is_refused_by_github;
        if is_theirs { Some(github::account(&api.url, credential, api.options.clone()).await) } else { None }
    };
    let (tried, account) = tokio::join!(registry, github);
    Credited {
        shape,
        kind,
        is_legacy: token::is_legacy(&credential.secret),
        user: credential.user.clone(),
        is_refused: ask.is_refused,
        tried,
        account,
        package: None,
    }
}

/// Does what an engine does, with a credential or without.
async fn tried(question: &Question, credential: Option<&Credential>) -> Tried {
    let (mut tried, steps) = pull::recorded(ask_registry(question, credential)).await;
    tried.steps = steps;
    tried
}

async fn ask_registry(question: &Question, credential: Option<&Credential>) -> Tried {
    let mut options = question.options.clone();
    options.observer = Some(pull::recorder(options.observer.take()));
    let registry = Registry::connect(&question.registry, credential.cloned(), options).await;
    let mut tried =
        Tried { steps: Vec::new(), is_alive: None, outcome: Ok(None), storage: None, tags: Vec::new(), push: None };
    match registry {
        Err(error) => tried.outcome = Err(error),
        Ok(registry) => {
            match &question.reference {
                None if credential.is_some() => tried.outcome = registry.authenticate(&[]).await.map(|_| None),
                None => {}
                Some(reference) => {
                    let platform = pull::linux(question.architecture);
                    tried.outcome = pull::open(&registry, reference, &platform).await.map(Some);
                    match &tried.outcome {
                        Ok(Some(opened)) => tried.storage = storage(&registry, reference, opened).await,
                        Err(error) if matches!(error.failure, Failure::NotFound(_)) => {
                            tried.tags = registry.tags(&reference.repository).await.unwrap_or_default();
                        }
                        _ => {}
                    }
                    if question.push && credential.is_some() && registry.is_credential_alive().await != Some(false) {
                        tried.push = Some(registry.can_push(&reference.repository).await);
                    }
                }
            }
            tried.is_alive = registry.is_credential_alive().await;
        }
    }
    tried
}

/// Fetches the configuration of an image, which is small, from where its layers come from too.
async fn storage(registry: &Registry, reference: &Reference, opened: &Opened) -> Option<Result<(), RegistryError>> {
    let config = Some(&opened.config).filter(|config| config.size <= LARGEST_CONFIG)?;
    let fetched = registry.blob(&reference.repository, &config.digest, Some(config.size), &mut sink()).await;
    Some(fetched.map(|_| ()))
}

async fn without_proxy(question: &Question) -> Option<bool> {
    let direct = Options { system_proxy: false, request_timeout: LOOKUP_LIMIT, ..question.options.clone() };
    if !question.has_proxy {
        return None;
    }
    Some(Registry::connect(&question.registry, None, direct).await.is_ok())
}

/// Whether there is a route to an address. Nothing is sent: a datagram socket only looks the route up.
fn has_way(to: IpAddr) -> bool {
    let from =
        SocketAddr::new(if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }, 0);
    UdpSocket::bind(from).is_ok_and(|socket| socket.connect((to, 443)).is_ok())
}

async fn addresses(registry: &Name) -> Result<Vec<IpAddr>, String> {
    let place = if registry.as_str() == registry.host() { format!("{registry}:443") } else { registry.to_string() };
    match timeout(LOOKUP_LIMIT, tokio::net::lookup_host(place)).await {
        Err(_) => Err(format!("no answer within {} s", LOOKUP_LIMIT.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(found)) => {
            let mut found: Vec<IpAddr> = found.map(|address: SocketAddr| address.ip()).collect();
            found.sort();
            found.dedup();
            Ok(found)
        }
    }
}
