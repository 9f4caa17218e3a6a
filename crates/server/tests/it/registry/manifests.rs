use pullpass_oci::{Digest, Image, manifest::MAX_BYTES, media_type};
use pullpass_server::PatScope;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, Running};

#[tokio::test]
async fn each_kind_of_manifest_comes_back_byte_for_byte() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "oci", b"contents", &alice).await;
    let (config, layer) = (Digest::sha256(&image.config), Digest::sha256(&image.layer));
    // Odd blanks, an unknown key and a repeated one: none of our business, and not to be changed.
    let docker = format!(
        "{{ \"schemaVersion\":2,\n\t\"mediaType\": \"{}\", \"x\": [1, 1.0, {{}}], \"x\": 2,\n\
         \"config\": {{\"digest\":\"{config}\",\"size\":{},\"mediaType\":\"a\"}},\
         \"layers\":[{{\"size\":{},\"digest\":\"{layer}\"}}] }}\n\n",
        media_type::DOCKER_MANIFEST,
        image.config.len(),
        image.layer.len()
    );
    let index = |media_type: &str| {
        let child = json!({
            "mediaType": media_type::OCI_MANIFEST,
            "digest": image.digest(),
            "size": image.manifest.len(),
            "platform": { "architecture": "amd64", "os": "linux" },
        });
        json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": [child] }).to_string()
    };
    for (media_type, bytes) in [
        (media_type::OCI_MANIFEST, String::from_utf8(image.manifest.clone()).unwrap()),
        (media_type::DOCKER_MANIFEST, docker),
        (media_type::OCI_INDEX, index(media_type::OCI_INDEX)),
        (media_type::DOCKER_LIST, index(media_type::DOCKER_LIST)),
    ] {
        let with_parameter = format!("{media_type}; charset=utf-8");
        let answer = server.put_manifest("alice/app", "1", &with_parameter, bytes.as_bytes(), &alice).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{media_type}: {}", answer.text());
        let digest = Digest::sha256(bytes.as_bytes()).to_string();
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert_eq!(answer.header("location"), format!("/v2/alice/app/manifests/{digest}"));
        for (reference, method) in [("1", Method::GET), (digest.as_str(), Method::GET), ("1", Method::HEAD)] {
            let path = format!("/v2/alice/app/manifests/{reference}");
            let answer = Answer::of(server.request(method.clone(), &path, Some(&alice))).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.header("content-type"), media_type);
            assert_eq!(answer.header("docker-content-digest"), digest);
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
            assert_eq!(answer.text(), if method == Method::GET { bytes.as_str() } else { "" });
        }
    }
}

#[tokio::test]
async fn what_a_manifest_names_must_be_in_the_same_package() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "1", b"contents", &alice).await;
    let answer = server.put_manifest("alice/other", "1", media_type::OCI_MANIFEST, &image.manifest, &alice).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"));
    // A refused manifest begins no package.
    assert_eq!(server.get("/v2/alice/other/tags/list", Some(&alice)).await.code(), "NAME_UNKNOWN");
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": "x", "digest": image.digest(), "size": image.manifest.len() }],
    });
    let answer =
        server.put_manifest("alice/other", "1", media_type::OCI_INDEX, index.to_string().as_bytes(), &alice).await;
    assert_eq!(answer.code(), "MANIFEST_BLOB_UNKNOWN");
    let path = format!("/v2/alice/other/manifests/{}", image.digest());
    assert_eq!(server.get(&path, Some(&alice)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_subject_need_not_exist_and_is_acknowledged() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let config = server.push_blob("alice/app", b"{}", &alice).await;
    let subject = Digest::sha256(b"absent");
    let manifest = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "x", "digest": config, "size": 2 },
        "layers": [],
        "subject": { "mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 7 },
    });
    let bytes = manifest.to_string().into_bytes();
    let digest = Digest::sha256(&bytes).to_string();
    let answer = server.put_manifest("alice/app", &digest, media_type::OCI_MANIFEST, &bytes, &alice).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.header("oci-subject"), subject.to_string());
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "1", b"contents", &alice).await;
    let good: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        manifest.to_string()
    };
    let size = image.layer.len();
    for (media_type, text, code) in [
        (media_type::OCI_MANIFEST, "not JSON".to_owned(), "MANIFEST_INVALID"),
        (media_type::OCI_MANIFEST, String::new(), "MANIFEST_INVALID"),
        (media_type::OCI_MANIFEST, "[".repeat(10_000), "MANIFEST_INVALID"),
        ("application/json", good.to_string(), "MANIFEST_INVALID"),
        ("", good.to_string(), "MANIFEST_INVALID"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", good.to_string(), "MANIFEST_INVALID"),
        (media_type::OCI_INDEX, good.to_string(), "MANIFEST_INVALID"),
        (media_type::OCI_MANIFEST, changed(&|manifest| manifest["manifests"] = json!([])), "MANIFEST_INVALID"),
        (media_type::OCI_MANIFEST, changed(&|manifest| manifest["layers"][0]["size"] = json!(-1)), "MANIFEST_INVALID"),
        (
            media_type::OCI_MANIFEST,
            changed(&|manifest| manifest["layers"][0]["size"] = json!(1e30)),
            "MANIFEST_INVALID",
        ),
        (
            media_type::OCI_MANIFEST,
            changed(&|manifest| manifest["layers"][0]["size"] = json!(size + 1)),
            "MANIFEST_INVALID",
        ),
        (
            media_type::OCI_MANIFEST,
            changed(&|manifest| manifest["layers"][0]["digest"] = json!("sha256:x")),
            "MANIFEST_INVALID",
        ),
    ] {
        let answer = server.put_manifest("alice/app", "bad", media_type, text.as_bytes(), &alice).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text}");
        assert_eq!(answer.code(), code, "{text}");
    }
    assert_eq!(server.get("/v2/alice/app/manifests/bad", Some(&alice)).await.code(), "MANIFEST_UNKNOWN");
    let other = Digest::sha256(b"other").to_string();
    let answer = server.put_manifest("alice/app", &other, media_type::OCI_MANIFEST, &image.manifest, &alice).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "DIGEST_INVALID"));
}

