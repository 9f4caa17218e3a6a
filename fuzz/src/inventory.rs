//! The editor of YAML files. The input is a key path, a value, and the file; a line each for the first two, where `\n` in
//! the value is a line break, and `!vault` stands for a payload.
//!
//! libyaml, with which Ansible reads, is the second opinion: a file that it reads, it has to read after an edit too, with
//! no other difference than the value.

use pullpass_secrets::inventory::{self, Entry, Found, KeyPath, NewValue, Value};
use pullpass_secrets::vault;

use crate::libyaml::{self, Event};
use crate::{has_lone_returns, ignore_panics_of_libyaml};

const PAYLOAD: &str = "$ANSIBLE_VAULT;1.1;AES256\n3061\n3062\n";
const OTHER_PAYLOAD: &str = "$ANSIBLE_VAULT;1.2;AES256;dev\n30\n";

pub fn run(bytes: &[u8]) {
    ignore_panics_of_libyaml();
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let [Some(path), Some(value), Some(file)] = [parts.next(), parts.next(), parts.next()] else { return };
    let shown = inventory::show(file);
    drop(inventory::check(file));
    drop(inventory::paths(file));
    let Ok(path) = String::from_utf8_lossy(path).parse::<KeyPath>() else { return };
    assert_eq!(path.to_string().parse().as_ref(), Ok(&path), "a path is written as it is read");
    // A payload that is made key by key is one in the end.
    if path.to_string().contains("__ansible_vault") {
        return;
    }
    let (value, other) = match value {
        b"!vault" => (NewValue::Vault(PAYLOAD.to_owned()), NewValue::Vault(OTHER_PAYLOAD.to_owned())),
        text => {
            let text = String::from_utf8_lossy(text).replace("\\n", "\n");
            (NewValue::Plain(text), NewValue::Plain("another".to_owned()))
        }
    };
    if let Ok(new) = inventory::set(None, &path, &value) {
        assert_holds(&new, &path, &value);
    }
    if let Ok(Some(without)) = inventory::unset(file, &path) {
        assert_unset(file, &without, &path);
    }
    let old = inventory::get(file, &path);
    let Ok(edited) = inventory::set(Some(file), &path, &value) else { return };
    let old = old.expect("what is edited can be read");
    assert_holds(&edited, &path, &value);
    assert_kept(file, &edited, old.as_ref(), &value);
    let shown = others(shown.expect("what is edited can be listed"), &path);
    assert!(shown == others(list(&edited), &path), "other secrets differ in:\n{}", String::from_utf8_lossy(&edited));
    assert_same_to_libyaml(file, &edited, &path, &value);

    if has_lone_returns(file) {
        return;
    }
    // From here on the value is written as we write it, and every way leads back.
    let again = |file: &[u8], value| inventory::set(Some(file), &path, value).expect("an edit of an edit");
    assert!(again(&edited, &value) == edited, "the same edit twice makes a difference");
    let changed = again(&edited, &other);
    assert_holds(&changed, &path, &other);
    assert!(again(&changed, &value) == edited, "there and back makes a difference:\n{}", changed.escape_ascii());
}

fn list(file: &[u8]) -> Vec<Entry> {
    inventory::show(file).expect("what was edited can be listed")
}

fn assert_holds(file: &[u8], path: &KeyPath, value: &NewValue) {
    let is_it = match (inventory::get(file, path), value) {
        (Ok(Some(Value::Plain(found))), NewValue::Plain(text)) => found == *text,
        (Ok(Some(Value::Vault(found))), NewValue::Vault(payload)) => found.trim_end() == payload.trim_end(),
        _ => false,
    };
    assert!(is_it, "{path} does not hold the value in:\n{}", String::from_utf8_lossy(file));
}

fn assert_unset(file: &[u8], without: &[u8], path: &KeyPath) {
    let shown = String::from_utf8_lossy(without);
    assert!(
        !matches!(inventory::get(without, path), Ok(Some(_))) || path.to_string().contains('['),
        "{path} is there in:\n{shown}"
    );
    assert!(libyaml::events(file).is_none() || libyaml::events(without).is_some(), "libyaml refuses:\n{shown}");
}

