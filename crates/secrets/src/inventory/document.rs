//! A YAML text as a tree of nodes that know where they are.

use saphyr_parser::ScalarStyle;

use super::{
    InventoryError,
    key_path::{KeyPath, Step},
    lines::Lines,
};
use seen::{Collection, Seen};
use std::{borrow::Cow, collections::HashSet, ops::Range};

mod read;
pub(super) mod seen;

/// How many collections may be in one another.
pub(super) const MAX_DEPTH: usize = 1000;
/// The key that marks a payload in JSON, which has no tags.
pub(super) const JSON_KEY: &str = "__ansible_vault";

pub(super) struct Document<'text> {
    /// Without a byte order mark. Every offset counts bytes from here.
    pub(super) text: &'text str,
    lines: Lines,
    /// Whether an edit has to leave it JSON, which has no tags.
    pub(super) is_json: bool,
    /// Whether both parsers read the same texts.
    pub(super) is_sure: bool,
    /// In the order of the text.
    pub(super) nodes: Vec<Node<'text>>,
    anchors: Vec<usize>,
}

pub(super) struct Node<'text> {
    pub(super) kind: Kind<'text>,
    /// In full: `!vault`, `tag:yaml.org,2002:str`.
    pub(super) tag: Option<Box<str>>,
    /// Its own, or the one that it is an alias of.
    pub(super) anchor: Option<Box<str>>,
    pub(super) has_properties: bool,
    /// The first event of the node, and the last.
    pub(super) event: usize,
    pub(super) last_event: usize,
    /// Where the parser sees it begin: at its tag or anchor, else its first character, else, when it has none, somewhere
    /// before; for a block scalar without tag and anchor at its content.
    pub(super) start: usize,
    /// Behind its last character: to the byte for flow collections, give or take blanks and a comment for others.
    pub(super) end: usize,
    /// Whether a flow collection (`{…}`, `[…]`) is around it.
    pub(super) is_in_flow: bool,
    pub(super) place: Place,
}

pub(super) enum Kind<'text> {
    Scalar { value: Cow<'text, str>, style: ScalarStyle },
    Mapping { entries: Vec<(usize, usize)>, is_flow: bool },
    Sequence { items: Vec<usize>, is_flow: bool },
    Alias(usize),
}

/// Where a node is in its parent.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Root,
    Key,
    Value { mapping: usize, key: usize },
    Item { sequence: usize, index: usize },
}

impl<'text> Document<'text> {
    /// The first node, unless there is none: no document, or comments only.
    pub(super) fn root(&self) -> Option<usize> {
        (!self.nodes.is_empty()).then_some(0)
    }

    /// Whether the text is more than a scalar or a list, as any inventory in YAML is.
    pub(super) fn has_mapping(&self) -> bool {
        self.nodes.first().is_some_and(|root| matches!(root.kind, Kind::Mapping { .. }))
    }

