//! Any JSON document, in any layout, stays byte for byte the same outside of the entry that is edited. The documents are
//! put together from pieces here, so that where everything is in them is known without a reader.

use std::ops::Range;

use proptest::{collection::vec, prelude::*, sample::select};
use pullpass_secrets::store::{self, StoreError};
use serde_json::{Value, json};

use super::secret;

/// The key that is edited, and spellings of it.
const KEY: &str = "ghcr.io";
const SPELLINGS: [&str; 3] = [r#""ghcr.io""#, r#""\u0067hcr.io""#, r#""ghcr\u002eio""#];
/// Names of members that mean something, as Go's decoder takes them.
const AUTHS: [&str; 3] = [r#""auths""#, r#""Auths""#, r#""aut\u0068s""#];
const HELPERS: [&str; 3] = [r#""credHelpers""#, r#""credhelpers""#, r#""CREDHELPERS""#];
const HELPER_OF_ALL: [&str; 3] = [r#""credsStore""#, r#""credSstore""#, r#""creds\u0053tore""#];

/// A member of the whole file.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    value: Piece,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Object(Vec<(String, String)>),
}

/// Where a member is in a text.
#[derive(Clone, Debug)]
struct Found {
    name: String,
    start: usize,
    value: Range<usize>,
    /// Of an object: behind its `{`, what is in it, and its `}`.
    inside: Option<(usize, Vec<Found>, usize)>,
}

fn blanks() -> impl Strategy<Value = Vec<&'static str>> {
    let one_line = vec(select(&["", " "][..]), 1..4);
    let indented = select(&["\n", "\n\t", "\n  ", "\r\n    "][..]).prop_map(|blank| vec![blank]);
    let any = vec(select(&["", " ", "\t", "\n", "\n\t", "\n\t\t", "\r\n", "\r\n  "][..]), 1..9);
    prop_oneof![one_line, indented, any]
}

fn quoted() -> impl Strategy<Value = String> {
    let spelled = ".{0,8}".prop_map(|text| Value::from(text).to_string());
    let escaped =
        select(&[r#""\u00e9\/\b""#, r#""\ud83d\ude00""#, r#""}{][,:\"\\""#, r#""\ud800""#, "\"\u{2028}é\""][..]);
    prop_oneof![spelled, escaped.prop_map(str::to_owned)]
}

/// A name that neither means anything nor is refused.
fn other_name() -> impl Strategy<Value = String> {
    quoted().prop_filter("a name that means something", |name| {
        serde_json::from_str::<String>(name).is_ok_and(|name| {
            !["auths", "credhelpers", "credsstore", KEY].contains(&name.to_ascii_lowercase().as_str())
        })
    })
}

fn value() -> impl Strategy<Value = String> {
    let numbers = ["0", "-0.0", "1e400", "-1E-400", "123456789012345678901234567890", "0.10", "1.0"];
    let leaf = prop_oneof![
        select(&["null", "true", "false"][..]).prop_map(str::to_owned),
        select(numbers.to_vec()).prop_map(str::to_owned),
        quoted(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let space = || select(&["", " ", "\n", "\r\n\t"][..]);
        prop_oneof![
            (vec((inner.clone(), space()), 0..4), space()).prop_map(|(items, blank)| {
                let items: Vec<String> = items.iter().map(|(item, blank)| format!("{blank}{item}{blank}")).collect();
                format!("[{blank}{}]", items.join(","))
            }),
            (vec((quoted(), inner, space()), 0..4), space()).prop_map(|(members, blank)| {
                let member =
                    |(name, value, blank): &(String, String, &str)| format!("{blank}{name}{blank}:{value}{blank}");
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{blank}{}}}", members.join(","))
            }),
        ]
    })
}

/// A member that logins or helpers may be in, mostly of the right shape.
fn container(names: [&'static str; 3]) -> impl Strategy<Value = Member> {
    let key = prop_oneof![1 => select(SPELLINGS.to_vec()).prop_map(str::to_owned), 3 => other_name()];
    let piece = prop_oneof![
        1 => Just(Piece::Text("null".to_owned())),
        1 => value().prop_filter("another shape", |text| !text.starts_with('{')).prop_map(Piece::Text),
        12 => vec((key, value()), 0..5).prop_map(Piece::Object),
    ];
    (select(names.to_vec()), piece).prop_map(|(name, value)| Member { name: name.to_owned(), value })
}

fn document() -> impl Strategy<Value = Vec<Member>> {
    let other = (other_name(), value()).prop_map(|(name, text)| Member { name, value: Piece::Text(text) });
    let of_all = (select(HELPER_OF_ALL.to_vec()), prop_oneof![quoted(), value()])
        .prop_map(|(name, text)| Member { name: name.to_owned(), value: Piece::Text(text) });
    let meant = prop_oneof![4 => container(AUTHS), 2 => container(HELPERS), 1 => of_all];
    (vec(other, 0..4), vec(meant, 0..4)).prop_flat_map(|(others, meant)| Just([others, meant].concat()).prop_shuffle())
}

/// Text that knows where its pieces are.
struct Writer<'a> {
    out: String,
    blanks: std::iter::Cycle<std::vec::IntoIter<&'a str>>,
}

impl Writer<'_> {
    fn blank(&mut self) {
        self.out += self.blanks.next().unwrap_or_default();
    }

    fn object<T>(
        &mut self,
        members: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Found,
    ) -> (usize, Vec<Found>, usize) {
        self.out += "{";
        let (inside, mut found) = (self.out.len(), Vec::new());
        for (number, member) in members.iter().enumerate() {
            self.out += if number > 0 { "," } else { "" };
            self.blank();
            found.push(write(self, member));
            self.blank();
        }
        if members.is_empty() {
            self.blank();
        }
        let end = self.out.len();
        self.out += "}";
        (inside, found, end)
    }

    fn member(&mut self, name: &str, value: &Piece) -> Found {
        let start = self.out.len();
        self.out += name;
        self.blank();
        self.out += ":";
        self.blank();
        let value_start = self.out.len();
        let inside = match value {
            Piece::Text(text) => {
                self.out += text;
                None
            }
            Piece::Object(members) => {
                Some(self.object(members, |writer, (name, value)| writer.member(name, &Piece::Text(value.clone()))))
            }
        };
        let name = serde_json::from_str(name).expect("a name");
        Found { name, start, value: value_start..self.out.len(), inside }
    }
}

/// The text, and where its members are.
fn written(document: &[Member], blanks: Vec<&str>) -> (String, Found) {
    let mut writer = Writer { out: String::new(), blanks: blanks.into_iter().cycle() };
    writer.blank();
    let start = writer.out.len();
    let inside = writer.object(document, |writer, member| writer.member(&member.name, &member.value));
    let root = Found { name: String::new(), start, value: start..writer.out.len(), inside: Some(inside) };
    writer.blank();
    (writer.out, root)
}

/// What an edit should come to.
enum Expected<'a> {
    /// This range is replaced, by what `{` and `}` around it make this value of.
    Replaced(Range<usize>, [&'static str; 2], Value),
    /// This member goes, and the comma and blanks beside it.
    Gone(&'a Found),
    Unchanged,
    Refused,
}

fn members(found: &Found) -> &[Found] {
    found.inside.as_ref().map_or(&[], |(_, members, _)| members)
}

fn named(found: &Found, is_it: impl Fn(&str) -> bool) -> Vec<&Found> {
    members(found).iter().filter(|member| is_it(&member.name)).collect()
}

fn meant<'a>(root: &'a Found, name: &str) -> Vec<&'a Found> {
    named(root, |found| found.eq_ignore_ascii_case(name))
}

/// Where `"name": value` goes into an object that has none.
fn appended(object: &Found, name: &str, value: &Value) -> Expected<'static> {
    let (inside, members, end) = object.inside.as_ref().expect("an object");
    let value = json!({ name: value });
    match members.last() {
        Some(last) => Expected::Replaced(last.value.end..last.value.end, ["{\"\":0", "}"], merged(&value)),
        None => Expected::Replaced(*inside..*end, ["{", "}"], value),
    }
}