/// Everything that [`inventory::show`] lists but the value at `path`, without the lines, which may move.
fn others(entries: Vec<Entry>, path: &KeyPath) -> Vec<(KeyPath, String)> {
    let text = |value| match value {
        Found::Vault { payload, .. } => payload.trim_end().to_owned(),
        Found::PlainToken(token) | Found::Text(token) => token.reveal().to_owned(),
        Found::Reference(path) => path.to_string(),
    };
    entries.into_iter().filter(|entry| entry.path != *path).map(|entry| (entry.path, text(entry.value))).collect()
}

/// Where there was no value, nothing is gone, unless a word or a tag stood for none; with a value, no comment went.
fn assert_kept(file: &[u8], edited: &[u8], old: Option<&Value>, value: &NewValue) {
    let Some(Value::Plain(old) | Value::Vault(old)) = old else {
        let mut rest = edited.iter();
        let is_all_there = file.iter().all(|byte| rest.any(|other| byte == other));
        let text = String::from_utf8_lossy(file).to_lowercase();
        let may_have_a_word = text.contains(['~', '!']) || text.contains("null");
        assert!(is_all_there || may_have_a_word, "something is gone:\n{}", String::from_utf8_lossy(edited));
        return;
    };
    let (NewValue::Plain(new) | NewValue::Vault(new)) = value;
    let hashes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'#').count();
    // A comment behind one is none to us.
    if has_lone_returns(file) {
        return;
    }
    let kept = hashes(edited) - hashes(new.as_bytes());
    // A tag goes with its value.
    let tags = file.split(u8::is_ascii_whitespace).filter(|word| word.contains(&b'!')).map(hashes).sum::<usize>();
    assert!(
        kept + hashes(old.as_bytes()) + tags >= hashes(file),
        "a comment is gone:\n{}",
        String::from_utf8_lossy(edited)
    );
}

fn common<T: PartialEq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

fn assert_same_to_libyaml(file: &[u8], edited: &[u8], path: &KeyPath, value: &NewValue) {
    let Some(before) = events(file) else { return };
    let shown = String::from_utf8_lossy(edited);
    let after = events(edited).unwrap_or_else(|| panic!("libyaml refuses:\n{shown}"));
    let start = common(before.iter(), after.iter());
    let end = common(before[start..].iter().rev(), after[start..].iter().rev());
    let (removed, added) = (&before[start..before.len() - end], &after[start..after.len() - end]);
    let is_value = |event: &Event| match (&event.scalar, value) {
        (Some(scalar), NewValue::Plain(text)) => {
            let text_as_seen = if vault::is_encrypted(text.as_bytes()) { text.trim_ascii_end() } else { text };
            scalar.value == text_as_seen.as_bytes() && event.tag.is_none() && (!scalar.is_plain || is_text(text))
        }
        (Some(scalar), NewValue::Vault(payload)) => scalar.value.trim_ascii_end() == payload.trim_end().as_bytes(),
        (None, _) => false,
    };
    let is_one_value = match (removed, added) {
        ([], []) => true,
        // The last is `{__ansible_vault: PAYLOAD}`.
        (
            [] | [Event { scalar: Some(_), .. }] | [_, Event { scalar: Some(_), .. }, Event { scalar: Some(_), .. }, _],
            added,
        ) => {
            let scalars = added.iter().filter(|event| event.scalar.is_some()).count();
            let anchor = removed.first().and_then(|event| event.anchor.as_ref());
            scalars <= path.steps().len() + 2
                && added.iter().any(|event| event.anchor.as_ref() == anchor && is_value(event))
        }
        _ => false,
    };
    assert!(is_one_value, "libyaml sees {added:?} for {removed:?} in:\n{shown}");
}

/// What libyaml sees, less the line breaks at the end of payloads: one that ends the file gets one.
fn events(file: &[u8]) -> Option<Vec<Event>> {
    let mut events = libyaml::events(file)?;
    for event in &mut events {
        let is_tagged = event.tag.as_deref().is_some_and(|tag| tag.starts_with(b"!vault"));
        if let Some(scalar) = event.scalar.as_mut().filter(|scalar| is_tagged || vault::is_encrypted(&scalar.value)) {
            scalar.value.truncate(scalar.value.trim_ascii_end().len());
        }
    }
    Some(events)
}

/// Whether YAML 1.1 takes a plain scalar for text, as far as it begins with a letter.
fn is_text(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '/'))
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_lowercase().as_str())
}
