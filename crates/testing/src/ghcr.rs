//! A faithful ghcr.io: its challenges, its `/token`, its refusals and its silences, byte for byte as public transcripts
//! show them, with accounts, tokens and packages that a test describes in a few lines:
//!
//! ```
//! # use pullpass_oci::Image;
//! # use pullpass_testing::ghcr::{Ghcr, Token, Visibility};
//! # #[tokio::main]
//! # async fn main() {
//! let ghcr = Ghcr::new()
//!     .account("octocat")
//!     .package("midokura/gpu-infra-ansible", Visibility::Private, &["octocat"])
//!     .image("v0.1", &Image::with_file("amd64", "hello", b"hello"))
//!     .start()
//!     .await;
//! let token = ghcr.token("octocat", Token::classic(&["read:packages"]));
//! # assert_eq!(token.len(), 40);
//! # }
//! ```
//!
//! What is not known for certain is one of the [`Switches`]. Paths have a file each, named after them.

mod accounts;
mod answer;
mod authorization;
mod blobs;
mod failing;
mod issued;
mod lockout;
mod manifests;
mod packages;
mod policies;
mod referrers;
mod running;
mod switches;
mod tags;
mod token;
mod uploads;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::Response;
use pullpass_oci::{Image, RepositoryName, Route};
use serde_json::json;

pub(crate) use self::{
    accounts::Account,
    answer::request_id,
    authorization::basic_secret,
    failing::Rules,
    issued::{Host, Issued, random},
};
pub use self::{
    accounts::Accounts,
    failing::Failing,
    issued::Token,
    packages::Visibility,
    policies::{Policy, PolicyRefusal},
    running::Running,
    switches::Switches,
};
use self::{
    answer::{Answer, Refusal, not_found, set},
    authorization::{Bearer, Principal},
    blobs::Signed,
    lockout::Lockouts,
    packages::Packages,
    uploads::Session,
};
use crate::canned::{Canned, Certificates, Reply, Request};

/// Everything that ghcr.io knows, and api.github.com.
pub(crate) struct World {
    pub(crate) accounts: Accounts,
    pub(crate) switches: Switches,
    pub(crate) packages: Packages,
    pub(crate) lockouts: Lockouts,
    bearers: HashMap<String, Bearer>,
    sessions: HashMap<String, Session>,
    signed: HashMap<String, Signed>,
    failing: Rules,
    /// Whether somebody in between rewrites the answers.
    pub(crate) is_intercepted: bool,
    /// Where the storage host listens.
    storage: SocketAddr,
}

/// A request below `/v2/` whose sender is known.
struct Call<'a> {
    world: &'a mut World,
    request: &'a Request,
    principal: Principal,
}

impl Call<'_> {
    fn read(&self, name: &RepositoryName) -> Result<(), Refusal> {
        authorization::read(self.world, &self.principal, name)
    }

    fn write(&self, name: &RepositoryName) -> Result<(), Refusal> {
        authorization::write(self.world, &self.principal, name)
    }

    /// Whether `Accept` names this media type itself; `*/*` does not count.
    fn accepts(&self, media_type: &str) -> bool {
        let values = self.request.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|item| item.split(';').next().unwrap_or_default().trim() == media_type)
    }
}

/// A ghcr.io that is being described.
pub struct Ghcr {
    world: World,
    /// The package that images go into.
    package: Option<RepositoryName>,
}

impl Default for Ghcr {
    fn default() -> Ghcr {
        Ghcr::new()
    }
}

impl Ghcr {
    /// One without accounts and packages.
    pub fn new() -> Ghcr {
        let world = World {
            accounts: Accounts::default(),
            switches: Switches::default(),
            packages: Packages::default(),
            lockouts: Lockouts::default(),
            bearers: HashMap::new(),
            sessions: HashMap::new(),
            signed: HashMap::new(),
            failing: Rules::default(),
            is_intercepted: false,
            storage: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        Ghcr { world, package: None }
    }

    /// Decides what is uncertain.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Ghcr {
        self.world.switches = switches;
        self
    }

    /// Adds a person.
    ///
    /// # Panics
    /// When the account is there already.
    #[must_use]
    pub fn account(self, login: &str) -> Ghcr {
        self.world.accounts.add_person(login);
        self
    }

    /// Adds an organization whose `members` may create packages in it.
    ///
    /// # Panics
    /// When the account is there already.
    #[must_use]
    pub fn organization(self, login: &str, members: &[&str]) -> Ghcr {
        self.world.accounts.add_organization(login, members);
        self
    }

    /// Adds a policy to an organization.
    ///
    /// # Panics
    /// When there is no such organization.
    #[must_use]
    pub fn policy(self, organization: &str, policy: Policy) -> Ghcr {
        self.world.accounts.set_policies(organization, |policies| policies.push(policy));
        self
    }

    /// Adds an empty package that `readers` have the read role on.
    ///
    /// # Panics
    /// When `name` is no repository name.
    #[must_use]
    pub fn package(mut self, name: &str, visibility: Visibility, readers: &[&str]) -> Ghcr {
        let name = repository_name(name);
        let package = self.world.packages.repository(&name);
        package.visibility = Some(visibility);
        package.readers = readers.iter().map(|reader| (*reader).to_owned()).collect();
        self.package = Some(name);
        self
    }

    /// Gives `login` the write role on the package that was added last.
    ///
    /// # Panics
    /// When there is no package yet.
    #[must_use]
    pub fn writer(mut self, login: &str) -> Ghcr {
        let name = self.last_package();
        let package = self.world.packages.repository(&name);
        package.readers.insert(login.to_owned());
        package.writers.insert(login.to_owned());
        self
    }

