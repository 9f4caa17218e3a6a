//! Every occurrence of a token in the files of a tree, found by its value.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use pullpass_oci::digest::Digest;
use pullpass_secrets::{
    Secret,
    inventory::{
        self, Entry, Found, KeyPath, Payloads, Step,
        files::{self, Form as FileForm},
    },
    token::Kind,
    vault::{self, DEFAULT_LABEL, Password, Passwords},
};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::needle::{Needle, line};
use crate::{
    commands::inventory::{
        payloads::{self, Opening, Placed},
        tree::{File, Tree},
    },
    failure::Failure,
};

/// How many digits of a file's hash tell whether it is still the same.
const HASH_DIGITS: usize = 12;

/// How a secret is kept at its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// A payload, with its vault id.
    Encrypted(Option<String>),
    /// In a file that is encrypted as a whole, with its vault id.
    Whole(Option<String>),
    /// In plain text.
    Plain,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// From 1; in a file that is encrypted as a whole, of its plaintext.
    pub(crate) line: usize,
    /// `None` in what is no value to Ansible: a comment, a file that is no YAML.
    pub(crate) key_path: Option<KeyPath>,
    pub(crate) form: Form,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.path.display(), self.line)?;
        self.key_path.iter().try_for_each(|key_path| write!(formatter, " `{key_path}`"))
    }
}

/// An occurrence that only a person can change.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ByHand {
    pub(crate) place: Place,
    /// What it is that keeps us from it.
    pub(crate) why: &'static str,
}

/// A payload that has the token in it.
pub(super) struct Hit {
    /// In the tree, and in the list of the file's payloads.
    pub(super) file: usize,
    pub(super) payload: usize,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) password: Password,
    pub(super) label: Option<String>,
}

const ENCODED: &str = "the token is encoded there: as base64, or in UTF-16";
const ESCAPED: &str = "the token is written there with escapes";
const NO_TEXT: &str = "the file is no UTF-8 text";
const SHORT: &str = "the token is too short to be told from other text that is the same";

/// Every occurrence of one token.
pub(crate) struct Occurrences {
    pub(super) tree: Tree,
    pub(super) token: Secret,
    /// In the order of the tree.
    pub(super) hits: Vec<Hit>,
    /// The files that have it in their text, encrypted as a whole or not.
    pub(super) texts: BTreeSet<usize>,
    places: Vec<Place>,
    by_hand: Vec<ByHand>,
    left_alone: Vec<String>,
}

impl Occurrences {
    /// Looks through files and directories. `passwords` may be empty when nothing there is encrypted.
    ///
    /// # Errors
    /// Something could not be read, or a payload that Ansible reads does not open: the token may be in it.
    pub(crate) fn find(paths: &[PathBuf], passwords: &Passwords, token: &Secret) -> Result<Occurrences, Failure> {
        let needle = Needle::new(token);
        let tree = Tree::read_if(paths, &|bytes| files::may_hold_secret(bytes) || needle.may_be_in(bytes))?;
        Occurrences::of(tree.complete()?, passwords, token)
    }

    /// Looks through files that were read.
    pub(super) fn of(mut tree: Tree, passwords: &Passwords, token: &Secret) -> Result<Occurrences, Failure> {
        tree.open(passwords);
        let needle = Needle::new(token);
        let mut look = Look { needle: &needle, texts: BTreeSet::new(), places: Vec::new(), by_hand: Vec::new() };
        let payloads: Vec<_> = tree.files.iter().map(payloads_of).collect();
        let placed = payloads::all(&tree, &payloads);
        let Opening { opened, left_alone } = payloads::open(&tree, &placed, passwords, None)?;
        let mut hits = Vec::new();
        for (number, plaintext, password) in opened {
            let placed = &placed[number];
            if let Some(payload) = placed.payload
                && look.in_payload(place_of(&tree, placed), &plaintext)
            {
                let (file, password, label) = (placed.file, password.clone(), vault::label(placed.text));
                hits.push(Hit { file, payload, plaintext, password, label });
            }
        }
        for (number, file) in tree.files.iter().enumerate() {
            look.in_file(number, file);
        }
        let Look { texts, mut places, mut by_hand, .. } = look;
        places.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
        by_hand.sort_by(|one, other| (&one.place.path, one.place.line).cmp(&(&other.place.path, other.place.line)));
        // They borrow from the tree.
        drop(placed);
        drop(payloads);
        Ok(Occurrences { tree, token: token.clone(), hits, texts, places, by_hand, left_alone })
    }

