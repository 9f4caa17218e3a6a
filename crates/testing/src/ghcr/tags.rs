//! `/v2/NAME/tags/list`: oldest first, 100 a page unless more is asked for.

use http::Method;
use pullpass_oci::{RepositoryName, Route};
use serde_json::json;

use super::{
    Call,
    answer::{Answer, Refusal, json, parameters, set},
};

const PAGE: usize = 100;

pub(super) fn answer(call: &Call, name: &RepositoryName) -> Answer {
    if call.request.method != Method::GET {
        return Err(Refusal::UNSUPPORTED);
    }
    call.read(name)?;
    let package = call.world.packages.package(name).ok_or(Refusal::NO_ACCESS)?;
    let parameter = |key| parameters(call.request, key).pop();
    let page = parameter("n").and_then(|n| n.parse().ok()).unwrap_or(PAGE);
    let last = parameter("last").and_then(|last| package.tags.iter().position(|(tag, _)| *tag == last));
    let rest = &package.tags[last.map_or(0, |last| last + 1)..];
    let tags: Vec<&str> = rest.iter().take(page).map(|(tag, _)| tag.as_str()).collect();
    let mut response = json(200, &json!({ "name": name.as_str(), "tags": tags }));
    if let Some(last) = tags.last().filter(|_| rest.len() > tags.len()) {
        let next = format!("<{}?last={last}&n={page}>; rel=\"next\"", Route::Tags(name.clone()));
        set(&mut response, "link", &next);
    }
    Ok(response)
}
