//! pullpass's vault format beside ansible-core's own classes: the same bytes written, the same payloads read and refused.
//!
//! `PULLPASS_DIFFERENTIAL_CASES` says how many random cases, `PULLPASS_DIFFERENTIAL_SEED` which; `scripts/soak vault` sets
//! them. A failure names the seed that makes its case the first.
//!
//! pullpass differs in these on purpose, and `differences_on_purpose` holds each to be there:
//! - Ansible encrypts under labels that it cannot read back, or reads back as another one; pullpass refuses them, and
//!   control characters in a label too.
//! - Ansible encrypts under an empty password; pullpass does not.
//! - A label field with nothing in it is no label to pullpass. To Ansible it is one that no password has, which shows when
//!   only passwords with the payload's label are tried.
//! - `ANSIBLE_VAULT_ID_MATCH=0` means no to pullpass. To Ansible, any text at all means yes.
//! - Ansible's library refuses to encrypt what is encrypted already. Ours leaves that to the commands.

mod ansible;
mod case;
mod programs;

use std::env;
use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use pullpass_secrets::vault::{self, Password, Passwords, VaultError};
use pullpass_testing::home::Home;

use crate::random::Random;
use ansible::Ansible;
use case::Case;

const SALT: &[u8; 32] = b"a salt of thirty-two bytes fixed";

/// One side for the derivations of pullpass, one for Ansible's; more would wait for each other.
const THREADS: usize = 2;

fn password(bytes: &[u8]) -> Password {
    Password::from_output(bytes).expect("a password that is not empty")
}

fn lock(ansible: &Mutex<Ansible>) -> MutexGuard<'_, Ansible> {
    ansible.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What both make of a payload, under a password. They must agree.
fn open(ansible: &Mutex<Ansible>, payload: &[u8], under: &[u8], case: &str) -> Option<Vec<u8>> {
    let ours = vault::decrypt(payload, &password(under)).map(|plaintext| plaintext.to_vec());
    let (theirs, their_label) = {
        let mut ansible = lock(ansible);
        (ansible.decrypt(payload, &[("default", under)]), ansible.label(payload))
    };
    let shown = payload.escape_ascii();
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert!(ours == theirs, "{case}: the plaintexts of {shown} differ"),
        (Err(_), Err(_)) => {}
        _ => panic!("{case}: pullpass: {ours:?}, ansible: {theirs:?}, of {shown}"),
    }
    // To Ansible, what has other bytes than those of ASCII in it is no vault data.
    if vault::is_encrypted(payload) && payload.is_ascii() {
        assert_eq!(vault::label(payload), their_label.filter(|label| !label.is_empty()), "{case}: of {shown}");
    }
    ours.ok()
}

/// How many of the payloads that might not open did.
#[derive(Default)]
struct Opened {
    under_another: AtomicU64,
    mutated: AtomicU64,
}

