//! `/rate_limit`, which is free.

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use serde_json::json;

use super::answer::json;

pub(super) fn answer(limit: usize, used: usize, reset: Timestamp) -> Response<Bytes> {
    let core = json!({
        "limit": limit,
        "remaining": limit.saturating_sub(used),
        "reset": reset.as_second(),
        "used": used,
        "resource": "core",
    });
    json(200, &json!({ "resources": { "core": core }, "rate": core }))
}
