//! The secrets themselves that are stored, for a command that looks at them.

use pullpass_secrets::Secret;

use super::print;
use crate::{
    engines::Engine,
    environment,
    failure::{Exit, Failure},
    logins::{readers, report::Store, sources},
};

/// A secret, and every place that holds it.
pub(crate) struct Stored {
    pub(crate) secret: Secret,
    pub(crate) places: Vec<Place>,
}

pub(crate) struct Place {
    /// The key: a registry, or a part of one.
    pub(crate) registry: String,
    /// How a person would call the store.
    pub(crate) store: String,
}

/// Everything that `status` finds for this user, equal secrets once, and how a command ends that misses some because a store
/// cannot be read; that is said.
///
/// # Errors
/// There is no home directory.
pub(crate) fn stored() -> Result<(Vec<Stored>, Option<Exit>), Failure> {
    let environment = environment::stores()?;
    let readers = readers::all(&Engine::ALL, &environment);
    let (key, ask) = (environment::fingerprint_key(), sources::Ask::Helpers { secrets: true });
    let report = sources::read(&Engine::ALL, &readers, &environment, None, &key, ask);
    print::warnings(&report);
    let mut found: Vec<Stored> = Vec::new();
    for store in &report.stores {
        for entry in &store.entries {
            let Some(credential) = &entry.credential else { continue };
            let place = Place { registry: entry.registry.clone(), store: store.name() };
            match found.iter_mut().find(|stored| stored.secret == credential.secret) {
                Some(stored) => stored.places.push(place),
                None => found.push(Stored { secret: credential.secret.clone(), places: vec![place] }),
            }
        }
    }
    Ok((found, report.stores.iter().find_map(Store::exit)))
}
