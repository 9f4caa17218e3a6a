//! `WWW-Authenticate` challenges: RFC 9110, section 11.6.1, and the distribution project's
//! `docs/content/spec/auth/token.md`.

use std::fmt;

/// One challenge: a scheme and its parameters, in the order in which they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case: `bearer`, `basic`, …
    pub scheme: String,
    /// Names in lower case, values without their quotes.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A bearer challenge with `realm` and `service`, to which parameters can be added with [`Challenge::with`].
    pub fn bearer(realm: &str, service: &str) -> Challenge {
        Challenge { scheme: "bearer".to_owned(), parameters: Vec::new() }.with("realm", realm).with("service", service)
    }

    /// This challenge with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Challenge {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of the first parameter with this (lower-case) name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Reads every challenge of one header line. Lines in the field hold one or several; what follows a syntax error
    /// is dropped, what came before it is kept.
    pub fn parse(header: &str) -> Vec<Challenge> {
        let mut scanner = Scanner { rest: header };
        let mut challenges: Vec<Challenge> = Vec::new();
        loop {
            scanner.skip(|character| character == ' ' || character == '\t' || character == ',');
            let token = scanner.token();
            if token.is_empty() {
                return challenges;
            }
            match (scanner.value(), challenges.last_mut()) {
                (Some(value), Some(challenge)) => {
                    challenge.parameters.push((token.to_ascii_lowercase(), value));
                }
                (Some(_), None) => return challenges,
                (None, _) => {
                    challenges.push(Challenge { scheme: token.to_ascii_lowercase(), parameters: Vec::new() });
                    scanner.skip_token68();
                }
            }
        }
    }
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(is_skipped);
    }

    fn token(&mut self) -> &'a str {
        let is_token = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
        let end = self.rest.find(|character| !is_token(character)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    /// `= value`, quoted or not, or nothing when what was read was a scheme. Moves on only when there is a value.
    fn value(&mut self) -> Option<String> {
        let after = self.rest.trim_start_matches([' ', '\t']).strip_prefix('=')?;
        // A token68 (`Negotiate abc==`) ends in `=`; a parameter has a value behind it.
        let after = after.trim_start_matches([' ', '\t']);
        if after.is_empty() || after.starts_with([',', '=']) {
            return None;
        }
        let Some(quoted) = after.strip_prefix('"') else {
            self.rest = after;
            return Some(self.token().to_owned());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => value.push(character),
            }
        }
        // An unterminated string: nothing behind it can be told apart from it.
        self.rest = "";
        Some(value)
    }

    /// The opaque blob that schemes such as Negotiate put behind their name.
    fn skip_token68(&mut self) {
        let before = self.rest;
        self.skip(|character| character == ' ' || character == '\t');
        let is_token68 = |character: char| character.is_ascii_alphanumeric() || "-._~+/".contains(character);
        let end = self.rest.find(|character| !is_token68(character)).unwrap_or(self.rest.len());
        let after = self.rest[end..].trim_start_matches('=');
        let is_blob = end > 0 && (after.is_empty() || after.trim_start().starts_with(','));
        let is_parameter =
            self.rest[end..].starts_with('=') && !after.is_empty() && !after.trim_start().starts_with(',');
        self.rest = if is_blob && !is_parameter { after } else { before };
    }
}

impl fmt::Display for Challenge {
    /// As registries write it: the scheme capitalised, every value quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.scheme.chars();
        if let Some(first) = letters.next() {
            write!(f, "{}{}", first.to_ascii_uppercase(), letters.as_str())?;
        }
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if index == 0 { " " } else { "," };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{separator}{name}=\"{value}\"")?;
        }
        Ok(())
    }
}
