//! Replacing parts of a text, and proving by a second parser that nothing else reads differently.

use std::ops::Range;

use super::{document::Document, libyaml::Seen};
use crate::vault;

pub(super) mod payload;
pub(super) mod set;
pub(super) mod unset;

/// One replacement, and what libyaml must see afterwards.
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) with: String,
    /// The events that disappear, and those in their place.
    pub(super) events: Range<usize>,
    pub(super) by: Vec<Seen>,
}

/// The text with every splice in it, which may come in any order and must not overlap; `None` when something else would
/// read differently, or nobody can tell.
pub(super) fn apply(document: &Document<'_>, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let edited = splice_in(document.text, &splices)?;
    let after = Document::parse(&edited).ok()?;
    let is_proved = document.is_sure() && after.is_sure() && is_only_change(&document.seen, &after.seen, &splices);
    is_proved.then_some(edited)
}

fn splice_in(text: &str, splices: &[Splice]) -> Option<String> {
    let mut edited = String::with_capacity(text.len());
    let mut at = 0;
    for splice in splices {
        edited += text.get(at..splice.range.start)?;
        edited += &splice.with;
        at = splice.range.end;
    }
    edited += text.get(at..)?;
    Some(edited)
}

/// Whether the events after an edit are those before it but for the ones that were meant to change.
fn is_only_change(before: &[Seen], after: &[Seen], splices: &[Splice]) -> bool {
    let mut splices: Vec<&Splice> = splices.iter().collect();
    splices.sort_by_key(|splice| splice.events.start);
    let (mut old, mut new) = (before, after);
    let mut at = 0;
    for splice in splices {
        let Some(kept) = splice.events.start.checked_sub(at) else { return false };
        let enough = old.len() >= kept + splice.events.len() && new.len() >= kept + splice.by.len();
        if !enough || old[..kept] != new[..kept] {
            return false;
        }
        let (changed, rest) = new[kept..].split_at(splice.by.len());
        if !changed.iter().zip(&splice.by).all(|(found, expected)| is_as_meant(found, expected)) {
            return false;
        }
        (old, new) = (&old[kept + splice.events.len()..], rest);
        at = splice.events.end;
    }
    old == new
}

/// Equal but for what may differ between two spellings of a value: quotes, and line breaks at a payload's end.
fn is_as_meant(found: &Seen, expected: &Seen) -> bool {
    match (found, expected) {
        (
            Seen::Scalar { value, tag, anchor, .. },
            Seen::Scalar { value: wanted, tag: wanted_tag, anchor: wanted_anchor, .. },
        ) => {
            let is_same = if vault::is_encrypted(wanted.as_bytes()) {
                value.trim_end_matches('\n') == wanted.trim_end_matches('\n')
            } else {
                value == wanted
            };
            is_same && tag == wanted_tag && anchor == wanted_anchor
        }
        _ => found == expected,
    }
}
