//! Spelling keys and values.

use std::fmt::Write;

use super::generate::{Random, Value};

/// What a value stands behind.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Value,
    Item,
}

/// A value as it stands in a block, from behind the colon or the dash on.
pub(super) struct Spelled {
    pub(super) lines: Vec<String>,
    /// `|` or `>`: a comment goes behind the header.
    pub(super) is_block: bool,
    /// `|+`.
    pub(super) keeps: bool,
    pub(super) is_blank: bool,
}

impl Spelled {
    fn line(text: String) -> Spelled {
        Spelled { lines: vec![text], is_block: false, keeps: false, is_blank: false }
    }
}

pub(super) fn key(random: &mut Random, key: &str, is_json: bool, is_in_flow: bool) -> String {
    if is_json {
        return json(random, key);
    }
    let is_plain =
        is_plain(key, is_in_flow) && !is_word(key) && key.chars().all(|character| character != ' ' || !is_in_flow);
    match random.below(10) {
        0..=7 if is_plain => key.to_owned(),
        0..=4 => double_quoted(random, key),
        _ if key.contains('\n') => double_quoted(random, key),
        _ => format!("'{}'", key.replace('\'', "''")),
    }
}

pub(super) fn block(
    random: &mut Random,
    value: &Value,
    anchor: Option<&str>,
    indent: usize,
    place: Place,
    is_plain: bool,
) -> Spelled {
    let space = match (is_plain, random.below(12), place) {
        (false, 0, Place::Value) => "\t",
        (false, 1, _) => "   ",
        _ => " ",
    };
    let tag = match value {
        Value::Vault(_) if random.percent(4) => Some("!vault-encrypted"),
        Value::Vault(_) if random.percent(2) => Some("!<!vault>"),
        Value::Vault(_) => Some("!vault"),
        Value::Unsafe(_) => Some("!unsafe"),
        Value::Text(_) if random.percent(3) => Some("!!str"),
        _ => None,
    };
    let mut properties: Vec<&str> = tag.into_iter().chain(anchor).collect();
    if random.percent(50) {
        properties.reverse();
    }
    let mut head = space.to_owned();
    for property in &properties {
        head += property;
        head.push(' ');
    }
    match value {
        Value::Null if properties.is_empty() && random.percent(50) => {
            Spelled { lines: vec![String::new()], is_block: false, keeps: false, is_blank: true }
        }
        Value::Null => Spelled::line(head + random.pick(&["null", "~"])),
        Value::Word(word) => Spelled::line(head + word),
        Value::Text(text) | Value::Unsafe(text) => self::text(random, text, head, indent, tag.is_some()),
        Value::Vault(payload) => vault(random, payload, head, indent, is_plain),
    }
}

fn vault(random: &mut Random, payload: &str, head: String, indent: usize, is_plain: bool) -> Spelled {
    let block_indent = match random.below(5) {
        0 if !is_plain => indent + 1 + random.below(8),
        1 => indent + 10,
        _ => indent + 2,
    };
    let style = if is_plain { 0 } else { random.below(16) };
    let header = match style {
        0..=8 => "|".to_owned(),
        9..=10 => "|-".to_owned(),
        11 => "|+".to_owned(),
        12 if block_indent - indent < 10 => format!("|{}", block_indent - indent),
        13 => ">".to_owned(),
        14 => return Spelled::line(format!("{head}\"{}\"", payload.replace('\n', "\\n"))),
        _ => "|".to_owned(),
    };
    let mut lines = vec![format!("{head}{header}")];
    for line in payload.lines() {
        if header == ">" && lines.len() > 1 {
            lines.push(String::new());
        }
        lines.push(format!("{}{line}", " ".repeat(block_indent)));
    }
    Spelled { lines, is_block: true, keeps: header == "|+", is_blank: false }
}

fn text(random: &mut Random, text: &str, head: String, indent: usize, is_tagged: bool) -> Spelled {
    let is_plain_text = is_plain(text, false) && (is_tagged || !is_word(text));
    let deeper = " ".repeat(indent + 1 + random.below(6));
    let style = random.below(12);
    match style {
        0..=3 if is_plain_text => Spelled::line(head + text),
        4 if is_plain_text && can_fold(text) => folded_lines(format!("{head}{text}"), &deeper, head.len()),
        5..=6 if !text.contains('\n') => Spelled::line(format!("{head}'{}'", text.replace('\'', "''"))),
        7 if !text.is_empty() && can_fold(text) => {
            let quoted = double_quoted(random, text);
            folded_lines(format!("{head}{quoted}"), &deeper, head.len())
        }
        8..=9 if can_be_literal(text) => literal(random, text, &head, indent),
        10 if can_be_folded(text) => folded(text, &head, indent),
        _ if text.ends_with('\n') && can_be_literal(text) && random.percent(80) => literal(random, text, &head, indent),
        _ => Spelled::line(head + &double_quoted(random, text)),
    }
}

