//! A new token of a server of ours, with the rights of the old one.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::Secret;
use pullpass_server::admin::{Request, Response, TokenInfo};

use super::journal::{AtServer, Rotation};
use crate::{
    commands::admin::{Data, other_version},
    failure::{Failure, OrFail},
};

/// As at GitHub.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Has it made.
pub(super) fn make(data: &Path, rotation: &mut Rotation) -> Result<Secret, Failure> {
    let place = std::path::absolute(data).or_unknown()?;
    forget(&place, &rotation.journal.id)?;
    let data = Data::of(place.clone());
    let tokens = alive(&data)?;
    let old: Vec<&TokenInfo> = tokens
        .iter()
        .filter(|token| token.fingerprint == rotation.journal.old.fingerprint && token.user == rotation.journal.user)
        .collect();
    let [old] = old[..] else {
        return Err(Failure::usage(format!(
            "the server with the data directory `{}` has no token {} of `{}` that is alive",
            place.display(),
            rotation.journal.old.fingerprint,
            rotation.journal.user
        )));
    };
    rotation.journal.server = Some(AtServer { data: place, old: old.id, new: None });
    rotation.save()?;
    let note = old.note.split(" [rotation ").next().unwrap_or_default();
    let expires = (Timestamp::now() + LIFE).as_millisecond();
    let request = Request::TokenRotate {
        id: old.id,
        note: Some(format!("{note} {}", mark(&rotation.journal.id))),
        expires: Some(expires),
        old_ends: None,
    };
    let Response::Rotated { token, new, .. } = data.call(&request)? else { return Err(other_version()) };
    if let Some(server) = &mut rotation.journal.server {
        server.new = Some(new.id);
    }
    rotation.save()?;
    Ok(token)
}

/// Revokes what was made for a rotation, by a run that was killed before it could tell or by one that is taken back.
pub(super) fn forget(data: &Path, id: &str) -> Result<(), Failure> {
    let data = Data::of(data.to_owned());
    for lost in alive(&data)?.iter().filter(|token| token.note.ends_with(&mark(id))) {
        data.call(&Request::TokenRevoke { id: lost.id })?;
    }
    Ok(())
}

fn alive(data: &Data) -> Result<Vec<TokenInfo>, Failure> {
    let Response::Tokens(tokens) = data.call(&Request::TokenList { user: None })? else { return Err(other_version()) };
    Ok(tokens.into_iter().filter(|token| token.revoked.is_none()).collect())
}

/// What the note of a token ends with that was made for a rotation.
fn mark(id: &str) -> String {
    format!("[rotation {id}]")
}
