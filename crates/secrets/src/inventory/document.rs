//! A YAML text as a tree of nodes that know where they are.

use std::{borrow::Cow, collections::BTreeMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{
    InventoryError,
    key_path::{KeyPath, Step},
    libyaml::{self, Collection, Seen},
    span,
};

/// How many bytes are read again, in all, to help the parser over tabs that it does not know as blanks.
const MAX_READ_AGAIN: usize = 64 << 20;
/// The key that marks a payload in JSON, which has no tags.
pub(super) const JSON_KEY: &str = "__ansible_vault";
/// How many mappings merged into one another are searched.
const MAX_MERGES: usize = 64;

pub(super) struct Document<'text> {
    /// Without a byte order mark. Every offset counts bytes from here.
    pub(super) text: &'text str,
    /// How many events our parser saw.
    event_count: usize,
    /// The events that libyaml saw.
    pub(super) seen: Vec<Seen>,
    /// In the order of the text.
    pub(super) nodes: Vec<Node>,
    anchors: BTreeMap<usize, usize>,
}

pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) is_vault: bool,
    pub(super) has_properties: bool,
    /// The first event of the node, and the last.
    pub(super) event: usize,
    pub(super) last_event: usize,
    /// Where the parser sees it begin: at its tag or anchor, else its first character, else, when it has none, somewhere
    /// before; for a block scalar without tag and anchor at its content.
    pub(super) start: usize,
    /// Behind its last character, give or take blanks and a comment.
    pub(super) end: usize,
    /// From 1.
    pub(super) line: usize,
    /// From 0, in characters.
    pub(super) column: usize,
    /// Whether a flow collection (`{…}`, `[…]`) is around it.
    pub(super) is_in_flow: bool,
    pub(super) place: Place,
}