    /// Those that another token can take the place of, by file and line.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    /// Those that only a person can change.
    pub(crate) fn by_hand(&self) -> &[ByHand] {
        &self.by_hand
    }

    /// `FILE:LINE` of payloads that no password opens and that are no values to Ansible: commented out, or only alike.
    pub(crate) fn left_alone(&self) -> &[String] {
        &self.left_alone
    }

    /// The files that have the token, each with the beginning of its SHA-256, in hexadecimal digits.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, String)> {
        self.changed().map(|number| &self.tree.files[number]).map(|file| (file.path.as_path(), hash(&file.bytes)))
    }

    /// The numbers of these files in the tree.
    pub(super) fn changed(&self) -> impl Iterator<Item = usize> {
        let files: BTreeSet<usize> = self.hits.iter().map(|hit| hit.file).chain(self.texts.iter().copied()).collect();
        files.into_iter()
    }

    /// The vault password and the vault id that the token has in the first place where it is encrypted.
    pub(super) fn key(&self) -> Option<(&Password, Option<String>)> {
        let whole = || {
            let files = self.texts.iter().map(|number| &self.tree.files[*number]);
            files.filter_map(|file| Some((file.password.as_ref()?, vault::label(&file.bytes)))).next()
        };
        self.hits.first().map(|hit| (&hit.password, hit.label.clone())).or_else(whole)
    }
}

/// The beginning of the SHA-256 of a file, in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Digest::sha256(bytes).hex()[..HASH_DIGITS].to_owned()
}

/// What was found so far.
struct Look<'a> {
    needle: &'a Needle<'a>,
    texts: BTreeSet<usize>,
    places: Vec<Place>,
    by_hand: Vec<ByHand>,
}

impl Look<'_> {
    /// Looks into what was in a payload, and says whether another token can take the place of the one in it.
    fn in_payload(&mut self, place: Place, plaintext: &[u8]) -> bool {
        if !self.needle.encoded_lines(plaintext).is_empty() {
            self.by_hand.push(ByHand { place: place.clone(), why: ENCODED });
        }
        let is_in = self.needle.is(plaintext) || !self.needle.places(plaintext).is_empty();
        if is_in {
            self.places.push(place);
        }
        is_in
    }

    /// Looks into the text of a file.
    fn in_file(&mut self, number: usize, file: &File) {
        let Some(content) = file.content() else { return };
        let needle = self.needle;
        let values = values(file);
        let place = |line, key_path: Option<&KeyPath>| Place {
            path: file.path.clone(),
            line,
            key_path: key_path.cloned(),
            form: form_of(file),
        };
        let mut by_hand = |place, why| self.by_hand.push(ByHand { place, why });
        if !needle.is_telling() {
            for value in values.iter().filter(|value| needle.is(value.text.reveal().as_bytes())) {
                by_hand(place(value.line, Some(&value.path)), SHORT);
            }
            if file.form == FileForm::Text {
                needle.assigned_lines(content).into_iter().for_each(|line| by_hand(place(line, None), SHORT));
            }
            return;
        }
        let in_value = |value: &Value| needle.places(value.text.reveal().as_bytes()).len();
        let mut left: Vec<(&Value, usize)> = values.iter().map(|value| (value, in_value(value))).collect();
        for at in needle.places(content) {
            let line = line(content, at);
            let value = left.iter_mut().rev().find(|(value, left)| value.line <= line && *left > 0);
            let key_path = value.map(|(value, left)| {
                *left -= 1;
                &value.path
            });
            if str::from_utf8(content).is_ok() {
                self.places.push(place(line, key_path));
                self.texts.insert(number);
            } else {
                by_hand(place(line, key_path), NO_TEXT);
            }
        }
        for (value, _) in left.iter().filter(|(_, left)| *left > 0) {
            by_hand(place(value.line, Some(&value.path)), ESCAPED);
        }
        for line in needle.encoded_lines(content) {
            let has_it =
                |value: &&Value| value.line <= line && !needle.encoded_lines(value.text.reveal().as_bytes()).is_empty();
            let value = values.iter().rev().find(has_it);
            by_hand(place(line, value.map(|value| &value.path)), ENCODED);
        }
    }
}

