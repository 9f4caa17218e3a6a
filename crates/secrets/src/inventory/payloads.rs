//! Every payload of a file at once, to put others in their places.

use std::{collections::BTreeMap, ops::Range};

use super::{
    InventoryError, NewValue,
    document::Document,
    edit::{
        Splice, apply,
        payload::{replace_payload, replace_quoted, scalar_event},
        set::Edit,
    },
    key_path::KeyPath,
    lines::Lines,
    mend::mended,
    raw::{self, Block},
};
use crate::vault;

/// One payload, and where it is.
pub struct Payload {
    /// `None` for what is no value to Ansible: commented out, without its tag, or in a file that is no YAML.
    pub path: Option<KeyPath>,
    /// The line of the value, or of the payload's header; from 1.
    pub line: usize,
    /// From `$ANSIBLE_VAULT` on, without indentation.
    pub text: String,
    spot: Spot,
}

enum Spot {
    /// A tagged scalar.
    Tagged(usize),
    /// The one in `{__ansible_vault: PAYLOAD}`, or one whose tag was forgotten.
    Untagged(usize),
    /// A part of a text: of a scalar, or of a comment.
    Part(Block, Option<usize>),
}

/// The payloads of one file.
pub struct Payloads<'file> {
    mark: &'file str,
    content: Content<'file>,
    list: Vec<Payload>,
}

