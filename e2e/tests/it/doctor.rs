//! `pullpass doctor` on hosts where something is wrong: what is wrong is found, and nothing else.

mod combinations;
mod commands;
mod daemon;
mod healthy;
mod scenario;
mod services;
mod single;

use scenario::{Scenario, judge};

/// Whatever ghcr.io turns out to do where nobody is sure.
fn tables() -> Vec<Scenario> {
    [healthy::rows(), single::rows(), combinations::rows(), services::rows()].concat()
}

#[test]
fn every_cause_that_is_there_is_found_and_none_that_is_not() {
    judge(&tables());
}