    /// Links the package that was added last to a repository, `OWNER/REPOSITORY`, whose workflows may use it then.
    ///
    /// # Panics
    /// When there is no package yet.
    #[must_use]
    pub fn linked_to(mut self, repository: &str) -> Ghcr {
        let name = self.last_package();
        self.world.packages.repository(&name).linked_to = Some(repository.to_owned());
        self
    }

    /// Lets the workflows of a repository, `OWNER/REPOSITORY`, use the package that was added last.
    ///
    /// # Panics
    /// When there is no package yet.
    #[must_use]
    pub fn actions_access(mut self, repository: &str) -> Ghcr {
        let name = self.last_package();
        self.world.packages.repository(&name).actions_access.insert(repository.to_owned());
        self
    }

    /// Puts an image under a tag of the package that was added last.
    ///
    /// # Panics
    /// When there is no package yet.
    #[must_use]
    pub fn image(mut self, tag: &str, image: &Image) -> Ghcr {
        let name = self.last_package();
        self.world.packages.add_image(&name, Some(tag), image);
        self
    }

    /// Puts an OCI index over images, each with its architecture, under a tag of the package that was added last.
    ///
    /// # Panics
    /// When there is no package yet.
    #[must_use]
    pub fn index(mut self, tag: &str, images: &[(&str, &Image)]) -> Ghcr {
        let name = self.last_package();
        self.world.packages.add_index(&name, tag, images);
        self
    }

    /// Serves it over plain HTTP on free loopback ports.
    pub async fn start(self) -> Running {
        self.start_at(loopback(), loopback(), None).await.expect("free loopback ports")
    }

    /// The same over TLS with a certificate that `certificates` has signed.
    pub async fn start_tls(self, certificates: &Certificates) -> Running {
        self.start_at(loopback(), loopback(), Some(certificates)).await.expect("free loopback ports")
    }

    /// Serves the registry and the host of its blobs where they have to be. Answers call the registry as the client
    /// did: `https://ghcr.io` to whoever came by that name, and then the blobs are on
    /// `https://pkg-containers.githubusercontent.com`. Not for Docker below `127.0.0.0/8`, where it checks no certificate
    /// and falls back to plain HTTP: give the loopback interface another address.
    ///
    /// # Errors
    /// When an address is taken or not ours.
    pub async fn start_at(
        self,
        registry: SocketAddr,
        storage: SocketAddr,
        certificates: Option<&Certificates>,
    ) -> io::Result<Running> {
        let accounts = self.world.accounts.clone();
        let world = Arc::new(Mutex::new(self.world));
        let shared = Arc::clone(&world);
        let storage = Canned::start_at(storage, certificates, move |request| {
            reply(&shared, request, |world| blobs::storage(world, request))
        });
        let storage = storage.await?;
        lock(&world).storage = storage.address();
        let shared = Arc::clone(&world);
        let registry = Canned::start_at(registry, certificates, move |request| {
            reply(&shared, request, |world| answer(world, request))
        });
        Ok(Running { registry: registry.await?, storage, accounts, world })
    }

    fn last_package(&self) -> RepositoryName {
        self.package.clone().expect("a package to put it into")
    }
}

fn answer(world: &mut World, request: &Request) -> Response<Bytes> {
    let path = request.path();
    let answer = match path {
        "/token" => token::answer(world, request),
        _ if path == "/v2" || path.starts_with("/v2/") => v2(world, request),
        _ => Ok(not_found()),
    };
    let mut response = answer.unwrap_or_else(|refusal| refusal.into_response(request));
    if path == "/token" {
        set(&mut response, "docker-distribution-api-version", "registry/2.0");
    }
    if !world.is_intercepted {
        set(&mut response, "x-github-request-id", &request_id());
    }
    response
}

fn v2(world: &mut World, request: &Request) -> Answer {
    let principal = authorization::principal(world, request)?;
    let mut call = Call { world, request, principal };
    if let Some((name, _)) = answer::referrers(request.path()) {
        return referrers::answer(&call, &name);
    }
    match Route::parse(request.path()) {
        Ok(Route::Root) => Ok(answer::json(200, &json!({}))),
        Ok(Route::Manifest(name, reference)) => manifests::answer(&mut call, &name, &reference),
        Ok(Route::Blob(name, digest)) => blobs::answer(&mut call, &name, &digest),
        Ok(Route::Uploads(name)) => uploads::open(&mut call, &name),
        Ok(Route::Upload(name, session)) => uploads::answer(&mut call, &name, &session),
        Ok(Route::Tags(name)) => tags::answer(&call, &name),
        Err(_) if request.path() == "/v2/_catalog" => catalog(&call),
        Err(_) => Ok(not_found()),
    }
}

fn catalog(call: &Call) -> Answer {
    if !call.world.switches.lists_catalog {
        return Err(Refusal::UNSUPPORTED);
    }
    let readable = call.world.packages.names().filter(|name| call.read(name).is_ok());
    let names: Vec<&str> = readable.map(RepositoryName::as_str).collect();
    Ok(answer::json(200, &json!({ "repositories": names })))
}

/// The answer, unless this path fails for now.
fn reply(world: &Mutex<World>, request: &Request, answer: impl FnOnce(&mut World) -> Response<Bytes>) -> Reply {
    let mut world = lock(world);
    let right = answer(&mut world);
    match world.failing.next(request.path()) {
        Some(failing) => failing.instead(request, right),
        None => right.into(),
    }
}

pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn repository_name(name: &str) -> RepositoryName {
    name.parse().expect("a repository name")
}
