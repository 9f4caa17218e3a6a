//! The second look at an edit, by a reader that knows nothing of how the first one finds things.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::store::StoreError;

/// What an edit is about.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// A member of the whole file, its name in any case.
    Top(&'a str),
    /// Keys of the object that such a member is.
    In(&'a str, &'a [&'a str]),
}

/// `after` as bytes, if a reader that knows nothing of our spans finds `value` at `place`, or nothing there without one,
/// and everything else in the same order and bytes as before.
pub(super) fn guard(
    before: &str,
    after: String,
    place: Place<'_>,
    value: Option<&Value>,
) -> Result<Vec<u8>, StoreError> {
    let is_exact = || {
        let (mut old, mut new) = (Members::parse(before)?, Members::parse(&after)?);
        if let Place::In(object, _) = place {
            let is_object = |name: &str| name.eq_ignore_ascii_case(object);
            let (inner_old, inner_new) = (old.take(is_object), new.take(is_object));
            if old != new {
                return None;
            }
            (old, new) = (Members::within(&inner_old)?, Members::within(&inner_new)?);
        }
        let is_edited = |name: &str| match place {
            Place::Top(edited) => name.eq_ignore_ascii_case(edited),
            Place::In(_, keys) => keys.contains(&name),
        };
        old.take(is_edited);
        let found: Option<Vec<Value>> =
            new.take(is_edited).into_iter().map(|found| serde_json::from_str(found).ok()).collect();
        Some(old == new && found? == value.into_iter().cloned().collect::<Vec<_>>())
    };
    if is_exact() == Some(true) {
        return Ok(after.into_bytes());
    }
    let (Place::Top(name) | Place::In(name, _)) = place;
    let key = if let Place::In(_, &[key, ..]) = place { key } else { name };
    Err(StoreError::Unsafe(key.to_owned()))
}

/// The members of an object in their order, each value as it is spelled.
#[derive(PartialEq)]
struct Members<'text>(Vec<(String, &'text str)>);

impl<'text> Members<'text> {
    fn parse(text: &'text str) -> Option<Members<'text>> {
        serde_json::from_str(text).ok()
    }

    /// Of an object that may be missing, or `null`.
    fn within(values: &[&'text str]) -> Option<Members<'text>> {
        match values {
            [] | ["null"] => Some(Members(Vec::new())),
            [value] => Members::parse(value),
            _ => None,
        }
    }

    /// Takes the values of some of them out.
    fn take(&mut self, is_taken: impl Fn(&str) -> bool) -> Vec<&'text str> {
        self.0.extract_if(.., |(name, _)| is_taken(name)).map(|(_, value)| value).collect()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
