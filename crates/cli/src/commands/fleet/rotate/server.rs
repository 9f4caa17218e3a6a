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

/// Has it made. One that a killed run had made, and nobody has seen, is revoked.
pub(super) fn make(data: &Path, rotation: &mut Rotation) -> Result<Secret, Failure> {
    let place = std::path::absolute(data).or_unknown()?;
    let data = Data::of(place.clone());
    let mark = format!("[rotation {}]", rotation.journal.id);
    let Response::Tokens(tokens) = data.call(&Request::TokenList { user: None })? else { return Err(other_version()) };
    let alive = tokens.iter().filter(|token| token.revoked.is_none());
    for lost in alive.clone().filter(|token| token.note.ends_with(&mark)) {
        data.call(&Request::TokenRevoke { id: lost.id })?;
    }
    let old: Vec<&TokenInfo> = alive
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
        note: Some(format!("{note} {mark}")),
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
