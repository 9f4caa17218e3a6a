use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use proptest::prelude::*;
use pullpass_secrets::{
    Secret,
    vault::{self, Password, VaultError},
};

const SALT: &[u8; 32] = b"pullpass-test-vector-salt-32byte";

/// What `ansible-vault encrypt` of ansible-core 2.19 makes of `a token of sixteen and more` under the password
/// `fixture-pw` with ANSIBLE_VAULT_ENCRYPT_SALT set to [`SALT`]; the header comes from `--vault-id`.
const BODY: &str = "\
37303735366336633730363137333733326437343635373337343264373636353633373436663732
3264373336313663373432643333333236323739373436350a663464373365396134313637336536
34303535623531323830626436656336316539366139363733343361373366313366643936623762
6532376262383662620a663264313731333130343333303763393663303231633635356137323963
31623662363332383132346139373336343535666438376639353563613566356434
";
const PLAINTEXT: &[u8] = b"a token of sixteen and more";
/// The same for `x` under a hundred times `p`, a password longer than a block of SHA-256.
const LONG_PASSWORD: &str = "\
$ANSIBLE_VAULT;1.1;AES256
37303735366336633730363137333733326437343635373337343264373636353633373436663732
3264373336313663373432643333333236323739373436350a633730366638303435363566343966
38626364656139376638383930333736376532623834326331613331616135356265616334313532
3864313034646664340a656238316130326139336431643830663232303261653237393164323861
6466
";

fn password(text: &str) -> Password {
    Password::from_prompt(&Secret::new(text.to_owned())).expect("not empty")
}

fn open(payload: &str) -> Result<Vec<u8>, VaultError> {
    vault::decrypt(payload.as_bytes(), &password("fixture-pw")).map(|text| text.to_vec())
}

fn payload() -> String {
    format!("$ANSIBLE_VAULT;1.1;AES256\n{BODY}")
}

#[test]
fn under_one_salt_the_bytes_are_those_of_ansible() {
    let encrypt = |label| vault::encrypt_with_salt(PLAINTEXT, &password("fixture-pw"), label, SALT).unwrap();
    assert_eq!(encrypt(None), payload());
    assert_eq!(encrypt(Some("default")), payload());
    assert_eq!(encrypt(Some("dev")), format!("$ANSIBLE_VAULT;1.2;AES256;dev\n{BODY}"));
    let long = password(&"p".repeat(100));
    assert_eq!(vault::encrypt_with_salt(b"x", &long, None, SALT).unwrap(), LONG_PASSWORD);
}

#[test]
fn what_ansible_reads_is_read() {
    let text = payload();
    let (header, body) = text.split_once('\n').unwrap();
    let one_line = body.replace('\n', "");
    let variants = [
        text.clone(),
        text.replace('\n', "\r\n"),
        text.replace('\n', "\r"),
        text.replace('\n', "\n\n"),
        text.trim_end().to_owned(),
        format!("{header}\n{one_line}"),
        format!("{header}\n{}\n{}\n", &one_line[..79], &one_line[79..]),
        format!("{header}\n{}", body.to_uppercase()),
        format!("$ANSIBLE_VAULT ; 1.2 ; AES256 ; dev  \n{body}"),
        format!("$ANSIBLE_VAULT;9.9;AES256\n{body}"),
        format!("$ANSIBLE_VAULT;1.1;AES256;label;more\n{body}"),
    ];
    for variant in variants {
        assert_eq!(open(&variant).unwrap(), PLAINTEXT, "{variant}");
    }
}

#[test]
fn a_fresh_salt_every_time() {
    let password = password("pw");
    let payloads: Vec<String> = (0..2).map(|_| vault::encrypt(b"secret", &password, None).unwrap()).collect();
    assert_ne!(payloads[0], payloads[1]);
    for payload in payloads {
        assert_eq!(vault::decrypt(payload.as_bytes(), &password).unwrap().as_slice(), b"secret");
        assert!(payload.ends_with('\n') && payload.lines().all(|line| line.len() <= 80));
    }
}

