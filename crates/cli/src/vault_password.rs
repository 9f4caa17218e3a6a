//! Where Ansible Vault passwords come from: every place in which Ansible looks, in its order, and a variable or a command
//! that the person names.

mod new;
mod script;
pub(crate) mod settings;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use clap::Args;
use pullpass_secrets::{
    Secret, file,
    vault::{
        self, DEFAULT_LABEL, Password, Passwords, VaultError,
        vault_id::{Source, VaultId, is_client},
    },
};
use zeroize::Zeroizing;

use crate::{
    environment,
    failure::{Failure, OrFail},
    output, prompt,
};
pub(crate) use new::{NewPasswords, Next};
use script::Script;
use settings::Settings;

/// How a command is told vault passwords.
#[derive(Args, Clone, Default)]
pub(crate) struct VaultPassword {
    /// A vault password with its label: LABEL@FILE, LABEL@SCRIPT or LABEL@prompt; may be repeated
    #[arg(long, value_name = "LABEL@SOURCE")]
    vault_id: Vec<String>,
    /// Read the vault password from a file, or from what it prints if it is executable; may be repeated
    #[arg(long, value_name = "FILE", visible_alias = "vault-pass-file")]
    vault_password_file: Vec<String>,
    /// Read the vault password from an environment variable
    #[arg(long, value_name = "NAME")]
    vault_password_env: Option<String>,
    /// Run a command that prints the vault password; it is split into words, no shell sees it
    #[arg(long, value_name = "COMMAND")]
    vault_password_command: Option<String>,
    /// Ask for the vault password
    #[arg(long, short = 'J', visible_alias = "ask-vault-pass", conflicts_with = "vault_password_file")]
    ask_vault_password: bool,
    /// A person is asked, and a script run, once for a command.
    #[arg(skip)]
    loaded: OnceLock<(Arc<Passwords>, bool)>,
}

/// One place to get one password from.
enum Place {
    File(PathBuf),
    Variable(String),
    Command(String),
    Prompt,
}

/// Whether a person who is asked has to type a password once, or twice because something is encrypted under it.
#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Once,
    Twice,
}

impl VaultPassword {
    /// The passwords to open something with; there is at least one.
    pub(crate) fn existing(&self) -> Result<Passwords, Failure> {
        self.ask(&Settings::read()?, Asked::Once).map(|(passwords, _)| passwords)
    }

    /// The passwords to choose one from, to encrypt something with it. A prompt asks twice.
    pub(crate) fn new_or_existing(&self) -> Result<Choice, Failure> {
        self.choice(Asked::Twice)
    }

    /// The passwords to open something with, and to encrypt it again when it was edited.
    pub(crate) fn to_edit(&self) -> Result<Choice, Failure> {
        self.choice(Asked::Once)
    }

    fn choice(&self, asked: Asked) -> Result<Choice, Failure> {
        let settings = Settings::read()?;
        warn_of_salt(&settings);
        let (passwords, is_complete) = self.load(&settings, asked)?;
        Ok(Choice { passwords, is_complete, encrypt_identity: settings.encrypt_identity })
    }

    /// [`VaultPassword::existing`] if any place is named; commands that can do without do not ask otherwise.
    pub(crate) fn if_given(&self) -> Result<Option<Arc<Passwords>>, Failure> {
        let settings = Settings::read()?;
        if self.places(&settings)?.is_empty() {
            return Ok(None);
        }
        self.load(&settings, Asked::Once).map(|(passwords, _)| Some(passwords))
    }

    /// Whether the person named a place; `ansible.cfg` and the environment may name others.
    pub(crate) fn is_named(&self) -> bool {
        let named = [&self.vault_id, &self.vault_password_file].into_iter().any(|list| !list.is_empty());
        named || self.vault_password_env.is_some() || self.vault_password_command.is_some() || self.ask_vault_password
    }

    /// Whether a person is asked for one.
    pub(crate) fn is_prompt(&self) -> Result<bool, Failure> {
        let places = self.places(&Settings::read()?)?;
        Ok(places.is_empty() || places.iter().any(|(_, place)| matches!(place, Place::Prompt)))
    }

    /// The passwords to open something with that is encrypted again.
    pub(crate) fn to_rekey(&self) -> Result<Arc<Passwords>, Failure> {
        let settings = Settings::read()?;
        warn_of_salt(&settings);
        self.load(&settings, Asked::Once).map(|(passwords, _)| passwords)
    }

