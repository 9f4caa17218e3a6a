//! Why a program presents what it presents: another login that would do, which this host keeps from it.

use std::path::Path;

use pullpass_client::{
    Failure,
    diagnosis::{Cause, Finding},
    probe::{Credited, Evidence, Tried},
};
use pullpass_oci::Reference;
use pullpass_secrets::{
    Secret, file,
    store::{Environment, Source, docker, podman},
    token::Kind,
};
use serde_json::Value;

use super::{
    super::{
        GHCR,
        presented::{Login, Logins, Place, Program},
        report::{Found, Remedy},
    },
    name,
};
use crate::{
    engines::Engine,
    environment,
    logins::{name::Name, report::Entry},
    other_user, stores,
};

/// The finding that explains what a program presents better than the registry's answer does.
pub(in crate::commands::doctor) fn explain(evidence: &Evidence, logins: &Logins, program: &Program) -> Option<Found> {
    let found: Found = match &program.login {
        Login::Broken { source, reason } => broken(evidence, logins, program, source, reason).into(),
        Login::None => without(evidence, logins, program)?,
        Login::Stored { source, index, .. } => other(evidence, logins, program, source, *index)?.into(),
        Login::IdentityToken(_) => return None,
    };
    let about = match found.finding.about.as_str() {
        "" => program.reader.name.to_owned(),
        about => format!("{}: {about}", program.reader.name),
    };
    Some(Found { finding: found.finding.about(about), ..found })
}

/// A store or a helper that fails.
fn broken(evidence: &Evidence, logins: &Logins, program: &Program, source: &Source, reason: &str) -> Finding {
    if let Some(finding) = raw(logins, program) {
        return finding;
    }
    match source {
        Source::Helper { name, .. } => Finding::new(Cause::HelperBroken)
            .about(source.to_string())
            .seen(reason)
            .command(format!("docker-credential-{name} list"))
            .words("install or mend the helper, or take its name out of `credsStore` and `credHelpers`"),
        _ => {
            // Docker warns of such a file, and goes on without any login.
            let goes_on = program.reader.engine == Engine::Docker && opens(&evidence.anonymous);
            let finding = Finding::new(Cause::BrokenStore).about(source.to_string()).seen(reason);
            let finding = finding.command("pullpass login --repair -u USER --password-stdin");
            if goes_on { finding.warning() } else { finding }
        }
    }
}

/// `auth` with the bare token in it.
fn raw(logins: &Logins, program: &Program) -> Option<Finding> {
    let (path, key) = program.reader.files.iter().find_map(|path| Some((path, raw_key(path, &logins.name)?)))?;
    Some(
        Finding::new(Cause::RawAuth)
            .about(path.display().to_string())
            .seen(format!("`auth` of `{key}` begins as a token does; it has to be base64 of `USER:TOKEN`"))
            .command(format!("pullpass login {} -u USER --password-stdin", logins.registry())),
    )
}

fn raw_key(path: &Path, name: &Name) -> Option<String> {
    let document: Value = serde_json::from_slice(&file::read(path).ok()??).ok()?;
    let is_raw = |entry: &Value| {
        let auth = entry.get("auth").and_then(Value::as_str).unwrap_or_default();
        Kind::of(&Secret::new(auth.to_owned())) != Kind::Unknown
    };
    let mut entries = document.get("auths")?.as_object()?.iter();
    entries.find(|(key, entry)| name.concerns(key) && is_raw(entry)).map(|(key, _)| key.clone())
}

/// Why there is no login, where one is needed.
fn without(evidence: &Evidence, logins: &Logins, program: &Program) -> Option<Found> {
    let is_needed = matches!(&evidence.anonymous.outcome, Err(error)
        if matches!(error.failure, Failure::AuthenticationRequired(_))
            || (!evidence.is_githubs && matches!(error.failure, Failure::AccessDenied(_))));
    if !is_needed {
        return None;
    }
    let reference = evidence.reference.as_ref()?;
    let plain = |finding: Option<Finding>| finding.map(Found::from);
    plain(raw(logins, program))
        .or_else(|| plain(shadowed_by_helper(logins, program)))
        .or_else(|| spelling(logins, program))
        .or_else(|| plain(snap(logins, program)))
        .or_else(|| plain(other_user(logins, program)))
        .or_else(|| plain(misplaced(logins, program)))
        .or_else(|| plain(emptied(logins, program, reference)))
}