fn compare(ansible: &Mutex<Ansible>, seed: u64, opened: &Opened) {
    let name = &format!("PULLPASS_DIFFERENTIAL_SEED={seed}");
    let random = &mut Random::new(seed);
    let Case { plaintext, password: right, label, salt } = Case::new(random);
    let ours = vault::encrypt_with_salt(&plaintext, &password(&right), label.as_deref(), &salt).expect(name);
    let theirs = lock(ansible).encrypt(&plaintext, &right, label.as_deref(), &salt).expect(name);
    assert_eq!(ours.as_bytes(), theirs, "{name}");
    assert_eq!(lock(ansible).decrypt(ours.as_bytes(), &[("default", &right)]).as_ref(), Ok(&plaintext), "{name}");
    let reshaped = case::reshape(random, &theirs);
    assert_eq!(open(ansible, &reshaped, &right, name).as_ref(), Some(&plaintext), "{name}");
    let count = |counter: &AtomicU64, plaintext_again: Option<Vec<u8>>| {
        if let Some(again) = plaintext_again {
            assert_eq!(again, plaintext, "{name}");
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    let another = case::other_password(random, &right);
    count(&opened.under_another, open(ansible, &reshaped, &another, name));
    for _ in 0..3 {
        let mutated = case::mutate(random, &reshaped);
        count(&opened.mutated, open(ansible, &mutated, &right, name));
    }
}

#[test]
fn random_secrets_are_written_alike_and_read_alike_in_any_shape() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let cases = number("PULLPASS_DIFFERENTIAL_CASES").unwrap_or(1000);
    let seed = number("PULLPASS_DIFFERENTIAL_SEED").unwrap_or(1);
    println!("{cases} cases from PULLPASS_DIFFERENTIAL_SEED={seed} on");
    let home = Home::new();
    let ansible = Mutex::new(Ansible::start(&home, &[]));
    let (next, opened) = (AtomicU64::new(0), Opened::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let numbers = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                for number in numbers.take_while(|number| *number < cases) {
                    compare(&ansible, seed.wrapping_add(number), &opened);
                }
            });
        }
    });
    let [under_another, mutated] = [opened.under_another, opened.mutated].map(AtomicU64::into_inner);
    println!(
        "{cases} written alike, and read alike in another shape; opened by both: {mutated} of {} mutated, and {under_another} \
         under a password that HMAC takes for the same",
        3 * cases
    );
    assert!(cases < 100 || (under_another > 0 && under_another < cases / 2), "the other passwords are hardly others");
    assert!(cases < 100 || (mutated > cases / 20 && mutated < 2 * cases), "the mutations are too weak or too strong");
}

