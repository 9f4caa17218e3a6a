//! Splicing one value into a text, and proving that it is the only thing that changed.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::{
    Splice, apply,
    payload::{replace_payload, replace_quoted, scalar_event},
};
use crate::inventory::{
    InventoryError, NewValue,
    document::{Document, JSON_KEY, Kind, Node, Place, seen::Seen},
    key_path::{KeyPath, Step},
    scalar,
    span::{clear_indent, line_break, line_end, line_start, skip_blanks, skip_trivia},
};

/// Spaces per level in a file that has none to go by, and from a key to its block.
const INDENT: usize = 2;

/// `text` with the value at `path`.
pub(in crate::inventory) fn set(text: &str, path: &KeyPath, value: &NewValue) -> Result<String, InventoryError> {
    let document = Document::parse(text)?;
    let (line, splice) = Edit::new(&document, value).plan(path)?;
    splice
        .and_then(|splice| apply(&document, vec![splice]))
        .ok_or_else(|| InventoryError::Unsafe { path: path.clone(), line })
}

/// A value on its way into a document.
pub(in crate::inventory) struct Edit<'a> {
    document: &'a Document<'a>,
    value: &'a NewValue,
}

impl<'a> Edit<'a> {
    pub(in crate::inventory) fn new(document: &'a Document<'a>, value: &'a NewValue) -> Edit<'a> {
        Edit { document, value }
    }

    /// The line at which the path leads on or ends, and what to do there; `None` when that cannot be told.
    fn plan(&self, path: &KeyPath) -> Result<(usize, Option<Splice>), InventoryError> {
        let keys_from = |depth: usize| keys_from(path, depth);
        let Some(mut node) = self.document.root() else { return Ok((1, self.fill_empty_file(keys_from(0)?))) };
        for (depth, step) in path.steps().iter().enumerate() {
            let here = &self.document.nodes[node];
            let not_a = |what| InventoryError::NotA { what, path: path.clone(), line: self.document.line_of(node) };
            node = match (step, &here.kind) {
                (_, Kind::Alias(_)) => return Err(self.document.alias_error(node, path)),
                (Step::Key(name), Kind::Mapping { .. }) => match self.document.child(node, name)? {
                    Some(value) => value,
                    None if self.document.merged(node, name)?.is_some() => {
                        return Err(InventoryError::Merged { path: path.clone(), line: self.document.line_of(node) });
                    }
                    None => return Ok((self.document.line_of(node), self.append(node, keys_from(depth)?))),
                },
                (Step::Key(_), _) if here.is_empty() => {
                    return Ok((self.document.line_of(node), self.fill(node, keys_from(depth)?)));
                }
                (Step::Key(_), _) => return Err(not_a("mapping")),
                (Step::Item(index), Kind::Sequence { items, .. }) => {
                    *items.get(*index).ok_or_else(|| InventoryError::NoItem(path.clone()))?
                }
                (Step::Item(_), _) => return Err(not_a("list")),
            };
        }
        let here = &self.document.nodes[node];
        let line = self.document.line_of(node);
        match (&here.kind, self.document.json_vault(node), self.value) {
            (Kind::Alias(_), ..) => Err(self.document.alias_error(node, path)),
            (_, Some(payload), NewValue::Vault(text)) if self.document.is_json => {
                Ok((line, replace_quoted(self.document, payload, text)))
            }
            (_, Some(_), _) if here.is_flow() => Ok((line, self.replace_mapping(node))),
            (Kind::Scalar { .. }, ..) => Ok((line, self.replace(node))),
            _ => Err(InventoryError::NotA { what: "single value", path: path.clone(), line }),
        }
    }

    /// A value that is there. A payload keeps the form of the one that it replaces.
    pub(in crate::inventory) fn replace(&self, node: usize) -> Option<Splice> {
        let here = &self.document.nodes[node];
        if let NewValue::Vault(payload) = self.value
            && here.is_vault()
            && !here.is_empty()
            && let Some(splice) = replace_payload(self.document, node, payload)
        {
            return Some(splice);
        }
        self.write_over(node)
    }

    /// A value in the form of a new one, in the place of another.
    pub(in crate::inventory) fn write_over(&self, node: usize) -> Option<Splice> {
        let text = self.document.text;
        let here = &self.document.nodes[node];
        let Kind::Scalar { style, .. } = here.kind else { return None };
        let by = self.value_events(here.anchor.as_deref());
        let events = here.event..here.event + 1;
        if here.is_empty() {
            let at = self.document.tail(node)?;
            if here.is_in_flow {
                return Some(Splice { range: at..at, with: format!(" {}", self.in_line(style)), events, by });
            }
            let end = line_end(text, at);
            let with = format!(" {}{}{}", self.head(style), &text[at..end], self.lines(end, self.block_indent(node)?));
            return Some(Splice { range: at..end, with, events, by });
        }
        let place = self.document.locate(node)?;
        if text[place.head.start..self.document.value_start(node)?].contains('#') {
            // A comment between the tag and the value would be lost.
            return None;
        }
        let anchor = place.anchor.map(|anchor| format!("{anchor} ")).unwrap_or_default();
        if here.is_in_flow {
            return Some(Splice { range: place.head, with: format!("{anchor}{}", self.in_line(style)), events, by });
        }
        // What is behind the value on its line, a comment that is, stays there.
        let end = line_end(text, place.head.end);
        let behind = &text[place.head.end..end];
        let range = place.head.start..place.block.map_or(end, |block| block.content.end);
        let lines = self.lines(range.end, self.block_indent(node)?);
        let with = format!("{anchor}{}{behind}{lines}", self.head(style));
        Some(Splice { range, with, events, by })
    }

    /// Another value in the place of `{__ansible_vault: PAYLOAD}`, which Ansible takes for a payload in JSON only.
    pub(in crate::inventory) fn replace_mapping(&self, node: usize) -> Option<Splice> {
        let here = &self.document.nodes[node];
        let payload = self.document.extent(self.document.json_vault(node)?)?;
        let text = self.document.text;
        // A comment around the payload would be lost.
        let around = [&text[here.start..payload.start], &text[payload.end..here.end]];
        let is_plain = !here.has_properties && !around.iter().any(|part| part.contains('#'));
        is_plain.then(|| Splice {
            range: here.start..here.end,
            with: self.in_line(ScalarStyle::DoubleQuoted),
            events: here.event..here.last_event + 1,
            by: self.value_events(None),
        })
    }

    /// New keys at the end of a mapping.
    fn append(&self, mapping: usize, keys: Vec<&str>) -> Option<Splice> {
        let text = self.document.text;
        let here = &self.document.nodes[mapping];
        let Kind::Mapping { entries, is_flow } = &here.kind else { return None };
        let events = here.last_event..here.last_event;
        let by = self.mapping_events(&keys, false);
        if *is_flow {
            let Some((key, last)) = entries.last() else {
                let at = self.document.opening(mapping) + 1;
                return Some(Splice { range: at..at, with: self.flow_entry(&keys), events, by });
            };
            let (range, with) = self.behind_member((*key, *last), &self.flow_entry(&keys))?;
            return Some(Splice { range, with, events, by });
        }
        let (_, last) = entries.last()?;
        let at = line_end(text, self.document.tail(*last)?);
        let with = self.entry(at, &keys, self.document.indent(mapping)?);
        Some(Splice { range: at..at, with, events, by })
    }

    /// A new entry in a flow mapping behind another one: on a line of its own if that has one too.
    fn behind_member(&self, (key, value): (usize, usize), entry: &str) -> Option<(Range<usize>, String)> {
        let (text, start) = (self.document.text, self.document.nodes[key].start);
        let tail = self.document.tail(value)?;
        let indent = &text[line_start(text, start)..start];
        let has_lines = indent.trim_matches([' ', '\t']).is_empty() && start > indent.len();
        let comma = skip_trivia(text, tail);
        let has_comma = text[comma..].starts_with(',');
        let at = if has_comma { comma + 1 } else { tail };
        let behind = skip_blanks(text, at);
        let end = if text[behind..].starts_with('#') { line_end(text, behind) } else { behind };
        // Behind a colon or a tag, a comma would be a part of it.
        let blank = if !has_comma && self.document.scalar(value) == Some("") { " " } else { "" };
        let comma = if has_comma { "" } else { "," };
        if has_lines && end == line_end(text, end) {
            let with = format!("{blank}{comma}{}{}{indent}{entry}", &text[at..end], line_break(text, start));
            return Some((at..end, with));
        }
        Some((at..at, format!("{blank}{comma} {entry}")))
    }

    /// New keys under a key that has no value yet, or under none.
    fn fill(&self, node: usize, keys: Vec<&str>) -> Option<Splice> {
        let text = self.document.text;
        let here = &self.document.nodes[node];
        let events = here.event..here.event + 1;
        let by = self.mapping_events(&keys, true);
        let (at, indent) = match here.place {
            Place::Value { mapping, key } if !here.is_in_flow => {
                (self.document.behind_colon(key)?, self.document.indent(mapping)? + self.step())
            }
            Place::Value { key, .. } => {
                let at = self.document.behind_colon(key)?;
                let with = format!(" {{{}}}", self.flow_entry(&keys));
                return Some(Splice { range: at..at, with, events, by });
            }
            Place::Item { .. } if !here.is_in_flow => {
                let at = self.document.tail(node)?;
                let indent = self.document.place(at).1;
                let end = line_end(text, at);
                let entry = self.entry(end, &keys, indent);
                let entry = entry.trim_start();
                // What is behind the dash, a comment that is, stays on its line.
                let (first, rest) = entry.split_at(line_end(entry, 0));
                let with = format!(" {first}{}{rest}", &text[at..end]);
                return Some(Splice { range: at..end, with, events, by });
            }
            // Behind `---`.
            Place::Root if text.starts_with("---") => (3, 0),
            Place::Root => (text.find("\n---")? + 4, 0),
            _ => return None,
        };
        let at = line_end(text, at);
        Some(Splice { range: at..at, with: self.entry(at, &keys, indent), events, by })
    }

    /// New keys in a file without any.
    fn fill_empty_file(&self, keys: Vec<&str>) -> Option<Splice> {
        let text = self.document.text;
        let entry = self.entry(text.len(), &keys, 0);
        // An entry begins with a line break, which a file that ends with one has already.
        let eol = line_break(text, text.len());
        let entry = entry.strip_prefix(eol).unwrap_or(&entry);
        let with = match text.is_empty() || text.ends_with('\n') {
            true => format!("{entry}{eol}"),
            false => format!("{eol}{entry}"),
        };
        let by = self.mapping_events(&keys, true);
        Some(Splice { range: text.len()..text.len(), with, events: 0..0, by })
    }

    /// Nested keys and the value as lines behind `at`, each behind a line break.
    fn entry(&self, at: usize, keys: &[&str], indent: usize) -> String {
        let step = self.step();
        let eol = line_break(self.document.text, at);
        let mut lines = String::new();
        for (depth, key) in keys.iter().enumerate() {
            lines += &format!("{eol}{}{}:", " ".repeat(indent + depth * step), scalar::plain_or_quoted(key));
        }
        let indent = indent + (keys.len() - 1) * step + INDENT;
        format!("{lines} {}{}", self.head(ScalarStyle::Plain), self.lines(at, indent))
    }

    /// Nested keys and the value on one line.
    fn flow_entry(&self, keys: &[&str]) -> String {
        let quoted =
            |key: &str| if self.document.is_json { scalar::double_quoted(key) } else { scalar::plain_or_quoted(key) };
        let keys: Vec<String> = keys.iter().map(|key| format!("{}: ", quoted(key))).collect();
        format!("{}{}{}", keys.join("{"), self.in_line(ScalarStyle::Plain), "}".repeat(keys.len() - 1))
    }

    /// The value's part on the line of its key.
    fn head(&self, style: ScalarStyle) -> String {
        match self.value {
            NewValue::Vault(_) => "!vault |".to_owned(),
            NewValue::Plain(text) => scalar::render(text, style),
        }
    }

    /// The value's lines under its key, in the place of what ends at `at`, each behind a line break.
    fn lines(&self, at: usize, indent: usize) -> String {
        match self.value {
            NewValue::Vault(payload) => {
                let indent = clear_indent(self.document.text, at, indent);
                let eol = line_break(self.document.text, at);
                payload.lines().map(|line| format!("{eol}{}{line}", " ".repeat(indent))).collect()
            }
            NewValue::Plain(_) => String::new(),
        }
    }

    /// The whole value on one line, as flow collections need it.
    fn in_line(&self, style: ScalarStyle) -> String {
        match self.value {
            NewValue::Vault(payload) if self.document.is_json => {
                format!("{{\"{JSON_KEY}\": {}}}", scalar::double_quoted(payload))
            }
            NewValue::Vault(payload) => format!("!vault {}", scalar::double_quoted(payload)),
            NewValue::Plain(text) if self.document.is_json => scalar::double_quoted(text),
            NewValue::Plain(text) => scalar::render(text, style),
        }
    }

    /// The column of a block under a key, or in the place of a list item.
    fn block_indent(&self, node: usize) -> Option<usize> {
        match self.document.nodes[node].place {
            Place::Value { mapping, .. } => Some(self.document.indent(mapping)? + INDENT),
            _ => match self.document.extent(node) {
                Some(range) => Some(self.document.place(range.start).1 - 1),
                None => Some(self.document.place(self.document.begin(node)?).1 - 1 + INDENT),
            },
        }
    }

    /// How far the file indents: by its first mapping inside another.
    fn step(&self) -> usize {
        let nodes = &self.document.nodes;
        let step = |(node, here): (usize, &Node<'_>)| {
            let Place::Value { mapping, .. } = here.place else { return None };
            self.document.indent(node)?.checked_sub(self.document.indent(mapping)?).filter(|step| *step > 0)
        };
        nodes.iter().enumerate().find_map(step).unwrap_or(INDENT)
    }

    /// The events of the value.
    fn value_events(&self, anchor: Option<&str>) -> Vec<Seen<'static>> {
        match self.value {
            NewValue::Vault(payload) if self.document.is_json => {
                vec![Seen::MAPPING, Seen::text(JSON_KEY), scalar_event(payload, None, None), Seen::MAPPING_END]
            }
            NewValue::Vault(payload) => vec![scalar_event(payload, Some("!vault"), anchor)],
            NewValue::Plain(text) => vec![scalar_event(text, None, anchor)],
        }
    }

    /// The events of nested keys and the value; of the outermost mapping too when it is new.
    fn mapping_events(&self, keys: &[&str], is_new: bool) -> Vec<Seen<'static>> {
        let mut events = Vec::new();
        for (depth, key) in keys.iter().enumerate() {
            if depth > 0 || is_new {
                events.push(Seen::MAPPING);
            }
            events.push(scalar_event(key, None, None));
        }
        events.extend(self.value_events(None));
        let ends = keys.len() - usize::from(!is_new);
        events.extend((0..ends).map(|_| Seen::MAPPING_END));
        events
    }
}

/// The keys to be made, of which none may be a list item.
fn keys_from(path: &KeyPath, depth: usize) -> Result<Vec<&str>, InventoryError> {
    let steps = path.steps()[depth..].iter();
    steps
        .map(|step| match step {
            Step::Key(key) => Ok(key.as_str()),
            Step::Item(_) => Err(InventoryError::NoItem(path.clone())),
        })
        .collect()
}
