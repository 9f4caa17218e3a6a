use pullpass_oci::{ErrorBody, ErrorCode};

#[test]
fn a_body_is_written_as_registries_write_it() {
    let body = ErrorBody::new(ErrorCode::Unauthorized, ErrorCode::Unauthorized.default_message());
    let text = serde_json::to_string(&body).unwrap();
    assert_eq!(text, r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#);
    // ghcr.io's content-length of 73 is this and a line break.
    assert_eq!(text.len() + 1, 73);
}

#[test]
fn an_error_is_shown_as_docker_shows_it() {
    let shown = |code, message| ErrorBody::new(code, message).errors[0].to_string();
    assert_eq!(shown(ErrorCode::Unauthorized, "authentication required"), "unauthorized");
    assert_eq!(
        shown(ErrorCode::Unauthorized, "authentication required: x"),
        "unauthorized: authentication required: x"
    );
    assert_eq!(shown(ErrorCode::Denied, "denied"), "denied: denied");
    assert_eq!(shown(ErrorCode::ManifestUnknown, "manifest unknown"), "manifest unknown");
}

#[test]
fn bodies_in_the_field_are_read() {
    let body: ErrorBody = serde_json::from_str(r#"{"errors":[{"code":"OWN_CODE","detail":{"a":1}}]}"#).unwrap();
    assert_eq!((body.errors[0].code.as_str(), body.errors[0].message.as_str()), ("OWN_CODE", ""));
}
