//! The tokens of the inventory, which GitHub is asked about once each, from here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use pullpass_client::{
    Credential,
    github::{self, Account},
};
use pullpass_oci::Registry;
use pullpass_secrets::{
    Secret,
    token::{self, Kind},
};
use url::Url;

use super::{gather::Gather, rotate::tokens_of, row::Expiry};
use crate::{
    ansible::Ansible,
    commands::inventory::tree::Tree,
    environment,
    failure::{Exit, Failure, OrFail},
    network, output,
    refused::{self, Retry},
};

/// When the tokens end that the hosts are to have, by their marks. What GitHub does not tell is missing, and said.
pub(super) fn ends(ansible: &Ansible, gather: &Gather, key: &[u8; 32]) -> Result<BTreeMap<String, Expiry>, Failure> {
    let wanted = gather.marks();
    let mut ends = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(ends);
    }
    let known = known(ansible)?.into_iter().map(|secret| (token::mark(&secret, key), secret));
    let known: BTreeMap<String, Secret> = known.filter(|(mark, _)| wanted.contains(mark.as_str())).collect();
    for (mark, secret) in known {
        match account(&secret) {
            Ok(account) => drop(ends.insert(mark, account.expires.map_or(Expiry::Never, Expiry::At))),
            Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
            Err(failure) => {
                output::warn(format_args!("GitHub does not say when a token ends: {}", failure.message));
            }
        }
    }
    Ok(ends)
}

/// Whose a token is, and when it ends. One that GitHub has refused within a day is not sent again.
pub(super) fn account(secret: &Secret) -> Result<Account, Failure> {
    let host: Registry = "api.github.com".parse().or_unknown()?;
    let url: Url = github::API.parse().or_unknown()?;
    // It is told no user.
    let credential = Credential { user: String::new(), secret: secret.clone() };
    if let Some(ago) = Retry::default().refused(&host, &credential) {
        return Err(Failure::no(refused::said(&host, "", ago)));
    }
    let options = network::options(&environment::stores()?, &host);
    let answered = network::block_on(async { Ok(github::account(&url, &credential, options).await) })?;
    refused::remember(&host, &credential, answered.result.as_ref());
    answered.result.map_err(|error| network::failure(&error))
}

/// Every token of GitHub's in the inventories and the variables beside them.
fn known(ansible: &Ansible) -> Result<Vec<Secret>, Failure> {
    let mut tree = Tree::read(&places(&ansible.inventories))?;
    let passwords = ansible.passwords()?;
    tree.open(&passwords);
    let tokens = tokens_of(&tree, &passwords, &[]).into_iter().map(|candidate| candidate.token);
    Ok(tokens.filter(|token| Kind::of(token).is_github()).collect())
}

/// The files of inventories, and of the variables that Ansible reads with them.
pub(super) fn places(inventories: &[String]) -> Vec<PathBuf> {
    let mut places = BTreeSet::new();
    let mut add = |path: PathBuf| {
        if path.exists() {
            places.insert(path);
        }
    };
    let mut beside = vec![PathBuf::new()];
    for inventory in inventories.iter().map(Path::new).filter(|inventory| inventory.exists()) {
        add(inventory.to_owned());
        beside.extend(inventory.parent().map(Path::to_owned));
    }
    for directory in beside {
        ["group_vars", "host_vars"].into_iter().for_each(|name| add(directory.join(name)));
    }
    places.into_iter().collect()
}
