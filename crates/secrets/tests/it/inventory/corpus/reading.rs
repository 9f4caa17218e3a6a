//! Readings of a text that owe nothing to the code under test: every value by its path, by each of two parsers.

use std::{borrow::Cow, collections::BTreeMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// Paths, each key and item number behind a separator, and what is there: kind, tag, text; in the order of the text.
pub(super) type Reading = Vec<(String, String)>;

/// In front of every step.
pub(super) const STEP: char = '\u{1}';

#[derive(Default)]
struct Reader {
    values: Reading,
    /// The collections around: path, and for a mapping its next key or for a list its next number.
    open: Vec<Open>,
    anchors: BTreeMap<String, String>,
}

enum Open {
    Mapping { path: String, key: Option<String>, seen: BTreeMap<String, usize> },
    List { path: String, next: usize },
}

impl Reader {
    /// The path of the next value; `None` for a key.
    fn place(&mut self, text: Option<&str>) -> Option<String> {
        match self.open.last_mut() {
            None => Some(String::new()),
            Some(Open::List { path, next }) => {
                *next += 1;
                Some(format!("{path}{STEP}{}", *next - 1))
            }
            Some(Open::Mapping { path, key, seen }) => match key.take() {
                Some(key) => Some(format!("{path}{STEP}{key}")),
                None => {
                    let name = text.unwrap_or("(complex)").to_owned();
                    let times = seen.entry(name.clone()).or_default();
                    *times += 1;
                    *key = Some(if *times > 1 { format!("{name}{STEP}again {times}") } else { name });
                    None
                }
            },
        }
    }

    fn anchor(&mut self, name: Option<String>, path: Option<&String>) {
        if let Some(name) = name {
            self.anchors.insert(name, path.cloned().unwrap_or_else(|| "a key".to_owned()));
        }
    }

    fn scalar(&mut self, text: &str, tag: &str, is_plain: bool, anchor: Option<String>) {
        let path = self.place(Some(text));
        self.anchor(anchor, path.as_ref());
        if let Some(path) = path {
            let style = if is_plain { "plain" } else { "quoted" };
            // Line breaks behind a payload say nothing.
            let text = if text.starts_with("$ANSIBLE_VAULT") { text.trim_end() } else { text };
            self.values.push((path, format!("{style} {tag} {text}")));
        }
    }

    fn alias(&mut self, name: &str) {
        let of = self.anchors.get(name).cloned().unwrap_or_default();
        if let Some(path) = self.place(Some("(alias)")) {
            self.values.push((path, format!("-> {of}")));
        }
    }

    fn start(&mut self, is_mapping: bool, tag: &str, anchor: Option<String>) {
        let path = self.place(None);
        self.anchor(anchor, path.as_ref());
        let path = path.unwrap_or_else(|| "(key)".to_owned());
        self.values.push((path.clone(), format!("{} {tag}", if is_mapping { "mapping" } else { "list" })));
        self.open.push(match is_mapping {
            true => Open::Mapping { path, key: None, seen: BTreeMap::new() },
            false => Open::List { path, next: 0 },
        });
    }
}

pub(super) fn by_libyaml(text: &str) -> Option<Reading> {
    use libyaml_safer::{EventData, Parser, ScalarStyle};
    // Without a line break at the end, this port panics.
    let text = format!("{text}{}", if text.ends_with('\n') { "" } else { "\n" });
    let mut bytes = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut bytes);
    let mut reader = Reader::default();
    for event in parser {
        match event.ok()?.data {
            EventData::Scalar { anchor, tag, value, style, .. } => {
                reader.scalar(&value, &tag.unwrap_or_default(), style == ScalarStyle::Plain, anchor);
            }
            EventData::Alias { anchor } => reader.alias(&anchor),
            EventData::MappingStart { anchor, tag, .. } => reader.start(true, &tag.unwrap_or_default(), anchor),
            EventData::SequenceStart { anchor, tag, .. } => reader.start(false, &tag.unwrap_or_default(), anchor),
            EventData::MappingEnd | EventData::SequenceEnd => drop(reader.open.pop()),
            _ => {}
        }
    }
    Some(reader.values)
}

/// `None` where this parser does not follow libyaml: tabs for blanks, brackets that close in column 0.
pub(super) fn by_saphyr(text: &str) -> Option<Reading> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let anchored = |anchor: usize| (anchor != 0).then(|| anchor.to_string());
        let tagged =
            |tag: Option<Cow<'_, Tag>>| tag.map_or(String::new(), |tag| format!("{}{}", tag.handle, tag.suffix));
        match event.ok()?.0 {
            Event::Scalar(value, style, anchor, tag) => {
                reader.scalar(&value, &tagged(tag), style == ScalarStyle::Plain, anchored(anchor));
            }
            Event::Alias(anchor) => reader.alias(&anchor.to_string()),
            Event::MappingStart(anchor, tag) => reader.start(true, &tagged(tag), anchored(anchor)),
            Event::SequenceStart(anchor, tag) => reader.start(false, &tagged(tag), anchored(anchor)),
            Event::MappingEnd | Event::SequenceEnd => drop(reader.open.pop()),
            _ => {}
        }
    }
    Some(reader.values)
}
