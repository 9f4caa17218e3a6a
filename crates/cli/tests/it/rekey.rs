use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use pullpass_secrets::vault::{Password, decrypt, encrypt, label};
use pullpass_testing::{
    home::{Home, listing},
    run::Ran,
};

use crate::support::*;

const OLD: &str = "old horse";
const NEW: &str = "new horse";

fn password(text: &str) -> Password {
    Password::from_file(text.as_bytes()).expect("a password")
}

/// A payload of `text` under `with`.
fn payload(text: &str, with: &str, label: Option<&str>) -> String {
    encrypt(text.as_bytes(), &password(with), label).expect("a payload")
}

/// The payload with `before` in front of each line but the first.
fn block(before: &str, payload: &str) -> String {
    payload.trim_end().replace('\n', &format!("\n{before}"))
}

/// `key: !vault |` with a payload.
fn value(key: &str, payload: &str) -> String {
    format!("{key}: !vault |\n  {}\n", block("  ", payload))
}

/// What is in the only payload of `text`, and its label; `None` if `with` does not open it.
fn opened(text: &str, with: &str) -> Option<(String, Option<String>)> {
    let start = text.find("$ANSIBLE_VAULT").expect("a payload");
    let of_payload = |character: &char| !matches!(character, ' ' | '#');
    let payload: String = text[start..].chars().filter(of_payload).collect();
    let end = payload.match_indices('\n').find(|(at, _)| {
        let next = payload[at + 1..].lines().next().unwrap_or_default();
        next.is_empty() || !next.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let payload = &payload.as_bytes()[..end.map_or(payload.len(), |(at, _)| at)];
    let plaintext = decrypt(payload, &password(with)).ok()?;
    Some((String::from_utf8(plaintext.to_vec()).expect("text"), label(payload)))
}

fn home() -> Home {
    let home = Home::new();
    home.write("old", OLD);
    home.write("new", NEW);
    home
}

const FILES: [&str; 4] = ["--vault-password-file", "old", "--new-vault-password-file", "new"];

fn rekey(home: &Home, words: &[&str]) -> Ran {
    pullpass(home, &[&["inventory", "rekey"], words].concat())
}

/// Nothing below the home changes.
#[track_caller]
fn assert_refused(home: &Home, words: &[&str], code: i32, said: &[&str]) -> Ran {
    let before = listing(&home.path());
    let ran = rekey(home, words);
    assert_fails(&ran, code, said);
    assert_eq!(listing(&home.path()), before, "{ran}");
    ran
}

fn read(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path().join(name)).expect("a file")
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}

#[test]
fn a_tree_is_rekeyed_wherever_payloads_stand_and_keeps_everything_else() {
    let home = home();
    let [one, two, three, four, inner] =
        ["one", "two", "three", "four", "inner"].map(|text| payload(text, OLD, (text == "two").then_some("prod")));
    let value_of_json = serde_json::json!({ "token": { "__ansible_vault": four } });
    let files = [
        (
            "i/hosts.yml",
            format!(
                "# ours\nall:\n  vars:\n    {}    b: 'kept' # too\n",
                value("a", &one).replace('\n', "\n    ").trim_end_matches(' ')
            ),
        ),
        ("i/group_vars/all.yml", value("a", &two).replace('\n', "\r\n")),
        ("i/group_vars/notes.md", format!("Once it was\n\n    {}\n\nor so.\n", block("    ", &three))),
        ("i/group_vars/web.yml", format!("# a: !vault |\n#   {}\nb: 1", block("#   ", &three))),
        ("i/group_vars/all.json", value_of_json.to_string()),
        ("i/group_vars/vault.yml", payload(&format!("a: 1\n{}", value("b", &inner)), OLD, Some("dev"))),
    ];
    for (name, text) in &files {
        chmod(&home.write(name, text), 0o640);
    }
    home.write("elsewhere/linked.yml", value("a", &one));
    symlink("../../elsewhere", home.path().join("i/group_vars/linked")).expect("a link");

    let ran = rekey(&home, &[&["i"][..], &FILES].concat());
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("under the new password: 8 payloads in 7 files"), "{ran}");
    assert!(ran.stdout.is_empty(), "{ran}");
    for (name, old) in &files {
        let new = read(&home, name);
        assert_eq!(mode(&home.path().join(name)), 0o640);
        if name.ends_with("vault.yml") {
            let (inside, label) = opened(&new, NEW).expect("the new password opens it");
            assert!(inside.starts_with("a: 1\nb: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"), "{inside}");
            assert_eq!((opened(&inside, NEW), label.as_deref()), (Some(("inner".to_owned(), None)), Some("dev")));
            assert!(opened(&new, OLD).is_none() && opened(&inside, OLD).is_none());
            continue;
        }
        let plain = |text: &str| text.replace("\\n", "\n").replace("\r\n", "\n");
        let (expected, actual) = (opened(&plain(old), OLD), opened(&plain(&new), NEW));
        assert!(expected.is_some() && expected == actual, "{name}: {actual:?}\n{new}");
        assert!(opened(&plain(&new), OLD).is_none(), "{name}");
        // All that is no digit is where it was.
        let others = |text: &str| text.replace(|digit: char| digit.is_ascii_digit(), "");
        assert_eq!(others(old), others(&new), "{name}");
    }
    assert_eq!(opened(&read(&home, "elsewhere/linked.yml"), NEW).expect("it opens").0, "one");
    assert!(home.path().join("i/group_vars/linked").is_symlink());
}

