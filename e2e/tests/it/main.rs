//! pullpass beside the real docker, podman, skopeo and ansible.
//!
//! The engines and ansible come from `scripts/setup`. The program under test is the `pullpass` in the target directory:
//! `scripts/test` and `cargo build` put it there, `cargo test -p pullpass-e2e` alone does not.

mod bad_stores;
mod boundaries;
mod canary;
mod collection;
mod crash;
mod demo;
mod doctor;
mod engines;
mod explain;
mod fleet;
mod fleet_local;
mod full_disk;
mod guides;
mod helper;
mod inventory;
mod kubelet;
mod kubernetes;
mod logins;
mod matrix;
mod namespace;
mod package;
mod program;
mod random;
mod recording;
mod registry;
mod rekey;
mod sample;
mod setup;
mod site;
mod status;
mod stores;
mod terminal;
mod token;
mod token_source;
mod vault;
mod vault_differential;
mod vault_edit;
mod vault_password;
mod verbatim;
mod verify;
