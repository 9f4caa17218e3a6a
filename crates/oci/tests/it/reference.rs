use pullpass_oci::{Reference, Registry, reference::InvalidReference};

fn parse(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn references_are_read_as_docker_reads_them() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (text, full) in [
        ("ghcr.io/owner/name:v0.1", "ghcr.io/owner/name:v0.1"),
        ("ghcr.io/owner/name", "ghcr.io/owner/name"),
        ("127.0.0.1:5000/a/b:t", "127.0.0.1:5000/a/b:t"),
        ("[::1]:5000/a", "[::1]:5000/a"),
        ("localhost/a", "localhost/a"),
        ("ubuntu", "docker.io/library/ubuntu"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("owner/name", "docker.io/owner/name"),
        ("GHCR.io/a/b", "ghcr.io/a/b"),
        (&format!("ghcr.io/a/b:t@{digest}"), &format!("ghcr.io/a/b:t@{digest}")),
    ] {
        assert_eq!(parse(text).to_string(), full);
    }
}

#[test]
fn the_digest_decides_over_the_tag_and_latest_stands_in() {
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(parse("ghcr.io/a/b").manifest_reference(), "latest");
    assert_eq!(parse("ghcr.io/a/b:v1").manifest_reference(), "v1");
    assert_eq!(parse(&format!("ghcr.io/a/b:v1@{digest}")).manifest_reference(), digest);
}

#[test]
fn what_is_no_reference_is_refused_with_the_reason() {
    assert_eq!("https://ghcr.io/a/b".parse::<Reference>(), Err(InvalidReference::Scheme));
    assert!(matches!("ghcr.io/Owner/name".parse::<Reference>(), Err(InvalidReference::Name(_))));
    assert!(matches!("ghcr.io/a:".parse::<Reference>(), Err(InvalidReference::Tag(_))));
    assert!(matches!("ghcr.io/a@sha256:00".parse::<Reference>(), Err(InvalidReference::Digest(_))));
    assert!(matches!("ghcr.io:x/a".parse::<Reference>(), Err(InvalidReference::Registry(_))));
    assert!("".parse::<Reference>().is_err());
    assert!("ghcr.io/".parse::<Reference>().is_err());
}

#[test]
fn a_registry_knows_its_host_and_whether_it_is_here() {
    for (text, host, loopback) in [
        ("ghcr.io", "ghcr.io", false),
        ("localhost:5000", "localhost", true),
        ("127.8.9.1:1", "127.8.9.1", true),
        ("[::1]:443", "[::1]", true),
        ("[::1]", "[::1]", true),
        ("10.0.0.1", "10.0.0.1", false),
    ] {
        let registry: Registry = text.parse().unwrap();
        assert_eq!((registry.host(), registry.is_loopback()), (host, loopback), "{text}");
    }
    for bad in [
        "",
        "a b",
        "https://ghcr.io",
        "ghcr.io/",
        "ghcr.io:0",
        "ghcr.io:99999",
        "-a",
        "a..b",
        "[::1",
        "[x]",
        "user@host",
    ] {
        assert!(bad.parse::<Registry>().is_err(), "{bad}");
    }
}
