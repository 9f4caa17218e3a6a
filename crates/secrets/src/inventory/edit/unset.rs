//! Taking one value out, with its key.

use std::ops::Range;

use super::{Splice, apply};
use crate::inventory::{
    InventoryError,
    document::{Document, Kind, Place},
    key_path::{KeyPath, Step},
    libyaml::Seen,
    span::line_end,
};

/// `text` without the value at `path`; `None` when there is none.
pub(in crate::inventory) fn unset(text: &str, path: &KeyPath) -> Result<Option<String>, InventoryError> {
    let document = Document::parse(text)?;
    let Some(node) = find(&document, path)? else { return Ok(None) };
    let here = &document.nodes[node];
    let single = matches!(here.kind, Kind::Scalar { .. } | Kind::Alias(_)) || document.json_vault(node).is_some();
    if !single {
        return Err(InventoryError::NotA { what: "single value", path: path.clone(), line: here.line });
    }
    plan(&document, node)
        .and_then(|splice| apply(&document, vec![splice]))
        .map(Some)
        .ok_or_else(|| InventoryError::Unsafe { path: path.clone(), line: here.line })
}

/// The value itself, not what it is an alias of.
fn find(document: &Document<'_>, path: &KeyPath) -> Result<Option<usize>, InventoryError> {
    let Some(mut node) = document.root() else { return Ok(None) };
    for step in path.steps() {
        let here = &document.nodes[node];
        let next = match (step, &here.kind) {
            (_, Kind::Alias(_)) => return Err(document.alias_error(node, path)),
            (Step::Key(name), _) => {
                let own = document.child(node, name)?;
                if own.is_none() && document.merged(node, name)?.is_some() {
                    return Err(InventoryError::Merged { path: path.clone(), line: here.line });
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
    let (parent, first, members): (_, _, Vec<(usize, usize)>) = match here.place {
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
    let is_flow = document.nodes[parent].is_flow();
    let (range, with) = if members.len() == 1 {
        emptied(document, parent, members[0])?
    } else if is_flow {
        (between_commas(document, &members, at)?, String::new())
    } else {
        (lines(document, &members, at)?, String::new())
    };
    Some(Splice { range, with, events, by: Vec::<Seen>::new() })
}

/// The whole of a collection, and an empty one for its place.
fn emptied(document: &Document<'_>, parent: usize, (first, last): (usize, usize)) -> Option<(Range<usize>, String)> {
    let text = document.text;
    let here = &document.nodes[parent];
    let brackets = if matches!(here.kind, Kind::Mapping { .. }) { "{}" } else { "[]" };
    let end = document.tail(last)?;
    if here.is_flow() {
        let close = here.end.checked_sub(1)?;
        let start = text[..document.nodes[first].start].rfind(['{', '['])? + 1;
        return Some((start..close, String::new()));
    }
    if here.has_properties {
        return None;
    }
    match here.place {
        // `key:` and the members on lines of their own become `key: {}`.
        Place::Value { key, .. } => {
            let colon = document.behind_colon(key)?;
            let own_lines = line_end(text, colon);
            let is_bare = text[colon..own_lines].trim().is_empty() && own_lines < document.nodes[first].start;
            is_bare.then(|| (colon..end, format!(" {brackets}")))
        }
        Place::Root => Some((document.nodes[first].start..end, brackets.to_owned())),
        _ => None,
    }
}

/// A member and the comma behind it, or before it.
fn between_commas(document: &Document<'_>, members: &[(usize, usize)], at: usize) -> Option<Range<usize>> {
    let start = |member: (usize, usize)| document.nodes[member.0].start;
    match members.get(at + 1) {
        Some(next) => Some(start(members[at])..start(*next)),
        None => Some(document.tail(members.get(at.checked_sub(1)?)?.1)?..document.tail(members[at].1)?),
    }
}

/// The lines of a member; only its part where a dash or an outer member is on its first line.
fn lines(document: &Document<'_>, members: &[(usize, usize)], at: usize) -> Option<Range<usize>> {
    let text = document.text;
    let begin = |member: (usize, usize)| begin(document, member.0);
    let (start, end) = (begin(members[at])?, document.tail(members[at].1)?);
    let line_start = text[..start].rfind('\n').map_or(0, |line_break| line_break + 1);
    let end = line_end(text, end);
    if text[line_start..start].trim_matches(' ').is_empty() {
        let rest = &text[end..];
        let line_break = if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) };
        if line_break > 0 {
            return Some(line_start..end + line_break);
        }
        // The last line of a file without a final newline: the one before it loses its line break.
        let before = text[..line_start].strip_suffix('\n')?;
        return Some(before.strip_suffix('\r').unwrap_or(before).len()..end);
    }
    // Behind a dash: the next member comes up, if nothing but blanks is in between.
    let next = begin(*members.get(at + 1)?)?;
    text[end..next].trim().is_empty().then_some(start..next)
}

/// Where a key or an item begins, its `? ` or `- ` included.
fn begin(document: &Document<'_>, node: usize) -> Option<usize> {
    let here = &document.nodes[node];
    let text = document.text;
    let start = match here.place {
        Place::Item { .. } if here.is_empty() => return None,
        _ => document.locate(node).map_or(here.start, |scalar| scalar.head.start),
    };
    let before = text[..start].trim_end_matches(' ');
    let is_marked = match here.place {
        Place::Item { .. } => before.ends_with('-'),
        _ => before.ends_with('?'),
    };
    match (here.place, is_marked) {
        (Place::Item { .. }, false) => None,
        (_, true) => Some(before.len() - 1),
        (_, false) => Some(start),
    }
}
