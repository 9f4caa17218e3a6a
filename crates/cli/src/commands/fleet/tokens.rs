//! The tokens of the inventory, which GitHub is asked about once each, from here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use pullpass_client::{Credential, Options, github};
use pullpass_oci::Registry;
use pullpass_secrets::{
    Secret,
    inventory::{self, Found},
    token::{self, Kind},
    vault::Passwords,
};
use url::Url;

use super::{gather::Gather, row::Expiry};
use crate::{
    ansible::Ansible,
    commands::inventory::tree::{File, Tree},
    environment,
    failure::{Failure, OrFail},
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
        match end(&secret)? {
            Ok(end) => drop(ends.insert(mark, end)),
            Err(why) => output::warn(format_args!("GitHub does not say when a token ends: {why}")),
        }
    }
    Ok(ends)
}

/// When GitHub says that a token ends. The error is what was in the way.
fn end(secret: &Secret) -> Result<Result<Expiry, String>, Failure> {
    let host: Registry = "api.github.com".parse().or_unknown()?;
    let url: Url = github::API.parse().or_unknown()?;
    let credential = Credential { user: String::new(), secret: secret.clone() };
    if let Some(ago) = Retry::default().refused(&host, &credential) {
        return Ok(Err(refused::said(&host, "", ago)));
    }
    let options: Options = network::options(&environment::stores()?, &host);
    let answered = network::block_on(async { Ok(github::account(&url, &credential, options).await) })?;
    refused::remember(&host, &credential, answered.result.as_ref());
    Ok(answered
        .result
        .map(|account| account.expires.map_or(Expiry::Never, Expiry::At))
        .map_err(|error| error.to_string()))
}

/// Every token of GitHub's in the inventories and the variables beside them.
fn known(ansible: &Ansible) -> Result<Vec<Secret>, Failure> {
    let mut tree = Tree::read(&places(&ansible.inventories))?;
    let passwords = tree.look_with(&ansible.vault_password)?;
    Ok(tree.files.iter().flat_map(|file| of_file(file, passwords.as_deref())).collect())
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

fn of_file(file: &File, passwords: Option<&Passwords>) -> Vec<Secret> {
    let Some(content) = file.content() else { return Vec::new() };
    let entries = if file.plaintext.is_some() { inventory::show_opened(content) } else { inventory::show(content) };
    let secret = |value: Found| match value {
        Found::Vault { payload, .. } => {
            let plaintext = passwords?.open(payload.as_bytes()).ok()?;
            Some(Secret::new(str::from_utf8(&plaintext).ok()?.trim().to_owned()))
        }
        Found::PlainToken(secret) | Found::Text(secret) => Some(secret),
        Found::Reference(_) => None,
    };
    let secrets = entries.unwrap_or_default().into_iter().filter_map(|entry| secret(entry.value));
    secrets.filter(|secret| Kind::of(secret).is_github()).collect()
}
