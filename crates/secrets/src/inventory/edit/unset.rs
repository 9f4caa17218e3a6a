//! Taking one value out, with its key.

use std::ops::Range;

use super::{Splice, apply};
use crate::inventory::{
    InventoryError,
    document::{Document, Kind, Place},
    key_path::{KeyPath, Step},
    span::{line_break_len, line_end, line_start, properties, skip_blanks, skip_trivia},
};

/// A key and its value, or an item twice.
type Member = (usize, usize);

/// `text` without the value at `path`; `None` when there is none.
pub(in crate::inventory) fn unset(text: &str, path: &KeyPath) -> Result<Option<String>, InventoryError> {
    let document = Document::parse(text)?;
    let Some(node) = find(&document, path)? else { return Ok(None) };
    let line = document.line_of(node);
    let is_single = matches!(document.nodes[node].kind, Kind::Scalar { .. } | Kind::Alias(_));
    if !is_single && document.json_vault(node).is_none() {
        return Err(InventoryError::NotA { what: "single value", path: path.clone(), line });
    }
    let splice = plan(&document, node);
    if let Some(alias) = splice.as_ref().and_then(|splice| document.alias_of(&splice.events)) {
        return Err(InventoryError::Aliased { path: path.clone(), line, alias_line: document.line_of(alias) });
    }
    splice
        .and_then(|splice| apply(&document, vec![splice]))
        .map(Some)
        .ok_or_else(|| InventoryError::Unsafe { path: path.clone(), line })
}

/// The value itself, not what it is an alias of.
fn find(document: &Document<'_>, path: &KeyPath) -> Result<Option<usize>, InventoryError> {
    let Some(mut node) = document.root() else { return Ok(None) };
    for step in path.steps() {
        let next = match (step, &document.nodes[node].kind) {
            (_, Kind::Alias(_)) => return Err(document.alias_error(node, path)),
            (Step::Key(name), _) => {
                let own = document.child(node, name)?;
                if own.is_none() && document.merged(node, name)?.is_some() {
                    return Err(InventoryError::Merged { path: path.clone(), line: document.line_of(node) });
                }
                own
            }
            (Step::Item(index), Kind::Sequence { items, .. }) => items.get(*index).copied(),
            (Step::Item(_), _) => None,
        };
        let Some(next) = next else { return Ok(None) };
        node = next;
    }
    Ok(Some(node))
}

/// What has neighbours is cut out; the last of its kind leaves an empty collection, because without one the parent would
/// be null.
fn plan(document: &Document<'_>, node: usize) -> Option<Splice> {
    let here = &document.nodes[node];
    let (parent, first, members): (_, _, Vec<Member>) = match here.place {
        Place::Value { mapping, key } => match &document.nodes[mapping].kind {
            Kind::Mapping { entries, .. } => (mapping, key, entries.clone()),
            _ => return None,
        },
        Place::Item { sequence, .. } => match &document.nodes[sequence].kind {
            Kind::Sequence { items, .. } => (sequence, node, items.iter().map(|item| (*item, *item)).collect()),
            _ => return None,
        },
        Place::Root | Place::Key => return None,
    };
    let at = members.iter().position(|(start, _)| *start == first)?;
    let events = document.nodes[first].event..here.last_event + 1;
    let (range, with) = match (document.nodes[parent].is_flow(), members.len()) {
        (true, _) => between_commas(document, parent, &members, at)?,
        (false, 1) => emptied(document, parent, members[0])?,
        (false, _) => (lines(document, &members, at)?, String::new()),
    };
    Some(Splice { range, with, events, by: Vec::new() })
}

/// The whole of a block, and an empty collection for its place.
fn emptied(document: &Document<'_>, parent: usize, (first, last): Member) -> Option<(Range<usize>, String)> {
    let text = document.text;
    let here = &document.nodes[parent];
    let brackets = if matches!(here.kind, Kind::Mapping { .. }) { "{}" } else { "[]" };
    let (start, end) = (document.begin(first)?, document.tail(last)?);
    let line = line_start(text, start);
    let head = match here.place {
        _ if here.has_properties => properties(text, here.start).tight_end,
        Place::Value { key, .. } => document.behind_colon(key)?,
        _ => start,
    };
    if line <= head || !text[line..start].trim_matches(' ').is_empty() {
        // Behind a dash, or at the top of the file.
        return (!here.has_properties).then(|| (start..end, brackets.to_owned()));
    }
    // `key:` and the members on lines of their own become `key: {}`; the comments between them stay.
    let between = text[head..line].trim_end_matches(['\n', '\r']);
    Some((head..line_end(text, end), format!(" {brackets}{between}")))
}

/// A member with its comma, and what stays in its place: comments on others.
fn between_commas(
    document: &Document<'_>,
    parent: usize,
    members: &[Member],
    at: usize,
) -> Option<(Range<usize>, String)> {
    let text = document.text;
    let (start, end) = (document.nodes[members[at].0].start, document.tail(members[at].1)?);
    let inside = document.opening(parent) + 1..document.nodes[parent].end - 1;
    if members.len() == 1 && !text[inside.clone()].contains('#') {
        return Some((inside, String::new()));
    }
    let comma = skip_trivia(text, end);
    if text[comma..].starts_with(',') {
        return Some((with_comma(text, start, comma), String::new()));
    }
    // The last one takes the comma before it along.
    let Some(before) = at.checked_sub(1) else { return Some((start..end, String::new())) };
    let before = document.tail(members[before].1)?;
    let between = &text[skip_trivia(text, before) + 1..start];
    let comment = if between.contains('#') { between.trim_end() } else { "" };
    Some((before..end, format!("{}{comment}", text[before..].split_once(',')?.0)))
}

/// From a member to behind its comma; whole lines with their comment where it has them for itself.
fn with_comma(text: &str, start: usize, comma: usize) -> Range<usize> {
    let line = line_start(text, start);
    let behind = skip_blanks(text, comma + 1);
    let end = if text[behind..].starts_with('#') { line_end(text, behind) } else { behind };
    let has_own_lines = text[line..start].trim_matches([' ', '\t']).is_empty() && end == line_end(text, end);
    if has_own_lines { line..end + line_break_len(text, end) } else { start..behind }
}

/// The lines of a member; only its part where a dash or an outer member is on its first line.
fn lines(document: &Document<'_>, members: &[Member], at: usize) -> Option<Range<usize>> {
    let text = document.text;
    let (start, end) = (document.begin(members[at].0)?, document.tail(members[at].1)?);
    let (line, end) = (line_start(text, start), line_end(text, end));
    if !text[line..start].trim_matches(' ').is_empty() {
        // Behind a dash: the next member comes up, if nothing but blanks is in between.
        let next = document.begin(members.get(at + 1)?.0)?;
        let is_next = text[end..next].trim().is_empty();
        return Some(if is_next { start..next } else { text[..start].trim_end_matches(' ').len()..end });
    }
    let line_break = line_break_len(text, end);
    if line_break > 0 {
        return Some(line..end + line_break);
    }
    // The last line of a file without a final newline: the one before it loses its line break, unless that is a part of
    // a text.
    let before = text[..line].strip_suffix('\n')?;
    let is_behind_block = document.is_block(members[at].0.checked_sub(1)?);
    Some(if is_behind_block { line } else { before.strip_suffix('\r').unwrap_or(before).len() }..end)
}
