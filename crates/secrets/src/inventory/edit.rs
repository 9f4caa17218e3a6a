//! Replacing parts of a text, and proving by a second parser that nothing else reads differently.

use std::ops::Range;

use super::document::{Document, seen::Seen};
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
    pub(super) by: Vec<Seen<'static>>,
}

/// The text with every splice in it, which may come in any order and must not overlap; `None` when something else would
/// read differently, or nobody can tell.
pub(super) fn apply(document: &Document<'_>, mut splices: Vec<Splice>) -> Option<String> {
    if !document.is_sure || splices.iter().any(|splice| orphans_alias(document, splice)) {
        return None;
    }
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let edited = splice_in(document.text, &splices)?;
    let after = Document::parse(&edited).ok()?;
    (after.is_sure && is_only_change(document, &after, &splices)).then_some(edited)
}

/// Whether an alias would lose what it stands for. An earlier anchor of the same name could take its place unseen.
fn orphans_alias(document: &Document<'_>, splice: &Splice) -> bool {
    let keeps_anchor = matches!(splice.by.first(), Some(Seen::Scalar { anchor: Some(_), .. }));
    !keeps_anchor && document.alias_of(&splice.events).is_some()
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
fn is_only_change(before: &Document<'_>, after: &Document<'_>, splices: &[Splice]) -> bool {
    let mut splices: Vec<&Splice> = splices.iter().collect();
    splices.sort_by_key(|splice| splice.events.start);
    let (mut old, mut new) = (before.events(), after.events());
    let mut at = 0;
    for splice in splices {
        let is_kept = (at..splice.events.start)
            .all(|_| matches!((old.next(), new.next()), (Some(old), Some(new)) if is_same(&old, &new)));
        let is_there = splice.events.clone().all(|_| old.next().is_some());
        let is_done = splice.by.iter().all(|wanted| new.next().is_some_and(|found| is_as_meant(&found, wanted)));
        if !(is_kept && is_there && is_done) {
            return false;
        }
        at = splice.events.end;
    }
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (Some(old), Some(new)) if is_same(&old, &new) => {}
            _ => return false,
        }
    }
}

/// Equal, but for the line break at the end of a payload, which a file may lack, and gets by a line behind it.
fn is_same(old: &Seen<'_>, new: &Seen<'_>) -> bool {
    match old {
        Seen::Scalar { value, .. } if vault::is_encrypted(value.as_bytes()) => is_as_meant(new, old),
        _ => old == new,
    }
}

/// Equal but for what may differ between two spellings of a value: quotes, and line breaks at a payload's end.
fn is_as_meant(found: &Seen<'_>, wanted: &Seen<'_>) -> bool {
    match (found, wanted) {
        (
            Seen::Scalar { value, tag, anchor, .. },
            Seen::Scalar { value: wanted, tag: wanted_tag, anchor: wanted_anchor, .. },
        ) => {
            let is_text = if vault::is_encrypted(wanted.as_bytes()) {
                value.trim_end_matches('\n') == wanted.trim_end_matches('\n')
            } else {
                value == wanted
            };
            is_text && tag == wanted_tag && anchor == wanted_anchor
        }
        _ => found == wanted,
    }
}
