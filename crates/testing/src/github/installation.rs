//! `/installation/repositories`: the one question that an installation's token can answer about itself.

use bytes::Bytes;
use http::Response;
use pullpass_secrets::token::Kind;
use serde_json::json;

use super::{
    Caller,
    answer::{json, problem},
};

pub(super) fn repositories(caller: &Caller) -> Response<Bytes> {
    let Caller::Token(token) = caller else { return problem(401, "Requires authentication") };
    if token.kind != Kind::GithubInstallation {
        let message = "You must authenticate with an installation access token in order to list repositories for an installation.";
        return problem(403, message);
    }
    let repositories: Vec<_> = token.workflow.iter().map(|name| json!({ "full_name": name })).collect();
    json(200, &json!({ "total_count": repositories.len(), "repositories": repositories }))
}
