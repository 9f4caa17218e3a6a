//! `/v2/`: is this a registry, and is the login alive?

use http::{Method, StatusCode};

use super::{Answer, Call, answer::json};
use crate::auth::decision::require_login;

pub(super) fn handle(call: &Call) -> Answer {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.not_allowed("GET, HEAD");
    }
    require_login(&call.credential)?;
    Ok(json(StatusCode::OK, "{}"))
}
