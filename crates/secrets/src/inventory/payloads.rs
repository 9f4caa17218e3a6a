//! Every payload of a file at once, to put others in their places.

use super::{
    InventoryError, NewValue,
    document::Document,
    edit::{Splice, apply, payload::replace_quoted, set::Edit},
    key_path::KeyPath,
    libyaml::Seen,
    mend::mended,
    raw::{self, Block},
};

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
    /// The one in `{__ansible_vault: PAYLOAD}`.
    Json(usize),
    Raw(Block),
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
        let mut taken = Vec::new();
        for (node, here) in document.nodes.iter().enumerate() {
            let holder = document.json_holder(node);
            let spot = match holder {
                Some(_) => Spot::Json(node),
                None if here.is_vault => Spot::Tagged(node),
                None => continue,
            };
            let Some(text) = document.scalar(node).filter(|text| !text.is_empty()) else { continue };
            taken.extend(document.extent(node));
            let path = document.path(holder.unwrap_or(node));
            list.push(Payload { path, line: here.line, text: mended(text).0, spot });
        }
        let is_free = |block: &Block| !taken.iter().any(|range| range.contains(&block.range.start));
        list.extend(others(text.as_bytes(), raw::blocks(text.as_bytes()).into_iter().filter(is_free)));
        list.sort_by_key(|payload| payload.line);
        Ok(Payloads { mark, content: Content::Yaml(document), list })
    }

    /// Those that stand in any other text.
    pub fn of_text(bytes: &'file [u8]) -> Payloads<'file> {
        let list = others(bytes, raw::blocks(bytes).into_iter()).collect();
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
        let edited = apply(document, splices).ok_or(InventoryError::UnsafePayload { line: last_line })?;
        Ok(format!("{}{edited}", self.mark).into_bytes())
    }
}

impl Payload {
    pub(super) fn tagged_node(&self) -> Option<usize> {
        match self.spot {
            Spot::Tagged(node) => Some(node),
            _ => None,
        }
    }

    pub(super) fn json_node(&self) -> Option<usize> {
        match self.spot {
            Spot::Json(node) => Some(node),
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
            Spot::Json(node) => replace_quoted(document, *node, with),
            Spot::Raw(block) => raw_splice(document, block, with),
        }
    }
}

/// In a comment, nothing may read differently; in a scalar, nothing but the payload in it.
fn raw_splice(document: &Document<'_>, block: &Block, with: &str) -> Option<Splice> {
    let start = block.range.start;
    let nodes = &document.nodes;
    let scalar = (0..nodes.len()).find(|node| document.extent(*node).is_some_and(|range| range.contains(&start)));
    let (events, by) = match scalar.and_then(|node| document.seen.get(nodes[node].event).map(|seen| (node, seen))) {
        Some((node, Seen::Scalar { value, tag, anchor, .. })) => {
            let value = value.replacen(block.text.trim_end(), with.trim_end(), 1);
            let event = Seen::Scalar { value, tag: tag.clone(), anchor: anchor.clone(), is_plain: false };
            (nodes[node].event..nodes[node].event + 1, vec![event])
        }
        _ => {
            let behind = nodes.iter().find(|node| node.start > start).map_or(document.seen.len(), |node| node.event);
            (behind..behind, Vec::new())
        }
    };
    Some(Splice { range: block.range.clone(), with: block.spelled(with), events, by })
}

fn others(bytes: &[u8], blocks: impl Iterator<Item = Block>) -> impl Iterator<Item = Payload> {
    blocks.map(|block| {
        let line = bytes[..block.range.start].iter().filter(|byte| **byte == b'\n').count() + 1;
        Payload { path: None, line, text: block.text.clone(), spot: Spot::Raw(block) }
    })
}

fn replace_raw<'a>(
    bytes: &[u8],
    wanted: impl Iterator<Item = (&'a Payload, &'a str)>,
) -> Result<Vec<u8>, InventoryError> {
    let mut edited = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (payload, with) in wanted {
        if let Spot::Raw(block) = &payload.spot {
            edited.extend_from_slice(&bytes[at..block.range.start]);
            edited.extend_from_slice(block.spelled(with).as_bytes());
            at = block.range.end;
        }
    }
    edited.extend_from_slice(&bytes[at..]);
    Ok(edited)
}
