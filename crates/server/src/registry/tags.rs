//! `/v2/NAME/tags/list`

use http::{HeaderValue, Method, StatusCode, header::LINK};
use pullpass_oci::{ErrorCode, RepositoryName};
use serde_json::json;

use super::{
    Answer, Call,
    answer::{self, Failure},
};

/// How many tags a page has at most, whatever the client asks for.
const MAX_PAGE: u32 = 1000;

pub(super) async fn handle(call: &Call, name: &RepositoryName) -> Answer {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.not_allowed("GET, HEAD");
    }
    let permit = call.permit(name).await?;
    let limit = match call.parameter("n").map(str::parse::<u64>) {
        None => MAX_PAGE,
        Some(Ok(n)) => u32::try_from(n).unwrap_or(MAX_PAGE).min(MAX_PAGE),
        Some(Err(_)) => return Err(Failure::bad(ErrorCode::Unsupported, &"the parameter `n` is a number of tags")),
    };
    let last = call.parameter("last").unwrap_or_default();
    // One more tells whether there is a next page.
    let mut tags = call.app.content.tags(&permit, last, limit + 1).await?;
    let has_more = tags.len() > limit as usize;
    tags.truncate(limit as usize);
    let mut response = answer::json(StatusCode::OK, &json!({ "name": name.as_str(), "tags": tags }).to_string());
    if let Some(last) = tags.last().filter(|_| has_more) {
        let link = format!("</v2/{name}/tags/list?n={limit}&last={last}>; rel=\"next\"");
        response.headers_mut().insert(LINK, HeaderValue::try_from(link).map_err(http::Error::from)?);
    }
    Ok(response)
}
