//! The logins that the provider has, and which of them are for an image.

use std::path::{self, PathBuf};

use clap::Args;
use jiff::Timestamp;
use pullpass_secrets::{
    file,
    store::{
        AuthFile, Credential,
        pull_secret::{self, Unusable},
    },
    token,
};
use serde_json::{Map, Value, json};

use super::{Image, pattern::Pattern};
use crate::{
    failure::{Failure, OrFail},
    token_source::{Found, TokenSource},
};

/// The kubelet runs as root, without a home and with nobody to ask, so everything is named.
#[derive(Args)]
pub(super) struct Logins {
    /// A file as Podman and Docker write it; its keys may have paths, as in `ghcr.io/owner`
    #[arg(long, value_name = "FILE", required_unless_present = "token_from", conflicts_with_all = ["token_from", "username", "images"])]
    authfile: Option<PathBuf>,
    /// Where the token of one login comes from: env:NAME, file:PATH, systemd:NAME, cmd:COMMAND, op://…
    #[arg(long, value_name = "SOURCE", value_parser = Source::parse)]
    token_from: Option<Source>,
    /// The user of that login
    #[arg(long, short, value_name = "USER", value_parser = user)]
    username: Option<String>,
    /// What that login is for: `ghcr.io`, `ghcr.io/owner` or `*.example.org:5000`; may be repeated
    #[arg(long = "for", id = "images", value_name = "IMAGES", default_value = "ghcr.io")]
    images: Vec<Pattern>,
}

fn user(text: &str) -> Result<String, String> {
    if token::mask(text) != text {
        return Err("the user name is a token: name a place where it is with `--token-from`".to_owned());
    }
    if text.is_empty() || text.contains(|character: char| character == ':' || character.is_control()) {
        return Err("a user name is not empty and has neither `:` nor line breaks".to_owned());
    }
    Ok(text.to_owned())
}

/// A source as it was written, to be written again into the kubelet's configuration.
#[derive(Clone)]
struct Source {
    text: String,
    source: TokenSource,
}

impl Source {
    fn parse(text: &str) -> Result<Source, String> {
        let source: TokenSource = text.parse()?;
        if source.needs_person() {
            return Err(
                "the kubelet cannot be asked: name `file:PATH`, `systemd:NAME` or `cmd:COMMAND LINE`".to_owned()
            );
        }
        Ok(Source { text: text.to_owned(), source })
    }

    /// The kubelet's directory is not this one.
    fn absolute(&self) -> Result<String, Failure> {
        match &self.source {
            TokenSource::File(path) => Ok(format!("file:{}", path::absolute(path).or_usage()?.display())),
            _ => Ok(self.text.clone()),
        }
    }
}

/// What there is for an image.
pub(super) struct Answer {
    /// By key; none when nothing matches.
    pub(super) auth: Option<Map<String, Value>>,
    /// Whether the same answer is right for every image of the registry. It is not as soon as one login is for a part of
    /// it: the kubelet would look for no other.
    pub(super) is_for_registry: bool,
    pub(super) expires_at: Option<Timestamp>,
}

impl Answer {
    fn new(patterns: &[Pattern], image: &Image) -> Answer {
        let mut near = patterns.iter().filter(|pattern| pattern.matches_registry(image));
        Answer { auth: None, is_for_registry: !near.any(Pattern::has_path), expires_at: None }
    }

    fn add(&mut self, pattern: &Pattern, user: &str, password: &str) {
        let login = json!({ "username": user, "password": password });
        // Of two spellings of one key the first counts, as it does for the kubelet.
        self.auth.get_or_insert_default().entry(pattern.to_string()).or_insert(login);
    }
}

impl Logins {
    /// Every login whose key matches the image.
    pub(super) fn answer(&self, image: &Image) -> Result<Answer, Failure> {
        match (&self.authfile, &self.token_from) {
            (Some(path), _) => from_file(path, image),
            (None, Some(source)) => self.one(&source.source, image),
            (None, None) => Err(Failure::usage("name the logins with `--authfile` or `--token-from`")),
        }
    }