#[test]
fn errors_tell_the_causes_apart() {
    let text = payload();
    let wrong = vault::decrypt(text.as_bytes(), &password("wrong"));
    assert_eq!(wrong.err(), Some(VaultError::WrongPassword));
    let cases = [
        ("hunter2".to_owned(), VaultError::NotVault),
        (format!(" {text}"), VaultError::NotVault),
        (format!("\u{feff}{text}"), VaultError::NotVault),
        ("$ANSIBLE_VAULT;1.1\n00\n".to_owned(), VaultError::NotVault),
        (text.replace("AES256", "AÉS256"), VaultError::NotVault),
        (text.replace("AES256", "AES"), VaultError::Cipher("AES".to_owned())),
        (text.replace("\n3264", "\n 3264"), VaultError::Hex(3)),
        (text.replace("\n3264", "\r\n3264 "), VaultError::Hex(3)),
        (text.trim_end().replace('\n', " "), VaultError::Folded),
        (format!("$ANSIBLE_VAULT;1.2;AES256;dev {}", BODY.replace('\n', " ")), VaultError::Folded),
        (text[..text.len() - 2].to_owned(), VaultError::Truncated),
        (text.lines().take(3).collect::<Vec<_>>().join("\n"), VaultError::Truncated),
        ("$ANSIBLE_VAULT;1.1;AES256\n".to_owned(), VaultError::Truncated),
    ];
    for (payload, error) in cases {
        assert_eq!(open(&payload), Err(error), "{payload}");
    }
}

#[test]
fn a_payload_that_lost_its_end_is_told_from_a_wrong_password() {
    let header = LONG_PASSWORD.find('\n').unwrap() + 1;
    assert_eq!(vault::check(LONG_PASSWORD.as_bytes()), Ok(()));
    for length in header..LONG_PASSWORD.len() - 1 {
        assert_eq!(vault::check(&LONG_PASSWORD.as_bytes()[..length]), Err(VaultError::Truncated), "{length}");
    }
}

/// What the digits of a payload stand for: the case of digits and the places of line ends do not matter.
fn meaning(payload: &[u8]) -> Option<Vec<u8>> {
    let body = &payload[payload.iter().position(is_line_end)?..];
    let digits: Vec<u8> = body.iter().copied().filter(|byte| !is_line_end(byte)).collect();
    Some(hex::decode(digits).ok()?.to_ascii_lowercase())
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// `payload` with `bytes` in the place of the one at `at` and in front of it, and with the usual slips there.
fn mutations(payload: &[u8], at: usize, bytes: impl Iterator<Item = u8>) -> impl Iterator<Item = Vec<u8>> {
    let (before, here, behind) = (&payload[..at], payload[at], &payload[at + 1..]);
    let changed = bytes.filter(move |byte| *byte != here).flat_map(move |byte| [vec![byte], vec![byte, here]]);
    let slips = match behind.first() {
        Some(&next) => vec![vec![], vec![next], vec![next, here, next], vec![here, next, here]],
        None => vec![vec![]],
    };
    changed.chain(slips).map(move |middle| [before, &middle, behind].concat())
}

#[test]
fn no_change_of_a_payload_makes_another_plaintext() {
    let with_label = payload().replace("1.1;AES256", "1.2;AES256;dev").replace('\n', "\r\n");
    let upper_case = payload().to_uppercase().replacen("AES256\n", " AES256 \r", 1).trim_end().to_owned();
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for (payload, under, plaintext, bytes) in [
        (LONG_PASSWORD, "p".repeat(100), &b"x"[..], every_byte.as_slice()),
        (&with_label, "fixture-pw".to_owned(), PLAINTEXT, b"0f "),
        (&upper_case, "fixture-pw".to_owned(), PLAINTEXT, b"0f "),
    ] {
        let (payload, password) = (payload.as_bytes(), password(&under));
        let header = payload.iter().position(is_line_end).unwrap();
        let (next, opened) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let change_all_at = |at| {
            for mutated in mutations(payload, at, bytes.iter().copied()) {
                let means_the_same = meaning(&mutated) == meaning(payload);
                let is_right = match vault::decrypt(&mutated, &password) {
                    Ok(text) => {
                        opened.fetch_add(1, Relaxed);
                        means_the_same && text.as_slice() == plaintext
                    }
                    // What is changed in the header may make it none.
                    Err(_) => !means_the_same || at <= header,
                };
                assert!(is_right, "{}", mutated.escape_ascii());
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    let places = std::iter::repeat_with(|| next.fetch_add(1, Relaxed));
                    places.take_while(|at| *at < payload.len()).for_each(change_all_at);
                });
            }
        });
        assert!(opened.into_inner() > 10, "the version, and blanks around fields, mean nothing");
    }
}

