//! Whether a file after an edit is the file before it, but for the edit.

use std::collections::BTreeSet;

use pullpass_secrets::inventory::{self, Found, NewValue, Payload, Problem};

use super::{
    generate::{File, Leaf, Step, Value},
    key_path,
    reading::{self, Reading, STEP},
};

pub(super) struct Judge<'a> {
    seed: u64,
    file: &'a File,
    before: [Option<Reading>; 2],
}

impl<'a> Judge<'a> {
    pub(super) fn new(seed: u64, file: &'a File) -> Judge<'a> {
        let before = readings(&file.bytes);
        assert!(before[0].is_some(), "seed {seed}: libyaml does not read it");
        Judge { seed, file, before }
    }

    /// The file reads as what it was made from.
    pub(super) fn reads(&self) {
        let seed = self.seed;
        let entries = inventory::show(&self.file.bytes).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let shown: BTreeSet<_> = entries
            .into_iter()
            .filter_map(|entry| match entry.value {
                Found::Vault { payload, damage, .. } => {
                    assert!(damage.is_none(), "seed {seed}: {} is not damaged", entry.path);
                    let also: BTreeSet<String> = entry.also.iter().map(ToString::to_string).collect();
                    Some((entry.path.to_string(), entry.line, payload.trim_end().to_owned(), also))
                }
                Found::PlainToken(_) | Found::Text(_) | Found::Reference(_) => None,
            })
            .collect();
        let is_twice = |leaf: &&Leaf| !self.file.twice.contains(&leaf.path);
        let made: BTreeSet<_> = self
            .file
            .leaves
            .iter()
            .filter(is_twice)
            .filter_map(|leaf| {
                let Value::Vault(payload) = &leaf.value else { return None };
                let also: BTreeSet<String> = leaf.also.iter().map(|path| key_path(path).to_string()).collect();
                let line = self.file.bytes[..leaf.range.start].iter().filter(|byte| **byte == b'\n').count() + 1;
                Some((key_path(&leaf.path).to_string(), line, payload.trim_end().to_owned(), also))
            })
            .collect();
        if let Some((path, line, _, also)) = made.difference(&shown).next() {
            let also: Vec<&str> = also.iter().map(String::as_str).collect();
            panic!("{}", self.what(&format!("{path} at line {line} (and {}) is not shown", also.join(", ")), b""));
        }
        assert!(shown.len() - made.len() <= self.file.twice.len(), "{}", self.what("more is shown", b""));
        self.has_no_defects();
    }

    fn has_no_defects(&self) {
        let defects = inventory::check(&self.file.bytes).unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        for defect in defects {
            let is_made = matches!(
                defect.problem,
                Problem::Duplicate { .. } | Problem::OldTag | Problem::CommentedOut | Problem::Untagged
            );
            assert!(is_made, "seed {}: line {}: {}", self.seed, defect.line, defect.problem);
        }
    }

    pub(super) fn set(&self, leaf: &Leaf, value: &NewValue, after: &[u8]) {
        self.holds(&leaf.path, value, after);
        for also in &leaf.also {
            self.holds(also, value, after);
        }
        let range = &leaf.range;
        let tail = &self.file.bytes[range.end..];
        let is_same = after.starts_with(&self.file.bytes[..range.start]) && after.ends_with(tail);
        assert!(is_same && after.len() >= range.start + tail.len(), "{}", self.what("bytes outside", after));
        if let Some(comment) = &leaf.comment {
            let changed = String::from_utf8_lossy(&after[range.start..after.len() - tail.len()]);
            assert!(changed.contains(comment.as_str()), "{}", self.what("the comment", after));
        }
        let path = flat(&leaf.path);
        let rest = |reading: &Reading| without(reading, &path);
        self.compare(after, "other values", &rest, &rest);
    }

    /// Nothing but lines, or a part of one, came in.
    pub(super) fn added(&self, path: &[Step], value: &NewValue, after: &[u8]) {
        self.holds(path, value, after);
        assert!(is_insertion(&self.file.bytes, after), "{}", self.what("bytes that were there", after));
        let new = flat(&path[..path.len()]);
        let is_new = |at: &str| new.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(STEP));
        // The parents of the new value are there already, new, or were null.
        let rest = |reading: &Reading| -> Reading {
            let kept = reading.iter().filter(|(at, _)| !is_new(at) && !at.starts_with(&format!("{new}{STEP}")));
            kept.cloned().collect()
        };
        self.compare(after, "other values", &rest, &rest);
    }