#[test]
fn every_form_that_is_known_to_be_read_or_refused_is() {
    let home = Home::new();
    let mut ansible = Ansible::start(&home, &[]);
    let text =
        String::from_utf8(ansible.encrypt(b"the token", b"pw", Some("dev"), SALT).expect("a label")).expect("ASCII");
    let (header, body) = text.split_once('\n').expect("a header");
    let digits = body.replace('\n', "");
    let in_lines_of = |width: usize| -> String {
        digits.as_bytes().chunks(width).map(|line| format!("{}\n", line.escape_ascii())).collect()
    };
    let with_header = |header: &str| format!("{header}\n{body}");
    let inner = |text: &str| format!("{header}\n{}", hex::encode(text));
    let parts: Vec<String> =
        String::from_utf8(hex::decode(&digits).expect("hex")).expect("hex").lines().map(str::to_owned).collect();

    let mut read: Vec<Vec<u8>> = [
        text.clone(),
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        text.trim_end().to_owned(),
        text.replace('\n', "\n\n"),
        format!("{text}\n\r\n\n"),
        with_header(&format!("{header}  \t")),
        with_header("$ANSIBLE_VAULT ; 1.2\t; AES256 ; dev"),
        format!("{header}\n{digits}"),
        format!("{header}\n{}", in_lines_of(64)),
        format!("{header}\n{}", in_lines_of(79)),
        format!("{header}\n{}", in_lines_of(1)),
        format!("{header}\n{}", body.to_uppercase()),
        inner(&parts.join("\n").to_uppercase()),
        with_header("$ANSIBLE_VAULT;1.0;AES256"),
        with_header("$ANSIBLE_VAULT;1.1;AES256"),
        with_header("$ANSIBLE_VAULT;1.1;AES256;dev"),
        with_header("$ANSIBLE_VAULT;1.2;AES256"),
        with_header("$ANSIBLE_VAULT;9.9;AES256"),
        with_header("$ANSIBLE_VAULT;;AES256"),
        with_header("$ANSIBLE_VAULT;1.2;AES256;dev;more"),
        with_header("$ANSIBLE_VAULT;1.2;AES256;"),
        with_header("$ANSIBLE_VAULTX;1.1;AES256"),
    ]
    .map(String::into_bytes)
    .to_vec();
    for length in [1, 16, 31, 33, 64, 65, 200] {
        read.push(ansible.encrypt(b"the token", b"pw", None, &vec![b's'; length]).expect("a salt"));
    }
    read.push(ansible.seal(b"the token\x07\x07\x07\x07\x07\x07\x07", b"pw", b""));

    let mut refused: Vec<Vec<u8>> = [
        String::new(),
        "the token".to_owned(),
        format!("{header}\n{}", in_lines_of(80).replacen('\n', " \n", 1)),
        format!("{header}\n{}", in_lines_of(80).replacen('\n', "\t\n", 1)),
        text.replace('\n', "\n    "),
        text.replace('\n', "\n\t"),
        format!("{text} "),
        format!(" {text}"),
        format!("\n{text}"),
        format!("\u{feff}{text}"),
        with_header("$ansible_vault;1.1;AES256"),
        with_header("$ANSIBLE_VAULT;1.1;AES"),
        with_header("$ANSIBLE_VAULT;1.1;aes256"),
        with_header("$ANSIBLE_VAULT;1.1;AES256 x"),
        with_header("$ANSIBLE_VAULT;1.1;"),
        with_header("$ANSIBLE_VAULT;1.1"),
        with_header("$ANSIBLE_VAULT"),
        with_header("$ANSIBLE_VAULT;1.2;AES256;dév"),
        with_header("$ANSIBLE_VAULT;1.ü;AES256"),
        format!("{text}é"),
        text.replace('\n', " "),
        header.to_owned(),
        format!("{header}\n"),
        text.trim_end()[..text.len() - 2].to_owned(),
        text.trim_end()[..text.len() - 3].to_owned(),
        format!("{header}\n{}", in_lines_of(80).lines().take(2).collect::<String>()),
        format!("{text}00"),
        format!("{text}0"),
        format!("{header}\n{}", digits.replacen("37", "3z", 1)),
        inner(&parts[0]),
        inner(&parts[..2].join("\n")),
        inner(&format!("{}\n", parts.join("\n"))),
        inner(&format!("\n{}", parts.join("\n"))),
        inner(&format!("{}\n{}0\n{}", parts[0], parts[1], parts[2])),
        inner(&format!("{}\n{}\n{}", parts[0], &parts[1][..62], parts[2])),
        inner(&format!("{}\n\n{}", parts[0], parts[2])),
        inner(&format!("{}\n{}\n", parts[0], parts[1])),
        inner(&format!("{}\n{}\n{}", &parts[0][2..], parts[1], parts[2])),
        inner(&parts.join("\r\n")),
    ]
    .map(String::into_bytes)
    .to_vec();
    // The MAC is right, and yet they are not padded as they must be.
    for text in [
        &b"a block without 0"[..16],
        b"",
        b"padded beyond a \x11",
        b"inconsistent pa\x02",
        b"not a whole blo\x01\x01",
        &[16; 15],
        &[0; 16],
    ] {
        refused.push(ansible.seal(text, b"pw", SALT));
    }

    let ansible = Mutex::new(ansible);
    for (number, payload) in read.iter().enumerate() {
        assert_eq!(open(&ansible, payload, b"pw", "read").as_deref(), Some(&b"the token"[..]), "row {number}");
        assert_eq!(open(&ansible, payload, b"another", "read"), None, "row {number}");
    }
    for (number, payload) in refused.iter().enumerate() {
        assert_eq!(open(&ansible, payload, b"pw", "refused"), None, "row {number}: {}", payload.escape_ascii());
    }
}

/// Every list of at most `length` of `items`.
fn lists<T: Copy>(items: &[T], length: usize) -> Vec<Vec<T>> {
    let mut lists = vec![Vec::new()];
    if length > 0 {
        for list in self::lists(items, length - 1) {
            lists.extend(items.iter().map(|item| [&list[..], &[*item]].concat()));
        }
    }
    lists
}

