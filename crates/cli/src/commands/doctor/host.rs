//! What this host does to a login before a registry sees it.

pub(super) mod daemon;
mod engine;
pub(super) mod login;
pub(super) mod name;
pub(super) mod service;
mod store;

pub(super) use engine::findings as engines;
pub(super) use store::{findings as stores, registries as stored_registries};
