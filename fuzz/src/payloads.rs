//! Putting others in the place of all payloads of a file, and saying what is wrong with them.

use pullpass_secrets::inventory::{self, KeyPath, Payloads};

use crate::{has_lone_returns, ignore_panics_of_libyaml, libyaml};

const OTHER: &str = "$ANSIBLE_VAULT;1.2;AES256;dev\n30\n";

pub fn run(file: &[u8]) {
    ignore_panics_of_libyaml();
    drop(inventory::check(file));
    drop(inventory::check_text(file));
    replace(file, &Payloads::of_text(file), |edited| Payloads::of_text(edited));
    let Ok(payloads) = Payloads::of_yaml(file) else { return };
    let Some(edited) = replace(file, &payloads, |edited| Payloads::of_yaml(edited).expect("YAML as before")) else {
        return;
    };
    assert_same_to_libyaml(file, &edited);
}

/// Replaces all, and looks for them with `read`; `None` when that is refused.
fn replace(file: &[u8], payloads: &Payloads<'_>, read: fn(&[u8]) -> Payloads<'_>) -> Option<Vec<u8>> {
    let count = payloads.list().len();
    if let Ok(same) = payloads.replace(&vec![None; count]) {
        assert!(same == file, "nothing is replaced");
    }
    let edited = payloads.replace(&vec![Some(OTHER.to_owned()); count]).ok()?;
    let shown = String::from_utf8_lossy(&edited);
    let after = read(&edited);
    assert!(places(&after) == places(payloads), "others are there in:\n{shown}");
    for payload in after.list() {
        assert!(
            payload.text.trim_end() == OTHER.trim_end(),
            "`{}` is not the other payload in:\n{shown}",
            payload.text
        );
    }
    let again = after.replace(&vec![Some(OTHER.to_owned()); count]);
    let is_same = again.is_ok_and(|same| same.trim_ascii_end() == edited.trim_ascii_end());
    // Which of the empty lines behind a payload are its own is told by line feeds only.
    assert!(is_same || has_lone_returns(file), "twice:\n{shown}");
    Some(edited)
}

/// How deep each payload lies. A key on the way may have another one in it, which is replaced.
fn places(payloads: &Payloads<'_>) -> Vec<Option<usize>> {
    let depth = |path: &KeyPath| path.steps().len();
    payloads.list().iter().map(|payload| payload.path.as_ref().map(depth)).collect()
}

/// Only scalars differ, and those hold the other payload.
fn assert_same_to_libyaml(file: &[u8], edited: &[u8]) {
    let Some(before) = libyaml::events(file) else { return };
    let shown = String::from_utf8_lossy(edited);
    let after = libyaml::events(edited).unwrap_or_else(|| panic!("libyaml refuses:\n{shown}"));
    assert_eq!(before.len(), after.len(), "{shown}");
    for (old, new) in before.iter().zip(&after) {
        let holds_other =
            new.scalar.as_ref().is_some_and(|scalar| String::from_utf8_lossy(&scalar.value).contains(";AES256;dev"));
        assert!(old == new || holds_other && old.anchor == new.anchor, "{old:?} became {new:?} in:\n{shown}");
    }
}
