use pullpass_oci::{Manifest, Platform, manifest::InvalidManifest, media_type};

fn descriptor(character: char) -> String {
    format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":3}}"#, character.to_string().repeat(64))
}

#[test]
fn images_and_indexes_name_their_content() {
    let image = format!(r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#, descriptor('a'), descriptor('b'));
    let parsed =
        Manifest::parse("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8", image.as_bytes());
    assert!(matches!(parsed, Ok(Manifest::Image { layers, .. }) if layers.len() == 1));
    let index = format!(r#"{{"manifests":[{}],"subject":{}}}"#, descriptor('a'), descriptor('b'));
    let parsed = Manifest::parse(media_type::OCI_INDEX, index.as_bytes());
    assert!(matches!(parsed, Ok(Manifest::Index { manifests, subject: Some(_) }) if manifests.len() == 1));
}

#[test]
fn a_manifest_that_clients_could_read_in_two_ways_is_refused() {
    let both = format!(r#"{{"config":{},"layers":[],"manifests":[]}}"#, descriptor('a'));
    for media_type in media_type::MANIFESTS {
        assert!(
            matches!(Manifest::parse(media_type, both.as_bytes()), Err(InvalidManifest::Ambiguous)),
            "{media_type}"
        );
    }
    let inside = format!(r#"{{"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX);
    let parsed = Manifest::parse(media_type::DOCKER_LIST, inside.as_bytes());
    assert!(matches!(parsed, Err(InvalidManifest::Mismatch { .. })));
}

#[test]
fn other_types_and_broken_json_are_refused() {
    assert!(matches!(Manifest::parse("text/html", b"{}"), Err(InvalidManifest::MediaType(_))));
    assert!(matches!(Manifest::parse(media_type::OCI_MANIFEST, b"{"), Err(InvalidManifest::Json(_))));
    let deep = "[".repeat(100_000);
    assert!(matches!(Manifest::parse(media_type::OCI_MANIFEST, deep.as_bytes()), Err(InvalidManifest::Json(_))));
    let negative = descriptor('a').replace(":3}", ":-3}");
    let image = format!(r#"{{"config":{negative},"layers":[]}}"#);
    assert!(matches!(Manifest::parse(media_type::OCI_MANIFEST, image.as_bytes()), Err(InvalidManifest::Json(_))));
}

#[test]
fn a_platform_is_two_or_three_words() {
    for text in ["linux/arm64", "linux/arm/v7", "windows/amd64"] {
        assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
    }
    for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "Linux/amd64", "linux/am d64"] {
        assert!(text.parse::<Platform>().is_err(), "{text}");
    }
}