/// `value` behind the member that the judge puts before a comma.
fn merged(value: &Value) -> Value {
    let mut all = json!({ "": 0 });
    let (Some(all_members), Some(members)) = (all.as_object_mut(), value.as_object()) else { return all };
    all_members.extend(members.clone());
    all
}

/// `root` with `KEY` set in its member `name`.
fn put<'a>(text: &str, root: &'a Found, name: &str, value: &Value) -> Expected<'a> {
    match meant(root, name)[..] {
        [] => appended(root, name, &json!({ KEY: value })),
        [object] if &text[object.value.clone()] == "null" => {
            Expected::Replaced(object.value.clone(), ["", ""], json!({ KEY: value }))
        }
        [object] if object.inside.is_none() => Expected::Refused,
        [object] => match named(object, |found| found == KEY)[..] {
            [] => appended(object, KEY, value),
            [entry] if serde_json::from_str::<Value>(&text[entry.value.clone()]).ok().as_ref() == Some(value) => {
                Expected::Unchanged
            }
            [entry] => Expected::Replaced(entry.value.clone(), ["", ""], value.clone()),
            _ => Expected::Refused,
        },
        _ => Expected::Refused,
    }
}

fn gone<'a>(root: &'a Found, name: &str) -> Expected<'a> {
    match meant(root, name)[..] {
        [] => Expected::Unchanged,
        [object] => match named(object, |found| found == KEY)[..] {
            [] => Expected::Unchanged,
            [entry] => Expected::Gone(entry),
            // They all go, which the judge does not follow.
            _ => Expected::Refused,
        },
        _ => Expected::Refused,
    }
}

