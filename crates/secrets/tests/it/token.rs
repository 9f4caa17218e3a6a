use pullpass_secrets::{
    Secret,
    token::{self, Kind, Malformed},
};

const KEY: [u8; 32] = [7; 32];

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Built from pieces, so that no scanner takes the source for a leak.
fn classic(body: &str) -> Secret {
    secret(&format!("ghp{}{body}{}", '_', token::checksum(body)))
}

#[test]
fn the_checksum_is_githubs() {
    // Vectors of the fact sheet, the last with a leading zero.
    assert_eq!(token::checksum(&"0".repeat(30)), "2C8GjS");
    assert_eq!(token::checksum(&"A".repeat(30)), "0uCPlr");
    assert_eq!(token::checksum("PULLPASSfakeTokenForTests00000"), "1SnXls");
    assert_eq!(token::checksum("padtest00000000000000000000134"), "00wwfm");
}

#[test]
fn a_mark_is_the_hmac_of_the_secret() {
    // By `openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…`.
    let mark = token::mark(&secret("correct horse"), &KEY);
    assert_eq!(mark, "42fbbd77233002d413c29173fb07ca2d726bad80194f5a94bde1c3e451e4c495");
    assert_ne!(mark, token::mark(&secret("correct horse\n"), &KEY));
    assert_ne!(mark, token::mark(&secret("correct horse"), &[8; 32]));
}

#[test]
fn a_generated_token_is_whole_and_different_each_time() {
    let (one, two) = (token::generate().unwrap(), token::generate().unwrap());
    assert_eq!(token::check(&one), Ok(Kind::Pullpass));
    assert_eq!(one.reveal().len(), 50);
    assert!(one.reveal()[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(one != two);
}

#[test]
fn a_truncated_or_mistyped_token_is_named_as_such() {
    let whole = classic("PULLPASSfakeTokenForTests00000");
    assert_eq!(token::check(&whole), Ok(Kind::GithubClassic));
    let text = whole.reveal();
    for cut in 4..text.len() {
        let error = token::check(&secret(&text[..cut])).unwrap_err();
        assert_eq!(error, Malformed::Length { kind: Kind::GithubClassic, expected: 40, found: cut });
    }
    for at in 4..text.len() {
        let other = if &text[at..=at] == "x" { "y" } else { "x" };
        let typo = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        assert_eq!(token::check(&secret(&typo)), Err(Malformed::Checksum(Kind::GithubClassic)), "at {at}");
    }
}

#[test]
fn blanks_and_line_breaks_are_found() {
    let text = classic(&"A".repeat(30)).reveal().to_owned();
    for bad in [format!("{text}\n"), format!("{text}\r"), format!("{text} "), format!("{}\u{a0}", &text[..39])] {
        assert_eq!(token::check(&secret(&bad)), Err(Malformed::Blank));
    }
    assert_eq!(token::check(&secret("")), Err(Malformed::Empty));
    assert_eq!(token::check(&secret("correct horse battery")), Ok(Kind::Unknown));
}

#[test]
fn kinds_are_told_by_their_prefix() {
    let fine_grained = secret(&format!("github{}pat_{}", '_', "a".repeat(82)));
    assert_eq!(token::check(&fine_grained), Ok(Kind::GithubFineGrained));
    let stateless = secret(&format!("ghs{}12345_{}.{}-x.y", '_', "a".repeat(200), "b".repeat(300)));
    assert_eq!(token::check(&stateless), Ok(Kind::GithubInstallation));
    assert_eq!(token::check(&secret("hunter2")), Ok(Kind::Unknown));
}

#[test]
fn a_fingerprint_shows_four_characters_of_whole_checksummed_tokens_only() {
    let whole = classic("PULLPASSfakeTokenForTests00000");
    assert_eq!(token::fingerprint(&whole, &KEY), "ghp_…nXls");
    for text in ["hunter2", "x", "ghp_short", "pässwörd"] {
        let shown = token::fingerprint(&secret(text), &KEY);
        let tail = &text[text.char_indices().rev().nth(3).map_or(0, |(at, _)| at)..];
        assert!(!shown.contains(tail) || tail.len() == 1, "{shown}");
        assert_eq!(shown, token::fingerprint(&secret(text), &KEY));
        assert_ne!(shown, token::fingerprint(&secret(text), &[8; 32]));
    }
}

#[test]
fn what_stands_in_front_of_a_token_is_found() {
    let text = classic(&"A".repeat(30)).reveal().to_owned();
    for before in [" ", "\u{feff}", "\"", "TOKEN=", "Bearer "] {
        let error = token::check(&secret(&format!("{before}{text}"))).unwrap_err();
        assert!(matches!(error, Malformed::Preceded(Kind::GithubClassic) | Malformed::Blank), "{before:?}: {error}");
    }
    assert_eq!(token::check(&secret("my ghp_ password")), Ok(Kind::Unknown));
}

#[test]
fn tokens_inside_a_text_are_masked_and_words_are_not() {
    let text = classic(&"A".repeat(30)).reveal().to_owned();
    let masked =
        token::mask(&format!("cannot read `https://me:{text}@ghcr.io/{text}`, `ghp_token` or `github_pat_{text}`"));
    assert_eq!(masked, "cannot read `https://me:ghp_…@ghcr.io/ghp_…`, `ghp_token` or `github_pat_…`");
    assert_eq!(token::mask("nothing here: é"), "nothing here: é");
}