    /// Every place that is named, with its label, in Ansible's order (`ansible/cli/__init__.py`, `setup_vault_secrets`).
    fn places(&self, settings: &Settings) -> Result<Vec<(Option<String>, Place)>, Failure> {
        let mut places = Vec::new();
        for text in settings.identity_list.iter().chain(&self.vault_id) {
            places.push(place(text)?);
        }
        let default = |place| (Some(settings.identity.clone()), place);
        for file in &self.vault_password_file {
            places.push(default(Place::File(settings::path(file))));
        }
        places.extend(self.vault_password_env.clone().map(Place::Variable).map(default));
        places.extend(self.vault_password_command.clone().map(Place::Command).map(default));
        places.extend(settings.password_file.clone().map(Place::File).map(default));
        if self.ask_vault_password || settings.ask {
            places.push(default(Place::Prompt));
        }
        Ok(places)
    }

    /// [`VaultPassword::ask`], the first time.
    fn load(&self, settings: &Settings, asked: Asked) -> Result<(Arc<Passwords>, bool), Failure> {
        if let Some(loaded) = self.loaded.get() {
            return Ok(loaded.clone());
        }
        let (passwords, is_complete) = self.ask(settings, asked)?;
        Ok(self.loaded.get_or_init(|| (Arc::new(passwords), is_complete)).clone())
    }

    /// Asks every place; a person only when nothing else is named. A place that gives nothing is no more than a warning
    /// when another one does, and makes the list incomplete.
    fn ask(&self, settings: &Settings, asked: Asked) -> Result<(Passwords, bool), Failure> {
        let mut passwords = Passwords::new(settings.identity.clone(), settings.only_matching);
        let mut places = self.places(settings)?;
        if places.is_empty() {
            places.push((None, Place::Prompt));
        }
        let mut failures = Vec::new();
        for (label, place) in places {
            match place.password(label.as_deref(), &passwords, asked) {
                Ok(password) => passwords.push(label.as_deref(), password),
                // The person is there and can answer again.
                Err(failure) if matches!(place, Place::Prompt) => return Err(failure),
                Err(failure) => failures.push(failure),
            }
        }
        let is_complete = failures.is_empty();
        if !passwords.is_empty() {
            for failure in failures {
                output::warn(failure.facts.iter().fold(failure.message, |text, fact| format!("{text}\n  {fact}")));
            }
            return Ok((passwords, is_complete));
        }
        let mut failures = failures.into_iter();
        let first = failures.next().unwrap_or_else(|| Failure::usage("there is no vault password"));
        let others = failures.flat_map(|failure| std::iter::once(failure.message).chain(failure.facts));
        Err(others.fold(first, Failure::fact).hint("name the file with `--vault-password-file FILE`"))
    }
}

/// The label and the place that `LABEL@SOURCE` names.
fn place(text: &str) -> Result<(Option<String>, Place), Failure> {
    let VaultId { label, source } = VaultId::from(text);
    let place = match source {
        Source::Prompt => Place::Prompt,
        Source::File(path) => Place::File(settings::path(&path)),
    };
    Ok((label, place))
}

impl Place {
    /// The password. `earlier` ones open a password file that is encrypted itself.
    fn password(&self, label: Option<&str>, earlier: &Passwords, asked: Asked) -> Result<Password, Failure> {
        match self {
            Place::Prompt => from_prompt("vault password", label.filter(|label| *label != DEFAULT_LABEL), asked),
            Place::File(path) => from_path(path, label, earlier),
            Place::Variable(name) => {
                environment::hide(name);
                let value = environment::variable(name)
                    .ok_or_else(|| Failure::usage(format!("the environment variable `{name}` is empty or not set")))?;
                Password::from_output(value.as_encoded_bytes())
                    .or_usage()
                    .map_err(|failure| failure.fact(format!("in the environment variable `{name}`")))
            }
            Place::Command(command) => Script::command(command)?.password(),
        }
    }
}

fn from_prompt(what: &str, label: Option<&str>, asked: Asked) -> Result<Password, Failure> {
    let question = label.map_or_else(|| what.to_owned(), |label| format!("{what} ({label})"));
    let typed: Result<Secret, Failure> = match asked {
        Asked::Once => prompt::hidden(&question),
        Asked::Twice => prompt::hidden_twice(&question),
    };
    typed
        .and_then(|typed| Password::from_prompt(&typed).or_usage())
        .map_err(|failure| failure.hint("name the file with `--vault-password-file FILE`"))
}