/// A file has the login, and a helper is asked in its place; or the helper has it, and the program does not know helpers.
fn shadowed_by_helper(logins: &Logins, program: &Program) -> Option<Finding> {
    let registry = logins.registry().as_str();
    let reads = |place: &&Place| place.read_by.iter().any(|reader| reader == program.reader.name);
    let mut places = logins.stored.iter().flat_map(|stored| &stored.places);
    if program.reader.engine == Engine::Docker {
        let path = docker::config_path(&program.reader.environment);
        let helper = stores::helper(Engine::Docker, &stores::read(&path).ok()??, registry)?;
        let file = places.filter(reads).find(|place| place.path.as_ref() == Some(&path))?;
        return Some(
            Finding::new(Cause::HelperShadows)
                .about(format!("the login of `{}` in {}", file.key, path.display()))
                .seen(format!(
                    "{} names the helper `{helper}`, which has none: Docker does not look into the file then",
                    path.display()
                ))
                .command(format!("pullpass login {registry} -u USER --password-stdin"))
                .words(format!("or take `{helper}` out of `credsStore` and `credHelpers`")),
        );
    }
    let hidden =
        places.find(|place| place.path.is_none() && !reads(place) && place.store.starts_with("docker-credential-"))?;
    Some(
        Finding::new(Cause::HelperShadows)
            .about(format!("the login in `{}`", hidden.store))
            .seen("Docker's `credsStore` names that helper, and Podman does not look at `credsStore`")
            .command(format!("pullpass login {registry} -u USER --password-stdin --podman")),
    )
}

/// The login is under a key that means the registry to a person, and not to the program.
fn spelling(logins: &Logins, program: &Program) -> Option<Found> {
    let registry = logins.registry().as_str();
    for path in &program.reader.files {
        let Ok(Some(file)) = stores::read(path) else { continue };
        let helper = file.cred_helpers().find(|(key, _)| *key != registry && means(key, registry));
        if let Some((key, helper)) = helper {
            let finding = Finding::new(Cause::KeySpelling)
                .about(format!("`credHelpers` in {}", path.display()))
                .seen(format!("`{helper}` is named for `{key}`; it is asked for `{registry}` alone"))
                .words(format!("write `{registry}` in place of `{key}`"));
            return Some(finding.into());
        }
        let store = logins.files.stores.iter().find(|store| store.path.as_deref() == path.to_str())?;
        let entry = store.entries.iter().find(|entry| entry.credential.is_some() && means(&entry.registry, registry));
        if let Some(entry) = entry {
            return Some(misspelt(entry, path, registry, &logins.name));
        }
    }
    None
}

fn misspelt(entry: &Entry, path: &Path, registry: &str, name: &Name) -> Found {
    let key = &entry.registry;
    let finding = Finding::new(Cause::KeySpelling).about(format!("the key `{key}` in {}", path.display()));
    let bare = podman::key(key);
    if bare.contains('/') && bare.to_lowercase().starts_with(&format!("{registry}/")) && !key.contains("://") {
        let finding = finding
            .seen(format!("it is for `{bare}`, which `{}` is not in", name.full))
            .command(format!("pullpass login {registry} -u USER --password-stdin"));
        return finding.into();
    }
    let finding = finding
        .seen(format!("a login is looked for under `{registry}`"))
        .command(format!("pullpass login {registry} -u USER --password-stdin"));
    let remedy = Remedy::Rename { path: path.to_owned(), from: key.clone(), to: registry.to_owned() };
    Found { finding, remedy: Some(remedy) }
}

/// Whether a key is the registry's, to somebody who reads it.
fn means(key: &str, registry: &str) -> bool {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest).trim();
    let host = bare.split('/').next().unwrap_or_default().to_lowercase();
    host.strip_suffix(":443").unwrap_or(&host) == registry
}

/// Docker is a snap, or has become one.
fn snap(logins: &Logins, program: &Program) -> Option<Finding> {
    let is_snap = |program: &Program| program.reader.name == "docker (snap)";
    if program.reader.engine != Engine::Docker {
        return None;
    }
    let mut others = logins.programs.iter().filter(|other| other.reader.engine == Engine::Docker);
    let other =
        others.find(|other| is_snap(other) != is_snap(program) && matches!(other.login, Login::Stored { .. }))?;
    let Login::Stored { source, .. } = &other.login else { return None };
    Some(
        Finding::new(Cause::Snap)
            .seen(format!("{source} has a login, which `{}` does not read", program.reader.name))
            .command(format!("docker login {} -u USER --password-stdin", logins.registry()))
            .words("log in with the `docker` that pulls: the snap keeps its files below ~/snap/docker"),
    )
}

