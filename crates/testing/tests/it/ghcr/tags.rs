//! `/v2/NAME/tags/list`

use insta::assert_snapshot;
use pullpass_oci::media_type;

use super::{PRIVATE, Site, image};
use crate::Answer;

// tags/list | 100 per page default + `Link: rel="next"`; `n=10000` returned all; order oldest->newest, not lexical
#[tokio::test]
async fn tags_come_in_pages_oldest_first() {
    let site = Site::new().await;
    let manifest = image().manifest;
    let content_type = [("Content-Type", media_type::OCI_MANIFEST)];
    for number in (0..120).rev() {
        let put = format!("PUT /v2/{PRIVATE}/manifests/t{number}");
        assert_eq!(site.push(&put, &content_type, &manifest).await.status, 201);
    }
    let tags = |answer: &Answer| answer.json()["tags"].as_array().expect("tags").clone();
    let first = site.push(&format!("GET /v2/{PRIVATE}/tags/list"), &[], b"").await;
    assert_eq!((tags(&first).len(), &tags(&first)[..3]), (100, &["v0.1".into(), "multi".into(), "t119".into()][..]));
    let link = first.header("link").expect("a next page");
    assert_snapshot!(link, @r#"</v2/midokura/gpu-infra-ansible/tags/list?last=t22&n=100>; rel="next""#);
    let next = link.trim_start_matches('<').split('>').next().expect("an address");
    let second = site.push(&format!("GET {next}"), &[], b"").await;
    assert_eq!((tags(&second).len(), second.header("link")), (22, None));
    let all = site.push(&format!("GET /v2/{PRIVATE}/tags/list?n=10000"), &[], b"").await;
    assert_eq!((tags(&all).len(), all.header("link")), (122, None));
}
