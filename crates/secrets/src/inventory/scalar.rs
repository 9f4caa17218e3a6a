//! Writing a text so that YAML 1.1, which Ansible reads, gives the same text back.

use saphyr_parser::ScalarStyle;

/// Words that YAML 1.1 takes for something else than text.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// `text` as a scalar, in the style of the one that it replaces where that can hold it.
pub(super) fn render(text: &str, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::DoubleQuoted => double_quoted(text),
        ScalarStyle::SingleQuoted if !text.contains(is_escaped) => format!("'{}'", text.replace('\'', "''")),
        _ => plain_or_quoted(text),
    }
}

/// `text` without quotes where nothing in it could mean something to YAML.
pub(super) fn plain_or_quoted(text: &str) -> String {
    let is_word =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | '@' | '+');
    let starts_plainly = text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '/'));
    let is_plain = starts_plainly && text.chars().all(is_word) && !WORDS.contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { double_quoted(text) }
}

/// `text` on one line, in double quotes.
pub(super) fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if is_escaped(character) => quoted += &format!("\\u{:04x}", u32::from(character)),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Control characters, line breaks of any kind, and byte order marks, all of them below U+10000.
fn is_escaped(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
