//! `pullpass inventory`: secrets inside inventories, in place.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pullpass_secrets::{
    Secret,
    file::{self, Access},
    inventory::{self, KeyPath, NewValue, Value},
    token::{self, Kind},
    vault::{self, VaultError},
};
use serde_json::json;

use crate::{
    commands::wrong_vault,
    failure::{Exit, Failure, OrFail},
    output,
    prompt::{new_secret, refuse_arguments},
    vault_password::VaultPassword,
};

/// Keep secrets encrypted inside inventories, in place
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory set inventory.yml all.vars.iaas_console.ghcr_pat < token.txt
  pullpass inventory show inventory.yml")]
pub(crate) struct Inventory {
    #[command(subcommand)]
    command: InventoryCommand,
}

#[derive(Subcommand)]
enum InventoryCommand {
    Show(Show),
    Set(Set),
}

impl Inventory {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            InventoryCommand::Show(show) => show.run(),
            InventoryCommand::Set(set) => set.run(),
        }
    }
}

/// Set one value, encrypted, and leave every other byte as it is
///
/// The secret is read from standard input, or asked for twice on a terminal. Missing keys, mappings and the file itself
/// are added. A value that is replaced keeps its vault id.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory set inventory.yml all.vars.iaas_console.ghcr_pat < token.txt
  pullpass inventory set inventory.yml all.vars.iaas_console.ghcr_user --plain octocat")]
struct Set {
    /// The YAML file
    file: PathBuf,
    /// The value's keys, joined by dots
    key_path: KeyPath,
    /// Write this text unencrypted; for what is no secret, such as a user name
    #[arg(long, value_name = "TEXT")]
    plain: Option<String>,
    /// Encrypt with the vault password that has this label, and write the label
    #[arg(long, value_name = "LABEL", conflicts_with = "plain")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    password: VaultPassword,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

impl Set {
    fn run(self) -> Result<(), Failure> {
        let by_hand = format!("pullpass inventory set {} '{}' < token.txt", self.file.display(), self.key_path);
        refuse_arguments(&self.secret, &by_hand)?;
        let words = [Some(self.key_path.to_string()), self.plain.clone()].into_iter().flatten();
        let secrets: Vec<String> = words.filter(|word| token::mask(word) != *word).collect();
        refuse_arguments(&secrets, "pullpass inventory set FILE KEYPATH < token.txt")?;
        if let Some(text) = &self.plain {
            return self.write(|| Ok(NewValue::Plain(text.clone())));
        }
        // What cannot be edited is refused before anybody is asked for a secret.
        let existing = file::read(&self.file)?;
        if let Some(bytes) = &existing {
            inventory::get(bytes, &self.key_path).or_usage().map_err(|failure| self.in_file(failure))?;
        }
        let secret = new_secret("secret")?;
        let passwords = self.password.new_or_existing()?;
        let replaced = match existing.as_deref().map(|bytes| inventory::get(bytes, &self.key_path).or_usage()) {
            Some(value) => match value? {
                Some(Value::Vault(payload)) => Some(payload),
                _ => None,
            },
            None => None,
        };
        let old_label = replaced.as_ref().map(|payload| vault::label(payload.as_bytes()));
        let (label, password) =
            passwords.choose(self.encrypt_vault_id.as_deref(), old_label.as_ref().map(Option::as_deref))?;
        if let Some(bytes) = &existing {
            self.check_password(bytes, &label, password)?;
        }
        self.write(|| {
            let payload = vault::encrypt(secret.reveal().as_bytes(), password, Some(&label)).or_usage()?;
            Ok(NewValue::Vault(payload))
        })
    }

    /// A mistyped password would make a value that nobody opens together with the others. It has to open the value that
    /// is replaced, or else one under the same label.
    fn check_password(&self, bytes: &[u8], label: &str, password: &vault::Password) -> Result<(), Failure> {
        let is_same_label = |found: Option<&str>| found.unwrap_or(vault::DEFAULT_LABEL) == label;
        let payload = match inventory::get(bytes, &self.key_path).or_usage()? {
            Some(Value::Vault(payload)) if is_same_label(vault::label(payload.as_bytes()).as_deref()) => {
                Some((self.key_path.to_string(), payload))
            }
            _ => inventory::show(bytes).or_usage()?.into_iter().find_map(|entry| match entry.value {
                inventory::Found::Vault { payload, label, .. } if is_same_label(label.as_deref()) => {
                    Some((entry.path.to_string(), payload))
                }
                _ => None,
            }),
        };
        let Some((path, payload)) = payload else { return Ok(()) };
        match vault::decrypt(payload.as_bytes(), password) {
            Err(VaultError::WrongPassword) => {
                Err(self
                    .in_file(wrong_vault(&VaultError::WrongPassword).fact(format!(
                        "this password does not open `{path}`, so the values would have different ones"
                    ))))
            }
            _ => Ok(()),
        }
    }

