//! Changing one entry of a store's file, or one helper that it names, and nothing else in it.

mod guard;

use std::ops::Range;

use serde_json::{Value, json};

use self::guard::{Place, guard};
use super::{
    AuthFile, Credential, Entry, StoreError, encode,
    json::{self, Member},
};
use crate::Secret;

/// The names of what is changed in a file, see docker/cli `cli/config/configfile/file.go`.
const AUTHS: &str = "auths";
const HELPERS: &str = "credHelpers";
const HELPER_OF_ALL: &str = "credsStore";

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
    let edited = put(text, AUTHS, key, &entry)?;
    guard(text, edited, Place::In(AUTHS, &[key]), Some(&entry))
}

/// The file without the entries under `keys`, and every other byte kept.
///
/// # Errors
/// [`StoreError`]; a file that could not be read back with exactly this change is not made.
pub fn remove(bytes: &[u8], keys: &[&str]) -> Result<Vec<u8>, StoreError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(bytes.to_owned());
    }
    let text = json::validate(bytes)?;
    guard(text, without(text, AUTHS, keys)?, Place::In(AUTHS, keys), None)
}

/// The file with the credential helper `name` for `registry` (its key as the engine spells it), or with `None` for every
/// registry that has no other, which only Docker knows. Every other byte is kept.
///
/// # Errors
/// [`StoreError`]; a file that could not be read back with exactly this change is not made.
pub fn set_helper(bytes: &[u8], registry: Option<&str>, name: &str) -> Result<Vec<u8>, StoreError> {
    let text = if bytes.trim_ascii().is_empty() { "{}" } else { json::validate(bytes)? };
    // Says which part is of another shape.
    AuthFile::parse(bytes)?;
    let value = Value::from(name);
    let Some(registry) = registry else {
        let root = Object::at(text, 0)?;
        let edited = match unique(&root.members, |name| name.eq_ignore_ascii_case(HELPER_OF_ALL))? {
            Some(member) if json::string(&text[member.value.clone()]).is_some_and(|found| *found == name) => {
                return Ok(bytes.to_owned());
            }
            Some(member) => root.replace(member, &value),
            None => root.append(HELPER_OF_ALL, &value),
        };
        return guard(text, edited, Place::Top(HELPER_OF_ALL), Some(&value));
    };
    let edited = put(text, HELPERS, registry, &value)?;
    if edited == text {
        return Ok(bytes.to_owned());
    }
    guard(text, edited, Place::In(HELPERS, &[registry]), Some(&value))
}

/// The file without the credential helper that it names for `registry`, or with `None` for all; every other byte is kept.
///
/// # Errors
/// [`StoreError`]; a file that could not be read back with exactly this change is not made.
pub fn remove_helper(bytes: &[u8], registry: Option<&str>) -> Result<Vec<u8>, StoreError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(bytes.to_owned());
    }
    let text = json::validate(bytes)?;
    AuthFile::parse(bytes)?;
    if let Some(registry) = registry {
        return guard(text, without(text, HELPERS, &[registry])?, Place::In(HELPERS, &[registry]), None);
    }
    let root = Object::at(text, 0)?;
    unique(&root.members, |name| name.eq_ignore_ascii_case(HELPER_OF_ALL))?;
    match root.members.iter().position(|member| member.name.eq_ignore_ascii_case(HELPER_OF_ALL)) {
        Some(index) => guard(text, root.without(index), Place::Top(HELPER_OF_ALL), None),
        None => Ok(bytes.to_owned()),
    }
}

/// `text` with `key` set in the object that its member `name` is; the member is made when there is none.
fn put(text: &str, name: &'static str, key: &str, value: &Value) -> Result<String, StoreError> {
    Ok(match member(text, name)? {
        None => Object::at(text, 0)?.append(name, &json!({ key: value })),
        Some(member) if &text[member.value.clone()] == "null" => {
            Object::at(text, 0)?.replace(&member, &json!({ key: value }))
        }
        Some(member) => {
            let object = Object::at(text, member.value.start)?;
            match unique(&object.members, |name| name == key)? {
                Some(member) => object.replace(member, value),
                None => object.append(key, value),
            }
        }
    })
}

/// The text without any of `keys` in the object that its member `name` is.
fn without(text: &str, name: &'static str, keys: &[&str]) -> Result<String, StoreError> {
    let mut text = text.to_owned();
    loop {
        let Some(member) = member(&text, name)?.filter(|member| &text[member.value.clone()] != "null") else {
            return Ok(text);
        };
        let object = Object::at(&text, member.value.start)?;
        match object.members.iter().position(|member| keys.contains(&member.name.as_str())) {
            Some(index) => text = object.without(index),
            None => return Ok(text),
        }
    }
}

/// A member of the whole file, whose name Go's decoder takes in any case.
fn member(text: &str, name: &str) -> Result<Option<Member>, StoreError> {
    let mut members = json::members(text, 0).ok_or(StoreError::NotAnObject("the file"))?;
    let start = unique(&members, |found| found.eq_ignore_ascii_case(name))?.map(|member| member.start);
    Ok(start
        .and_then(|start| members.iter().position(|member| member.start == start))
        .map(|at| members.swap_remove(at)))
}

fn unique(members: &[Member], is_it: impl Fn(&str) -> bool) -> Result<Option<&Member>, StoreError> {
    let mut found = members.iter().filter(|member| is_it(&member.name));
    match (found.next(), found.next()) {
        (_, Some(second)) => Err(StoreError::Duplicate(second.name.clone())),
        (first, None) => Ok(first),
    }
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
        let members = json::members(text, start).ok_or(StoreError::NotAnObject("the file"))?;
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
