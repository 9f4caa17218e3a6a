use pullpass_oci::{Algorithm, Digest, Hasher};

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn known_digests_are_computed_in_pieces() {
    assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let mut whole = Hasher::new(algorithm);
        whole.update(b"hello world");
        let mut pieces = Hasher::new(algorithm);
        pieces.update(b"hello ");
        pieces.update(b"world");
        let digest = pieces.finish();
        assert_eq!(digest, whole.finish());
        assert_eq!(digest.hex().len(), algorithm.hex_len());
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
}

#[test]
fn only_the_canonical_spelling_is_a_digest() {
    assert!(EMPTY.parse::<Digest>().is_ok());
    for bad in [
        "",
        "sha256",
        "sha256:",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        &EMPTY.to_uppercase(),
        &EMPTY[..EMPTY.len() - 1],
        &format!("{EMPTY}0"),
        &EMPTY.replace('e', "E"),
        &format!("sha256:../../{}", &EMPTY[13..]),
        &format!("SHA256:{}", &EMPTY[7..]),
    ] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
}
