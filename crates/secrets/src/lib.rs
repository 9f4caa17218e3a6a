//! Everything of pullpass that touches a secret on this host: tokens, Ansible Vault, inventories and the stores in which
//! Docker and Podman keep credentials. It has no network and no async runtime, and takes nothing from the environment.
#![warn(missing_docs)]

pub mod file;
pub mod inventory;
pub mod scan;
pub mod secret;
pub mod store;
pub mod token;
pub mod vault;

pub use secret::Secret;
