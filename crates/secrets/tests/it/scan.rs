use std::io::{Cursor, Read};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use pullpass_secrets::{
    scan::{Buffer, Found, Scanner, files},
    token::{self, Kind},
};

const KEY: [u8; 32] = [7; 32];
const BODY: &str = "PULLPASSfakeTokenForTests00000";
const MIXED: &str = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3AbCdEfGhIjKlMnOpQrStUv";

/// Built from pieces, so that no scanner takes the source for a leak.
fn whole(prefix: &str, body: &str) -> String {
    format!("{prefix}{}{body}{}", '_', token::checksum(body))
}

fn classic() -> String {
    whole("ghp", BODY)
}

fn ours() -> String {
    whole("ppt", &format!("{BODY}1234567890"))
}

fn every_kind() -> Vec<(Kind, String)> {
    vec![
        (Kind::Pullpass, ours()),
        (Kind::GithubClassic, classic()),
        (Kind::GithubOauth, whole("gho", BODY)),
        (Kind::GithubUser, whole("ghu", BODY)),
        (Kind::GithubInstallation, whole("ghs", BODY)),
        (Kind::GithubInstallation, format!("ghs{}12345_eyJ{MIXED}.eyJ{}.{MIXED}{MIXED}", '_', MIXED.repeat(4))),
        (Kind::GithubRefresh, whole("ghr", BODY)),
        (Kind::GithubRefresh, format!("ghr{}{MIXED}{}", '_', &MIXED[..14])),
        (Kind::GithubFineGrained, format!("github{}pat_{}_{}", '_', &MIXED[..22], &MIXED[..59])),
    ]
}

fn scan(text: impl AsRef<[u8]>) -> Vec<Found> {
    Scanner::new(KEY).bytes(text.as_ref())
}