#[test]
fn of_several_passwords_the_same_ones_may_open_a_payload() {
    let labelled: Vec<(&str, &[u8])> =
        ["default", "dev", "corp"].iter().flat_map(|label| [(*label, &b"right"[..]), (*label, b"wrong")]).collect();
    let home = Home::new();
    let (mut opened, mut refused) = (0, 0);
    for (only_matching, identity) in [(false, "default"), (true, "default"), (true, "corp"), (false, "corp")] {
        let all = [("ANSIBLE_VAULT_IDENTITY", identity), ("ANSIBLE_VAULT_ID_MATCH", "1")];
        let variables = &all[..if only_matching { 2 } else { 1 }];
        let mut ansible = Ansible::start(&home, variables);
        for header in ["1.1;AES256", "1.2;AES256;dev", "1.2;AES256;default", "1.2;AES256;other"] {
            let payload = vault::encrypt_with_salt(b"text", &password(b"right"), None, SALT).expect("no label");
            let payload = payload.replace("1.1;AES256", header);
            for list in lists(&labelled, 2) {
                let mut passwords = Passwords::new(identity.to_owned(), only_matching);
                list.iter().for_each(|(label, text)| passwords.push(Some(label), password(text)));
                let ours = passwords.open(payload.as_bytes()).map(|plaintext| plaintext.to_vec());
                let theirs = ansible.decrypt(payload.as_bytes(), &list);
                let labels: Vec<_> =
                    list.iter().map(|(label, text)| (label, text.escape_ascii().to_string())).collect();
                assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "{header} {labels:?} {variables:?}");
                *(if ours.is_ok() { &mut opened } else { &mut refused }) += 1;
            }
        }
    }
    println!("{opened} opened by both, {refused} by neither");
    assert!(opened > 100 && refused > 100);
}

#[test]
fn differences_on_purpose() {
    let home = Home::new();
    let mut ansible = Ansible::start(&home, &[]);
    // Labels, and what Ansible makes of them when it reads its own payload.
    let unlike = [
        ("dév", None),
        ("日本", None),
        ("a;b", Some("a")),
        (" a", Some("a")),
        ("a ", Some("a")),
        ("\ta", Some("a")),
        ("a\nb", None),
        ("a\rb", None),
        ("a\tb", Some("a\tb")),
        ("a\u{1}b", Some("a\u{1}b")),
        ("a\u{7f}", Some("a\u{7f}")),
        ("", None),
    ];
    for (label, read_back) in unlike {
        assert_eq!(
            vault::encrypt(b"text", &password(b"pw"), Some(label)).err(),
            Some(VaultError::Label(label.to_owned()))
        );
        let theirs = ansible.encrypt(b"text", b"pw", Some(label), SALT).expect("any label");
        let opens = ansible.decrypt(&theirs, &[("default", b"pw")]).is_ok();
        assert_eq!(opens, label.is_ascii() && !label.contains(['\n', '\r']), "{label:?}");
        let label_back = ansible.label(&theirs).filter(|_| opens);
        assert_eq!(label_back.as_deref(), read_back, "{label:?}");
        // What Ansible opens, pullpass does too.
        assert_eq!(vault::decrypt(&theirs, &password(b"pw")).is_ok(), opens, "{label:?}");
    }

    assert_eq!(Password::from_output(b"").err(), Some(VaultError::EmptyPassword));
    assert!(ansible.encrypt(b"text", b"", None, SALT).is_ok());

    let mut strict = Ansible::start(&home, &[("ANSIBLE_VAULT_ID_MATCH", "1")]);
    let payload = vault::encrypt(b"text", &password(b"pw"), None).expect("no label");
    let payload = payload.replace(";AES256", ";AES256;");
    let mut passwords = Passwords::new("default".to_owned(), true);
    passwords.push(None, password(b"pw"));
    assert!(passwords.open(payload.as_bytes()).is_ok());
    assert!(strict.decrypt(payload.as_bytes(), &[("default", b"pw")]).is_err());

    let twice = vault::encrypt(payload.as_bytes(), &password(b"pw"), None).expect("no label");
    let once = ansible.decrypt(twice.as_bytes(), &[("default", b"pw")]).expect("it opens what it does not write");
    assert_eq!(once, payload.as_bytes());
    assert!(ansible.encrypt(payload.as_bytes(), b"pw", None, SALT).is_err());
}
