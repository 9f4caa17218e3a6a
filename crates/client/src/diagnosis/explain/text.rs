//! A text without its names: lower case, no quotes and brackets, and in the place of an address or an image what it is.

use pullpass_secrets::token::mask;

use super::name::{Name, is_host, is_name_byte, name_of, separator};

/// What is looked at of a long text: its end, where the error is.
const LONGEST: usize = 64 << 10;
/// No reference is longer.
const LONGEST_NAME: usize = 512;

/// A text to be compared with patterns.
pub(super) struct Text {
    words: String,
    /// The image, as it was written.
    pub(super) reference: Option<String>,
    /// The registry, lower case.
    pub(super) registry: Option<String>,
}

impl Text {
    pub(super) fn read(text: &str) -> Text {
        let plain = plain(tail(text));
        let mut read = Text { words: String::with_capacity(plain.len()), reference: None, registry: None };
        for line in plain.lines() {
            read.line(line);
        }
        read.reference = read.reference.or_else(|| spoken_of(&plain)).map(|name| mask(&name));
        if let Some(host) = read.reference.as_deref().and_then(|name| name.split_once('/')).map(|(host, _)| host)
            && is_host(host)
        {
            read.registry = Some(host.to_ascii_lowercase());
        }
        read.words = without_json(&read.words);
        read
    }

    /// Whether `pattern` is somewhere in one line. `*` stands for anything, `^` in front for the beginning of a message, `$` at the
    /// end for its end.
    pub(super) fn has(&self, pattern: &str) -> bool {
        self.words.lines().any(|line| is_in(line, pattern))
    }

    /// Whether it speaks of an image or of an address that only registries have.
    pub(super) fn is_about_a_registry(&self) -> bool {
        const NAMES: [&str; 9] =
            ["<image>", "<token>", "<ping>", "<manifest>", "<blob>", "<upload>", "<storage>", "<registry>", "<hub>"];
        // Of Go's, in which nearly all clients are written; with another program's address it is not ours.
        const GO: [&str; 6] = ["dial tcp", "x509:", "net/http:", "tls:", "server gave http response", "proxyconnect"];
        const OTHERS: [&str; 3] = ["<url>", "unable to connect to the server", "kubectl"];
        let has = |names: &[&str]| names.iter().any(|name| self.words.contains(name));
        has(&NAMES) || has(&GO) && !has(&OTHERS)
    }

    /// Whether something was being pushed.
    pub(super) fn is_push(&self) -> bool {
        const PUSHES: [&str; 14] = [
            "the push refers to",
            "failed to push",
            "push access denied",
            "pushing",
            "docker push",
            "podman push",
            "<upload>",
            "initiating layer upload",
            "trying to reuse blob",
            "checking push permission",
            "writing blob",
            "writing manifest",
            "exporting to image",
            "to destination",
        ];
        PUSHES.iter().any(|push| self.has(push))
    }

    /// Whether it was a login, which asks for no image.
    pub(super) fn is_login(&self) -> bool {
        const LOGINS: [&str; 11] = [
            "<ping>: denied",
            "<ping>: unauthorized",
            "<ping>: get <token>",
            "logging into",
            "authenticating creds",
            "authenticating to",
            "login attempt to",
            "login did not succeed",
            "authenticating with existing credentials",
            "docker login",
            "podman login",
        ];
        self.reference.is_none() && LOGINS.iter().any(|login| self.has(login))
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let from = self.words.len();
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                self.words.push(' ');
            }
            self.word(word, &words[..at]);
        }
        // Docker 29 writes a code a second time, in a line of its own.
        let end = self.words[..from].trim_end_matches('\n').rsplit(": ").next();
        if !self.words[from..].is_empty() && end == Some(&self.words[from..]) {
            self.words.truncate(from);
            if self.words.ends_with('\n') {
                self.words.pop();
            }
            self.words.push_str("+again");
        }
        if self.words.len() > from {
            self.words.push('\n');
        }
    }

    fn word(&mut self, word: &str, before: &[&str]) {
        // `repository=ghcr.io/octocat/app`, but not the address that has an `=` in its query.
        let key = word.find('=').filter(|at| !word[..*at].contains([':', '/', '?'])).map_or(0, |at| at + 1);
        let (key, rest) = word.split_at(key);
        let name = rest.trim_end_matches([':', ',', '.', ';']);
        let Some(found) = name_of(name) else {
            self.words.push_str(&word.to_lowercase());
            return;
        };
        let placeholder = match found {
            Name::Image(reference) => {
                let tag = match before {
                    [.., manifest, tag, "in"] if manifest.eq_ignore_ascii_case("manifest") => Some(*tag),
                    _ => None,
                };
                let has_tag = reference.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
                match tag.filter(|tag| !has_tag && tag.bytes().all(is_name_byte)) {
                    Some(tag) => self.image(format!("{reference}{}{tag}", separator(tag))),
                    None => self.image(reference),
                }
                "<image>"
            }
            Name::Registry(placeholder, host, reference) => {
                if self.registry.is_none() {
                    self.registry = Some(host);
                }
                reference.into_iter().for_each(|reference| self.image(reference));
                placeholder
            }
            Name::Other(placeholder) => placeholder,
        };
        self.words.push_str(&key.to_lowercase());
        self.words.push_str(placeholder);
        self.words.push_str(&rest[name.len()..]);
    }

    /// Takes `reference`, if it says more than what is known.
    fn image(&mut self, reference: String) {
        let detail = |name: &str| name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
        if reference.len() <= LONGEST_NAME
            && self.reference.as_deref().is_none_or(|old| !detail(old) && detail(&reference))
        {
            self.reference = Some(reference);
        }
    }
}

