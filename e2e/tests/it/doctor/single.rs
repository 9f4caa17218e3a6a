//! Hosts on which one thing is wrong: every cause of the catalogue that can be simulated.

mod host;
mod login;
mod network;

use super::scenario::Scenario;

pub(super) fn rows() -> Vec<Scenario> {
    [login::rows(), host::rows(), network::rows()].concat()
}
