//! `pullpass inventory show`.

mod references;

use std::{fmt, path::PathBuf, sync::Arc};

use clap::Args;
use pullpass_secrets::{
    Secret,
    inventory::{
        self, Entry, Found, KeyPath,
        files::{self, Form},
    },
    token::{self, Kind},
    vault::{self, Passwords},
};
use rayon::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    near,
    tree::{File, Tree},
};
use crate::{
    failure::{Exit, Failure, OrFail},
    output,
    vault_password::VaultPassword,
};

/// List the secrets of files and directories: where, and, with the vault password, what kind of token
///
/// Directories are searched for every file that Ansible could read: inventories, group_vars, host_vars, playbooks, roles.
/// `{{ vault_x }}` is followed to the secret that it stands for. Nothing is changed. The exit code is 1 when a secret is in
/// plain text or Ansible would refuse it, 2 when one does not open or a file is malformed, and 3 when one could not be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory show inventory.yml
  pullpass inventory show . --vault-password-file ~/.vault-pass --json
  pullpass inventory show group_vars --key vault_ghcr_pat --reveal")]
pub(super) struct Show {
    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Only the secret at this key path, or, if none is, at the end of this one
    #[arg(long, value_name = "KEYPATH")]
    key: Option<KeyPath>,
    /// Print the secrets themselves
    #[arg(long)]
    reveal: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    password: VaultPassword,
}

/// One line of the answer.
struct Row {
    file: PathBuf,
    /// `None` for a file that could not be looked into.
    path: Option<KeyPath>,
    also: Vec<KeyPath>,
    line: usize,
    protection: Protection,
    /// What the value is nothing but a name for.
    refers_to: Option<Reference>,
    /// What is there, or was after it was opened.
    plaintext: Option<Zeroizing<Vec<u8>>>,
    /// Whether it opens; `None` when no password was tried.
    decrypts: Option<bool>,
    /// What is wrong, and the exit code that it means.
    problem: Option<(Exit, String)>,
}

/// A variable, and where it is.
struct Reference {
    variable: KeyPath,
    /// The file and the line.
    place: Option<(PathBuf, usize)>,
    /// How many other places have it.
    others: usize,
}

enum Protection {
    /// The file could not be read.
    Unknown,
    Plain,
    /// A value of its own.
    Value(Option<String>),
    /// The file around it.
    File(Option<String>),
    /// The value that it refers to has it.
    Reference,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut tree = Tree::read(&self.paths)?;
        let passwords = if self.reveal {
            let passwords = Arc::new(self.password.existing()?);
            tree.open(&passwords);
            Some(passwords)
        } else {
            tree.look_with(&self.password)?
        };
        let rows: Result<Vec<Vec<Row>>, Failure> = tree.files.par_iter().map(Row::of_file).collect();
        let mut rows: Vec<Row> = rows?.into_iter().flatten().collect();
        if let Some(passwords) = &passwords {
            rows.par_iter_mut().for_each(|row| row.open(passwords));
        }
        references::follow(&mut rows);
        if let Some(key) = &self.key {
            only(key, &mut rows)?;
        }
        self.print(&rows, &tree.unreadable);
        tree.unreadable.iter().for_each(output::warn);
        let unreadable = (!tree.unreadable.is_empty()).then_some(Exit::Unknown);
        // A value that the given password does not open is wrong input; a token in plain text is the answer no.
        let exits = rows.iter().filter_map(|row| row.problem.as_ref().map(|(exit, _)| *exit)).chain(unreadable);
        exits.max_by_key(|exit| exit.code()).map_or(Ok(()), |exit| Err(Failure::silent(exit)))
    }

    fn print(&self, rows: &[Row], unreadable: &[String]) {
        let key = crate::environment::fingerprint_key();
        if self.json {
            let secrets: Vec<Value> = rows.iter().map(|row| row.to_json(&key, self.reveal)).collect();
            output::json(&json!({ "secrets": secrets, "unreadable": unreadable }));
            return;
        }
        if rows.is_empty() {
            output::say("no secrets found");
            return;
        }
        let mut headings = vec!["KEY PATH", "WHERE", "PROTECTION", "KIND", "FINGERPRINT", "PROBLEM"];
        if self.reveal {
            headings.push("SECRET");
        }
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.cells(&key, self.reveal)).collect();
        output::data(output::table(&headings, &rows));
    }
}

