//! The vocabulary that the client and the server of pullpass share: what a digest, a repository name, a reference, a
//! scope, a challenge, a manifest, a route and an error are. Pure: no I/O, no async, no clock.
#![warn(missing_docs)]

pub mod challenge;
pub mod digest;
pub mod error_code;
pub mod image;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod reference;
pub mod route;
pub mod scope;

pub use challenge::Challenge;
pub use digest::{Algorithm, Digest, Hasher};
pub use error_code::{ErrorBody, ErrorCode};
pub use image::Image;
pub use manifest::{Descriptor, Manifest, Platform};
pub use name::{RepositoryName, Tag};
pub use reference::{Reference, Registry};
pub use route::Route;
pub use scope::{Action, Scope};