    fn in_file(&self, failure: Failure) -> Failure {
        failure.fact(format!("in `{}`; nothing was changed", self.file.display()))
    }

    /// Puts the value that `new` makes.
    fn write(&self, new: impl Fn() -> Result<NewValue, Failure>) -> Result<(), Failure> {
        let edited = |bytes: Option<&[u8]>| inventory::set(bytes, &self.key_path, &new()?).or_usage().map(Some);
        let changed = file::edit(&self.file, Access::Kept, edited).map_err(|failure: Failure| self.in_file(failure))?;
        let done = if changed { "set" } else { "already" };
        output::say(format_args!("{done}: `{}` in `{}`", self.key_path, self.file.display()));
        Ok(())
    }
}

/// List the secrets of a file: where, and, with the vault password, what kind of token
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory show inventory.yml
  pullpass inventory show inventory.yml --vault-password-file ~/.vault-pass --json")]
struct Show {
    /// The YAML file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    password: VaultPassword,
}

struct Row {
    path: String,
    line: usize,
    protection: String,
    token: Option<String>,
    fingerprint: Option<String>,
    /// What is wrong, and the exit code that it means.
    problem: Option<(Exit, String)>,
}

impl Show {
    fn run(self) -> Result<(), Failure> {
        let bytes = file::read(&self.file)?
            .ok_or_else(|| Failure::usage(format!("there is no inventory `{}`", self.file.display())))?;
        let entries = inventory::show(&bytes)
            .or_usage()
            .map_err(|failure| failure.fact(format!("in `{}`", self.file.display())))?;
        let passwords = self.password.if_given()?;
        let key = crate::environment::fingerprint_key();
        let entries = entries.iter().filter(|entry| !matches!(entry.value, inventory::Found::Reference(_)));
        let rows: Vec<Row> = entries.map(|entry| row(entry, passwords.as_ref(), &key)).collect();
        print(&self.file, &rows, self.json);
        // A value that the given password does not open is wrong input; a token in plain text is the answer no.
        match rows.iter().filter_map(|row| row.problem.as_ref().map(|(exit, _)| *exit)).max_by_key(|exit| exit.code()) {
            Some(exit) => Err(Failure::silent(exit)),
            None => Ok(()),
        }
    }
}

fn row(entry: &inventory::Entry, passwords: Option<&vault::Passwords>, key: &[u8; 32]) -> Row {
    let mut row = Row {
        path: entry.path.to_string(),
        line: entry.line,
        protection: String::new(),
        token: None,
        fingerprint: None,
        problem: None,
    };
    let describe = |row: &mut Row, secret: &Secret| {
        row.token = Some(Kind::of(secret).name().to_owned());
        row.fingerprint = Some(token::fingerprint(secret, key));
    };
    match &entry.value {
        inventory::Found::Reference(_) => {}
        inventory::Found::PlainToken(secret) => {
            row.protection = "plaintext".to_owned();
            row.problem = Some((Exit::No, "not encrypted".to_owned()));
            describe(&mut row, secret);
        }
        inventory::Found::Vault { payload, label, .. } => {
            row.protection = format!("vault id {}", label.as_deref().unwrap_or("default"));
            match passwords.map(|passwords| passwords.open(payload.as_bytes())) {
                None => {}
                Some(Err(error)) => row.problem = Some((Exit::Usage, error.to_string())),
                Some(Ok(plaintext)) => {
                    if let Ok(text) = std::str::from_utf8(&plaintext) {
                        describe(&mut row, &Secret::new(text.to_owned()));
                    }
                }
            }
        }
    }
    row
}

fn print(file: &Path, rows: &[Row], as_json: bool) {
    if as_json {
        let secrets: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "path": row.path, "line": row.line, "protection": row.protection,
                    "kind": row.token, "fingerprint": row.fingerprint,
                    "problem": row.problem.as_ref().map(|(_, problem)| problem),
                })
            })
            .collect();
        output::json(&json!({ "file": file, "secrets": secrets }));
        return;
    }
    if rows.is_empty() {
        output::say(format_args!("no secrets in `{}`", file.display()));
        return;
    }
    let cells = |row: &Row| {
        let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
        vec![
            row.path.clone(),
            format!("{}:{}", file.display(), row.line),
            row.protection.clone(),
            text(&row.token),
            text(&row.fingerprint),
            row.problem.as_ref().map(|(_, problem)| problem.clone()).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    output::data(output::table(&["KEY PATH", "WHERE", "PROTECTION", "KIND", "FINGERPRINT", "PROBLEM"], &rows));
}
