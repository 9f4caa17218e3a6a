//! Vault passwords: what is stripped, which is tried, and how Ansible's ways of naming them are read.

use std::path::{Path, PathBuf};

use pullpass_secrets::vault::{
    self, Password, Passwords, VaultError, ansible_cfg,
    vault_id::{Source, VaultId, is_client},
};

fn file(text: &str) -> Password {
    Password::from_file(text.as_bytes()).expect("not empty")
}

#[test]
fn what_a_script_printed_loses_line_ends_only() {
    let printed = |text: &str| Password::from_output(text.as_bytes());
    assert!(printed("\r\npw\n\n").unwrap() == file("pw"));
    assert!(printed("pw \n").unwrap() != file("pw"));
    assert_eq!(printed("\r\n").err(), Some(VaultError::EmptyPassword));
}

#[test]
fn the_own_label_is_tried_first_and_the_others_in_order_unless_only_it_may_be() {
    let payload = |label| vault::encrypt(b"text", &file("dev-pw"), label).unwrap().into_bytes();
    let passwords = |only_matching, list: &[(&str, &str)]| {
        let mut passwords = Passwords::new("default".to_owned(), only_matching);
        list.iter().for_each(|(label, password)| passwords.push(Some(label), file(password)));
        passwords
    };
    let all = [("prod", "prod-pw"), ("dev", "old-pw"), ("dev", "dev-pw"), ("dev", "dev-pw")];
    assert_eq!(passwords(false, &all).labels().collect::<Vec<_>>(), ["prod", "dev", "dev"]);
    for label in [Some("dev"), Some("prod"), None] {
        assert_eq!(*passwords(false, &all).open(&payload(label)).unwrap(), b"text");
    }
    assert_eq!(*passwords(true, &all).open(&payload(Some("dev"))).unwrap(), b"text");
    assert!(*passwords(false, &all).open_with(&payload(Some("dev"))).unwrap().1 == file("dev-pw"));
    assert_eq!(passwords(true, &all).open(&payload(Some("prod"))).err(), Some(VaultError::WrongPassword));
    assert_eq!(passwords(true, &all).open(&payload(None)).err(), Some(VaultError::NoPassword("default".to_owned())));
    // Damage is told as what it is, not as a wrong password.
    assert_eq!(passwords(false, &all).open(b"$ANSIBLE_VAULT;1.1;AES256\n12").err(), Some(VaultError::Truncated));
}

#[test]
fn a_vault_id_is_split_at_its_first_at_sign() {
    let id = |label: Option<&str>, source| VaultId { label: label.map(str::to_owned), source };
    let path = |path: &str| Source::File(path.to_owned());
    assert_eq!(VaultId::from("dev@a@b"), id(Some("dev"), path("a@b")));
    assert_eq!(VaultId::from("pass"), id(None, path("pass")));
    assert_eq!(VaultId::from("@pass"), id(None, path("pass")));
    assert_eq!(VaultId::from("dev@prompt"), id(Some("dev"), Source::Prompt));
    assert_eq!(VaultId::from("prompt_ask_vault_pass"), id(None, Source::Prompt));
    for (name, expected) in
        [("a/x-client", true), ("x-client.py", true), ("x-client.tar.gz", false), ("client.sh", false)]
    {
        assert_eq!(is_client(Path::new(name)), expected, "{name}");
    }
}

const CFG: &str = "\
# a comment
vault_password_file = before any section
[galaxy]
vault_password_file = wrong section
[defaults]
Vault_Password_File : ~/p;a # b ; comment
;vault_identity = commented
vault_identity_list = dev@a,
    # a comment in between
    prod@'b c'
  , test@d
quoted = \"  x \"
empty =
 vault_identity = continues the value above
[other]
vault_identity = wrong section
";

#[test]
fn ansible_cfg_is_read_as_configparser_reads_it() {
    let option = |name| ansible_cfg::option(CFG, name);
    assert_eq!(option("vault_password_file").as_deref(), Some("~/p;a # b"));
    assert_eq!(option("vault_identity"), None);
    assert_eq!(option("quoted").as_deref(), Some("  x "));
    let list = option("vault_identity_list").map(|value| ansible_cfg::list(&value));
    assert_eq!(list.unwrap(), ["dev@a", "prod@'b c'", "test@d"]);
    assert_eq!(ansible_cfg::option("\r\n[defaults]\r\nx=1\r\n", "x").as_deref(), Some("1"));
    assert!(ansible_cfg::is_true("Yes") && !ansible_cfg::is_true("False"));
}

#[test]
fn paths_are_expanded_as_ansible_expands_them() {
    let path = |text| {
        let variable = |name: &str| match name {
            "DIR" => Some("/dir".into()),
            "TILDE" => Some("~".into()),
            _ => None,
        };
        let home = |user: &str| match user {
            "" => Some("/home/me".into()),
            "you" => Some("/home/you".into()),
            _ => None,
        };
        ansible_cfg::path(text, Path::new("/base"), home, variable)
    };
    for (text, expected) in [
        ("a/b", "/base/a/b"),
        ("/a", "/a"),
        ("~", "/home/me"),
        ("~/a", "/home/me/a"),
        ("~you/a", "/home/you/a"),
        ("~nobody/a", "/base/~nobody/a"),
        ("a/~", "/base/a/~"),
        ("$DIR/a", "/dir/a"),
        ("${DIR}x", "/dirx"),
        ("$TILDE/a", "/home/me/a"),
        ("$NONE/${NONE}/$", "/base/$NONE/${NONE}/$"),
        ("not there/.././../a", "/a"),
        ("/../../a", "/a"),
    ] {
        assert_eq!(path(text), PathBuf::from(expected), "{text}");
    }
    let relative = |text| ansible_cfg::path(text, Path::new(""), |_| None, |_| None);
    assert_eq!(
        [relative("../a"), relative("a/../../b"), relative("-")].map(PathBuf::into_os_string),
        ["../a", "../b", "-"]
    );
}