#[track_caller]
fn assert_one(text: &str, kind: Kind, line: u64, encoded: bool) {
    let found = scan(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    assert_eq!((found[0].kind, found[0].line, found[0].encoded), (kind, line, encoded), "{text}");
}

#[test]
fn every_kind_is_found_in_every_place_where_people_leave_tokens() {
    for (kind, token) in every_kind() {
        assert_one(&token, kind, 1, false);
        assert_one(&format!("all:\n  vars:\n    ghcr_pat: \"{token}\"\n"), kind, 3, false);
        assert_one(
            &format!(": 1700000000:0;echo {token} | docker login ghcr.io -u me --password-stdin\n"),
            kind,
            1,
            false,
        );
        assert_one(&format!("#1700000000\nexport TOKEN={token}\n"), kind, 2, false);
        assert_one(&format!("[remote \"origin\"]\r\n\turl = https://me:{token}@github.com/a/b\r\n"), kind, 2, false);
        assert_one(&format!("\0\u{1}\0{token}\0"), kind, 1, false);
        assert_one(&format!(r#"{{"token":"{token}\nnext"}}"#), kind, 1, false);
    }
}

#[test]
fn every_kind_is_found_in_base64_wherever_it_stands_in_a_group() {
    for (kind, token) in every_kind() {
        for user in ["", "a:", "me:", "bob:", "octo:", "octocat:", "x-access-token:"] {
            let pair = format!("{user}{token}");
            let auth = STANDARD.encode(&pair);
            assert_one(&format!("{{\n\"auths\": {{\"ghcr.io\": {{\"auth\": \"{auth}\"}}}}}}"), kind, 2, true);
            assert_one(
                &format!("Authorization: Basic {}", URL_SAFE_NO_PAD.encode(format!("{pair}??>>"))),
                kind,
                1,
                true,
            );
        }
    }
}

#[test]
fn every_kind_is_found_in_a_pull_secret_of_kubernetes_which_is_base64_of_base64() {
    for (kind, token) in every_kind() {
        for user in ["a", "me", "bob"] {
            let auth = STANDARD.encode(format!("{user}:{token}"));
            for file in [
                format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#),
                format!("{{\n\t\"auths\": {{\n\t\t\"ghcr.io\": {{\n\t\t\t\"auth\": \"{auth}\"\n\t\t}}\n\t}}\n}}"),
                format!(r#" {{ "auths": {{"a.io":{{}}, "ghcr.io": {{"auth":"{auth}"}}}}}}"#),
            ] {
                assert_one(&format!("data:\n  .dockerconfigjson: {}\n", STANDARD.encode(file)), kind, 2, true);
            }
        }
    }
}

#[test]
fn every_kind_is_found_in_an_older_pull_secret_without_auths() {
    for (kind, token) in every_kind() {
        let auth = STANDARD.encode(format!("octocat:{token}"));
        let file = format!(r#"{{"ghcr.io":{{"username":"octocat","auth":"{auth}","email":"a@example.org"}}}}"#);
        assert_one(&format!("  .dockercfg: {}\n", STANDARD.encode(file)), kind, 1, true);
    }
}

fn in_lines(text: &str, width: usize, end: &str) -> String {
    text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(end)
}

#[test]
fn base64_in_lines_hides_no_token_wherever_the_lines_end() {
    for (kind, token) in every_kind() {
        for before in 0..60 {
            let pair = format!("{}{token}", "user:".repeat(12).split_at(before).0);
            for (width, end) in [(76, "\n"), (64, "\r\n"), (60, "\n    "), (33, "\n\t")] {
                let text = format!("- |\n  {}\n", in_lines(&STANDARD.encode(&pair), width, end));
                let found = scan(&text);
                assert_eq!(found.len(), 1, "{before} {width} {kind:?}");
                assert_eq!((found[0].kind, found[0].encoded), (kind, true));
                let begins = 2 + before * 4 / 3 / width;
                assert!(found[0].line.abs_diff(begins as u64) <= 1, "{before} {width}: {}", found[0].line);
            }
        }
        let auth = STANDARD.encode(format!("octocat:{token}"));
        let file = STANDARD.encode(format!("{{\n\t\"auths\": {{\"ghcr.io\": {{\n\t\t\"auth\": \"{auth}\"\n}}}}}}"));
        for width in 57..77 {
            let text = format!("  .dockerconfigjson: |\n    {}\n", in_lines(&file, width, "\n    "));
            assert_eq!(scan(&text).len(), 1, "{width} {kind:?}");
        }
    }
}

#[test]
fn base64_without_padding_ends_with_its_line() {
    for (_, token) in every_kind() {
        let auth = STANDARD.encode(format!("octocat:{token}")).trim_end_matches('=').to_owned();
        let found = scan(format!("{auth}\nAnd/here/the+text+goes+on\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, scan(&token)[0].id, "what follows is no part of the token");
    }
}

#[test]
fn every_kind_is_found_in_utf_16_of_either_byte_order() {
    for (kind, token) in every_kind() {
        let text = format!("\u{feff}ghcr\r\n$env:GHCR = '{token}'\u{e9}\r\n");
        let units: Vec<u16> = text.encode_utf16().collect();
        for bytes in [
            units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>(),
            units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ] {
            let found = scan(bytes);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].kind, found[0].line, found[0].encoded), (kind, 2, false));
        }
    }
}

#[test]
fn a_token_beside_its_own_auth_in_a_pull_secret_is_found_in_both_places() {
    let auth = STANDARD.encode(format!("me:{}", classic()));
    let file = format!(r#"{{"auths":{{"ghcr.io":{{"password":"{}","auth":"{auth}"}}}}}}"#, classic());
    let found = scan(STANDARD.encode(file));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].id, found[1].id);
}

#[test]
fn what_is_found_is_told_without_the_token() {
    for (_, token) in every_kind() {
        let told = format!("{:?}", scan(&token));
        assert!(told.contains('…') && !told.contains(&token[token.len() - 8..]), "{told}");
    }
    assert_eq!(scan(classic())[0].fingerprint, "ghp_…nXls");
}

#[test]
fn examples_words_and_broken_tokens_are_no_findings() {
    let mut mistyped = classic();
    mistyped.pop();
    mistyped.push('t');
    let fine_grained = format!("github{}pat_{}_{}", '_', &MIXED[..22], &MIXED[..59]);
    for text in [
        "ghp_YourToken".to_owned(),
        "ghp_…nXls github_pat_…#12345678".to_owned(),
        format!("ghp{}{}", '_', "x".repeat(36)),
        format!("ghp{}{}", '_', "0123456789".repeat(4)),
        format!("github{}pat_{}_{}", '_', "A".repeat(22), "x".repeat(59)),
        format!("ghs{}APPID_JWT", '_'),
        format!("ghs{}your-installation-token-goes-in-here-0123", '_'),
        format!("ghs{}1_eyJ", '_').repeat(50),
        mistyped.clone(),
        STANDARD.encode(format!("me:{mistyped}")),
        STANDARD.encode(classic().replacen('g', "w", 1)),
        STANDARD.encode(format!("me:{fine_grained}x")),
        in_lines(&STANDARD.encode(format!("me:{fine_grained}x")), 64, "\n"),
        mistyped.chars().flat_map(|character| [character, '\0']).collect(),
        fine_grained.chars().chain(['x']).flat_map(|character| [character, '\0']).collect(),
        format!("ghr{}{}", '_', &MIXED.repeat(4)[..201]),
        format!("ghs{}1_eyJ{MIXED}.eyJ{MIXED}", '_'),
        format!("ghs{}1_eyJ{MIXED}.{}.{MIXED}", '_', MIXED.repeat(20)),
        STANDARD.encode(format!("ghs{}1_eyJ{MIXED}.{}.{MIXED}", '_', MIXED.repeat(20))),
        classic()[..39].to_owned(),
        fine_grained[..92].to_owned(),
        format!("{fine_grained}x"),
        "gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82}".to_owned(),
        "$ANSIBLE_VAULT;1.1;AES256\n33363665386131396565313238666131\n".to_owned(),
    ] {
        assert_eq!(scan(&text), [], "{text}");
    }
}

#[test]
fn an_encrypted_value_of_an_inventory_is_no_finding() {
    let inventory = include_str!("../fixtures/inventories/01-basic.yml");
    assert!(inventory.contains("!vault"));
    assert_eq!(scan(inventory), []);
}

/// Gives a few bytes at a time, as a pipe does.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.len().min(self.1).min(into.len());
        into[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn read(bytes: impl Read) -> Vec<Found> {
    let mut found = Vec::new();
    Scanner::new(KEY).read(&mut Buffer::new(), bytes, |one| found.push(one)).expect("memory is read");
    found
}

#[test]
fn a_token_is_found_once_wherever_the_window_of_a_long_stream_ends() {
    const WINDOW: usize = 1 << 20;
    const REACH: usize = 64 << 10;
    let auth = STANDARD.encode(format!("me:{}", classic()));
    let lines = in_lines(&auth, 36, "\n");
    for text in [classic(), auth, lines] {
        // Where a window ends, and up to where places are looked at before the next is read.
        for around in [WINDOW, WINDOW - REACH, 2 * (WINDOW - REACH)] {
            for at in (around - 90..around + 10).step_by(7).chain([around - REACH, around - REACH - 1]) {
                let mut bytes = vec![b'\n'; around + 4096];
                bytes[at] = b' ';
                bytes[at + 1..at + 1 + text.len()].copy_from_slice(text.as_bytes());
                let found = read(Cursor::new(&bytes));
                assert_eq!(found.len(), 1, "at {at}");
                assert_eq!(found[0].line, at as u64 + 1);
            }
        }
    }
    assert_eq!(read(Trickle(format!("a\nb {}", classic()).as_bytes(), 3))[0].line, 2);
}

proptest! {
    #[test]
    fn no_bytes_end_in_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert_eq!(scan(bytes), []);
    }

    #[test]
    fn no_pieces_of_tokens_end_in_a_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "ghp_", "ghs_", "ghr_", "github_pat_", "_eyJ", ".", "Z2hwX", "naHBf", "ImF1dGgi", "Ijoi", "A", "g\0h\0p\0_\0",
            "0aB1cD2eF3gH4iJ5kL6mN7", "\n", "\r", "\u{e9}",
        ]), 0..200),
    ) {
        let text = pieces.concat();
        prop_assert_eq!(scan(&text), read(text.as_bytes()));
    }

    #[test]
    fn a_token_is_found_between_any_bytes(
        before in prop::collection::vec(any::<u8>(), 0..200),
        after in prop::collection::vec(any::<u8>(), 0..200),
        encoded in any::<bool>(),
    ) {
        let bytes = if encoded {
            STANDARD.encode([&before, classic().as_bytes(), &after].concat()).into_bytes()
        } else {
            [&before, classic().as_bytes(), &after].concat()
        };
        let found = scan(bytes);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].fingerprint, "ghp_…nXls");
    }
}

#[test]
fn the_files_of_a_tree_are_those_git_ignores_too_but_neither_links_nor_gits_objects() {
    let tree = tempfile::tempdir().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let root = tree.path();
    for directory in [".git/objects/ab", ".git/refs", "objects"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    let written = [".git/HEAD", ".git/config", ".gitignore", "objects/kept", "vault.yml"];
    written.iter().chain(&[".git/objects/ab/cd"]).for_each(|name| std::fs::write(root.join(name), "*\n").unwrap());
    std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
    std::os::unix::fs::symlink("/", root.join("root")).unwrap();
    let found: Vec<_> =
        files::below(root).map(|path| path.unwrap().strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(found, written);
    assert!(files::open(&root.join("link")).is_err(), "a link in the place of a file is not followed");
    assert!(files::open(&root.join("objects")).is_err());
    assert!(files::below(&root.join("missing")).next().unwrap().is_err());
}
