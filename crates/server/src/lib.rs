//! The registry behind `pullpass serve`: the OCI distribution API and its token service, with users, personal access
//! tokens and packages of its own, on SQLite and files in one locked data directory.
//!
//! `routes.rs` holds every route. A request passes `auth/credential.rs` (who is it), `auth/decision.rs` (may they: the
//! one place that says so, and the only maker of a `Permit`) and then a handler in `registry/`, whose
//! storage takes that permit as an argument.
#![warn(missing_docs)]

pub mod admin;
pub mod clock;
pub mod config;
pub mod error;
pub mod serve;

mod app;
mod auth;
mod blobs;
mod data_dir;
mod db;
mod registry;
mod request_log;
mod routes;
mod tls;

pub use auth::pat::PatScope;
pub use clock::Clock;
pub use config::{Config, Timeouts, Tls};
pub use db::packages::Visibility;
pub use error::Error;
pub use serve::Server;
