//! Speaking to a registry: ping, challenge, bearer token, manifest, blob, and what the answers mean. It prints nothing
//! and takes nothing from the environment but what [`http::Options`] says.
#![warn(missing_docs)]

pub mod auth;
pub mod diagnosis;
pub mod error;
pub mod github;
pub mod http;
pub mod probe;
pub mod pull;
pub mod registry;

pub use auth::Credential;
pub use error::{Failure, RegistryError};
pub use http::{Options, Stage, Step};
pub use registry::Registry;