/// The payloads of a file; `None` when it does not open. In what Ansible would not read as YAML, they are found as text.
pub(super) fn payloads_of(file: &File) -> Option<Payloads<'_>> {
    let content = file.content()?;
    let yaml = if file.form == FileForm::Text { None } else { Payloads::of_yaml(content).ok() };
    Some(yaml.unwrap_or_else(|| Payloads::of_text(content)))
}

fn place_of(tree: &Tree, placed: &Placed<'_>) -> Place {
    Place {
        path: tree.files[placed.file].path.clone(),
        line: placed.line,
        key_path: placed.path.cloned(),
        form: Form::Encrypted(label_of(placed.text)),
    }
}

fn form_of(file: &File) -> Form {
    if file.form == FileForm::Whole { Form::Whole(label_of(&file.bytes)) } else { Form::Plain }
}

/// The vault id of a payload, where it has another one than the default.
fn label_of(payload: &[u8]) -> Option<String> {
    vault::label(payload).filter(|label| label != DEFAULT_LABEL)
}

/// A text that is no payload.
struct Value {
    path: KeyPath,
    line: usize,
    text: Secret,
}

/// Those that Ansible sees in a file.
fn values(file: &File) -> Vec<Value> {
    let content = file.content().filter(|_| file.form != FileForm::Text);
    let entries = content.and_then(|content| inventory::show_opened(content).ok()).unwrap_or_default();
    let value = |entry: Entry| match entry.value {
        Found::Text(text) => Some(Value { path: entry.path, line: entry.line, text }),
        _ => None,
    };
    entries.into_iter().filter_map(value).collect()
}

/// A secret that may be a login's, and where it is.
pub(crate) struct Candidate {
    pub(crate) token: Secret,
    pub(crate) places: Vec<Place>,
}

/// Every distinct secret of a tree that has the shape of a token, or is a value under one of these names. What is encrypted
/// as a whole must have been tried to open; what does not open is left out.
pub(crate) fn tokens_of(tree: &Tree, passwords: &Passwords, names: &[&str]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut add = |place: Place, text: &str| {
        let token = Secret::new(text.trim().to_owned());
        let is_named = place.key_path.as_ref().is_some_and(|path| is_named(path, names));
        if token.reveal().is_empty() || !is_named && Kind::of(&token) == Kind::Unknown {
            return;
        }
        match candidates.iter_mut().find(|candidate| candidate.token == token) {
            Some(candidate) => candidate.places.push(place),
            None => candidates.push(Candidate { token, places: vec![place] }),
        }
    };
    let payloads: Vec<_> = tree.files.iter().map(payloads_of).collect();
    let mut placed = payloads::all(tree, &payloads);
    placed.retain(|placed| placed.payload.is_some());
    let opened: Vec<_> = placed.par_iter().map(|placed| passwords.open(placed.text).ok()).collect();
    for (placed, plaintext) in placed.iter().zip(opened) {
        if let Some(text) = plaintext.as_ref().and_then(|plaintext| str::from_utf8(plaintext).ok()) {
            add(place_of(tree, placed), text);
        }
    }
    for file in &tree.files {
        let place = |line, key_path| Place { path: file.path.clone(), line, key_path, form: form_of(file) };
        if file.form != FileForm::Text {
            values(file).into_iter().for_each(|value| add(place(value.line, Some(value.path)), value.text.reveal()));
            continue;
        }
        for (number, line) in file.bytes.split(|byte| *byte == b'\n').enumerate() {
            let is_part = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
            let words = str::from_utf8(line).unwrap_or_default().split(|character| !is_part(character));
            words.for_each(|word| add(place(number + 1, None), word));
        }
    }
    candidates
}

fn is_named(path: &KeyPath, names: &[&str]) -> bool {
    matches!(path.steps().last(), Some(Step::Key(key)) if names.contains(&key.as_str()))
}
