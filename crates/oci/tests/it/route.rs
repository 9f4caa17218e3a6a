use proptest::prelude::*;
use pullpass_oci::{Route, route::InvalidRoute};

#[test]
fn every_endpoint_is_read_and_written() {
    let digest = format!("sha256:{}", "0".repeat(64));
    for path in [
        "/v2/".to_owned(),
        "/v2/a/b/c/manifests/v1".to_owned(),
        format!("/v2/a/manifests/{digest}"),
        format!("/v2/a/b/blobs/{digest}"),
        "/v2/a/b/blobs/uploads/".to_owned(),
        "/v2/a/b/blobs/uploads/6d1b-x".to_owned(),
        "/v2/a/b/tags/list".to_owned(),
        // Repositories may be named like the endpoints: the right end decides.
        "/v2/manifests/tags/list/manifests/v1".to_owned(),
        "/v2/blobs/uploads/tags/list".to_owned(),
    ] {
        assert_eq!(Route::parse(&path).map(|route| route.to_string()), Ok(path));
    }
    assert_eq!(Route::parse("/v2"), Ok(Route::Root));
}

#[test]
fn other_paths_are_none() {
    for path in ["", "/", "/v1/", "/v2x", "/v2/a", "/v2/_catalog", "/v2/a/tags/list/", "/v2/a/manifests"] {
        assert_eq!(Route::parse(path), Err(InvalidRoute::Unknown), "{path}");
    }
    for path in ["/v2/a/../b/tags/list", "/v2/%2e%2e/tags/list", "/v2//tags/list", "/v2/A/tags/list", "/v2/tags/list"] {
        assert!(matches!(Route::parse(path), Err(InvalidRoute::Name(_))), "{path}");
    }
    assert!(matches!(Route::parse("/v2/a/blobs/sha256:../../x"), Err(InvalidRoute::Unknown | InvalidRoute::Digest(_))));
    assert_eq!(Route::parse("/v2/a/manifests/.x"), Err(InvalidRoute::Reference));
}

proptest! {
    #[test]
    fn any_path_is_read_to_the_end(path in "/v2/[a-zA-Z0-9/:._%-]{0,80}") {
        if let Ok(route) = Route::parse(&path) {
            let written = route.to_string();
            prop_assert!(written == path || written == format!("{path}/"), "{} {}", written, path);
        }
    }
}