pub(super) enum Kind {
    Scalar { value: String, style: ScalarStyle },
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
    pub(super) fn parse(text: &'text str) -> Result<Document<'text>, InventoryError> {
        let events = parse_events(text)?;
        let mut document =
            Document { text, event_count: events.len(), seen: Vec::new(), nodes: Vec::new(), anchors: BTreeMap::new() };
        let offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect();
        let offset = |index: usize| offsets.get(index).copied().unwrap_or(text.len());
        let mut open: Vec<usize> = Vec::new();
        let mut documents = 0;
        for (index, (event, span)) in events.into_iter().enumerate() {
            let (start, end) = (offset(span.start.index()), offset(span.end.index()));
            match &event {
                Event::DocumentStart(_) if documents > 0 => {
                    return Err(InventoryError::TwoDocuments { line: span.start.line() });
                }
                Event::DocumentStart(_) => documents += 1,
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(node) = open.pop() {
                        document.nodes[node].last_event = index;
                        document.nodes[node].end = end;
                    }
                }
                Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                    let is_flow = text[start..end].trim_end().ends_with(['{', '[']);
                    let node = document.add(&event, index, (start, end), &span, is_flow, open.last().copied());
                    if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
                        open.push(node);
                    }
                }
                _ => {}
            }
        }
        document.refuse_bare_tags()?;
        document.seen = libyaml::events(text)?;
        Ok(document)
    }

    /// A tag without a value in front of a comma: a version of libyaml refuses it, and its port to Rust panics.
    fn refuse_bare_tags(&self) -> Result<(), InventoryError> {
        let is_bare = |node: &&Node| {
            node.has_properties && self.text[span::properties(self.text, node.start).tight_end..].starts_with(',')
        };
        match self.nodes.iter().find(is_bare) {
            None => Ok(()),
            Some(node) => Err(InventoryError::Syntax {
                line: node.line,
                column: node.column + 1,
                problem: "a tag has no value".to_owned(),
            }),
        }
    }

    fn add(
        &mut self,
        event: &Event<'_>,
        index: usize,
        (start, end): (usize, usize),
        span: &Span,
        is_flow: bool,
        parent: Option<usize>,
    ) -> usize {
        let (kind, anchor, tag) = match event {
            Event::Scalar(value, style, anchor, tag) => {
                (Kind::Scalar { value: value.clone().into_owned(), style: *style }, *anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                // With a tag or an anchor the span goes on to the first item.
                let is_flow = is_flow || (tag.is_some() || *anchor != 0) && self.begins_flow(start, '[');
                (Kind::Sequence { items: Vec::new(), is_flow }, *anchor, tag)
            }
            Event::MappingStart(anchor, tag) => {
                let is_flow = is_flow || (tag.is_some() || *anchor != 0) && self.begins_flow(start, '{');
                (Kind::Mapping { entries: Vec::new(), is_flow }, *anchor, tag)
            }
            Event::Alias(anchor) => (Kind::Alias(*anchor), 0, &None),
            _ => return 0,
        };
        let node = self.nodes.len();
        if anchor != 0 {
            self.anchors.insert(anchor, node);
        }
        let is_in_flow = parent.is_some_and(|parent| self.nodes[parent].is_in_flow || self.nodes[parent].is_flow());
        let place = match parent.map(|parent| (parent, &mut self.nodes[parent].kind)) {
            Some((sequence, Kind::Sequence { items, .. })) => {
                items.push(node);
                Place::Item { sequence, index: items.len() - 1 }
            }
            Some((mapping, Kind::Mapping { entries, .. })) => match entries.last_mut() {
                // A key stands for its own value until that comes.
                Some((key, value)) if key == value => {
                    *value = node;
                    Place::Value { mapping, key: *key }
                }
                _ => {
                    entries.push((node, node));
                    Place::Key
                }
            },
            _ => Place::Root,
        };
        self.nodes.push(Node {
            kind,
            is_vault: tag.as_deref().is_some_and(is_vault),
            has_properties: anchor != 0 || tag.is_some(),
            event: index,
            last_event: index,
            start,
            end,
            line: span.start.line(),
            column: span.start.col(),
            is_in_flow,
            place,
        });
        node
    }

    fn begins_flow(&self, start: usize, bracket: char) -> bool {
        self.text[span::properties(self.text, start).end..].starts_with(bracket)
    }

    /// Whether both parsers read the text as the same nodes with the same texts.
    pub(super) fn is_sure(&self) -> bool {
        let is_same = |node: &Node| match (&node.kind, self.seen.get(node.event)) {
            // libyaml was given a line break at the end of a file without one.
            (Kind::Scalar { value, .. }, Some(Seen::Scalar { value: seen, .. })) => {
                value == seen
                    || (!self.text.ends_with('\n') && value.trim_end_matches('\n') == seen.trim_end_matches('\n'))
            }
            (Kind::Mapping { .. }, Some(Seen::Start { collection: Collection::Mapping, .. }))
            | (Kind::Sequence { .. }, Some(Seen::Start { collection: Collection::Sequence, .. }))
            | (Kind::Alias(_), Some(Seen::Alias(_))) => true,
            _ => false,
        };
        self.event_count == self.seen.len() && self.nodes.iter().all(is_same)
    }

    /// The first node, unless there is none: no document, or comments only.
    pub(super) fn root(&self) -> Option<usize> {
        (!self.nodes.is_empty()).then_some(0)
    }

    /// Whether the text is more than a scalar or a list, as any inventory in YAML is.
    pub(super) fn has_mapping(&self) -> bool {
        self.nodes.first().is_some_and(|root| matches!(root.kind, Kind::Mapping { .. }))
    }

    /// The node itself, or the one that it is an alias of.
    pub(super) fn follow(&self, node: usize) -> usize {
        match self.nodes[node].kind {
            Kind::Alias(anchor) => self.anchors.get(&anchor).copied().unwrap_or(node),
            _ => node,
        }
    }

    /// Why an edit does not follow the alias at `node`.
    pub(super) fn alias_error(&self, node: usize, path: &KeyPath) -> InventoryError {
        let anchor = self.follow(node);
        InventoryError::Alias {
            path: path.clone(),
            line: self.nodes[node].line,
            of: self.path(anchor).map_or_else(String::new, |path| path.to_string()),
            of_line: self.nodes[anchor].line,
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
                first: self.nodes[*first].line,
                second: self.nodes[*second].line,
            }),
            (found, _) => Ok(found.map(|(_, value)| *value)),
        }
    }

    /// The value that a mapping has under a key by its merge keys (`<<`), of which the first one wins.
    pub(super) fn merged(&self, mapping: usize, name: &str) -> Result<Option<usize>, InventoryError> {
        let mut sources = self.merge_sources(mapping);
        for _ in 0..MAX_MERGES {
            let Some(source) = sources.pop() else { return Ok(None) };
            if let Some(value) = self.child(source, name)? {
                return Ok(Some(value));
            }
            sources.extend(self.merge_sources(source));
        }
        Ok(None)
    }

    /// The mappings merged into one, the first of them last.
    pub(super) fn merge_sources(&self, mapping: usize) -> Vec<usize> {
        let Kind::Mapping { entries, .. } = &self.nodes[mapping].kind else { return Vec::new() };
        let merges = entries.iter().filter(|(key, _)| self.scalar(*key) == Some("<<"));
        let mut sources = Vec::new();
        for (_, value) in merges {
            let value = self.follow(*value);
            match &self.nodes[value].kind {
                Kind::Sequence { items, .. } => sources.extend(items.iter().map(|item| self.follow(*item))),
                _ => sources.push(value),
            }
        }
        sources.reverse();
        sources
    }

    /// The payload of `{__ansible_vault: PAYLOAD}`, the form of JSON inventories.
    pub(super) fn json_vault(&self, node: usize) -> Option<usize> {
        match &self.nodes[node].kind {
            Kind::Mapping { entries, .. } if entries.len() == 1 => {
                let (key, value) = entries[0];
                (self.scalar(key) == Some(JSON_KEY) && self.scalar(value).is_some()).then_some(value)
            }
            _ => None,
        }
    }

    /// Whether a node has the tag that Ansible is about to drop.
    pub(super) fn has_old_tag(&self, node: usize) -> bool {
        let is_old = |tag: &Option<String>| tag.as_deref() == Some("!vault-encrypted");
        matches!(self.seen.get(self.nodes[node].event), Some(Seen::Scalar { tag, .. }) if is_old(tag))
    }

    /// The mapping `{__ansible_vault: PAYLOAD}` whose payload a node is.
    pub(super) fn json_holder(&self, node: usize) -> Option<usize> {
        let Place::Value { mapping, .. } = self.nodes[node].place else { return None };
        (self.json_vault(mapping) == Some(node)).then_some(mapping)
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

impl Node {
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Mapping { is_flow: true, .. } | Kind::Sequence { is_flow: true, .. })
    }

    /// A plain scalar that YAML 1.1 reads as no value.
    pub(super) fn is_null(&self) -> bool {
        let Kind::Scalar { value, style: ScalarStyle::Plain } = &self.kind else { return false };
        !self.is_vault && matches!(value.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// No value, and not a character to show for it.
    pub(super) fn is_empty(&self) -> bool {
        self.is_null() && self.scalar_is_empty() && !self.has_properties
    }

    fn scalar_is_empty(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { value, .. } if value.is_empty())
    }
}

