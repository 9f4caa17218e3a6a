use pullpass_oci::media_type;
use reqwest::StatusCode;

use crate::support::{Pat, Running};

const PACKAGE: &str = "alice/app";

async fn with_tags(tags: &[&str]) -> (Running, Pat) {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image(PACKAGE, tags[0], b"contents", &alice).await;
    for tag in tags {
        server.put_manifest(PACKAGE, tag, media_type::OCI_MANIFEST, &image.manifest, &alice).await;
    }
    (server, alice)
}

#[tokio::test]
async fn tags_are_listed_in_the_order_of_their_bytes() {
    let (server, alice) = with_tags(&["b", "a", "B", "1.10", "1.9", "_x"]).await;
    let answer = server.get("/v2/alice/app/tags/list", Some(&alice)).await;
    let expected = serde_json::json!({ "name": "alice/app", "tags": ["1.10", "1.9", "B", "_x", "a", "b"] });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("link"), "");
}

#[tokio::test]
async fn pages_lead_through_all_of_them() {
    let (server, alice) = with_tags(&["a", "b", "c", "d", "e"]).await;
    let mut path = "/v2/alice/app/tags/list?n=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = server.get(&path, Some(&alice)).await;
        let tags: Vec<String> = serde_json::from_value(answer.json()["tags"].clone()).unwrap();
        assert!(tags.len() <= 2);
        seen.extend(tags);
        let Some(next) = answer.header("link").strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""))
        else {
            break;
        };
        path = next.to_owned();
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn odd_page_sizes_do_no_harm() {
    let (server, alice) = with_tags(&["a", "b"]).await;
    for (n, status, tags) in [
        ("0", StatusCode::OK, Some(0)),
        ("9223372036854775808", StatusCode::OK, Some(2)),
        ("-1", StatusCode::BAD_REQUEST, None),
        ("abc", StatusCode::BAD_REQUEST, None),
        ("99999999999999999999999", StatusCode::BAD_REQUEST, None),
    ] {
        let answer = server.get(&format!("/v2/alice/app/tags/list?n={n}"), Some(&alice)).await;
        assert_eq!(answer.status, status, "{n}");
        assert_eq!(answer.json()["tags"].as_array().map(Vec::len), tags, "{n}");
        assert_eq!(answer.header("link"), "", "{n}");
    }
}
