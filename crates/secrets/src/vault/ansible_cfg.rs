//! What `ansible.cfg` says, read by the rules of Python's `configparser` as Ansible sets it up (`config/manager.py`).

use std::{
    ffi::OsString,
    path::{Component, Path, PathBuf},
};

/// The value of `name` in the section `[defaults]`, without comment and quotes. Names are case-insensitive; a line that is
/// indented deeper than its name continues a value; ` ;` begins a comment behind a value, ` #` does not.
pub fn option(text: &str, name: &str) -> Option<String> {
    let (mut is_in_defaults, mut name_indent) = (false, 0);
    let mut found: Option<String> = None;
    // Whether the value above is the one; `None` below a section's head, where nothing can be continued.
    let mut is_above: Option<bool> = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let content = without_comment(line);
        if content.is_empty() {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if let Some(is_it) = is_above.filter(|_| indent > name_indent) {
            if let Some(value) = found.as_mut().filter(|_| is_it) {
                value.push('\n');
                value.push_str(content);
            }
            continue;
        }
        name_indent = indent;
        if let Some(section) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            is_in_defaults = section == "defaults";
            is_above = None;
        } else if let Some((key, value)) = content.split_once(['=', ':']) {
            let is_it = is_in_defaults && key.trim().eq_ignore_ascii_case(name);
            if is_it {
                found = Some(value.trim().to_owned());
            }
            is_above = Some(is_it);
        }
    }
    found.map(|value| unquoted(&value).to_owned()).filter(|value| !value.is_empty())
}

/// A list as Ansible splits it: at commas, less the blanks around each.
pub fn list(value: &str) -> Vec<String> {
    value.split(',').map(|item| unquoted(item.trim()).to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Whether a value means yes.
pub fn is_true(value: &str) -> bool {
    ["y", "yes", "on", "1", "true", "t", "1.0"].contains(&value.trim().to_ascii_lowercase().as_str())
}

/// A path as Ansible reads it (`utils/path.py`, `unfrackpath`): `$NAME` and `${NAME}` are put in place, then `~` and `~user`
/// at its beginning, then it is taken relative to `base` and `..` is resolved in its text. What is not set stays as it is.
/// `home` knows the home of a user; of our own under the empty name.
pub fn path(
    text: &str,
    base: &Path,
    home: impl Fn(&str) -> Option<PathBuf>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> PathBuf {
    normalised(&base.join(with_home(with_variables(text, variable), home)))
}

fn with_variables(text: &str, variable: impl Fn(&str) -> Option<OsString>) -> OsString {
    let mut expanded = OsString::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push(&rest[..at]);
        let behind = &rest[at + 1..];
        let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let (name, length) = match behind.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let end = behind.find(|character| !word(character)).unwrap_or(behind.len());
                (&behind[..end], end)
            }
        };
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.push(value),
            None => expanded.push(&rest[at..=at + length]),
        }
        rest = &behind[length..];
    }
    expanded.push(rest);
    expanded
}

fn with_home(path: OsString, home: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let path = PathBuf::from(path);
    let mut components = path.components();
    let first = components.next().and_then(|first| first.as_os_str().to_str());
    match first.and_then(|first| first.strip_prefix('~')).and_then(home) {
        Some(home) => home.join(components),
        None => path,
    }
}

/// Without `.` and `..`, by the text alone: what is left out need not be there.
fn normalised(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match (component, normal.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                normal.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) | (Component::CurDir, _) => {}
            _ => normal.push(component),
        }
    }
    normal
}

fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return "";
    }
    let comment = line.match_indices(';').find(|(at, _)| line[..*at].ends_with(char::is_whitespace));
    comment.map_or(line, |(at, _)| &line[..at]).trim_end()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}