fn tail(text: &str) -> &str {
    let from = (text.len().saturating_sub(LONGEST)..=text.len()).find(|at| text.is_char_boundary(*at));
    &text[from.unwrap_or_default()..]
}

/// Without escapes, colours, quotes and brackets, and with one blank between words.
fn plain(text: &str) -> String {
    let text = uncoloured(&unescaped(text));
    let mut plain = String::with_capacity(text.len());
    // A line break inside of JSON is none.
    let mut is_open = false;
    let mut characters = text.chars().peekable();
    let mut last = ' ';
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\r' => plain.push(if is_open { ' ' } else { '\n' }),
            '\'' | '’' if last.is_alphanumeric() && characters.peek().is_some_and(|next| next.is_alphanumeric()) => {
                plain.push('\'');
            }
            '{' | '[' => is_open = true,
            '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '}' | ']' => {
                if characters.peek() == Some(&':') {
                    characters.next();
                    plain.push_str(": ");
                }
                is_open = false;
            }
            ',' => {
                plain.push_str(", ");
                is_open = true;
            }
            '(' | ')' => plain.push(' '),
            _ if character.is_whitespace() || character.is_control() => plain.push(' '),
            _ => {
                is_open = false;
                plain.push(character);
            }
        }
        last = character;
    }
    plain
}

/// What JSON and logs escape.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.strip_prefix('u').and_then(|code| code.get(..4));
        if let Some(character) = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?)) {
            plain.push(character);
            rest = &after[5..];
            continue;
        }
        let escaped = after.chars().next();
        match escaped {
            Some('n' | 'r') => plain.push('\n'),
            Some('t') => plain.push(' '),
            _ => {
                rest = after;
                continue;
            }
        }
        rest = &after[1..];
    }
    plain.push_str(rest);
    plain
}

/// Without the sequences that set colours, titles and cursors (ECMA-48).
fn uncoloured(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('[') => while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
            Some(']') => while characters.next().is_some_and(|next| next != '\u{7}' && next != '\\') {},
            _ => {}
        }
    }
    plain
}

/// `{"errors":[{"code":"DENIED","message":"denied"}]}` as clients write it: `errors: denied: denied`.
fn without_json(words: &str) -> String {
    words.replace("errors: code: ", "errors: ").replace("error: code: ", "errors: ").replace(", message: ", ": ")
}

/// The image without a registry that is named where a client names one.
fn spoken_of(plain: &str) -> Option<String> {
    const PLACES: [&str; 5] = [
        "pull access denied for ",
        "Failed to pull image ",
        "Back-off pulling image ",
        "Unable to find image ",
        "manifest for ",
    ];
    let name = PLACES.iter().find_map(|place| plain.split_once(place))?.1;
    let name = name.split(' ').next()?.trim_end_matches([',', ':', '.']);
    (!name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_name_byte)).then(|| name.to_owned())
}

fn is_in(line: &str, pattern: &str) -> bool {
    let (pattern, is_first) = pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
    let (pattern, is_last) = pattern.strip_suffix('$').map_or((pattern, false), |rest| (rest, true));
    let mut parts = pattern.split('*').peekable();
    let mut from = 0;
    let mut is_begin = true;
    while let Some(part) = parts.next() {
        let is_end = parts.peek().is_none() && is_last;
        let found = line[from..].match_indices(part).map(|(at, _)| from + at).find(|at| {
            let (before, after) = (&line[..*at], &line[at + part.len()..]);
            (!is_begin || begins(before, is_first)) && (!is_end || ends(after))
        });
        let Some(at) = found else { return false };
        from = at + part.len();
        is_begin = false;
    }
    true
}

/// Whether a word, or with `message` a whole message, can begin behind `before`.
fn begins(before: &str, message: bool) -> bool {
    if message {
        return before.trim().is_empty()
            || [": ", "error ", "warning ", "- ", "="].iter().any(|end| before.ends_with(end));
    }
    !before.ends_with(|last: char| last.is_alphanumeric() || "_-/".contains(last))
}

/// Whether a message can end in front of `after`.
fn ends(after: &str) -> bool {
    let mut rest = after.chars();
    match rest.next() {
        Some('.') => !rest.next().is_some_and(char::is_alphanumeric),
        Some(next) => !next.is_alphanumeric() && !"_-:/@=+".contains(next),
        None => true,
    }
}