impl Reference {
    fn to_json(&self) -> Value {
        json!({
            "variable": self.variable.to_string(),
            "file": self.place.as_ref().map(|(file, _)| file.to_string_lossy()),
            "line": self.place.as_ref().map(|(_, line)| line),
            "others": self.others,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is `{}`", self.variable)?;
        let Some((file, line)) = &self.place else { return Ok(()) };
        write!(f, " at {}:{line}", file.display())?;
        match self.others {
            0 => Ok(()),
            1 => f.write_str(" and 1 other place"),
            others => write!(f, " and {others} other places"),
        }
    }
}

impl Row {
    fn new(file: &File, line: usize, protection: Protection) -> Row {
        Row {
            file: file.path.clone(),
            path: None,
            also: Vec::new(),
            line,
            protection,
            refers_to: None,
            plaintext: None,
            decrypts: None,
            problem: None,
        }
    }

    /// Every secret of a file, closed still.
    fn of_file(file: &File) -> Result<Vec<Row>, Failure> {
        let around = (file.form == Form::Whole).then(|| vault::label(&file.bytes));
        let Some(content) = file.content() else {
            let problem = match &file.plaintext {
                Some(Err(error)) => Some((Exit::Usage, error.to_string())),
                _ => None,
            };
            let decrypts = problem.as_ref().map(|_| false);
            let protection = Protection::File(around.flatten());
            return Ok(vec![Row { decrypts, problem, ..Row::new(file, 1, protection) }]);
        };
        let entries = match (file.form, &around) {
            (Form::Text, _) => return Ok(Vec::new()),
            (_, Some(_)) => inventory::show_opened(content),
            (_, None) => inventory::show(content),
        };
        match entries {
            Ok(entries) => Ok(entries.into_iter().map(|entry| Row::of(file, entry, around.as_ref())).collect()),
            // A certificate, say: the whole of it is the secret.
            Err(_) if around.is_some() => {
                let plaintext = Some(Zeroizing::new(content.to_vec()));
                let protection = Protection::File(around.flatten());
                Ok(vec![Row { plaintext, decrypts: Some(true), ..Row::new(file, 1, protection) }])
            }
            Err(error) if file.is_named => Err::<Vec<Row>, _>(error)
                .or_usage()
                .map_err(|failure| failure.fact(format!("in `{}`", file.path.display()))),
            Err(error) if files::may_hold_secret(content) => Ok(vec![Row {
                problem: Some((Exit::Usage, error.to_string())),
                ..Row::new(file, error.line().unwrap_or(1), Protection::Unknown)
            }]),
            // Somebody else's YAML, with nothing of ours in it.
            Err(_) => Ok(Vec::new()),
        }
    }

    fn of(file: &File, entry: Entry, around: Option<&Option<String>>) -> Row {
        let around = |own| around.map_or(own, |label| Protection::File(label.clone()));
        let row = Row { path: Some(entry.path), also: entry.also, ..Row::new(file, entry.line, Protection::Plain) };
        let bytes = |secret: &Secret| Some(Zeroizing::new(secret.reveal().as_bytes().to_vec()));
        match entry.value {
            Found::Reference(variable) => {
                let refers_to = Some(Reference { variable, place: None, others: 0 });
                Row { refers_to, protection: Protection::Reference, ..row }
            }
            Found::Text(secret) => {
                let protection = around(Protection::Plain);
                Row { plaintext: bytes(&secret), protection, decrypts: Some(true), ..row }
            }
            Found::PlainToken(secret) => {
                let problem = Some((Exit::No, "not encrypted".to_owned()));
                Row { plaintext: bytes(&secret), problem, ..row }
            }
            Found::Vault { payload, label, damage } => {
                let payload = Zeroizing::new(payload.into_bytes());
                let form = vault::check(&payload).err().map(|error| error.to_string());
                let problem = damage.map(|damage| damage.to_string()).or(form).map(|problem| (Exit::No, problem));
                Row { plaintext: Some(payload), protection: Protection::Value(label), problem, ..row }
            }
        }
    }

    /// Puts the plaintext in the place of a payload.
    fn open(&mut self, passwords: &Passwords) {
        let (Protection::Value(_), Some(payload)) = (&self.protection, &self.plaintext) else { return };
        match passwords.open(payload) {
            Ok(plaintext) => (self.plaintext, self.decrypts) = (Some(plaintext), Some(true)),
            Err(error) => {
                self.decrypts = Some(false);
                self.problem = Some((Exit::Usage, error.to_string()));
            }
        }
    }

    /// The secret; `None` while it is not open.
    fn secret(&self) -> Option<&[u8]> {
        let is_open = self.decrypts == Some(true) || matches!(self.protection, Protection::Plain);
        self.plaintext.as_ref().filter(|_| is_open).map(|plaintext| plaintext.as_slice())
    }

    /// Kind and fingerprint.
    fn token(&self, key: &[u8; 32]) -> Option<(&'static str, String)> {
        let secret = Secret::new(std::str::from_utf8(self.secret()?).ok()?.to_owned());
        Some((Kind::of(&secret).name(), token::fingerprint(&secret, key)))
    }

    fn protection(&self) -> String {
        let id = |label: &Option<String>| label.clone().unwrap_or_else(|| vault::DEFAULT_LABEL.to_owned());
        match (&self.protection, &self.refers_to) {
            (Protection::Unknown, _) => String::new(),
            (Protection::Plain, _) => "plaintext".to_owned(),
            (Protection::Value(label), _) => format!("vault id {}", id(label)),
            (Protection::File(label), _) => format!("whole file, vault id {}", id(label)),
            (Protection::Reference, to) => to.as_ref().map_or_else(String::new, Reference::to_string),
        }
    }

    fn to_json(&self, key: &[u8; 32], reveal: bool) -> Value {
        let token = self.token(key);
        let vault_id = match &self.protection {
            Protection::Value(label) | Protection::File(label) => {
                Some(label.clone().unwrap_or_else(|| vault::DEFAULT_LABEL.to_owned()))
            }
            _ => None,
        };
        let mut row = json!({
            "file": self.file.to_string_lossy(),
            "line": self.line,
            "path": self.path.as_ref().map(KeyPath::to_string),
            "also": self.also.iter().map(KeyPath::to_string).collect::<Vec<_>>(),
            "protection": match self.protection {
                Protection::Unknown => None,
                Protection::Plain => Some("plaintext"),
                Protection::Value(_) => Some("value"),
                Protection::File(_) => Some("file"),
                Protection::Reference => Some("reference"),
            },
            "vault_id": vault_id,
            "refers_to": self.refers_to.as_ref().map(Reference::to_json),
            "decrypts": self.decrypts,
            "kind": token.as_ref().map(|(kind, _)| kind),
            "fingerprint": token.as_ref().map(|(_, fingerprint)| fingerprint),
            "problem": self.problem.as_ref().map(|(_, problem)| problem),
        });
        if reveal {
            row["secret"] = self.secret().and_then(|secret| std::str::from_utf8(secret).ok()).into();
        }
        row
    }

    fn cells(&self, key: &[u8; 32], reveal: bool) -> Vec<String> {
        let (kind, fingerprint) =
            self.token(key).map_or_else(Default::default, |(kind, fingerprint)| (kind.to_owned(), fingerprint));
        let mut cells = vec![
            match (&self.path, &self.protection) {
                (Some(path), _) => path.to_string(),
                (None, Protection::Unknown) => "(not readable)".to_owned(),
                (None, _) => "(whole file)".to_owned(),
            },
            format!("{}:{}", self.file.display(), self.line),
            self.protection(),
            kind,
            fingerprint,
            self.problem.as_ref().map_or_else(String::new, |(_, problem)| problem.clone()),
        ];
        if reveal {
            cells.push(self.secret().map_or_else(String::new, |secret| String::from_utf8_lossy(secret).into_owned()));
        }
        cells
    }
}

/// Leaves the rows at `key`, or else those that end there.
fn only(key: &KeyPath, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let near = near::paths(key, rows.iter().filter_map(|row| row.path.as_ref()));
    let is_at = |row: &Row| row.path.as_ref() == Some(key) || row.also.contains(key);
    if rows.iter().any(is_at) {
        rows.retain(is_at);
    } else {
        rows.retain(|row| row.path.iter().chain(&row.also).any(|path| path.ends_with(key)));
    }
    if rows.is_empty() {
        return Err(near.into_iter().fold(Failure::no(format!("no secret is at `{key}`")), Failure::hint));
    }
    Ok(())
}