#[test]
fn values_that_do_not_open_are_named_and_nothing_is_changed() {
    let home = home();
    home.write("i/a.yml", value("good", &payload("x", OLD, None)));
    home.write(
        "i/b.yml",
        format!("# why\nall:\n  {}", value("bad", &payload("x", "other", None)).replace('\n', "\n  ")),
    );
    let words = [&["i"][..], &FILES].concat();
    let said = ["a payload does not open, so nothing was changed", "i/b.yml:3 `all.bad`: wrong vault password"];
    assert_refused(&home, &words, 2, &said);
    for number in 0..20 {
        home.write(&format!("i/c{number:02}.yml"), value("bad", &payload("x", "other", Some("prod"))));
    }
    let said =
        ["21 payloads do not open", "i/b.yml:3 `all.bad`", "i/c08.yml:1 `bad`", "and 11 more", "--vault-id LABEL@FILE"];
    let ran = assert_refused(&home, &words, 2, &said);
    assert!(!ran.stderr.contains("c09.yml"), "{ran}");

    // What is no value is not read by Ansible: it is told, and left alone.
    let home = self::home();
    home.write(
        "i/a.yml",
        format!("{}# {}\n", value("good", &payload("x", OLD, None)), block("# ", &payload("y", "other", None))),
    );
    let ran = rekey(&home, &words);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("warning: left alone: the payload at i/a.yml:"), "{ran}");
    assert!(ran.stderr.contains("1 payload in 1 file"), "{ran}");
}

