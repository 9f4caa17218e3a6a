//! The text of units, as systemd and Podman's quadlets have it: systemd.syntax(7).

use std::path::Path;

use super::{entries, has_extension, text};

/// Settings of a unit and its drop-ins, in order.
#[derive(Default)]
pub(super) struct UnitFile {
    settings: Vec<(String, String, String)>,
}

impl UnitFile {
    /// A unit with its drop-ins.
    pub(super) fn read(path: &Path) -> Option<UnitFile> {
        let mut unit = UnitFile::default();
        unit.add(&text(path)?);
        let mut directory = path.as_os_str().to_owned();
        directory.push(".d");
        for drop_in in entries(Path::new(&directory)).iter().filter(|path| has_extension(path, &["conf"])) {
            unit.add(&text(drop_in).unwrap_or_default());
        }
        Some(unit)
    }

    fn add(&mut self, text: &str) {
        let mut section = String::new();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
        while let Some(line) = lines.next() {
            let mut line = line.to_owned();
            while line.ends_with('\\') {
                line.pop();
                line.push(' ');
                line.push_str(lines.next().unwrap_or_default());
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((key, value)) = line.split_once('=') {
                self.set(&section, key.trim(), value.trim());
            }
        }
    }

    /// An empty value takes back those before it.
    fn set(&mut self, section: &str, key: &str, value: &str) {
        if value.is_empty() {
            self.settings.retain(|(its_section, its_key, _)| its_section != section || its_key != key);
        } else {
            self.settings.push((section.to_owned(), key.to_owned(), value.to_owned()));
        }
    }

    pub(super) fn all(&self, section: &str, key: &str) -> impl Iterator<Item = &str> {
        let settings =
            self.settings.iter().filter(move |(its_section, its_key, _)| its_section == section && its_key == key);
        settings.map(|(_, _, value)| value.as_str())
    }

    /// The last of several.
    pub(super) fn last(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).last()
    }

    /// The variables of `Environment=` and `EnvironmentFile=` in `[Service]` (systemd.exec(5)).
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let mut variables: Vec<(String, String)> = Vec::new();
        for word in self.all("Service", "Environment").flat_map(words) {
            variables.extend(assignment(&word));
        }
        for path in self.all("Service", "EnvironmentFile") {
            let text = text(Path::new(path.trim_start_matches('-'))).unwrap_or_default();
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
            variables.extend(lines.filter_map(assignment));
        }
        variables
    }

    /// The command lines that the unit runs.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        let is_command =
            |(section, key, _): &&(String, String, String)| section == "Service" && key.starts_with("Exec");
        self.settings.iter().filter(is_command).map(|(_, _, value)| value.as_str())
    }
}

fn assignment(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let unquoted = value.trim().trim_matches(['"', '\'']);
    Some((name.trim().to_owned(), unquoted.to_owned()))
}

/// The words of a line, where quotes hold words together and may begin within one.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut quote) = (None::<String>, None::<char>);
    for character in line.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_as_systemd_does() {
        let mut unit = UnitFile::default();
        unit.add(
            "[Service]\n# no\nEnvironment=\"A=one two\" B=three\nUser=app\nExecStart=/usr/bin/docker run \\\n  --rm ghcr.io/a/b\n[X]\nUser=no",
        );
        unit.add("[Service]\nUser=\nUser=other\nEnvironment=B=four");
        assert_eq!(unit.last("Service", "User"), Some("other"));
        assert_eq!(words(unit.commands().next().unwrap()), ["/usr/bin/docker", "run", "--rm", "ghcr.io/a/b"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(unit.environment(), [pair("A", "one two"), pair("B", "three"), pair("B", "four")]);
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words("sh -c 'docker pull x' --a=\"b c\" ''"), ["sh", "-c", "docker pull x", "--a=b c", ""]);
    }
}
