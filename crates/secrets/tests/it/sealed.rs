use pullpass_secrets::{
    Secret,
    store::sealed::{self, Key, Sealed, SealedError},
};

fn key() -> Key {
    Key::generate().expect("random bytes")
}

fn store(bytes: &[u8], key: &Key, server: &str, user: &str, secret: &str) -> Vec<u8> {
    sealed::store(bytes, key, server, user, &Secret::new(secret.to_owned())).expect("a sound store")
}

/// `user:secret`, or why there is none.
fn get(bytes: &[u8], key: &Key, server: &str) -> Result<String, String> {
    let store = Sealed::parse(bytes).map_err(|error| error.to_string())?;
    let entry = store.find(server).ok_or("not found")?;
    let found = store.open(entry, key).map_err(|error| error.to_string())?;
    Ok(format!("{}:{}", found.user, found.secret.reveal()))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn what_is_stored_comes_back_and_can_be_read_nowhere() {
    let key = key();
    let bytes = store(b"", &key, "ghcr.io", "octocat", "a secret: with \"quotes\" and ü");
    let bytes = store(&bytes, &key, "quay.io", "<token>", "another");
    assert_eq!(get(&bytes, &key, "ghcr.io").unwrap(), "octocat:a secret: with \"quotes\" and ü");
    assert_eq!(get(&bytes, &key, "quay.io").unwrap(), "<token>:another");
    assert!(!text(&bytes).contains("secret") && text(&bytes).lines().count() == 3, "{}", text(&bytes));
    assert_eq!(store(&bytes, &key, "ghcr.io", "octocat", "a secret: with \"quotes\" and ü"), bytes, "nothing changed");
    let again = store(&bytes, &key, "ghcr.io", "octocat", "new");
    assert_eq!(get(&again, &key, "ghcr.io").unwrap(), "octocat:new");
    assert_eq!(Sealed::parse(&again).unwrap().entries().count(), 2, "replaced, not added");
}

#[test]
fn the_same_secret_is_never_sealed_to_the_same_bytes() {
    let key = key();
    let two = [store(b"", &key, "h", "u", "s"), store(b"", &key, "h", "u", "s")];
    assert_ne!(two[0], two[1]);
}

#[test]
fn every_spelling_that_clients_use_means_the_same_server() {
    let key = key();
    let groups: [&[&str]; 4] = [
        &["ghcr.io", "https://ghcr.io", "http://ghcr.io", "https://ghcr.io/", "https://ghcr.io/v1/", "ghcr.io/v2"],
        &["https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://docker.io", "registry-1.docker.io"],
        &["https://index.docker.io/v1/access-token"],
        &["127.0.0.1:5000", "http://127.0.0.1:5000"],
    ];
    let mut bytes = Vec::new();
    for group in groups {
        bytes = store(&bytes, &key, group[0], "u", group[0]);
    }
    for group in groups {
        for spelling in group {
            assert_eq!(get(&bytes, &key, spelling).unwrap(), format!("u:{}", group[0]), "{spelling}");
            let without = sealed::erase(&bytes, spelling).unwrap();
            assert_eq!(Sealed::parse(&without).unwrap().entries().count(), groups.len() - 1, "{spelling}");
        }
    }
    for foreign in ["ghcr.io.evil.example", "ghcr.io/octocat", "hcr.io", "ghcr.io:443", ""] {
        assert_eq!(get(&bytes, &key, foreign).unwrap_err(), "not found", "{foreign}");
    }
}

#[test]
fn secrets_cannot_be_moved_to_another_server_or_user_or_changed() {
    let key = key();
    let bytes = store(b"", &key, "ghcr.io", "octocat", "secret of ghcr");
    let bytes = store(&bytes, &key, "evil.example", "mallory", "secret of evil");
    for (from, to) in [
        ("ghcr.io", "good.example"),
        ("octocat", "mallory"),
        ("\"ghcr.io\",\"user\":\"o", "\"ghcr.io\\u0000o\",\"user\":\""),
    ] {
        let moved = text(&bytes).replace(from, to);
        assert_ne!(moved.as_bytes(), bytes);
        let server = if from == "octocat" {
            "ghcr.io"
        } else if to == "good.example" {
            to
        } else {
            "ghcr.io\0o"
        };
        assert!(get(moved.as_bytes(), &key, server).unwrap_err().contains("does not open"), "{from} to {to}");
        assert!(get(moved.as_bytes(), &key, "evil.example").is_ok(), "the other is as good as before");
    }
    // Each character of what is sealed counts, but for the bits behind the end of base64.
    let start = text(&bytes).find("\"sealed\":\"").expect("a sealed secret") + 10;
    for at in start..start + 60 {
        let mut changed = bytes.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(get(&changed, &key, "ghcr.io").is_err(), "{at}");
    }
}

#[test]
fn a_damaged_line_hides_no_other_and_stays() {
    let key = key();
    let bytes = store(b"", &key, "ghcr.io", "octocat", "one");
    for damage in [
        "{",
        "null",
        "{\"server\":1}",
        "{\"server\":\"x\"}",
        "\u{0}",
        "[]",
        "{\"server\":\"q\",\"user\":\"u\",\"sealed\":\"!\"}",
    ] {
        let damaged = [&bytes, damage.as_bytes(), b"\n\xff\xfe\n"].concat();
        assert_eq!(get(&damaged, &key, "ghcr.io").unwrap(), "octocat:one");
        assert!(get(&damaged, &key, "q").is_err());
        let more = store(&damaged, &key, "quay.io", "u", "two");
        assert!(more.starts_with(&damaged), "nothing of it is lost");
        assert_eq!(
            (get(&more, &key, "ghcr.io").unwrap(), get(&more, &key, "quay.io").unwrap()),
            ("octocat:one".into(), "u:two".into())
        );
        assert!(Sealed::parse(&more).unwrap().damaged() >= 1);
    }
    // A write that another program cut off in the middle.
    let cut = &bytes[..bytes.len() - 20];
    let more = store(cut, &key, "quay.io", "u", "two");
    assert_eq!(get(&more, &key, "quay.io").unwrap(), "u:two");
}

#[test]
fn what_a_later_release_knows_of_an_entry_stays() {
    let key = key();
    let bytes = store(b"", &key, "ghcr.io", "octocat", "one");
    let later = text(&bytes).replace("\"user\"", "\"expires\": 5, \"user\"");
    let more = store(later.as_bytes(), &key, "quay.io", "u", "two");
    assert_eq!(get(&more, &key, "ghcr.io").unwrap(), "octocat:one");
    assert!(text(&sealed::erase(&more, "quay.io").unwrap()).contains("\"expires\": 5"));
}

#[test]
fn other_versions_and_other_files_are_refused() {
    let key = key();
    let bytes = store(b"", &key, "ghcr.io", "octocat", "one");
    let later = text(&bytes).replace("\"version\":1", "\"version\":2");
    assert_eq!(Sealed::parse(later.as_bytes()).err(), Some(SealedError::Version(2)));
    for other in
        ["{\"auths\":{}}", "[]", "x", "{\"pullpass\":\"credentials\"}", "{\"pullpass\":\"other\",\"version\":1}"]
    {
        assert_eq!(sealed::erase(other.as_bytes(), "h").err(), Some(SealedError::NotAStore), "{other}");
    }
}

#[test]
fn a_store_belongs_to_one_key() {
    let (key, other) = (key(), key());
    let bytes = store(b"", &key, "ghcr.io", "octocat", "one");
    assert_eq!(get(&bytes, &other, "ghcr.io").unwrap_err(), "it was sealed with another key");
    let mixed = sealed::store(&bytes, &other, "quay.io", "u", &Secret::new("two".to_owned()));
    assert_eq!(mixed.err(), Some(SealedError::WrongKey));
    let emptied = sealed::erase(&bytes, "ghcr.io").unwrap();
    assert!(!Sealed::parse(&emptied).unwrap().is_new(), "an emptied store still knows its key");
}

#[test]
fn what_no_credential_has_is_refused() {
    let key = key();
    for (server, user, secret) in [("", "u", "s"), ("h", "", "s"), ("h", "u", ""), ("h\n", "u", "s"), ("h", "u\0", "s")]
    {
        let result = sealed::store(b"", &key, server, user, &Secret::new(secret.to_owned()));
        assert!(matches!(result, Err(SealedError::Unusable(_))), "{server:?} {user:?}");
    }
    let huge = Secret::new("x".repeat(16 << 20));
    assert_eq!(sealed::store(b"", &key, "h", "u", &huge).err(), Some(SealedError::Full));
}

#[test]
fn a_key_is_32_bytes_or_their_base64() {
    let key = key();
    let bytes = store(b"", &key, "h", "u", "s");
    let kept = format!(" {}\r\n", *key.to_base64());
    assert_eq!(get(&bytes, &Key::parse(kept.as_bytes()).unwrap(), "h").unwrap(), "u:s");
    assert!(Key::parse(&[7; 32]).is_some());
    for wrong in [&b""[..], &[7; 31], &[7; 33], b"c2hvcnQ=", b"not base64 at all, and too long for a key"] {
        assert!(Key::parse(wrong).is_none());
    }
}
