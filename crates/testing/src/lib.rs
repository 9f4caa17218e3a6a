//! Stand-ins and samples for the tests of pullpass. Never published, never part of a program.
#![warn(missing_docs)]

pub mod canary;
pub mod canned;
pub mod engines;
pub mod ghcr;
pub mod github;
pub mod home;
pub mod host;
pub mod namespace;
pub mod proxy;
pub mod run;
pub mod serve;
pub mod terminal;
