//! What a parser sees of a text, to compare it before and after an edit.

use std::borrow::Cow;

/// One event, less what says nothing about the meaning: places, and styles but for whether a scalar is plain.
#[derive(Clone, PartialEq)]
pub(in crate::inventory) enum Seen<'a> {
    Scalar { value: Cow<'a, str>, tag: Option<Cow<'a, str>>, anchor: Option<Cow<'a, str>>, is_plain: bool },
    Alias(Cow<'a, str>),
    Start { collection: Collection, tag: Option<Cow<'a, str>>, anchor: Option<Cow<'a, str>> },
    End(Collection),
}

#[derive(Clone, Copy, PartialEq)]
pub(in crate::inventory) enum Collection {
    Mapping,
    Sequence,
}

impl<'a> Seen<'a> {
    pub(in crate::inventory) const MAPPING: Seen<'static> =
        Seen::Start { collection: Collection::Mapping, tag: None, anchor: None };
    pub(in crate::inventory) const MAPPING_END: Seen<'static> = Seen::End(Collection::Mapping);

    /// A scalar without a tag and an anchor.
    pub(in crate::inventory) fn text(value: &'a str) -> Seen<'a> {
        Seen::scalar(value, None, None)
    }

    pub(in crate::inventory) fn scalar(value: &'a str, tag: Option<&'a str>, anchor: Option<&'a str>) -> Seen<'a> {
        Seen::Scalar { value: value.into(), tag: tag.map(Into::into), anchor: anchor.map(Into::into), is_plain: false }
    }
}
