//! Writing a payload over another one, in the form that is there.

use saphyr_parser::ScalarStyle;

use super::Splice;
use crate::inventory::{
    document::{Document, Kind, seen::Seen},
    scalar,
    span::line_break,
};

/// A payload in the place of another one, where that stands in a block or in quotes: header (`|`), indentation, tag, anchor,
/// comments and blank lines stay. `None` for plain text, in which a payload cannot stand.
pub(in crate::inventory) fn replace_payload(document: &Document<'_>, node: usize, payload: &str) -> Option<Splice> {
    let here = &document.nodes[node];
    let Kind::Scalar { style, .. } = &here.kind else { return None };
    let events = here.event..here.event + 1;
    let by = vec![scalar_event(payload, here.tag.as_deref(), here.anchor.as_deref())];
    let place = document.locate(node)?;
    let Some(block) = &place.block else {
        let is_quoted = matches!(style, ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted);
        let range = document.value_start(node)?..place.head.end;
        return is_quoted.then(|| Splice { range, with: scalar::double_quoted(payload), events, by });
    };
    let eol = line_break(document.text, place.head.end);
    // In a folded block (`>`), a blank line is what keeps two lines apart.
    let eol = if *style == ScalarStyle::Folded { eol.repeat(2) } else { eol.to_owned() };
    let lines: Vec<String> = payload.lines().map(|line| format!("{}{line}", block.indent)).collect();
    Some(Splice { range: block.content.clone(), with: lines.join(&eol), events, by })
}

/// A payload in double quotes in the place of a scalar on one line, behind its tag and anchor.
pub(in crate::inventory) fn replace_quoted(document: &Document<'_>, node: usize, payload: &str) -> Option<Splice> {
    let here = &document.nodes[node];
    let place = document.locate(node).filter(|place| place.block.is_none())?;
    Some(Splice {
        range: document.value_start(node)?..place.head.end,
        with: scalar::double_quoted(payload),
        events: here.event..here.event + 1,
        by: vec![scalar_event(payload, here.tag.as_deref(), here.anchor.as_deref())],
    })
}

/// What libyaml sees of a text under its tag.
pub(in crate::inventory) fn scalar_event(text: &str, tag: Option<&str>, anchor: Option<&str>) -> Seen<'static> {
    let owned = |text: &str| text.to_owned().into();
    Seen::Scalar { value: owned(text), tag: tag.map(owned), anchor: anchor.map(owned), is_plain: false }
}
