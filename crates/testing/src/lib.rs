//! Stand-ins and samples for the tests of pullpass. Never published, never part of a program.
#![warn(missing_docs)]

pub mod canned;
pub mod engines;
pub mod home;
pub mod run;
pub mod serve;