#[test]
fn each_vault_id_gets_its_own_new_password() {
    let home = home();
    let ids = ["dev", "prod"];
    for id in ids {
        home.write(&format!("old-{id}"), format!("old {id}"));
        home.write(&format!("new-{id}"), format!("new {id}"));
    }
    let text: String = ids.iter().map(|id| value(id, &payload(id, &format!("old {id}"), Some(id)))).collect();
    home.write("i/a.yml", &text);
    home.write("i/whole.yml", payload(&text, "old dev", Some("dev")));
    let old = ["i", "--vault-id", "dev@old-dev", "--vault-id", "prod@old-prod"];
    let only_one = ["--new-vault-id", "dev@new-dev", "--new-vault-id", "other@new-prod"];
    let said = ["no new vault password is given for the vault id `prod`", "i/a.yml", "--new-vault-id prod@SOURCE"];
    assert_refused(&home, &[&old[..], &only_one].concat(), 2, &said);

    // The values inside are chosen by their own ids; the file around them stays under its password.
    let ran = rekey(&home, &[&old[..], &["--only-vault-id", "prod", "--new-vault-password-file", "new-prod"]].concat());
    assert!(ran.code == 0 && ran.stderr.contains("2 payloads in 2 files"), "{ran}");
    let (inside, label) = opened(&read(&home, "i/whole.yml"), "old dev").expect("as before");
    assert_eq!(label.as_deref(), Some("dev"));
    for text in [&inside, &read(&home, "i/a.yml")] {
        let (dev, prod) = text.split_at(text.find("prod: ").expect("a key"));
        assert_eq!(opened(dev, "old dev").expect("as before").0, "dev");
        assert_eq!(opened(prod, "new prod").expect("rekeyed"), ("prod".to_owned(), Some("prod".to_owned())));
    }

    home.write("old-prod", "new prod");
    home.write("newer-prod", "newer prod");
    let new = ["--new-vault-id", "dev@new-dev", "--new-vault-id", "prod@newer-prod"];
    let ran = rekey(&home, &[&old[..], &new].concat());
    assert!(ran.code == 0 && ran.stderr.contains("5 payloads in 2 files"), "{ran}");
    let (inside, _) = opened(&read(&home, "i/whole.yml"), "new dev").expect("rekeyed");
    for text in [&inside, &read(&home, "i/a.yml")] {
        let (dev, prod) = text.split_at(text.find("prod: ").expect("a key"));
        assert_eq!(opened(dev, "new dev").expect("rekeyed"), ("dev".to_owned(), Some("dev".to_owned())));
        assert_eq!(opened(prod, "newer prod").expect("rekeyed").0, "prod");
    }

    // A single one is for everything, and so is its label.
    let old = ["i", "--vault-id", "dev@new-dev", "--vault-id", "prod@newer-prod"];
    let ran = rekey(&home, &[&old[..], &["--new-vault-id", "all@new"]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    let text = read(&home, "i/a.yml");
    assert_eq!(text.matches("$ANSIBLE_VAULT;1.2;AES256;all\n").count(), 2, "{text}");
}

#[test]
fn the_new_password_must_be_another_one() {
    let home = home();
    home.write("new", OLD);
    home.write("a.yml", value("a", &payload("x", OLD, None)));
    assert_refused(&home, &[&["a.yml"][..], &FILES].concat(), 2, &["the new vault password is the old one", "`a.yml`"]);
    let label = ["a.yml", "--vault-password-file", "old", "--new-vault-id", "prod@new"];
    assert_refused(&home, &label, 2, &["the new vault password is the old one", "--only-vault-id"]);
}

#[test]
fn read_only_files_are_refused_before_anything_is_replaced() {
    let home = home();
    for name in ["a.yml", "b.yml", "c.yml"] {
        home.write(&format!("i/{name}"), value("a", &payload("x", OLD, None)));
    }
    let closed = home.path().join("i/b.yml");
    chmod(&closed, 0o444);
    let command = format!("`chmod u+w {}`", closed.display());
    let said = ["i/b.yml` is read-only (mode 0444)", &command, "no file was replaced"];
    assert_refused(&home, &[&["i"][..], &FILES].concat(), 2, &said);

    let set = ["inventory", "set", "i/b.yml", "a", "--vault-password-file", "old"];
    let before = listing(&home.path());
    assert_fails(&pullpass_with_input(&home, &set, "y"), 2, &["i/b.yml` is read-only (mode 0444)", "chmod u+w"]);
    assert_fails(&pullpass(&home, &["inventory", "unset", "i/b.yml", "a"]), 2, &["i/b.yml` is read-only"]);
    assert_eq!(listing(&home.path()), before);

    chmod(&closed, 0o646);
    let said =
        ["not everything could be read, so nothing was changed", "everybody may write to `i/b.yml`", "chmod o-w"];
    assert_refused(&home, &[&["i"][..], &FILES].concat(), 3, &said);
}

#[test]
fn a_hard_link_is_parted_with_a_warning() {
    let home = home();
    let path = home.write("i/a.yml", value("a", &payload("x", OLD, None)));
    fs::hard_link(&path, home.path().join("backup.yml")).expect("a hard link");
    let ran = rekey(&home, &[&["i"][..], &FILES].concat());
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("warning: `i/a.yml` had 1 more names (hard links)"), "{ran}");
    assert!(opened(&read(&home, "i/a.yml"), NEW).is_some() && opened(&read(&home, "backup.yml"), OLD).is_some());
    assert_eq!(path.metadata().expect("a file").nlink(), 1);
    // Nothing is said of a file with one name.
    home.write("old", NEW);
    home.write("new", "newer");
    let ran = rekey(&home, &[&["i"][..], &FILES].concat());
    assert!(ran.code == 0 && !ran.stderr.contains("hard link"), "{ran}");
}

#[test]
fn what_is_named_has_to_be_there_and_to_be_encrypted() {
    let home = home();
    home.write("i/plain.yml", "a: 1\n");
    home.write("i/a.yml", value("a", &payload("x", OLD, None)));
    home.write("empty/plain.yml", "a: $ANSIBLE_VAULT is what it begins with\n");
    let with = |paths: &[&'static str]| [paths, &FILES].concat();
    assert_refused(&home, &with(&["i", "none"]), 2, &["there is no file or directory `none`", "nothing was changed"]);
    assert_refused(
        &home,
        &with(&["i/a.yml", "i/plain.yml"]),
        2,
        &["`i/plain.yml` has no vault payload", "nothing was changed"],
    );
    assert_refused(&home, &with(&["-"]), 2, &["not standard input"]);
    assert_refused(&home, &with(&["empty"]), 1, &["there is nothing to rekey"]);
    assert_refused(&home, &with(&["i", "--only-vault-id", "prod"]), 1, &["there is nothing to rekey"]);
    assert_refused(&home, &FILES, 2, &["PATH"]);
    assert_refused(&home, &with(&["i", "--resume"]), 1, &["nothing was interrupted here"]);
    assert_refused(&home, &with(&["i", "--rollback"]), 1, &["nothing was interrupted here"]);
    for several in [["--resume", "--rollback"], ["--resume", "--dry-run"], ["--rollback", "--dry-run"]] {
        assert_refused(&home, &[&["i"][..], &several].concat(), 2, &["cannot be used with"]);
    }
    let missing = ["i", "--vault-password-file", "old", "--new-vault-password-file", "none"];
    assert_refused(&home, &missing, 2, &["there is no vault password file `none`"]);
    home.write("i/broken.yml", format!("{}\ta: b\n", value("a", &payload("x", OLD, None))));
    assert_refused(&home, &with(&["i"]), 2, &["in `i/broken.yml`; nothing was changed", "line"]);
}

#[test]
fn a_dry_run_opens_everything_and_shows_what_would_change() {
    let home = home();
    home.write("i/a.yml", format!("plain: 'is kept'\n{}", value("a", &payload("hidden", OLD, None))));
    let words = [&["i", "--diff", "--dry-run"][..], &FILES].concat();
    let before = listing(&home.path());
    let ran = rekey(&home, &words);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("would be rekeyed: 1 payload in 1 file"), "{ran}");
    assert!(ran.stdout.starts_with("--- i/a.yml\n+++ i/a.yml\n@@ "), "{ran}");
    assert!(ran.stdout.contains("\n a: !vault |\n") && !ran.said().contains("hidden"), "{ran}");
    assert_eq!(listing(&home.path()), before);
    home.write("old", "wrong");
    assert_refused(&home, &words, 2, &["i/a.yml:2 `a`: wrong vault password"]);
}

#[test]
fn a_journal_of_somebody_else_is_not_followed() {
    let home = home();
    home.write("i/a.yml", value("a", &payload("x", OLD, None)));
    let journal = home.write("i/.pullpass-journal", "{}");
    assert_refused(
        &home,
        &[&["i"][..], &FILES].concat(),
        2,
        &["cannot be trusted", "it is damaged", ".pullpass-journal"],
    );
    chmod(&journal, 0o644);
    assert_refused(&home, &["i", "--rollback"], 2, &["cannot be trusted", "others may read or write it"]);
    // Reading goes on, and says so.
    let ran = pullpass(&home, &["inventory", "show", "i"]);
    assert_fails(&ran, 3, &["warning: `", "cannot be trusted"]);
    assert!(ran.stdout.contains("i/a.yml:1"), "{ran}");
}
