//! Commands that speak to a registry.

use std::{sync::Arc, time::Duration};

use pullpass_client::{
    Credential, Failure as Cause, Options, Registry, RegistryError, Step, http::Observer, registry::Login,
};
use pullpass_secrets::store::{self, Environment};

use crate::{
    environment,
    failure::{Exit, Failure, OrFail},
    output,
};

/// How long a whole conversation about one image may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs a conversation to its end, or until Ctrl-C.
pub(crate) fn block_on<T>(conversation: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_unknown()?;
    runtime.block_on(async {
        tokio::select! {
            result = conversation => result,
            interrupted = interrupted() => interrupted.and(Err(Failure::silent(Exit::Interrupted))),
        }
    })
}

/// Returns when the process is asked to stop: Ctrl-C, SIGTERM, or a terminal that went away.
pub(crate) async fn interrupted() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).or_unknown()?;
    let mut terminate = signal(SignalKind::terminate()).or_unknown()?;
    let mut hang_up = signal(SignalKind::hangup()).or_unknown()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

/// How the engines would connect: with the certificates of their directories, and through the system's proxy.
pub(crate) fn options(environment: &Environment, registry: &pullpass_oci::Registry) -> Options {
    Options {
        certs_dirs: environment::certificate_directories(environment, registry.as_str()),
        system_proxy: true,
        deadline: Some(DEADLINE),
        ..Options::default()
    }
}

/// Says every request, without what may be secret in it.
pub(crate) fn said_steps() -> Observer {
    Arc::new(|step: Step| {
        let status = step.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        output::say(format_args!("{} {}: {status}, {} ms", step.method, step.url, step.took.as_millis()));
    })
}

/// The client's form of a credential from a store.
pub(crate) fn credential(stored: &store::Credential) -> Credential {
    Credential { user: stored.user.clone(), secret: stored.secret.clone() }
}

/// What a login asks: is there a registry, and does it accept this?
pub(crate) async fn check_login(
    registry: &pullpass_oci::Registry,
    credential: Credential,
    options: Options,
) -> Result<Login, Arc<RegistryError>> {
    let connection = Registry::connect(registry, Some(credential), options).await?;
    Ok(connection.authenticate(&[]).await?)
}

/// The exit code that a registry's answer means.
pub(crate) fn exit(error: &RegistryError) -> Exit {
    match &error.failure {
        Cause::CredentialRefused { .. }
        | Cause::AuthenticationRequired(_)
        | Cause::AccessDenied(_)
        | Cause::NotFound(_)
        | Cause::DigestMismatch { .. }
        | Cause::NoPlatform { .. } => Exit::No,
        Cause::NotARegistry { .. } | Cause::Certificates { .. } => Exit::Usage,
        _ => Exit::Unknown,
    }
}

/// A registry's answer as a failure of this command.
pub(crate) fn failure(error: &RegistryError) -> Failure {
    let mut failure = match exit(error) {
        Exit::No => Failure::no(error.to_string()),
        Exit::Usage => Failure::usage(error.to_string()),
        _ => Failure::unknown(error.to_string()),
    };
    failure.facts = error.facts();
    match &error.failure {
        Cause::Tls { .. } => {
            let registry = &error.request.registry;
            failure.hint(format!("put its CA where the engines look: `/etc/docker/certs.d/{registry}/ca.crt`"))
        }
        Cause::NotARegistry { .. } => failure.hint("a registry is named without a path, for example `ghcr.io`"),
        _ => failure,
    }
}