    pub(super) fn taken_out(&self, leaf: &Leaf, after: &[u8]) {
        let path = flat(&leaf.path);
        let rest = |reading: &Reading| closed_up(without(reading, &path), &leaf.path);
        self.compare(after, "other values", &rest, &|reading| reading.clone());
        let (own, text) = (self.lines_of(leaf), String::from_utf8_lossy(after));
        for comment in &self.file.comments {
            assert!(own.contains(comment.as_str()) || text.contains(comment.as_str()), "{}", self.what(comment, after));
        }
        // At most a pair of brackets came in.
        assert!(after.len() <= self.file.bytes.len() + 3, "{}", self.what("nothing, something came in", after));
    }

    /// Those of a value and its key.
    fn lines_of(&self, leaf: &Leaf) -> String {
        let text = String::from_utf8_lossy(&self.file.bytes);
        let line = |at: usize| text[..at].rfind('\n').map_or(0, |line_break| line_break + 1);
        let mut start = line(leaf.range.start);
        if text[start..].trim_start().starts_with(':') {
            start = line(start.saturating_sub(1));
        }
        let end = text[leaf.range.end..].find('\n').map_or(text.len(), |line_break| leaf.range.end + line_break);
        text[start..end].to_owned()
    }

    /// Payloads change and nothing else: with each put back, it is the same text.
    pub(super) fn replaced(&self, list: &[Payload], with: &[Option<String>], after: &[u8]) {
        let is_payload = |leaf: &&Leaf| match &leaf.value {
            Value::Vault(_) => true,
            Value::Text(text) | Value::Unsafe(text) => text.starts_with("$ANSIBLE_VAULT"),
            Value::Null | Value::Word(_) => false,
        };
        let made = self.file.leaves.iter().filter(is_payload).count() + self.file.commented_out;
        assert_eq!(list.len(), made, "{}", self.what("a payload", after));
        for (payload, new) in list.iter().zip(with) {
            let (Some(path), Some(new)) = (&payload.path, new) else { continue };
            let Ok(value) = inventory::get(after, path) else { continue };
            let is_new = matches!(&value, Some(inventory::Value::Vault(text)) if text.trim_end() == new.trim_end());
            assert!(is_new, "{}", self.what(&path.to_string(), after));
        }
        let rest = |reading: &Reading| -> Reading {
            let kept = reading.iter().filter(|(_, text)| !text.contains("$ANSIBLE_VAULT;"));
            kept.cloned().collect()
        };
        self.compare(after, "other values", &rest, &rest);
        assert!(masked(&self.file.bytes) == masked(after), "{}", self.what("bytes outside", after));
    }

    fn holds(&self, path: &[Step], value: &NewValue, after: &[u8]) {
        let path = key_path(path);
        let found = inventory::get(after, &path).unwrap_or_else(|error| panic!("seed {}: {path}: {error}", self.seed));
        let is_right = match (found, value) {
            (Some(inventory::Value::Vault(found)), NewValue::Vault(new)) => found.trim_end() == new.trim_end(),
            (Some(inventory::Value::Plain(found)), NewValue::Plain(new)) => found == *new,
            _ => false,
        };
        assert!(is_right, "{}", self.what(&path.to_string(), after));
    }

