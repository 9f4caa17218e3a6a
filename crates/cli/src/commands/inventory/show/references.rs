//! What `{{ variable }}` stands for.

use std::collections::HashMap;

use pullpass_secrets::inventory::{KeyPath, Step};
use zeroize::Zeroizing;

use super::{Protection, Row};
use crate::commands::inventory::place::is_variable;

/// Gives each `{{ variable }}` the secret of that name. What stands for no secret of these files goes.
pub(super) fn follow(rows: &mut Vec<Row>) {
    let mut targets = targets(rows);
    let leads_to_secret = leading_to_secrets(rows, &targets);
    targets.iter_mut().for_each(|targets| targets.retain(|target| leads_to_secret[*target]));
    // A variable may name another one: as many rounds as the longest chain has links.
    while (0..rows.len()).filter(|number| stand_for(rows, *number, &targets[*number])).count() > 0 {}
    // A file that is not open may hold anything.
    let is_all_open =
        !rows.iter().any(|row| matches!(row.protection, Protection::File(_)) && row.decrypts != Some(true));
    let mut leads_to_secret = leads_to_secret.into_iter();
    rows.retain(|row| {
        let is_secret = leads_to_secret.next().unwrap_or_default();
        is_secret || !is_all_open && row.refers_to.as_ref().is_some_and(|reference| is_vaultish(&reference.variable))
    });
}

/// Of each row, whether it is a secret or, in the end, names one.
fn leading_to_secrets(rows: &[Row], targets: &[Vec<usize>]) -> Vec<bool> {
    let mut leads: Vec<bool> = rows.iter().map(|row| row.refers_to.is_none()).collect();
    loop {
        let more: Vec<usize> =
            (0..rows.len()).filter(|row| !leads[*row] && targets[*row].iter().any(|target| leads[*target])).collect();
        if more.is_empty() {
            return leads;
        }
        more.into_iter().for_each(|row| leads[row] = true);
    }
}

/// For each row that names a variable, the rows that are it.
fn targets(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut by_name: HashMap<&Step, Vec<usize>> = HashMap::new();
    for (number, row) in rows.iter().enumerate() {
        if let Some(name) = row.path.as_ref().and_then(|path| path.steps().last()) {
            by_name.entry(name).or_default().push(number);
        }
    }
    let of_row = |(number, row): (usize, &Row)| {
        let Some(reference) = &row.refers_to else { return Vec::new() };
        let named = reference.variable.steps().last().and_then(|name| by_name.get(name));
        let is_it = |target: &&usize| {
            let path = rows[**target].path.as_ref();
            **target != number && path.is_some_and(|path| is_variable(path, &reference.variable))
        };
        named.into_iter().flatten().filter(is_it).copied().collect()
    };
    rows.iter().enumerate().map(of_row).collect()
}

/// Gives a row that names a variable its place and its secret, and says whether the secret is new. Which of several
/// places Ansible takes depends on the host, but files of one directory below `group_vars` are for the same hosts.
fn stand_for(rows: &mut [Row], number: usize, targets: &[usize]) -> bool {
    let Some(first) = targets.first() else { return false };
    let is_beside = |target: &&usize| rows[**target].file.parent() == rows[number].file.parent();
    let beside: Vec<usize> = targets.iter().filter(is_beside).copied().collect();
    let one = match (targets, beside.as_slice()) {
        ([one], _) | (_, [one]) => Some(*one),
        _ => None,
    };
    let place = &rows[one.unwrap_or(*first)];
    let place = Some((place.file.clone(), place.line));
    let secret = one.and_then(|one| rows[one].secret()).map(|secret| Zeroizing::new(secret.to_vec()));
    let row = &mut rows[number];
    if let Some(reference) = &mut row.refers_to {
        (reference.place, reference.others) = (place, targets.len() - 1);
    }
    let is_new = secret.is_some() && row.plaintext.is_none();
    if is_new {
        (row.plaintext, row.decrypts) = (secret, Some(true));
    }
    is_new
}

/// The name that the Ansible documentation recommends for a variable in an encrypted file.
fn is_vaultish(variable: &KeyPath) -> bool {
    variable.to_string().starts_with("vault_")
}