/// With `sudo`: the person has the login, and root pulls.
fn other_user(logins: &Logins, program: &Program) -> Option<Finding> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let user = environment::variable("SUDO_USER").filter(|user| user != "root")?;
    let account = other_user::account(&user.to_string_lossy()).ok()??;
    let theirs = crate::commands::status::logins_of(&account, &logins.name).ok()?;
    let engine = program.reader.name;
    let winner = theirs.winners.iter().find(|winner| winner.engine == engine && winner.store.is_some())?;
    let store = winner.store.clone().unwrap_or_default();
    Some(
        Finding::new(Cause::OtherUser)
            .seen(format!(
                "`{}` has a login in {store}; with `sudo`, {engine} runs as root, who has none",
                account.name
            ))
            .command(format!("sudo pullpass login {} -u USER --password-stdin", logins.registry()))
            .words(format!("or pull as `{}`, without `sudo`", account.name)),
    )
}

/// The other way round, which takes root to see: root may have the login.
pub(in crate::commands::doctor) fn roots(evidence: &Evidence, logins: &Logins) -> Option<String> {
    let is_without = logins.programs.iter().any(|program| matches!(program.login, Login::None));
    let is_private = matches!(&evidence.anonymous.outcome, Err(error)
        if matches!(error.failure, Failure::AuthenticationRequired(_)));
    (is_without && is_private && !rustix::process::getuid().is_root()).then(|| {
        format!("root may have a login that this user has not: `sudo pullpass status {}` shows it", logins.registry())
    })
}

/// A token of GitHub's under the name of another registry: Docker Hub's, as `docker login` without a name has it, or that of
/// GitHub's old one.
fn misplaced(logins: &Logins, program: &Program) -> Option<Finding> {
    let registry = logins.registry().as_str();
    let is_read = |read_by: &[String]| read_by.iter().any(|reader| reader == program.reader.name);
    let stores = logins.files.stores.iter().filter(|store| is_read(&store.read_by));
    let mut entries = stores.flat_map(|store| store.entries.iter().map(move |entry| (store, entry)));
    if registry != GHCR {
        return None;
    }
    entries.find_map(|(store, entry)| {
        let is_githubs = entry.is_githubs();
        let place = format!("the login of `{}` in {}", entry.registry, store.name());
        let log_in = format!("pullpass login {registry} -u USER --password-stdin");
        match docker::key(&entry.registry) {
            docker::HUB_KEY if is_githubs => Some(
                Finding::new(Cause::WrongRegistry)
                    .about(place)
                    .seen("it is a token of GitHub's; `docker login` without a registry means Docker Hub")
                    .command(log_in)
                    .command("docker logout"),
            ),
            host if name::of_host(host).is_some_and(|finding| finding.cause == Cause::LegacyHost) => Some(
                Finding::new(Cause::LegacyHost)
                    .about(place)
                    .seen("it is a login for GitHub's old registry, and none for ghcr.io")
                    .command(log_in),
            ),
            _ => None,
        }
    })
}

/// Podman has the image from before, and its file of logins is gone.
fn emptied(logins: &Logins, program: &Program, reference: &Reference) -> Option<Finding> {
    if program.reader.engine != Engine::Podman {
        return None;
    }
    let runtime = stores::login_path(Engine::Podman, &program.reader.environment, false);
    let is_runtime = podman::is_emptied_by_reboot(&program.reader.environment, &runtime);
    if !is_runtime || runtime.exists() {
        return None;
    }
    let repository = format!("{}/{}", reference.registry, reference.repository);
    let image = pulled_before(&program.reader.environment, &repository)?;
    Some(
        Finding::new(Cause::RuntimeFile)
            .likely()
            .seen(format!("Podman has `{image}` from an earlier pull; {} is gone", runtime.display()))
            .seen("it is in memory, and a reboot or the end of the last session empties it")
            .command(format!("pullpass login {} -u USER --password-stdin --podman --persistent", logins.registry())),
    )
}

