//! The shape of api.github.com's answers.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use crate::canned::response;

/// Where most of its problems are documented. It has changed over time, so nobody may depend on it.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

pub(super) fn problem(status: u16, message: &str) -> Response<Bytes> {
    json(status, &json!({ "message": message, "documentation_url": DOCUMENTATION, "status": status.to_string() }))
}

pub(super) fn json(status: u16, body: &Value) -> Response<Bytes> {
    response(status, &[("content-type", "application/json; charset=utf-8")], body.to_string())
}

pub(super) fn set(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    response.headers_mut().insert(name, HeaderValue::from_str(value).expect("visible characters"));
}
