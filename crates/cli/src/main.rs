//! `pullpass`: authenticate Docker and Podman to a registry, and prove it. This crate owns the process: it alone reads
//! the environment, prints and exits.

mod ansible;
mod arguments;
mod commands;
mod credential_helper;
mod docker_daemon;
mod engines;
mod environment;
mod failure;
mod interrupt;
mod login_name;
mod logins;
mod metrics;
mod network;
mod other_user;
mod output;
mod program;
mod prompt;
mod refused;
mod replace;
mod stores;
mod token_source;
mod vault_password;
mod wait;
mod yaml;

use std::process::ExitCode;

use failure::Failure;

fn main() -> ExitCode {
    // Before anything else: an engine waits for it at every pull.
    if let Some(code) = commands::helper::as_helper() {
        return code;
    }
    if let Some(code) = ansible::as_ansible() {
        return code;
    }
    // The one TLS provider of the program; a second call could only come from ourselves.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let result = arguments::parse().and_then(|arguments| match arguments {
        Some(arguments) => commands::run(arguments.command),
        None => Ok(()),
    });
    let result = match result {
        Ok(()) if output::lost() => {
            Err(Failure::unknown("standard output could not be written: what it was to hold is lost"))
        }
        result => result,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}