/// An image of a repository in Podman's storage of this user: containers/storage, `images.go`.
fn pulled_before(environment: &Environment, repository: &str) -> Option<String> {
    let root = environment::podman_storage(environment);
    let lists = ["overlay", "vfs", "btrfs", "zfs"].map(|driver| root.join(format!("{driver}-images/images.json")));
    let names = lists.iter().filter_map(|path| {
        let images: Value = serde_json::from_slice(&file::read(path).ok()??).ok()?;
        Some(
            images
                .as_array()?
                .iter()
                .filter_map(|image| image.get("names")?.as_array().cloned())
                .flatten()
                .collect::<Vec<_>>(),
        )
    });
    let mut names = names.flatten().filter_map(|name| Some(name.as_str()?.to_owned()));
    names.find(|name| name.strip_prefix(repository).is_some_and(|rest| rest.starts_with([':', '@'])))
}

/// A login that fails, where another one that is stored here opens the image, or the program should not have come to it.
fn other(evidence: &Evidence, logins: &Logins, program: &Program, source: &Source, index: usize) -> Option<Finding> {
    let credited = evidence.credentials.get(index)?;
    let mine = &logins.stored[index];
    if credited.tried.as_ref().is_some_and(opens) {
        return None;
    }
    let is_dead = is_dead(credited);
    let good = evidence.credentials.iter().position(|other| other.tried.as_ref().is_some_and(opens));
    let about = format!("{} in {source}", mine.fingerprint);
    let failing = if is_dead { "is dead" } else { "does not open this image" };
    if let Some(good) = good {
        let theirs = &logins.stored[good];
        let is_read = |place: &&Place| place.read_by.iter().any(|reader| reader == program.reader.name);
        let place = theirs.places.iter().find(is_read).or(theirs.places.first())?;
        let line = format!("{} {failing}; {} in {} opens it", mine.fingerprint, theirs.fingerprint, place.store);
        if !is_dead {
            return Some(
                Finding::new(Cause::TwoIdentities)
                    .about(about)
                    .seen(line)
                    .seen(one_each(program))
                    .words("log in with the account that opens it, or give Podman a login for that part alone")
                    .command(format!("pullpass login {} -u USER --password-stdin", logins.name.full)),
            );
        }
        if !theirs.places.iter().any(|place| is_read(&place)) {
            return None;
        }
        let (cause, first) = match source {
            Source::Helper { name, .. } => (Cause::HelperShadows, format!("the helper `{name}` is asked first")),
            Source::Variable => (Cause::ShadowedLogin, "DOCKER_AUTH_CONFIG goes before every store".to_owned()),
            Source::File(path) => (Cause::ShadowedLogin, format!("{} is read first", path.display())),
        };
        let finding = Finding::new(cause).about(about).seen(line).seen(first);
        return Some(match source {
            Source::Variable => finding.words("correct or unset `DOCKER_AUTH_CONFIG`"),
            _ => finding.command(format!("pullpass login {} -u USER --password-stdin", logins.registry())),
        });
    }
    let Source::File(path) = source else { return None };
    let is_dockers = *path == docker::config_path(&program.reader.environment);
    let explicit = stores::login_path(Engine::Podman, &program.reader.environment, false);
    let is_fallback = program.reader.engine == Engine::Podman && is_dockers && explicit != *path;
    let is_own = explicit.exists() || !logins.programs.iter().any(|other| other.reader.engine == Engine::Docker);
    (is_dead && is_fallback && is_own && credited.shape.is_ok()).then(|| {
        Finding::new(Cause::DockerFallback)
            .about(about)
            .seen("Podman has no login of its own for it, and goes on to Docker's file, where one is dead")
            .command(format!("docker logout {}", logins.registry()))
            .words("`podman logout` leaves Docker's file alone")
    })
}

fn one_each(program: &Program) -> &'static str {
    match program.reader.engine {
        Engine::Docker => "Docker has one login for a registry",
        Engine::Podman => "Podman takes the most specific key, and of several files the first",
    }
}

fn is_dead(credited: &Credited) -> bool {
    credited.is_refused || credited.tried.as_ref().is_some_and(|tried| tried.is_alive == Some(false))
}

fn opens(tried: &Tried) -> bool {
    matches!(tried.outcome, Ok(Some(_)))
}