    fn one(&self, source: &TokenSource, image: &Image) -> Result<Answer, Failure> {
        let mut answer = Answer::new(&self.images, image);
        let matching: Vec<&Pattern> = self.images.iter().filter(|pattern| pattern.matches(image)).collect();
        if matching.is_empty() {
            return Ok(answer);
        }
        let (Found { token, user }, expires_at) = source.read_unattended()?;
        let user = self.username.clone().or(user);
        let user = user.ok_or_else(|| Failure::usage("no user: name one with `--username`"))?;
        answer.expires_at = expires_at;
        for pattern in matching {
            answer.add(pattern, &user, token.reveal());
        }
        Ok(answer)
    }

    /// What the kubelet is to ask us for.
    ///
    /// # Errors
    /// There is no login.
    pub(super) fn match_images(&self) -> Result<(Vec<Pattern>, Vec<String>), Failure> {
        let Some(path) = &self.authfile else { return Ok((self.images.clone(), Vec::new())) };
        let Keys { patterns, unusable } = Keys::of(&read(path)?);
        let unusable: Vec<String> =
            unusable.iter().map(|(key, reason)| format!("the login `{key}` is of no use here: {reason}")).collect();
        if patterns.is_empty() {
            let failure = Failure::usage(format!("`{}` has no login for the kubelet", path.display()));
            return Err(unusable.into_iter().fold(failure, Failure::fact));
        }
        let mut images: Vec<Pattern> = Vec::new();
        for (pattern, _) in patterns {
            if !images.contains(&pattern) {
                images.push(pattern);
            }
        }
        Ok((images, unusable))
    }

    /// The options that say this again, with whole paths.
    pub(super) fn words(&self) -> Result<Vec<String>, Failure> {
        let mut words = Vec::new();
        if let Some(path) = &self.authfile {
            words.extend(["--authfile".to_owned(), path::absolute(path).or_usage()?.display().to_string()]);
        }
        if let Some(source) = &self.token_from {
            words.extend(["--token-from".to_owned(), source.absolute()?]);
            words.extend(self.username.iter().flat_map(|user| ["--username".to_owned(), user.clone()]));
            words.extend(self.images.iter().flat_map(|pattern| ["--for".to_owned(), pattern.to_string()]));
        }
        Ok(words)
    }
}

fn read(path: &path::Path) -> Result<AuthFile, Failure> {
    let bytes = file::read(path)?
        .map(zeroize::Zeroizing::new)
        .ok_or_else(|| Failure::usage(format!("there is no file `{}`", path.display())))?;
    AuthFile::parse(&bytes).or_usage().map_err(|failure| failure.fact(format!("in `{}`", path.display())))
}

/// What a file has, by keys that the kubelet knows.
struct Keys {
    patterns: Vec<(Pattern, Credential)>,
    unusable: Vec<(String, Unusable)>,
}

impl Keys {
    fn of(file: &AuthFile) -> Keys {
        // A key that is no key for the kubelet matches no image.
        let usable = pull_secret::usable(file).filter_map(|(key, login)| Some((key.parse().ok()?, login.clone())));
        Keys { patterns: usable.collect(), unusable: pull_secret::unusable(file) }
    }
}

fn from_file(path: &path::Path, image: &Image) -> Result<Answer, Failure> {
    let file = read(path)?;
    let Keys { patterns, unusable } = Keys::of(&file);
    let keys: Vec<Pattern> = patterns.iter().map(|(pattern, _)| pattern.clone()).collect();
    let mut answer = Answer::new(&keys, image);
    for (pattern, Credential { user, secret }) in &patterns {
        if pattern.matches(image) {
            answer.add(pattern, user, secret.reveal());
        }
    }
    // Silence would be taken for "there is no login"; this reaches the kubelet's log.
    let near = |key: &str| key.parse().is_ok_and(|pattern: Pattern| pattern.matches(image));
    match unusable.iter().find(|(key, _)| near(key)) {
        Some((key, reason)) if answer.auth.is_none() => {
            Err(Failure::usage(format!("the login `{key}` in `{}` is of no use to the kubelet", path.display()))
                .fact(format!("{reason}")))
        }
        _ => Ok(answer),
    }
}
