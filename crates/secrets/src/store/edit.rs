//! Changing one entry of a store's file, and nothing else in it.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::{
    AuthFile, Credential, Entry, StoreError, encode,
    json::{self, Member},
};
use crate::Secret;

/// The file with a login under `key`: that entry replaced or appended, every other byte kept. Nothing and whitespace make
/// a new file, indented by tabs and without a final line break as Docker writes it. A login that is there already gives
/// back the same bytes.
///
/// # Errors
/// [`StoreError`]; a file that could not be read back with exactly this change is not made.
pub fn set(bytes: &[u8], key: &str, user: &str, secret: &Secret) -> Result<Vec<u8>, StoreError> {
    let auth = encode(user, secret)?;
    let text = if bytes.trim_ascii().is_empty() { "{}" } else { json::validate(bytes)? };
    let credential = Credential { user: user.to_owned(), secret: secret.clone() };
    let same = |(name, entry): &(String, Entry)| name == key && *entry == Entry::Credential(credential.clone());
    let file = AuthFile::parse(bytes)?;
    if file.entries().iter().any(same) && file.entries().iter().filter(|(name, _)| name == key).count() == 1 {
        return Ok(bytes.to_owned());
    }
    let entry = json!({ "auth": auth.as_str() });
    let edited = match auths(text)? {
        None => Object::at(text, 0)?.append("auths", &json!({ key: entry })),
        Some(auths) if &text[auths.value.clone()] == "null" => {
            Object::at(text, 0)?.replace(&auths, &json!({ key: entry }))
        }
        Some(auths) => {
            let object = Object::at(text, auths.value.start)?;
            match unique(&object.members, |name| name == key)? {
                Some(member) => object.replace(member, &entry),
                None => object.append(key, &entry),
            }
        }
    };
    guard(text, edited, key, |auths| {
        auths.insert(key.to_owned(), entry);
    })
}

/// The file without the entries under `keys`, and every other byte kept.
///
/// # Errors
/// [`StoreError`]; a file that could not be read back with exactly this change is not made.
pub fn remove(bytes: &[u8], keys: &[&str]) -> Result<Vec<u8>, StoreError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(bytes.to_owned());
    }
    let before = json::validate(bytes)?;
    let mut text = before.to_owned();
    while let Some(shorter) = without_one(&text, keys)? {
        text = shorter;
    }
    if text == before {
        return Ok(bytes.to_owned());
    }
    guard(before, text, keys[0], |auths| auths.retain(|name, _| !keys.contains(&name.as_str())))
}

/// The text without the first entry that has one of `keys`, or `None` when there is no more.
fn without_one(text: &str, keys: &[&str]) -> Result<Option<String>, StoreError> {
    let Some(auths) = auths(text)?.filter(|auths| &text[auths.value.clone()] != "null") else { return Ok(None) };
    let object = Object::at(text, auths.value.start)?;
    let index = object.members.iter().position(|member| keys.contains(&member.name.as_str()));
    Ok(index.map(|index| object.without(index)))
}

/// The `auths` of a file.
fn auths(text: &str) -> Result<Option<Member>, StoreError> {
    let mut members = json::members(text, 0).ok_or(StoreError::NotAnObject("the file"))?;
    let name = unique(&members, |name| name.eq_ignore_ascii_case("auths"))?.map(|member| member.start);
    Ok(name.and_then(|start| members.iter().position(|member| member.start == start)).map(|at| members.swap_remove(at)))
}

fn unique(members: &[Member], is_it: impl Fn(&str) -> bool) -> Result<Option<&Member>, StoreError> {
    let mut found = members.iter().filter(|member| is_it(&member.name));
    match (found.next(), found.next()) {
        (_, Some(second)) => Err(StoreError::Duplicate(second.name.clone())),
        (first, None) => Ok(first),
    }
}

/// `after` as bytes, if a reader that knows nothing of our spans finds that `change` is the only difference.
fn guard(
    before: &str,
    after: String,
    key: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<Vec<u8>, StoreError> {
    let parse = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let is_exact = || {
        let (mut expected, found) = (parse(before)?, parse(&after)?);
        let name = expected.keys().find(|name| name.eq_ignore_ascii_case("auths")).cloned();
        let auths = expected.entry(name.unwrap_or_else(|| "auths".to_owned())).or_insert_with(|| json!({}));
        if auths.is_null() {
            *auths = json!({});
        }
        change(auths.as_object_mut()?);
        Some(expected == found)
    };
    if is_exact() == Some(true) { Ok(after.into_bytes()) } else { Err(StoreError::Unsafe(key.to_owned())) }
}

/// An object in a text, and how the file lays out its members.
struct Object<'text> {
    text: &'text str,
    /// Behind its `{`.
    inside: usize,
    members: Vec<Member>,
    layout: Layout,
}

