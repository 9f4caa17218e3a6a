//! Which login each program would present, and every distinct one that is stored.

use std::path::PathBuf;

use pullpass_oci::Registry;
use pullpass_secrets::{
    store::{Credential, Environment, Lookup, Source},
    token,
};

use super::host::service::{self, Service};
use crate::{
    credential_helper,
    engines::Engine,
    environment,
    failure::Failure,
    logins::{
        name::Name,
        readers::{self, Reader},
        report::Report,
        sources,
    },
    stores,
};

/// What this host holds for one registry.
pub(super) struct Logins {
    pub(super) environment: Environment,
    pub(super) name: Name,
    /// Every file, with all that is in it.
    pub(super) files: Report,
    pub(super) programs: Vec<Program>,
    /// Distinct secrets.
    pub(super) stored: Vec<Stored>,
    /// What else pulls from this registry.
    pub(super) services: Vec<Service>,
}

/// A program, and what it would present.
pub(super) struct Program {
    pub(super) reader: Reader,
    pub(super) login: Login,
}

pub(super) enum Login {
    /// One of [`Logins::stored`].
    Stored {
        source: Source,
        index: usize,
    },
    IdentityToken(Source),
    Broken {
        source: Source,
        reason: String,
    },
    None,
}

/// A credential, and where it is stored.
pub(super) struct Stored {
    pub(super) credential: Credential,
    pub(super) fingerprint: String,
    /// Store and key.
    pub(super) places: Vec<Place>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As [`crate::logins::report::Store::name`] calls it.
    pub(super) store: String,
    /// The file, when it is one that can be edited.
    pub(super) path: Option<PathBuf>,
    pub(super) key: String,
    pub(super) read_by: Vec<String>,
}

/// Reads the stores and asks the credential helpers.
pub(super) fn read(name: &Name, engines: &[Engine]) -> Result<Logins, Failure> {
    let environment = environment::stores()?;
    let key = environment::fingerprint_key();
    let readers = readers::all(engines, &environment);
    let ask = sources::Ask::Helpers { secrets: true };
    let report = sources::read(engines, &readers, &environment, Some(name), &key, ask);
    let files = sources::read(engines, &readers, &environment, None, &key, sources::Ask::Nobody);
    let mut stored: Vec<Stored> = Vec::new();
    for store in &report.stores {
        for entry in &store.entries {
            let Some(credential) = &entry.credential else { continue };
            let index = index_of(&mut stored, credential, name, &key);
            let path = store.path.as_ref().filter(|_| store.helper.is_none()).map(PathBuf::from);
            let (store_name, key) = (store.name(), entry.registry.clone());
            stored[index].places.push(Place { store: store_name, path, key, read_by: store.read_by.clone() });
        }
    }
    let mut programs = Vec::new();
    for reader in readers {
        let login = present(&reader, name, &mut stored, &key);
        programs.push(Program { reader, login });
    }
    let services = services(&environment, name, &mut stored, &key);
    Ok(Logins { environment, name: name.clone(), files, programs, stored, services })
}

/// What else pulls, with the credentials that only it has.
fn services(environment: &Environment, name: &Name, stored: &mut Vec<Stored>, key: &[u8; 32]) -> Vec<Service> {
    let known = stored.iter().enumerate().map(|(index, stored)| (stored.fingerprint.clone(), index)).collect();
    let mut number = |credential: &Credential, place: service::Place<'_>| {
        let index = index_of(stored, credential, name, key);
        let places = &mut stored[index].places;
        let path = match place.source {
            Source::File(path) => Some(path.clone()),
            _ => None,
        };
        if !places.iter().any(|other| other.path == path && path.is_some()) {
            let (store, key) = (place.source.to_string(), place.key.to_owned());
            places.push(Place { store, path, key, read_by: vec![place.reader.to_owned()] });
        }
        index
    };
    service::collect(&mut service::Search { name, environment, number: &mut number, known })
}

fn present(reader: &Reader, name: &Name, stored: &mut Vec<Stored>, fingerprint_key: &[u8; 32]) -> Login {
    let Reader { engine, files, environment, .. } = reader;
    let asked = &credential_helper::get;
    match stores::lookup_in(files, *engine, environment, &name.registry, &name.full, asked) {
        Ok(Lookup::Found { source, credential, .. }) => {
            let index = index_of(stored, &credential, name, fingerprint_key);
            Login::Stored { source, index }
        }
        Ok(Lookup::IdentityToken { source, .. }) => Login::IdentityToken(source),
        Ok(Lookup::Broken { source, reason }) => Login::Broken { source, reason },
        Ok(Lookup::None) => Login::None,
        Err(failure) => {
            let source = Source::File(files.first().cloned().unwrap_or_default());
            Login::Broken { source, reason: failure.to_string() }
        }
    }
}

/// The place of a credential among the distinct ones. ghcr.io does not look at the user, others do.
fn index_of(stored: &mut Vec<Stored>, credential: &Credential, name: &Name, key: &[u8; 32]) -> usize {
    let is_userless = name.registry.as_str() == super::GHCR;
    let is_same =
        |known: &Credential| known.secret == credential.secret && (is_userless || known.user == credential.user);
    if let Some(index) = stored.iter().position(|known| is_same(&known.credential)) {
        return index;
    }
    let fingerprint = token::fingerprint(&credential.secret, key);
    stored.push(Stored { credential: credential.clone(), fingerprint, places: Vec::new() });
    stored.len() - 1
}

impl Logins {
    pub(super) fn registry(&self) -> &Registry {
        &self.name.registry
    }

    /// The programs that present a stored credential.
    pub(super) fn users(&self, index: usize) -> Vec<&Program> {
        let presents = |program: &&Program| matches!(&program.login, Login::Stored { index: its, .. } if *its == index);
        self.programs.iter().filter(presents).collect()
    }

    /// Whether it is of use to no program, but to something else on this host.
    pub(super) fn is_a_services(&self, index: usize) -> bool {
        self.users(index).is_empty() && self.services.iter().any(|service| service.presents(index))
    }

    /// A credential in words: `docker and podman: octocat, ghp_…x9Qf in FILE`.
    pub(super) fn about(&self, index: usize, programs: &[&Program]) -> String {
        let stored = &self.stored[index];
        let who = names(programs);
        let source = programs.iter().find_map(|program| match &program.login {
            Login::Stored { source, .. } => Some(source.to_string()),
            _ => None,
        });
        let place = source.or_else(|| stored.places.first().map(|place| place.store.clone())).unwrap_or_default();
        let login = format!("`{}`, {} in {place}", token::mask(&stored.credential.user), stored.fingerprint);
        if who.is_empty() { format!("not in use: {login}") } else { format!("{who}: {login}") }
    }
}

impl Login {
    /// In words.
    pub(super) fn says(&self, logins: &Logins) -> String {
        match self {
            Login::Stored { source, index, .. } => {
                let Stored { credential, fingerprint, .. } = &logins.stored[*index];
                format!("`{}`, {fingerprint}, from {source}", token::mask(&credential.user))
            }
            Login::IdentityToken(source) => format!("an identity token, from {source}"),
            Login::Broken { source, reason } => format!("{source}: {reason}"),
            Login::None => "no login".to_owned(),
        }
    }
}

/// `docker`, `docker and podman`, `docker, podman and skopeo`.
pub(super) fn names(programs: &[&Program]) -> String {
    let names: Vec<&str> = programs.iter().map(|program| program.reader.name).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