enum Content<'file> {
    Yaml(Document<'file>),
    Other(&'file [u8]),
}

impl<'file> Payloads<'file> {
    /// Those of a YAML or JSON file: its values, and others that stand in it as lines of text.
    ///
    /// # Errors
    /// When the file is no YAML that Ansible would read.
    pub fn of_yaml(bytes: &'file [u8]) -> Result<Payloads<'file>, InventoryError> {
        let (mark, text) = super::text(bytes)?;
        let document = Document::parse(text)?;
        let mut list = Vec::new();
        let scalars = Scalars::of(&document);
        let mut taken = Vec::new();
        for (node, here) in document.nodes.iter().enumerate() {
            let Some(text) = document.scalar(node).filter(|text| !text.is_empty()) else { continue };
            let holder = document.json_holder(node);
            let (path, spot) = match holder {
                _ if here.is_vault() => (document.path(node), Spot::Tagged(node)),
                Some(holder) => (document.path(holder), Spot::Untagged(node)),
                None if is_payload(text) => (None, Spot::Untagged(node)),
                None => continue,
            };
            taken.push(node);
            list.push(Payload { path, line: document.line_of(node), text: mended(text).0, spot });
        }
        let others = raw::blocks(text.as_bytes()).into_iter().filter_map(|block| {
            let scalar = scalars.around(block.range.start);
            let is_free = scalar.is_none_or(|node| taken.binary_search(&node).is_err());
            is_free.then(|| Payload::part(document.line(block.range.start), block, scalar))
        });
        list.extend(others);
        list.sort_by_key(|payload| payload.line);
        Ok(Payloads { mark, content: Content::Yaml(document), list })
    }

    /// Those that stand in any other text.
    pub fn of_text(bytes: &'file [u8]) -> Payloads<'file> {
        let lines = Lines::of(bytes);
        let part = |block: Block| Payload::part(lines.number(block.range.start), block, None);
        let list = raw::blocks(bytes).into_iter().map(part).collect();
        Payloads { mark: "", content: Content::Other(bytes), list }
    }

    /// The byte order mark and the document, for YAML.
    pub(super) fn yaml(&self) -> Option<(&'file str, &Document<'file>)> {
        match &self.content {
            Content::Yaml(document) => Some((self.mark, document)),
            Content::Other(_) => None,
        }
    }

    /// In the order of the file.
    pub fn list(&self) -> &[Payload] {
        &self.list
    }

    /// The file with another payload in the place of each; `None` leaves one alone. Every other byte stays.
    ///
    /// # Errors
    /// [`InventoryError::UnsafePayload`] when anything else would read differently.
    pub fn replace(&self, with: &[Option<String>]) -> Result<Vec<u8>, InventoryError> {
        let wanted = self.list.iter().zip(with).filter_map(|(payload, with)| Some((payload, with.as_deref()?)));
        let document = match &self.content {
            Content::Yaml(document) => document,
            Content::Other(bytes) => return replace_raw(bytes, wanted),
        };
        let mut splices = Vec::new();
        let mut last_line = 1;
        for (payload, with) in wanted {
            last_line = payload.line;
            let splice = payload.spot.splice(document, with);
            splices.push(splice.ok_or(InventoryError::UnsafePayload { line: payload.line })?);
        }
        splices.extend(self.changed_scalars(document, with)?);
        let edited = apply(document, splices).ok_or(InventoryError::UnsafePayload { line: last_line })?;
        Ok(format!("{}{edited}", self.mark).into_bytes())
    }

    /// What the scalars must read like that payloads are a part of: no change to the text, only to what is expected of it.
    fn changed_scalars(&self, document: &Document<'_>, with: &[Option<String>]) -> Result<Vec<Splice>, InventoryError> {
        let mut parts: BTreeMap<usize, (&Payload, usize, Vec<Option<String>>)> = BTreeMap::new();
        for (payload, with) in self.list.iter().zip(with) {
            if let Spot::Part(block, Some(node)) = &payload.spot {
                let parts = parts.entry(*node).or_insert((payload, block.range.start, Vec::new()));
                parts.2.push(with.clone());
            }
        }
        parts.retain(|_, (_, _, with)| with.iter().any(Option::is_some));
        let change = |(node, (payload, start, with)): (usize, (&Payload, usize, Vec<Option<String>>))| {
            let here = &document.nodes[node];
            let changed = document.scalar(node).and_then(|text| replaced_in(text, &with));
            let changed = changed.ok_or(InventoryError::UnsafePayload { line: payload.line })?;
            let by = vec![scalar_event(&changed, here.tag.as_deref(), here.anchor.as_deref())];
            Ok(Splice { range: start..start, with: String::new(), events: here.event..here.event + 1, by })
        };
        parts.into_iter().map(change).collect()
    }
}

fn replaced_in(text: &str, with: &[Option<String>]) -> Option<String> {
    let payloads = Payloads::of_text(text.as_bytes());
    let is_same = payloads.list.len() == with.len();
    is_same.then(|| payloads.replace(with).ok()).flatten().and_then(|text| String::from_utf8(text).ok())
}

impl Payload {
    fn part(line: usize, block: Block, scalar: Option<usize>) -> Payload {
        Payload { path: None, line, text: block.text.clone(), spot: Spot::Part(block, scalar) }
    }

    pub(super) fn tagged_node(&self) -> Option<usize> {
        match self.spot {
            Spot::Tagged(node) => Some(node),
            _ => None,
        }
    }

    /// The one in `{__ansible_vault: PAYLOAD}`.
    pub(super) fn json_node(&self) -> Option<usize> {
        match self.spot {
            Spot::Untagged(node) if self.path.is_some() => Some(node),
            _ => None,
        }
    }

    pub(super) fn splice(&self, document: &Document<'_>, with: &str) -> Option<Splice> {
        self.spot.splice(document, with)
    }
}

impl Spot {
    fn splice(&self, document: &Document<'_>, with: &str) -> Option<Splice> {
        match self {
            Spot::Tagged(node) => Edit::new(document, &NewValue::Vault(with.to_owned())).replace(*node),
            Spot::Untagged(node) => {
                replace_payload(document, *node, with).or_else(|| replace_quoted(document, *node, with))
            }
            Spot::Part(block, _) => {
                let (range, with) = (block.range.clone(), block.spelled(with));
                Some(Splice { range, with, events: 0..0, by: Vec::new() })
            }
        }
    }
}

/// Whether a text is a payload and nothing else; a header alone is only spoken of.
fn is_payload(text: &str) -> bool {
    vault::is_encrypted(text.trim_start().as_bytes()) && mended(text).0.trim_end().contains('\n')
}

/// Where the scalars of a document are, in the order of the text.
pub(super) struct Scalars(Vec<(Range<usize>, usize)>);

impl Scalars {
    pub(super) fn of(document: &Document<'_>) -> Scalars {
        let extent = |node| document.extent(node).map(|range| (range, node));
        let mut extents: Vec<_> = (0..document.nodes.len()).filter_map(extent).collect();
        extents.sort_by_key(|(range, _)| range.start);
        Scalars(extents)
    }

    /// The one that a byte is in.
    pub(super) fn around(&self, at: usize) -> Option<usize> {
        let before = self.0.partition_point(|(range, _)| range.start <= at);
        let (range, node) = self.0.get(before.checked_sub(1)?)?;
        range.contains(&at).then_some(*node)
    }
}

fn replace_raw<'a>(
    bytes: &[u8],
    wanted: impl Iterator<Item = (&'a Payload, &'a str)>,
) -> Result<Vec<u8>, InventoryError> {
    let mut edited = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (payload, with) in wanted {
        if let Spot::Part(block, _) = &payload.spot {
            edited.extend_from_slice(&bytes[at..block.range.start]);
            edited.extend_from_slice(block.spelled(with).as_bytes());
            at = block.range.end;
        }
    }
    edited.extend_from_slice(&bytes[at..]);
    Ok(edited)
}