/// What stands before a member, between a name and its value, and is added for each level; on one line `unit` is empty.
struct Layout {
    separator: String,
    colon: String,
    unit: String,
}

impl<'text> Object<'text> {
    fn at(text: &'text str, start: usize) -> Result<Object<'text>, StoreError> {
        let members = json::members(text, start).ok_or(StoreError::NotAnObject("`auths`"))?;
        let inside = json::skip_blanks(text, start) + 1;
        let layout = Layout::of(text, inside, &members);
        Ok(Object { text, inside, members, layout })
    }

    fn replace(&self, member: &Member, value: &Value) -> String {
        self.splice(member.value.clone(), &self.layout.render(value))
    }

    /// With one more member behind the last.
    fn append(&self, name: &str, value: &Value) -> String {
        let Layout { separator, colon, .. } = &self.layout;
        let member = format!("{separator}{}{colon}{}", Value::from(name), self.layout.render(value));
        match self.members.last() {
            Some(last) => self.splice(last.value.end..last.value.end, &format!(",{member}")),
            None => {
                let end = json::skip_blanks(self.text, self.inside);
                self.splice(self.inside..end, &format!("{member}{}", self.layout.outer()))
            }
        }
    }

    /// Without the member and the comma that set it apart.
    fn without(&self, index: usize) -> String {
        let member = &self.members[index];
        let gap = match (self.members.get(index + 1), index) {
            (Some(next), _) => member.start..next.start,
            (None, 0) => self.inside..json::skip_blanks(self.text, member.value.end),
            (None, _) => self.members[index - 1].value.end..member.value.end,
        };
        self.splice(gap, "")
    }

    fn splice(&self, range: Range<usize>, with: &str) -> String {
        format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..])
    }
}

impl Layout {
    /// As the members that are there; an empty object follows the line it is on, and an empty file Docker.
    fn of(text: &str, inside: usize, members: &[Member]) -> Layout {
        let root = json::members(text, 0).unwrap_or_default();
        let Some(top) = root.first() else {
            return Layout { separator: "\n\t".to_owned(), colon: ": ".to_owned(), unit: "\t".to_owned() };
        };
        let colon = text[top.name_end..top.value.start].to_owned();
        let top = &text[json::skip_blanks(text, 0) + 1..top.start];
        let Some((_, unit)) = top.rsplit_once('\n') else {
            return Layout { separator: top.to_owned(), colon, unit: String::new() };
        };
        let unit = unit.to_owned();
        if let Some(first) = members.first() {
            return Layout { separator: text[inside..first.start].to_owned(), colon, unit };
        }
        let newline = if top.contains("\r\n") { "\r\n" } else { "\n" };
        let line = text[..inside].rsplit('\n').next().unwrap_or_default();
        let indent = &line[..json::skip_blanks(line, 0)];
        Layout { separator: format!("{newline}{indent}{unit}"), colon, unit }
    }

    fn is_one_line(&self) -> bool {
        !self.separator.contains('\n')
    }

    /// What stands before the `}` that ends the members.
    fn outer(&self) -> &str {
        if self.is_one_line() { &self.separator } else { self.separator.strip_suffix(&self.unit).unwrap_or_default() }
    }

    /// An object of objects, as the value of a member.
    fn render(&self, value: &Value) -> String {
        let Some(object) = value.as_object() else { return value.to_string() };
        let inner = Layout {
            separator: if self.is_one_line() {
                self.separator.clone()
            } else {
                format!("{}{}", self.separator, self.unit)
            },
            colon: self.colon.clone(),
            unit: self.unit.clone(),
        };
        let member = |(name, value): (&String, &Value)| {
            format!("{}{}{}{}", inner.separator, Value::from(name.as_str()), inner.colon, inner.render(value))
        };
        let members: Vec<String> = object.iter().map(member).collect();
        format!("{{{}{}}}", members.join(","), inner.outer())
    }
}
