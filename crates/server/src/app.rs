//! What every handler works with.

use std::sync::Arc;

use http::HeaderMap;

use crate::{
    admin::Desk,
    auth::{
        bearer::Bearers,
        credential::{self, Credential},
        decision::{Gate, Permit, Right},
        pat::Pats,
    },
    blobs::{BlobStore, session::Sessions},
    clock::Clock,
    db::content::Content,
    error::Error,
    registry::answer::{Challenger, Failure},
};

/// How old a key gets, in milliseconds, before a start of the server makes the next one.
const KEY_LIFETIME: i64 = 30 * 24 * 60 * 60 * 1000;

/// The parts of a server.
pub(crate) struct App {
    pub(crate) content: Content,
    pub(crate) pats: Arc<Pats>,
    pub(crate) bearers: Bearers,
    pub(crate) gate: Gate,
    pub(crate) blobs: BlobStore,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) challenger: Challenger,
    pub(crate) clock: Clock,
}

impl App {
    /// Puts together what requests need. The desk stays out: no handler can administrate.
    pub(crate) async fn new(desk: &Desk, challenger: Challenger) -> Result<App, Error> {
        let (db, pats, clock) = (desk.db.clone(), Arc::clone(&desk.pats), Arc::clone(&desk.clock));
        let (blobs, sessions) = (desk.blobs.clone(), Arc::clone(&desk.sessions));
        let mut keys = db.bearer_keys().await?;
        let now = clock();
        let is_fresh = keys.first().is_some_and(|(_, created)| now - created < KEY_LIFETIME);
        let fresh = if is_fresh { None } else { Some(db.add_bearer_key(now).await?) };
        let bearers = Bearers::new(challenger.service.clone(), keys.drain(..).map(|(key, _)| key).collect());
        fresh.into_iter().for_each(|key| bearers.rotate(key));
        let (gate, content) = (Gate::new(db.clone()), Content::new(db));
        Ok(App { content, pats, bearers, gate, blobs, sessions, challenger, clock })
    }

    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Who asks, by the headers of the request.
    pub(crate) fn credential(&self, headers: &HeaderMap) -> Credential {
        credential::read(headers, &self.pats, &self.bearers, self.now())
    }

    /// The permit, or the answer that says why not.
    pub(crate) async fn permit<A: Right>(
        &self,
        credential: &Credential,
        name: &pullpass_oci::RepositoryName,
    ) -> Result<Permit<A>, Failure> {
        Ok(self.gate.permit(credential, name).await??)
    }
}