#[tokio::test]
async fn four_mebibytes_are_taken_and_one_byte_more_is_not() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image: Image = server.push_image("alice/app", "1", b"contents", &alice).await;
    let mut bytes = image.manifest.clone();
    bytes.resize(MAX_BYTES, b' ');
    let answer = server.put_manifest("alice/app", "large", media_type::OCI_MANIFEST, &bytes, &alice).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    bytes.push(b' ');
    let answer = server.put_manifest("alice/app", "larger", media_type::OCI_MANIFEST, &bytes, &alice).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID"));
    assert_eq!(server.get("/v2/alice/app/manifests/larger", Some(&alice)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn thousands_of_descriptors_are_checked_one_and_all() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let config = server.push_blob("alice/app", b"{}", &alice).await;
    let present = json!({ "mediaType": "x", "digest": config, "size": 2 });
    let absent = json!({ "mediaType": "x", "digest": Digest::sha256(b"absent"), "size": 2 });
    let mut layers = vec![present.clone(); 20_000];
    let manifest = |layers: &[serde_json::Value]| {
        json!({ "schemaVersion": 2, "config": present, "layers": layers }).to_string().into_bytes()
    };
    let good = manifest(&layers);
    layers.push(absent);
    let bad = manifest(&layers);
    assert!(bad.len() < MAX_BYTES);
    let answer = server.put_manifest("alice/app", "bad", media_type::OCI_MANIFEST, &bad, &alice).await;
    assert_eq!(answer.code(), "MANIFEST_BLOB_UNKNOWN");
    let answer = server.put_manifest("alice/app", "good", media_type::OCI_MANIFEST, &good, &alice).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

#[tokio::test]
async fn deleting_a_tag_keeps_the_manifest_and_deleting_the_manifest_takes_its_tags() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "one", b"contents", &alice).await;
    server.push_image("alice/app", "two", b"contents", &alice).await;
    server.push_image("alice/app", "other", b"other contents", &alice).await;
    let by_digest = format!("/v2/alice/app/manifests/{}", image.digest());
    let writer = server.token("alice", &[PatScope::Write], None).await;
    let delete = async |path: &str, pat| Answer::of(server.request(Method::DELETE, path, Some(pat))).await.status;
    let one = "/v2/alice/app/manifests/one";
    assert_eq!(delete(one, &writer).await, StatusCode::FORBIDDEN);
    assert_eq!(delete(&by_digest, &writer).await, StatusCode::FORBIDDEN);
    assert_eq!(delete(one, &alice).await, StatusCode::ACCEPTED);
    assert_eq!(delete(one, &alice).await, StatusCode::NOT_FOUND);
    assert_eq!(server.get(one, Some(&alice)).await.code(), "MANIFEST_UNKNOWN");
    assert_eq!(server.get(&by_digest, Some(&alice)).await.status, StatusCode::OK);
    assert_eq!(delete(&by_digest, &alice).await, StatusCode::ACCEPTED);
    assert_eq!(server.get(&by_digest, Some(&alice)).await.status, StatusCode::NOT_FOUND);
    let tags = server.get("/v2/alice/app/tags/list", Some(&alice)).await.json();
    assert_eq!(tags["tags"], json!(["other"]));
}

#[tokio::test]
async fn a_tag_moves_to_what_was_pushed_last() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "latest", b"one", &alice).await;
    let image = server.push_image("alice/app", "latest", b"two", &alice).await;
    let answer = server.get("/v2/alice/app/manifests/latest", Some(&alice)).await;
    assert_eq!(answer.header("docker-content-digest"), image.digest().to_string());
}
