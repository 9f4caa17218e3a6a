use std::fs;

use pullpass_testing::{
    home::{Home, listing},
    run::Ran,
};

use crate::support::*;

/// In every secret of these tests, in each of its lines and words.
const CANARY: &str = "CANARY";
/// What a password of hexadecimal digits looks like: the digits of a payload.
const HEX: &str = "cafe0123deadbeefcafe0123deadbeef";

fn inventory(home: &Home, words: &[&str], input: &str) -> Ran {
    home.write("pw", "correct horse\n");
    pullpass_with_input(home, &[&["inventory"][..], words, &["--vault-password-file", "pw"]].concat(), input)
}

/// Puts `text` into `i.yml`, encrypted as a whole if asked for.
fn prepare(home: &Home, text: &str, is_whole: bool) {
    home.write("pw", "correct horse\n");
    let path = home.write("i.yml", text);
    if is_whole {
        let words = ["vault", "encrypt", "i.yml", "--vault-password-file", "pw"];
        assert_eq!(pullpass(home, &words).code, 0, "{}", path.display());
    }
}

/// Old values in every form of YAML; each is at `pat`, among others that are not to be seen either.
const OLD: [&str; 9] = [
    "pat: CANARY\n",
    "pat: 'CANARY: CANARY'\n",
    "pat: |\n  user: CANARY\n  CANARY:\n  cafe0123deadbeefcafe0123deadbeef\n  CANARY: !vault |\nnext: 1\n",
    "pat: >-\n  CANARY\n\n  - CANARY:\n  - CANARY\n",
    "pat: \"CANARY\n  key: CANARY\n  cafe0123deadbeefcafe0123deadbeef\"\nnext: 1\n",
    "pat: cafe0123deadbeefcafe0123deadbeef\n",
    "? pat\n: CANARY\n",
    "{pat: CANARY, user: me}\n",
    "first: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\npat: |\n  cafe0123deadbeefcafe0123deadbeef\nnext: 1\n",
];

#[test]
fn a_difference_shows_no_old_and_no_new_secret() {
    let home = Home::new();
    for text in OLD {
        for words in [&["set", "i.yml", "pat"][..], &["unset", "i.yml", "pat"], &["set", "i.yml", "other"]] {
            let is_context = words == ["set", "i.yml", "other"];
            for is_whole in [false, true] {
                // In a file that is not encrypted, what is not changed stands there for everybody to see.
                // Nothing is removed beside such a key, and nothing added.
                let is_refused = words != ["set", "i.yml", "pat"] && text.starts_with('?');
                if is_context && !is_whole || is_refused {
                    continue;
                }
                prepare(&home, text, is_whole);
                let before = listing(&home.path());
                let words = [words, &["--diff"]].concat();
                let new = format!("{CANARY} new: {CANARY}\n  {HEX}\n");
                let dry = inventory(&home, &[&words[..], &["--dry-run"]].concat(), &new);
                assert!(dry.code == 0 && dry.stderr.contains("would be"), "{dry}");
                assert_eq!(listing(&home.path()), before, "{dry}");
                let ran = inventory(&home, &words, &new);
                assert_eq!(ran.code, 0, "{ran}");
                for ran in [dry, ran] {
                    assert!(ran.stdout.starts_with("--- i.yml\n+++ i.yml\n@@ "), "{ran}");
                    assert!(!ran.said().contains(CANARY) && !ran.said().contains(HEX), "of {text}: {ran}");
                }
                assert!(
                    fs::read(home.path().join("i.yml")).expect("a file")
                        != before[std::path::Path::new("i.yml")].contents
                );
            }
        }
    }
}

#[test]
fn a_difference_shows_the_keys_and_the_payload_and_masks_tokens_around_them() {
    let home = Home::new();
    let token = format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls");
    prepare(&home, &format!("hosts: 1\nold: {token}\nconsole:\n  pat: first\n  user: octocat\n"), false);
    let ran = inventory(&home, &["set", "i.yml", "console.pat", "--diff"], "second");
    for line in [
        " hosts: 1",
        " old: ghp_…",
        "-  pat: ********",
        "+  pat: !vault |",
        "+    $ANSIBLE_VAULT;1.1;AES256",
        "   user: octocat",
    ] {
        assert!(ran.stdout.lines().any(|shown| shown == line), "`{line}` is missing: {ran}");
    }
    assert!(!ran.said().contains(&token) && !ran.said().contains("second"), "{ran}");
    let payload = fs::read_to_string(home.path().join("i.yml")).expect("a file");
    let digits = payload.lines().find(|line| line.len() == 84).expect("a line of digits");
    assert!(ran.stdout.contains(digits), "a payload is no secret: {ran}");

    let ran = inventory(&home, &["set", "i.yml", "console.user", "--plain", "hubot", "--diff"], "");
    assert!(ran.stdout.contains("-  user: ********\n+  user: ********"), "{ran}");
}

#[test]
fn a_difference_of_an_encrypted_file_shows_keys_alone() {
    let home = Home::new();
    let text = "# about: CANARY\nvault_pat: CANARY\nlist:\n  - CANARY\n  - key: CANARY\n    'quoted': CANARY\n";
    prepare(&home, text, true);
    let ran = inventory(&home, &["set", "i.yml", "vault_pat", "--diff", "--dry-run"], "CANARY too");
    let shown: Vec<&str> = ran.stdout.lines().skip(3).collect();
    let wanted =
        [" ********", "-vault_pat: ********", "+vault_pat: ********", " list:", "   - ********", "   - key: ********"];
    assert_eq!(shown, wanted, "{ran}");
}