    /// Two parsers read the same, each in its way, but for what is left out.
    fn compare(&self, after: &[u8], what: &str, old: &dyn Fn(&Reading) -> Reading, new: &dyn Fn(&Reading) -> Reading) {
        for (before, after_reading) in self.before.iter().zip(readings(after)) {
            if let (Some(before), Some(reading)) = (before, after_reading) {
                let (old, new) = (old(before), new(&reading));
                if old != new {
                    let at = old.iter().zip(&new).position(|(old, new)| old != new).unwrap_or(old.len().min(new.len()));
                    let shown = |reading: &Reading| {
                        reading.get(at).map_or(String::new(), |(at, text)| format!("{at} = {text}"))
                    };
                    panic!("{} | {}\n{}", shown(&old), shown(&new), self.what(what, after));
                }
            }
        }
    }

    fn what(&self, lost: &str, after: &[u8]) -> String {
        let before = String::from_utf8_lossy(&self.file.bytes);
        let after = String::from_utf8_lossy(after);
        format!("seed {}: {lost}\n--- before\n{before}\n--- after\n{after}", self.seed)
    }
}

fn readings(bytes: &[u8]) -> [Option<Reading>; 2] {
    let text = std::str::from_utf8(bytes).expect("UTF-8").trim_start_matches('\u{feff}');
    [reading::by_libyaml(text), reading::by_saphyr(text)]
}

fn flat(steps: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => format!("{STEP}{key}"),
        Step::Item(index) => format!("{STEP}{index}"),
    };
    steps.iter().map(step).collect()
}

/// Without a value and what is in it.
fn without(reading: &Reading, path: &str) -> Reading {
    let is_other = |(at, _): &&(String, String)| {
        at.strip_prefix(path).is_none_or(|rest| !rest.is_empty() && !rest.starts_with(STEP))
    };
    reading.iter().filter(is_other).cloned().collect()
}

/// With the items of a list moved up into the place of one that went.
fn closed_up(reading: Reading, gone: &[Step]) -> Reading {
    let Some((Step::Item(index), parents)) = gone.split_last() else { return reading };
    let list = flat(parents) + &STEP.to_string();
    let moved = |at: String| {
        let Some(rest) = at.strip_prefix(&list) else { return at };
        let (number, below) = rest.split_at(rest.find(STEP).unwrap_or(rest.len()));
        match number.parse::<usize>() {
            Ok(number) if number > *index => format!("{list}{}{below}", number - 1),
            _ => at.clone(),
        }
    };
    let aliased = |text: String| match text.strip_prefix("-> ") {
        Some(path) => format!("-> {}", moved(path.to_owned())),
        None => text,
    };
    reading.into_iter().map(|(at, text)| (moved(at), aliased(text))).collect()
}

/// Without payloads, and the digits and blanks around.
fn masked(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut pieces = text.split("$ANSIBLE_VAULT;");
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let header = piece.find(['\r', '\n', '\\']).unwrap_or(piece.len());
        let is_payload = |character: char| character.is_ascii_hexdigit() || " #\r\n\\n".contains(character);
        masked += "$";
        masked += piece[header..].trim_start_matches(is_payload);
    }
    masked
}

/// Whether nothing went: a text came in at one place, or at two around a comment.
fn is_insertion(before: &[u8], after: &[u8]) -> bool {
    let (start, end) = differing(before, after);
    let (kept, new) = (&before[start..end], &after[start..after.len() - (before.len() - end)]);
    kept.is_empty() || new.windows(kept.len()).any(|window| window == kept)
}

/// The range of the first text that is not in the second, if that has one piece less or another in its place.
fn differing(before: &[u8], after: &[u8]) -> (usize, usize) {
    let start = before.iter().zip(after).take_while(|(old, new)| old == new).count();
    let room = before.len().min(after.len()) - start;
    let behind = before.iter().rev().zip(after.iter().rev()).take(room).take_while(|(old, new)| old == new).count();
    (start, before.len() - behind)
}