#[test]
fn labels_are_read_and_those_that_ansible_cannot_open_are_refused() {
    let header = |header: &str| vault::label(header.as_bytes());
    assert_eq!(header("$ANSIBLE_VAULT;1.2;AES256;dev\r\n00"), Some("dev".to_owned()));
    assert_eq!(header("$ANSIBLE_VAULT;1.1;AES256\n00"), None);
    assert_eq!(header("$ANSIBLE_VAULT;1.2;AES256; prod \n00"), Some("prod".to_owned()));
    assert_eq!(header("a;b;c;d"), None);
    for label in ["dév", "a;b", " a", "a ", "a\nb", "a\rb", "a\tb", ""] {
        let error = vault::encrypt(b"", &password("pw"), Some(label)).unwrap_err();
        assert_eq!(error, VaultError::Label(label.to_owned()));
    }
    let spaced = vault::encrypt(b"x", &password("pw"), Some("my team")).unwrap();
    assert_eq!(vault::label(spaced.as_bytes()), Some("my team".to_owned()));
    assert!(vault::decrypt(spaced.as_bytes(), &password("pw")).is_ok());
}

#[test]
fn passwords_lose_the_whitespace_around_them_only() {
    for contents in ["fixture-pw\n", " \t\r\n\u{b}\u{c}fixture-pw\r\n", "fixture-pw"] {
        let password = Password::from_file(contents.as_bytes()).unwrap();
        assert_eq!(vault::decrypt(payload().as_bytes(), &password).unwrap().as_slice(), PLAINTEXT);
    }
    for empty in ["", "\n", " \t\r\n"] {
        assert_eq!(Password::from_file(empty.as_bytes()).err(), Some(VaultError::EmptyPassword));
    }
    let inner = Password::from_file(b"fixture\npw").unwrap();
    assert_eq!(vault::decrypt(payload().as_bytes(), &inner).err(), Some(VaultError::WrongPassword));
}

#[test]
fn a_value_pasted_from_an_inventory_is_unindented() {
    let indented: String = payload().lines().map(|line| format!("\t  {line} \r\n")).collect();
    let pasted = format!("ghcr_pat: !vault |\r\n{indented}");
    assert_eq!(vault::unindent(pasted.as_bytes()), payload().as_bytes());
    assert_eq!(vault::unindent(b"hunter2"), b"hunter2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_plaintext_comes_back(plaintext: Vec<u8>, label in "[a-z][ a-z0-9._-]{0,8}[a-z]") {
        let password = password("pässwörd");
        let payload = vault::encrypt(&plaintext, &password, Some(&label)).unwrap();
        prop_assert!(vault::is_encrypted(payload.as_bytes()));
        prop_assert_eq!(vault::decrypt(payload.as_bytes(), &password).unwrap().to_vec(), plaintext);
    }

    #[test]
    fn no_input_makes_the_reader_panic(payload: Vec<u8>, body in "[0-9a-f\n ;]{0,200}") {
        let password = password("pw");
        prop_assert!(vault::decrypt(&payload, &password).is_err());
        let payload = format!("$ANSIBLE_VAULT;1.1;AES256\n{body}");
        prop_assert!(vault::decrypt(payload.as_bytes(), &password).is_err());
        vault::label(payload.as_bytes());
        vault::unindent(&payload.into_bytes());
    }
}
