//! A file with its payloads opened in place, as a person reads and edits it, and the way back.
//!
//! Each payload shows as its plaintext in double quotes, under its tag still: the tag says what is to be encrypted again.

use zeroize::Zeroizing;

use super::{
    InventoryError, NewValue, Payload, Payloads,
    document::Document,
    edit::{
        Splice, apply,
        payload::{replace_quoted, scalar_event},
        set::Edit,
    },
    key_path::KeyPath,
    scalar,
    span::line_end,
};
use crate::{Secret, vault};

/// What a person left of a [`View`] at one place: a text under a vault tag.
pub struct Tagged {
    /// Its place; `None` under a key that is no single value.
    pub path: Option<KeyPath>,
    /// From 1.
    pub line: usize,
    /// What is to be encrypted.
    pub text: Secret,
    node: usize,
}

/// A file with opened payloads.
pub struct View<'file> {
    payloads: &'file Payloads<'file>,
    /// Of each payload, if it opened and is text.
    plaintexts: Vec<Option<Zeroizing<String>>>,
}

impl<'file> View<'file> {
    /// `plaintexts`: what is in each of the payloads; `None` leaves one as it is.
    pub fn new(payloads: &'file Payloads<'file>, plaintexts: Vec<Option<Zeroizing<String>>>) -> View<'file> {
        View { payloads, plaintexts }
    }

    /// The file with plaintexts under their tags.
    ///
    /// # Errors
    /// [`InventoryError::UnsafePayload`] when anything else would read differently.
    pub fn text(&self) -> Result<Zeroizing<Vec<u8>>, InventoryError> {
        self.edited(|document, payload, plaintext| {
            let Some(node) = payload.tagged_node() else { return payload.splice(document, plaintext) };
            let here = &document.nodes[node];
            let by = vec![scalar_event(plaintext, here.tag.as_deref(), here.anchor.as_deref())];
            let (range, behind) = span(document, node)?;
            let properties = &document.text[range.start..document.value_start(node)?];
            let with = format!("{properties}{}{behind}", scalar::double_quoted(plaintext));
            Some(Splice { range, with, events: here.event..here.event + 1, by })
        })
    }

    /// The file with plaintexts in the place of payloads and of their tags.
    ///
    /// # Errors
    /// [`InventoryError::UnsafePayload`] when anything else would read differently.
    pub fn plain(&self) -> Result<Zeroizing<Vec<u8>>, InventoryError> {
        self.edited(|document, payload, plaintext| {
            let value = NewValue::Plain(plaintext.to_owned());
            let edit = Edit::new(document, &value);
            match (payload.tagged_node(), payload.json_node()) {
                (Some(node), _) => edit.replace(node),
                (None, Some(node)) => edit.replace_mapping(document.json_holder(node)?),
                (None, None) => None,
            }
        })
    }

    fn edited(
        &self,
        splice: impl Fn(&Document<'_>, &Payload, &str) -> Option<Splice>,
    ) -> Result<Zeroizing<Vec<u8>>, InventoryError> {
        let Some((mark, document)) = self.payloads.yaml() else { return Err(InventoryError::WholeFile) };
        let mut splices = Vec::new();
        for (payload, plaintext) in self.payloads.list().iter().zip(&self.plaintexts) {
            // What is no value stays as it is.
            let Some(plaintext) = plaintext.as_ref().filter(|_| payload.path.is_some()) else { continue };
            let line = payload.line;
            splices.push(splice(document, payload, plaintext).ok_or(InventoryError::UnsafePayload { line })?);
        }
        let edited = Zeroizing::new(apply(document, splices).ok_or(InventoryError::UnsafePayload { line: 1 })?);
        Ok(Zeroizing::new([mark.as_bytes(), edited.as_bytes()].concat()))
    }

    /// What a person left under vault tags.
    ///
    /// # Errors
    /// When it is no YAML that Ansible would read.
    pub fn tagged(edited: &[u8]) -> Result<Vec<Tagged>, InventoryError> {
        let document = Document::parse(super::text(edited)?.1)?;
        let tagged = |node: usize| {
            let holder = document.json_holder(node);
            let text = document.scalar(node).filter(|_| document.nodes[node].is_vault() || holder.is_some())?;
            let path = document.path(holder.unwrap_or(node));
            let text = Secret::new(text.to_owned());
            Some(Tagged { path, line: document.line_of(node), text, node })
        };
        let is_payload = |tagged: &Tagged| vault::is_encrypted(tagged.text.reveal().as_bytes());
        Ok((0..document.nodes.len()).filter_map(tagged).filter(|tagged| !is_payload(tagged)).collect())
    }

    /// The payload that `tagged` was before, when the text is still the same, and the one that was at its place.
    pub fn before(&self, tagged: &Tagged) -> (Option<usize>, Option<usize>) {
        let list = self.payloads.list();
        let is_same =
            |at: &usize| self.plaintexts[*at].as_ref().is_some_and(|text| *text.as_str() == *tagged.text.reveal());
        let is_here = |at: &usize| tagged.path.is_some() && list[*at].path == tagged.path;
        let here = (0..list.len()).find(is_here);
        (here.filter(is_same).or_else(|| (0..list.len()).find(is_same)), here)
    }

    /// What a person left, with payloads in the place of what [`View::tagged`] lists, in its order. A payload of the file
    /// as it was comes back in its own form.
    ///
    /// # Errors
    /// [`InventoryError::UnsafePayload`] when anything else would read differently.
    pub fn sealed(&self, edited: &[u8], payloads: &[String]) -> Result<Vec<u8>, InventoryError> {
        let (mark, text) = super::text(edited)?;
        let document = Document::parse(text)?;
        let tagged = View::tagged(edited)?;
        let mut splices = Vec::new();
        for (tagged, payload) in tagged.iter().zip(payloads) {
            let unsafe_here = InventoryError::UnsafePayload { line: tagged.line };
            let value = NewValue::Vault(payload.clone());
            let splice = self.in_old_form(&document, tagged, payload).or_else(|| {
                let edit = Edit::new(&document, &value);
                match document.json_holder(tagged.node) {
                    Some(_) => replace_quoted(&document, tagged.node, payload),
                    None => edit.write_over(tagged.node),
                }
            });
            splices.push(splice.ok_or(unsafe_here)?);
        }
        let edited = apply(&document, splices).ok_or(InventoryError::UnsafePayload { line: 1 })?;
        Ok(format!("{mark}{edited}").into_bytes())
    }

    /// The bytes that a payload had before, for one that is the same and at the same place.
    fn in_old_form(&self, document: &Document<'_>, tagged: &Tagged, payload: &str) -> Option<Splice> {
        let (_, old) = self.payloads.yaml()?;
        let same = self.payloads.list().iter().find(|old| old.path == tagged.path && old.text == payload)?;
        let (range, behind) = span(old, same.tagged_node()?)?;
        let (edited_range, edited_behind) = span(document, tagged.node)?;
        let here = &document.nodes[tagged.node];
        let by = vec![scalar_event(payload, here.tag.as_deref(), here.anchor.as_deref())];
        let is_as_it_was = behind == edited_behind
            && old.text[range.start..old.value_start(same.tagged_node()?)?]
                == document.text[edited_range.start..document.value_start(tagged.node)?];
        is_as_it_was.then(|| Splice {
            range: edited_range,
            with: old.text[range].to_owned(),
            events: here.event..here.event + 1,
            by,
        })
    }
}

/// The bytes of a scalar from its tag on, to the end of its line or of its block, and what is behind it on its line.
fn span<'text>(document: &Document<'text>, node: usize) -> Option<(std::ops::Range<usize>, &'text str)> {
    let place = document.locate(node)?;
    let text = document.text;
    if document.nodes[node].is_in_flow {
        return Some((place.head, ""));
    }
    let end = line_end(text, place.head.end);
    let behind = &text[place.head.end..end];
    Some((place.head.start..place.block.map_or(end, |block| block.content.end), behind))
}
