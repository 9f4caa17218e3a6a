//! YAML that others have written, as a tree; what is in it may be secret.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};
use zeroize::Zeroizing;

/// As many nodes are taken of a file, aliases counted for what they stand for.
const MOST: usize = 20_000;
/// And as many collections within one another.
const DEEPEST: usize = 64;

#[derive(Clone)]
pub(crate) enum Yaml {
    Text(Zeroizing<String>),
    Map(Vec<(Yaml, Yaml)>),
    List(Vec<Yaml>),
}

impl Yaml {
    /// The documents of a text; none when it is no YAML, or too much.
    pub(crate) fn parse(text: &str) -> Vec<Yaml> {
        read(text).unwrap_or_default()
    }

    /// A value of a mapping, also one that was merged into it.
    pub(crate) fn get(&self, key: &str) -> Option<&Yaml> {
        let Yaml::Map(entries) = self else { return None };
        let value = |key: &str| entries.iter().find(|(its, _)| its.text() == Some(key)).map(|(_, value)| value);
        value(key).or_else(|| match value("<<")? {
            Yaml::List(merged) => merged.iter().find_map(|merged| merged.get(key)),
            merged => merged.get(key),
        })
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Yaml)> {
        let entries: &[(Yaml, Yaml)] = if let Yaml::Map(entries) = self { entries } else { &[] };
        entries.iter().filter_map(|(key, value)| Some((key.text()?, value)))
    }

    pub(crate) fn items(&self) -> &[Yaml] {
        if let Yaml::List(items) = self { items } else { &[] }
    }

    /// Every value under a key, wherever it is.
    pub(crate) fn all(&self, key: &str) -> Vec<&Yaml> {
        let within = |value: &Yaml| -> bool { matches!(value, Yaml::Map(_) | Yaml::List(_)) };
        let mut found = Vec::new();
        let mut left = vec![self];
        while let Some(node) = left.pop() {
            if let Yaml::Map(entries) = node {
                found.extend(entries.iter().filter(|(its, _)| its.text() == Some(key)).map(|(_, value)| value));
                left.extend(entries.iter().map(|(_, value)| value).filter(|value| within(value)));
            }
            left.extend(node.items().iter().filter(|value| within(value)));
        }
        found
    }

    fn size(&self) -> usize {
        1 + match self {
            Yaml::Text(_) => 0,
            Yaml::Map(entries) => entries.iter().map(|(key, value)| key.size() + value.size()).sum(),
            Yaml::List(items) => items.iter().map(Yaml::size).sum(),
        }
    }
}

/// What is being read.
struct Open {
    anchor: usize,
    is_map: bool,
    items: Vec<Yaml>,
}

/// The documents of a text; none at all when it is no YAML, or too much.
pub(crate) fn read(text: &str) -> Option<Vec<Yaml>> {
    let (mut documents, mut open, mut anchors) = (Vec::new(), Vec::<Open>::new(), HashMap::<usize, Yaml>::new());
    let mut size = 0;
    for event in Parser::new_from_str(text) {
        let (node, anchor) = match event.ok()?.0 {
            Event::Scalar(text, _, anchor, _) => (Yaml::Text(Zeroizing::new(text.into_owned())), anchor),
            Event::Alias(number) => {
                let node = anchors.get(&number)?.clone();
                size += node.size();
                (node, 0)
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == DEEPEST => return None,
            Event::SequenceStart(anchor, _) => {
                open.push(Open { anchor, is_map: false, items: Vec::new() });
                continue;
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, is_map: true, items: Vec::new() });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { anchor, is_map, items } = open.pop()?;
                (if is_map { pairs(items) } else { Yaml::List(items) }, anchor)
            }
            _ => continue,
        };
        size += 1;
        if size > MOST {
            return None;
        }
        if anchor != 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            Some(parent) => parent.items.push(node),
            None => documents.push(node),
        }
    }
    Some(documents)
}

fn pairs(items: Vec<Yaml>) -> Yaml {
    let mut entries = Vec::new();
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        entries.push((key, value));
    }
    Yaml::Map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_has_what_was_merged_into_it_and_an_alias_is_what_it_stands_for() {
        let text = "x: &x { image: a, name: b }\nservices:\n  one:\n    <<: *x\n    name: c\n  two: *x\n";
        let document = Yaml::parse(text).remove(0);
        let value = |service: &str, key: &str| {
            document.get("services").and_then(|services| services.get(service)?.get(key)?.text()).map(str::to_owned)
        };
        assert_eq!(value("one", "image").as_deref(), Some("a"));
        assert_eq!(value("one", "name").as_deref(), Some("c"));
        assert_eq!(value("two", "name").as_deref(), Some("b"));
    }

    #[test]
    fn what_is_no_yaml_nested_without_end_or_grows_without_end_is_nothing() {
        let laughs = (1..30).fold("a0: &a0 [lol, lol]\n".to_owned(), |text, number| {
            let before = number - 1;
            format!("{text}a{number}: &a{number} [*a{before}, *a{before}]\n")
        });
        for text in [laughs, "[".repeat(100_000), "a: [b".to_owned(), "a: *b".to_owned()] {
            assert!(Yaml::parse(&text).is_empty());
        }
    }
}