/// A scalar whose blanks become line breaks.
fn folded_lines(line: String, deeper: &str, from: usize) -> Spelled {
    let (head, text) = line.split_at(from);
    let mut lines: Vec<String> = text.split(' ').map(|word| format!("{deeper}{word}")).collect();
    lines[0] = format!("{head}{}", lines[0].trim_start());
    Spelled { lines, is_block: false, keeps: false, is_blank: false }
}

fn literal(random: &mut Random, text: &str, head: &str, indent: usize) -> Spelled {
    let more = 1 + random.below(6);
    let digit = if text.starts_with(' ') || random.percent(10) { more.to_string() } else { String::new() };
    let (chomping, keeps) = match text.ends_with('\n') {
        true if random.percent(15) => ("+", true),
        true => ("", false),
        false => ("-", false),
    };
    let mut lines = vec![format!("{head}|{digit}{chomping}")];
    let indented =
        |line: &str| if line.is_empty() { String::new() } else { format!("{}{line}", " ".repeat(indent + more)) };
    lines.extend(text.lines().map(indented));
    Spelled { lines, is_block: true, keeps, is_blank: false }
}

fn folded(text: &str, head: &str, indent: usize) -> Spelled {
    let mut lines = vec![format!("{head}>{}", if text.ends_with('\n') { "" } else { "-" })];
    for line in text.lines() {
        if lines.len() > 1 {
            lines.push(String::new());
        }
        lines.extend(line.split(' ').map(|word| format!("{}{word}", " ".repeat(indent + 2))));
    }
    Spelled { lines, is_block: true, keeps: false, is_blank: false }
}

/// A value inside of a flow collection. Nothing at all is a value behind a colon only.
pub(super) fn flow(random: &mut Random, value: &Value, place: Place, is_json: bool) -> String {
    match value {
        Value::Null if is_json || place == Place::Item => "null".to_owned(),
        Value::Null => random.pick(&["", "null", "~"]).to_owned(),
        Value::Word(word) => word.clone(),
        Value::Text(text) if is_json => json(random, text),
        Value::Vault(payload) if is_json => format!("{{\"__ansible_vault\": \"{}\"}}", payload.replace('\n', "\\n")),
        Value::Vault(payload) => format!("!vault \"{}\"", payload.replace('\n', "\\n")),
        Value::Unsafe(text) => format!("!unsafe {}", double_quoted(random, text)),
        Value::Text(text) => match random.below(3) {
            0 if is_plain(text, true) && !is_word(text) => text.clone(),
            1 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
            _ => double_quoted(random, text),
        },
    }
}

fn double_quoted(random: &mut Random, text: &str) -> String {
    let escapes = random.percent(40);
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted += "\\n",
            _ if escapes && !character.is_ascii() => {
                write!(quoted, "\\u{:04x}", u32::from(character)).expect("a string")
            }
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

fn json(random: &mut Random, text: &str) -> String {
    double_quoted(random, text)
}

/// Whether YAML 1.1 takes a plain scalar for something else than text.
fn is_word(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "" | "~" | "null" | "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false"
    ) || text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | '=' | '<'))
}

fn is_plain(text: &str, is_in_flow: bool) -> bool {
    let is_indicator = |first: char| "-?:,[]{}#&*!|>'\"%@` ".contains(first);
    !text.is_empty()
        && !text.starts_with(is_indicator)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains('\n')
        && !(is_in_flow && text.contains([',', '[', ']', '{', '}', '?', ':']))
}

/// Whether each blank can become a line break.
fn can_fold(text: &str) -> bool {
    let is_safe = |word: &str| !word.is_empty() && !word.starts_with(['#', '-', '?', ':']) && !word.ends_with(':');
    text.contains(' ') && text.split(' ').all(is_safe) && !text.contains(['\n', '\\', '"'])
}

fn can_be_literal(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('\n') && !text.ends_with("\n\n") && !text.ends_with(' ')
}

fn can_be_folded(text: &str) -> bool {
    let is_line = |line: &str| !line.is_empty() && line.split(' ').all(|word| !word.is_empty());
    can_be_literal(text) && text.lines().all(is_line)
}
