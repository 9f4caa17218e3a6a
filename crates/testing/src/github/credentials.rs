//! `/credentials/revoke`: "REST API endpoints for revoking credentials".

use bytes::Bytes;
use http::Response;
use pullpass_secrets::{Secret, token::Kind};
use serde_json::{Value, json};

use super::answer::{json, problem};
use crate::{canned::Request, ghcr::World};

/// How many tokens one request may revoke.
const REVOKED_AT_ONCE: usize = 1000;

/// Answers 202 whether or not the tokens were any, so that nobody can try out which are.
pub(super) fn revoke(world: &World, request: &Request) -> Response<Bytes> {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let credentials: Option<Vec<&str>> =
        body["credentials"].as_array().and_then(|items| items.iter().map(Value::as_str).collect());
    let Some(credentials) = credentials.filter(|credentials| credentials.len() <= REVOKED_AT_ONCE) else {
        return problem(422, "Validation Failed");
    };
    for text in credentials {
        // Installations' tokens are ended by their own call.
        if Kind::of(&Secret::new(text.to_owned())) != Kind::GithubInstallation {
            world.accounts.revoke(text);
        }
    }
    json(202, &json!({}))
}