    /// Line and column, from 1, the column in characters.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text[self.lines.start(at)..at];
        (self.lines.number(at), before.chars().count() + 1)
    }

    /// The line, from 1, of a byte.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.number(at)
    }

    /// The line of a node, from 1.
    pub(super) fn line_of(&self, node: usize) -> usize {
        self.line(self.nodes[node].start)
    }

    /// Everything that libyaml sees, between begin and end of the document.
    pub(super) fn events(&self) -> impl Iterator<Item = Seen<'_>> {
        let mut open: Vec<&Node<'_>> = Vec::new();
        let mut nodes = self.nodes.iter().peekable();
        let mut number = 0;
        std::iter::from_fn(move || {
            let event = match open.last() {
                Some(node) if node.last_event == number => open.pop().map(Node::end),
                _ => nodes.next().map(|node| {
                    if node.last_event > node.event {
                        open.push(node);
                    }
                    node.begin()
                }),
            };
            number += 1;
            event
        })
    }

    /// The node itself, or the one that it is an alias of.
    pub(super) fn follow(&self, node: usize) -> usize {
        match self.nodes[node].kind {
            Kind::Alias(anchor) => self.anchors.get(anchor - 1).copied().unwrap_or(node),
            _ => node,
        }
    }

    /// The first alias outside of a range of events that stands for something inside.
    pub(super) fn alias_of(&self, events: &Range<usize>) -> Option<usize> {
        let number = |event: usize| self.nodes.partition_point(|node| node.event < event);
        let inside = number(events.start)..number(events.end);
        let has_anchor = |node: &Node<'_>| node.anchor.is_some() && !matches!(node.kind, Kind::Alias(_));
        if !self.nodes[inside.clone()].iter().any(has_anchor) {
            return None;
        }
        (0..self.nodes.len()).find(|node| {
            let target = self.follow(*node);
            target != *node && inside.contains(&target) && !inside.contains(node)
        })
    }

    /// Why an edit does not follow the alias at `node`.
    pub(super) fn alias_error(&self, node: usize, path: &KeyPath) -> InventoryError {
        let anchor = self.follow(node);
        InventoryError::Alias {
            path: path.clone(),
            line: self.line_of(node),
            of: self.path(anchor).map_or_else(String::new, |path| path.to_string()),
            of_line: self.line_of(anchor),
        }
    }

    pub(super) fn scalar(&self, node: usize) -> Option<&str> {
        match &self.nodes[node].kind {
            Kind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The value under a key of a mapping's own.
    pub(super) fn child(&self, mapping: usize, name: &str) -> Result<Option<usize>, InventoryError> {
        let Kind::Mapping { entries, .. } = &self.nodes[mapping].kind else { return Ok(None) };
        let mut found = entries.iter().filter(|(key, _)| self.scalar(self.follow(*key)) == Some(name));
        match (found.next(), found.next()) {
            (Some((first, _)), Some((second, _))) => Err(InventoryError::Duplicate {
                key: name.to_owned(),
                first: self.line_of(*first),
                second: self.line_of(*second),
            }),
            (found, _) => Ok(found.map(|(_, value)| *value)),
        }
    }

    /// The value that a mapping has under a key by its merge keys (`<<`).
    pub(super) fn merged(&self, mapping: usize, name: &str) -> Result<Option<usize>, InventoryError> {
        for source in self.merged_mappings(mapping) {
            if let Some(value) = self.child(source, name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The mappings merged into one, directly or through one another, each once. Where two have the same key, the one that
    /// comes first here wins.
    pub(super) fn merged_mappings(&self, mapping: usize) -> impl Iterator<Item = usize> {
        let mut next = self.merge_sources(mapping);
        let mut visited = HashSet::new();
        std::iter::from_fn(move || {
            loop {
                let source = next.pop()?;
                if visited.insert(source) {
                    next.extend(self.merge_sources(source));
                    return Some(source);
                }
            }
        })
    }

    /// The mappings that the merge keys of one name, the first to look at last: as for any key, the last `<<` wins.
    fn merge_sources(&self, mapping: usize) -> Vec<usize> {
        let Kind::Mapping { entries, .. } = &self.nodes[mapping].kind else { return Vec::new() };
        let mut sources = Vec::new();
        for (_, value) in entries.iter().filter(|(key, _)| self.is_merge_key(*key)) {
            let value = self.follow(*value);
            match &self.nodes[value].kind {
                Kind::Sequence { items, .. } => sources.extend(items.iter().rev().map(|item| self.follow(*item))),
                _ => sources.push(value),
            }
        }
        sources
    }

    /// Whether a key is `<<`, which in quotes is a text like any other.
    pub(super) fn is_merge_key(&self, key: usize) -> bool {
        matches!(&self.nodes[key].kind, Kind::Scalar { value, style: ScalarStyle::Plain } if value == "<<")
    }

    /// The payload of `{__ansible_vault: PAYLOAD}`, the form of JSON inventories. Ansible does not mind what else is in
    /// there.
    pub(super) fn json_vault(&self, node: usize) -> Option<usize> {
        let Kind::Mapping { entries, .. } = &self.nodes[node].kind else { return None };
        let is_payload = |(key, value): &&(usize, usize)| {
            self.scalar(*key) == Some(JSON_KEY) && self.scalar(*value).is_some() && (self.is_json || entries.len() == 1)
        };
        entries.iter().rfind(is_payload).map(|(_, value)| *value)
    }

    /// The mapping `{__ansible_vault: PAYLOAD}` whose payload a node is.
    pub(super) fn json_holder(&self, node: usize) -> Option<usize> {
        let Place::Value { mapping, key } = self.nodes[node].place else { return None };
        (self.scalar(key) == Some(JSON_KEY) && self.json_vault(mapping) == Some(node)).then_some(mapping)
    }

    /// The way from the root to a node; `None` for keys, and for what has a key that is no scalar on its way.
    pub(super) fn path(&self, node: usize) -> Option<KeyPath> {
        let mut steps = Vec::new();
        let mut node = node;
        loop {
            node = match self.nodes[node].place {
                Place::Root => break,
                Place::Key => return None,
                Place::Value { mapping, key } => {
                    steps.push(Step::Key(self.scalar(self.follow(key))?.to_owned()));
                    mapping
                }
                Place::Item { sequence, index } => {
                    steps.push(Step::Item(index));
                    sequence
                }
            };
        }
        steps.reverse();
        KeyPath::new(steps)
    }
}

impl Node<'_> {
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Mapping { is_flow: true, .. } | Kind::Sequence { is_flow: true, .. })
    }

    /// `!vault`, and the older `!vault-encrypted`.
    pub(super) fn is_vault(&self) -> bool {
        matches!(self.tag.as_deref(), Some("!vault" | "!vault-encrypted"))
    }

    /// A plain scalar that YAML 1.1 reads as no value.
    pub(super) fn is_null(&self) -> bool {
        let Kind::Scalar { value, style: ScalarStyle::Plain } = &self.kind else { return false };
        matches!(self.tag.as_deref(), None | Some("tag:yaml.org,2002:null"))
            && matches!(&**value, "" | "~" | "null" | "Null" | "NULL")
    }

    /// No value, and not a character to show for it.
    pub(super) fn is_empty(&self) -> bool {
        let has_text = matches!(&self.kind, Kind::Scalar { value, .. } if !value.is_empty());
        self.is_null() && !has_text && !self.has_properties
    }

    fn begin(&self) -> Seen<'_> {
        let (tag, anchor) = (self.tag.as_deref().map(Into::into), self.anchor.as_deref().map(Into::into));
        match &self.kind {
            Kind::Scalar { value, style } => {
                Seen::Scalar { value: Cow::Borrowed(value), tag, anchor, is_plain: *style == ScalarStyle::Plain }
            }
            Kind::Alias(_) => Seen::Alias(anchor.unwrap_or_default()),
            Kind::Mapping { .. } => Seen::Start { collection: Collection::Mapping, tag, anchor },
            Kind::Sequence { .. } => Seen::Start { collection: Collection::Sequence, tag, anchor },
        }
    }

    fn end(&self) -> Seen<'_> {
        let is_mapping = matches!(self.kind, Kind::Mapping { .. });
        Seen::End(if is_mapping { Collection::Mapping } else { Collection::Sequence })
    }
}