/// Compares an edit with what it should come to, byte for byte.
fn judge(before: &str, edited: Result<Vec<u8>, StoreError>, expected: Expected<'_>) -> Result<(), TestCaseError> {
    if matches!(expected, Expected::Refused) {
        return Ok(());
    }
    let after = edited.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let after = String::from_utf8(after).expect("UTF-8");
    match expected {
        Expected::Unchanged | Expected::Refused => prop_assert_eq!(before, after),
        Expected::Replaced(range, [open, close], value) => {
            let (start, end) = (&before[..range.start], &before[range.end..]);
            prop_assert!(after.len() >= start.len() + end.len());
            prop_assert!(after.starts_with(start) && after.ends_with(end), "{after}");
            let new = format!("{open}{}{close}", &after[start.len()..after.len() - end.len()]);
            prop_assert_eq!(serde_json::from_str::<Value>(&new).ok(), Some(value));
        }
        Expected::Gone(member) => {
            let taken = before.len().checked_sub(after.len()).expect("it is shorter");
            let is_separator = |text: &str| text.trim().is_empty() || text.trim() == ",";
            let fits = (0..=member.start).rev().any(|start| {
                let end = start + taken;
                member.value.end <= end
                    && end <= before.len()
                    && is_separator(&format!("{}{}", &before[start..member.start], &before[member.value.end..end]))
                    && after.starts_with(&before[..start])
                    && after.ends_with(&before[end..])
            });
            prop_assert!(fits, "{after}");
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&after).is_ok());
        }
    }
    Ok(())
}

/// Whether a reader can tell the logins and helpers at all.
fn is_readable(text: &str, root: &Found) -> bool {
    let mut objects = [meant(root, "auths"), meant(root, "credHelpers")].concat().into_iter();
    objects.all(|object| object.inside.is_some() || &text[object.value.clone()] == "null")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_byte_outside_of_the_entry_stays(document in document(), blanks in blanks()) {
        let (before, root) = written(&document, blanks);
        let bytes = before.as_bytes();
        let unless_unreadable = |expected| if is_readable(&before, &root) { expected } else { Expected::Refused };
        let (entry, helper) = (json!({ "auth": "bWU6cHc=" }), json!("pullpass"));

        let set = store::set(bytes, KEY, "me", &secret("pw"));
        judge(&before, set, unless_unreadable(put(&before, &root, "auths", &entry)))?;
        let remove = store::remove(bytes, &["other.io", KEY]);
        judge(&before, remove, unless_unreadable(gone(&root, "auths")))?;
        let set = store::set_helper(bytes, Some(KEY), "pullpass");
        judge(&before, set, unless_unreadable(put(&before, &root, "credHelpers", &helper)))?;
        let remove = store::remove_helper(bytes, Some(KEY));
        judge(&before, remove, unless_unreadable(gone(&root, "credHelpers")))?;

        let (set, remove) = match meant(&root, "credsStore")[..] {
            [] => (appended(&root, "credsStore", &helper), Expected::Unchanged),
            [of_all] => (Expected::Replaced(of_all.value.clone(), ["", ""], helper), Expected::Gone(of_all)),
            _ => (Expected::Refused, Expected::Refused),
        };
        judge(&before, store::set_helper(bytes, None, "pullpass"), unless_unreadable(set))?;
        judge(&before, store::remove_helper(bytes, None), unless_unreadable(remove))?;
    }
}

#[test]
fn numbers_depths_and_escapes_that_no_reader_of_ours_could_hold_are_no_reason_to_refuse() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for other in ["1e400", "-1E+999999", &"9".repeat(5_000), r#""\ud800 alone""#, &deep] {
        let file = format!("{{\"other\": {other},\n \"auths\": {{\"a.io\": {{\"x\": {other}}}}}}}");
        let edited = store::set(file.as_bytes(), KEY, "me", &secret("pw")).unwrap();
        let removed = store::remove(&edited, &[KEY]).unwrap();
        assert_eq!(String::from_utf8(removed).unwrap(), file);
    }
}
