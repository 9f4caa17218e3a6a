//! Everything of pullpass that touches a secret on this host: tokens, Ansible Vault, inventories and the stores in which
//! Docker and Podman keep credentials. It has no network and no async runtime, and takes nothing from the environment.
#![warn(missing_docs)]

pub mod secret;
pub mod token;

pub use secret::Secret;
