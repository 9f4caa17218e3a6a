//! Writing a payload over another one, in the form that is there.

use saphyr_parser::ScalarStyle;

use super::Splice;
use crate::inventory::{
    document::{Document, Kind},
    libyaml::Seen,
    scalar,
};

/// What libyaml sees of a payload under its tag. The older tag `!vault-encrypted` stays where it is.
pub(in crate::inventory) fn payload_event(payload: &str, anchor: Option<String>) -> Seen {
    Seen::Scalar { value: payload.to_owned(), tag: Some("!vault".to_owned()), anchor, is_plain: false }
}

/// Whether a scalar holds its text in one line between double quotes.
pub(super) fn is_quoted(style: ScalarStyle) -> bool {
    style == ScalarStyle::DoubleQuoted
}

/// Whether a scalar holds its text in lines of their own.
pub(super) fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// A payload in the place of the one that a tagged block or double-quoted scalar holds: header (`|`), indentation, tag,
/// anchor, comments and blank lines stay.
pub(in crate::inventory) fn replace_payload(document: &Document<'_>, node: usize, payload: &str) -> Option<Splice> {
    let here = &document.nodes[node];
    let Kind::Scalar { style, .. } = here.kind else { return None };
    let Seen::Scalar { anchor, tag, .. } = document.seen.get(here.event)? else { return None };
    let place = document.locate(node)?;
    let events = here.event..here.event + 1;
    let event = Seen::Scalar { value: payload.to_owned(), tag: tag.clone(), anchor: anchor.clone(), is_plain: false };
    let Some(block) = &place.block else {
        let value = document.value_start(node)?..place.head.end;
        let is_replaceable = is_quoted(style) || style == ScalarStyle::SingleQuoted;
        return is_replaceable.then(|| Splice {
            range: value,
            with: scalar::double_quoted(payload),
            events,
            by: vec![event],
        });
    };
    let eol = if document.text[block.content.clone()].contains("\r\n") { "\r\n" } else { "\n" };
    // In a folded block (`>`), a blank line is what keeps two lines apart.
    let eol = if style == ScalarStyle::Folded { eol.repeat(2) } else { eol.to_owned() };
    let lines: Vec<String> = payload.lines().map(|line| format!("{}{line}", block.indent)).collect();
    Some(Splice { range: block.content.clone(), with: lines.join(&eol), events, by: vec![event] })
}

/// A payload in the place of an untagged scalar on one line, the one in `{__ansible_vault: PAYLOAD}`.
pub(in crate::inventory) fn replace_quoted(document: &Document<'_>, node: usize, payload: &str) -> Option<Splice> {
    let here = &document.nodes[node];
    let place = document.locate(node).filter(|place| place.block.is_none() && !here.has_properties)?;
    Some(Splice {
        range: place.head,
        with: scalar::double_quoted(payload),
        events: here.event..here.event + 1,
        by: vec![Seen::text(payload)],
    })
}
