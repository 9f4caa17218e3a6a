//! `pullpass status --as-pull-secret`

use clap::Args;
use pullpass_secrets::store::{
    Credential, docker,
    pull_secret::{Notation, pull_secret},
};

use crate::{
    failure::{Failure, OrFail},
    logins::{kubelet, name::Name, report::Winner},
    output,
};

#[derive(Args)]
pub(super) struct AsPullSecret {
    /// Print the login that the engine uses as a Secret for Kubernetes's imagePullSecrets; it holds the token
    #[arg(long, requires = "name", conflicts_with_all = ["users", "all_users", "check", "github", "metrics", "copies"])]
    as_pull_secret: bool,
    /// What the Secret is called
    #[arg(long = "name", value_name = "NAME", default_value = "pullpass", requires = "as_pull_secret")]
    secret: String,
    /// The namespace that it is for
    #[arg(long, value_name = "NAMESPACE", requires = "as_pull_secret")]
    namespace: Option<String>,
}

impl AsPullSecret {
    pub(super) fn is_asked(&self) -> bool {
        self.as_pull_secret
    }

    /// Prints the one login that there is among what the engines use.
    pub(super) fn print(&self, name: &Name, winners: &[Winner], json: bool) -> Result<(), Failure> {
        let mut logins: Vec<(String, &Credential)> = Vec::new();
        // What is on a node already needs no Secret.
        for winner in winners.iter().filter(|winner| winner.engine != kubelet::NAME) {
            let Some(credential) = &winner.credential else { continue };
            // A part of a registry, which the kubelet knows, too; else the registry, however the file spells it.
            let part = winner.registry.as_deref().filter(|key| key.contains('/') && !key.contains("://"));
            let key = part.unwrap_or_else(|| docker::key(name.registry.as_str())).to_owned();
            if !logins.iter().any(|(other, login)| *other == key && *login == credential) {
                logins.push((key, credential));
            }
        }
        let [(key, credential)] = logins.as_slice() else {
            return Err(none_or_several(name, winners, logins.len()));
        };
        let notation = if json { Notation::Json } else { Notation::Yaml };
        let secret = pull_secret(&self.secret, self.namespace.as_deref(), &[(key, credential)], notation).or_usage()?;
        output::bytes(secret.reveal().as_bytes()).or_unknown()
    }
}

fn none_or_several(name: &Name, winners: &[Winner], logins: usize) -> Failure {
    let of = |winner: &Winner| match &winner.store {
        Some(store) => format!("{}: {} in {store}", winner.engine, winner.kind.as_deref().unwrap_or_default()),
        None => format!("{}: {}", winner.engine, winner.why),
    };
    let failure = if logins == 0 {
        Failure::no(format!("no engine has a login of `{}` that the kubelet could use", name.full))
    } else {
        Failure::usage(format!("the engines use different logins of `{}`", name.full))
            .hint("say whose you mean with `--docker` or `--podman`")
    };
    winners.iter().map(of).fold(failure, Failure::fact)
}