/// `!vault`, and the older `!vault-encrypted`.
pub(super) fn is_vault(tag: &Tag) -> bool {
    tag.handle == "!" && matches!(tag.suffix.as_str(), "vault" | "vault-encrypted")
}

/// Every event of a text. libyaml, and with it Ansible, takes a tab between a colon and a value for a blank; our parser
/// does not, and is given a blank instead, which leaves every offset where it was.
fn parse_events(text: &str) -> Result<Vec<(Event<'static>, Span)>, InventoryError> {
    let mut shadow = Cow::Borrowed(text);
    for _ in 0..(MAX_READ_AGAIN / text.len().max(1)).clamp(1, 1000) {
        let error = match Parser::new_from_str(&shadow).map(owned).collect() {
            Ok(events) => return Ok(events),
            Err(error) => error,
        };
        let tab = tab_before(&shadow, &error).ok_or_else(|| syntax(&error))?;
        shadow.to_mut().replace_range(tab..=tab, " ");
    }
    Err(InventoryError::Syntax { line: 1, column: 1, problem: "too many tabs".to_owned() })
}

fn owned(event: Result<(Event<'_>, Span), ScanError>) -> Result<(Event<'static>, Span), ScanError> {
    let tag = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| Cow::Owned(tag.into_owned()));
    event.map(|(event, span)| {
        let event = match event {
            Event::Scalar(value, style, anchor, of) => {
                Event::Scalar(Cow::Owned(value.into_owned()), style, anchor, tag(of))
            }
            Event::SequenceStart(anchor, of) => Event::SequenceStart(anchor, tag(of)),
            Event::MappingStart(anchor, of) => Event::MappingStart(anchor, tag(of)),
            Event::Alias(anchor) => Event::Alias(anchor),
            Event::DocumentStart(is_explicit) => Event::DocumentStart(is_explicit),
            Event::DocumentEnd => Event::DocumentEnd,
            Event::SequenceEnd => Event::SequenceEnd,
            Event::MappingEnd => Event::MappingEnd,
            Event::StreamStart => Event::StreamStart,
            Event::StreamEnd => Event::StreamEnd,
            Event::Nothing => Event::Nothing,
        };
        (event, span)
    })
}

/// The tab behind a colon that the parser stumbled over.
fn tab_before(text: &str, error: &ScanError) -> Option<usize> {
    let at = text.char_indices().nth(error.marker().index()).map_or(text.len(), |(at, _)| at);
    let before = text[..at].trim_end_matches(['\t', ' ']);
    before.ends_with(':').then(|| text[before.len()..at].find('\t').map(|tab| before.len() + tab))?
}

fn syntax(error: &ScanError) -> InventoryError {
    let marker = error.marker();
    InventoryError::Syntax { line: marker.line(), column: marker.col() + 1, problem: error.info().to_owned() }
}