/// A file's contents, or what it prints: the executable bit decides, as in Ansible.
fn from_path(path: &Path, label: Option<&str>, earlier: &Passwords) -> Result<Password, Failure> {
    let shown = path.display();
    let mode = file::mode(path)?;
    if path.is_file() && mode.is_some_and(|mode| mode & 0o111 != 0) {
        if mode.is_some_and(|mode| mode & 0o002 != 0) {
            return Err(Failure::usage(format!("everybody may write the vault password script `{shown}`"))
                .fact("so it is not run")
                .hint(format!("run `chmod o-w {shown}`")));
        }
        let script = if is_client(path) { Script::client(path, label) } else { Script::plain(path) };
        return script.password();
    }
    let bytes = prompt::secret_file(path)?
        .ok_or_else(|| Failure::usage(format!("there is no vault password file `{shown}`")))?;
    let password = match vault::is_encrypted(bytes.trim_ascii()) {
        false => Password::from_file(&bytes),
        // Without an earlier password there is none to open it with.
        true => earlier.open(bytes.trim_ascii()).and_then(|plaintext| Password::from_output(&plaintext)),
    };
    password.or_usage().map_err(|failure| failure.fact(format!("in the vault password file `{shown}`")))
}

fn warn_of_salt(settings: &Settings) {
    if settings.has_salt {
        output::warn("ANSIBLE_VAULT_ENCRYPT_SALT is ignored: a salt that is used twice gives secrets away");
    }
}

/// Passwords of which one is to be chosen.
pub(crate) struct Choice {
    passwords: Arc<Passwords>,
    /// Whether every place gave its password.
    is_complete: bool,
    encrypt_identity: Option<String>,
}

impl Choice {
    /// [`Passwords::open_with`].
    pub(crate) fn open(&self, payload: &[u8]) -> Result<(Zeroizing<Vec<u8>>, &Password), VaultError> {
        self.passwords.open_with(payload)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &Passwords {
        &self.passwords
    }

    /// The password to encrypt under, and the label to write. `asked` is what the person said, `replaced` the label of a
    /// value that is there already, which it keeps.
    pub(crate) fn choose(
        &self,
        asked: Option<&str>,
        replaced: Option<Option<&str>>,
    ) -> Result<(String, &Password), Failure> {
        let default = self.passwords.default_label();
        let only = self.passwords.only().filter(|_| self.is_complete);
        if let Some(asked) = asked {
            // A password that came without a label takes the one that is asked for.
            let unlabelled = only.filter(|(label, _)| *label == default).map(|(_, password)| password);
            return self.passwords.get(asked).or(unlabelled).map(|password| (asked.to_owned(), password)).ok_or_else(
                || {
                    self.failure(
                        &format!("no vault password is labelled `{asked}`"),
                        "name it: `--vault-id LABEL@FILE`",
                    )
                },
            );
        }
        if let Some(label) = replaced.map(|label| label.unwrap_or(DEFAULT_LABEL))
            && let Some(password) = self.passwords.get(label).or_else(|| only.map(|(_, password)| password))
        {
            return Ok((label.to_owned(), password));
        }
        if let Some(identity) = &self.encrypt_identity {
            let password = self.passwords.get(identity).ok_or_else(|| {
                self.failure(
                    &format!("no vault password is labelled `{identity}`, as ANSIBLE_VAULT_ENCRYPT_IDENTITY asks for"),
                    "choose one that is there with `--encrypt-vault-id LABEL`",
                )
            })?;
            return Ok((identity.clone(), password));
        }
        only.map(|(label, password)| (label.to_owned(), password)).ok_or_else(|| {
            self.failure(
                "several vault passwords are named, and none of them to encrypt with",
                "choose one with `--encrypt-vault-id LABEL`, or set ANSIBLE_VAULT_ENCRYPT_IDENTITY",
            )
        })
    }

    fn failure(&self, message: &str, hint: &str) -> Failure {
        let labels: Vec<String> = self.passwords.labels().map(|label| format!("`{label}`")).collect();
        Failure::usage(message).fact(format!("the labels are {}", labels.join(", "))).hint(hint)
    }
}
