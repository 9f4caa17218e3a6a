use std::{fs, path::Path};

use pullpass_secrets::{
    inventory::{InventoryError, Payloads, View},
    vault::{self, Password},
};
use zeroize::Zeroizing;

const FILES: [&str; 11] = [
    "01-basic.yml",
    "02-comments-layout.yml",
    "03-anchors-aliases.yml",
    "05-crlf.yml",
    "07-quoted-keys.yml",
    "09-nested-groups.yml",
    "12-document-markers.yml",
    "13-flow.yml",
    "17-bom.yml",
    "20-tabs.yml",
    "json",
];

fn password() -> Password {
    Password::from_file(b"view").expect("a password")
}

fn encrypt(text: &str) -> String {
    vault::encrypt(text.as_bytes(), &password(), None).expect("a payload")
}

fn file(name: &str) -> Vec<u8> {
    if name == "json" {
        let quoted = encrypt("a").replace('\n', "\\n");
        return format!("{{\n  \"a\": {{\"__ansible_vault\": \"{quoted}\"}},\n  \"b\": 1\n}}\n").into_bytes();
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inventories");
    fs::read(fixtures.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `secret 0`, `secret 1`, … as what is in the payloads.
fn plaintexts(payloads: &Payloads<'_>) -> Vec<Option<Zeroizing<String>>> {
    (0..payloads.list().len()).map(|at| Some(Zeroizing::new(format!("secret \"{at}\"\n#")))).collect()
}

fn seal(view: &View<'_>, payloads: &Payloads<'_>, edited: &[u8]) -> Result<Vec<u8>, InventoryError> {
    let tagged = View::tagged(edited)?;
    let sealed = tagged.iter().map(|tagged| match view.before(tagged) {
        (Some(same), _) => payloads.list()[same].text.clone(),
        (None, _) => encrypt(tagged.text.reveal()),
    });
    view.sealed(edited, &sealed.collect::<Vec<_>>())
}

#[test]
fn a_view_that_nobody_changed_seals_to_the_same_bytes() {
    for name in FILES {
        let bytes = file(name);
        let payloads = Payloads::of_yaml(&bytes).unwrap();
        let view = View::new(&payloads, plaintexts(&payloads));
        let text = view.text().unwrap_or_else(|error| panic!("{name}: {error}"));
        let shown = String::from_utf8(text.to_vec()).unwrap();
        assert!(!shown.contains("$ANSIBLE_VAULT"), "{name}: {shown}");
        assert_eq!(shown.matches("\\\"\\n#\"").count(), payloads.list().len(), "{name}: {shown}");
        let sealed = seal(&view, &payloads, &text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(String::from_utf8(sealed), String::from_utf8(bytes.clone()), "{name}");
    }
}

#[test]
fn only_what_was_edited_changes() {
    let bytes = file("07-quoted-keys.yml");
    let payloads = Payloads::of_yaml(&bytes).unwrap();
    let view = View::new(&payloads, plaintexts(&payloads));
    let shown = String::from_utf8(view.text().unwrap().to_vec()).unwrap();
    let edited = shown
        .replace("secret \\\"1\\\"\\n#", "another")
        .replace("ghcr_user\": me", "ghcr_user\": you\n      new: !vault fresh # kept");
    let sealed = String::from_utf8(seal(&view, &payloads, edited.as_bytes()).unwrap()).unwrap();
    let after = Payloads::of_yaml(sealed.as_bytes()).unwrap();
    let open = |at: usize| {
        let plaintext = vault::decrypt(after.list()[at].text.as_bytes(), &password()).unwrap();
        String::from_utf8(plaintext.to_vec()).unwrap()
    };
    assert_eq!(after.list().len(), 5);
    assert_eq!((open(0), open(2)), ("fresh".to_owned(), "another".to_owned()));
    assert!(sealed.contains("      new: !vault | # kept\n        $ANSIBLE_VAULT;1.1;AES256\n"), "{sealed}");
    for (old, new) in [(0, 1), (2, 3), (3, 4)] {
        assert_eq!(after.list()[new].text, payloads.list()[old].text);
    }
    assert!(sealed.contains("ghcr_user\": you\n"));
}

#[test]
fn decrypted_values_are_plain_text_and_lose_their_tag() {
    for name in FILES {
        let bytes = file(name);
        let payloads = Payloads::of_yaml(&bytes).unwrap();
        let view = View::new(&payloads, plaintexts(&payloads));
        let plain = String::from_utf8(view.plain().unwrap_or_else(|error| panic!("{name}: {error}")).to_vec()).unwrap();
        assert!(!plain.contains("vault"), "{name}: {plain}");
        assert!(Payloads::of_yaml(plain.as_bytes()).unwrap().list().is_empty());
    }
}
