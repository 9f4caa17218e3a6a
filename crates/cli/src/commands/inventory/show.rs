//! `pullpass inventory show`.

use std::path::PathBuf;

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
/// `{{ vault_x }}` is followed to the secret that it stands for.
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
    /// Only the secret at this key path, wherever it is
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
    /// The variable that the value stands for, and where that is.
    refers_to: Option<(KeyPath, Option<String>)>,
    /// What is there, or was after it was opened.
    plaintext: Option<Zeroizing<Vec<u8>>>,
    /// Whether it opens; `None` when no password was tried.
    decrypts: Option<bool>,
    /// What is wrong, and the exit code that it means.
    problem: Option<(Exit, String)>,
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
        let passwords = if self.reveal { Some(self.password.existing()?) } else { self.password.if_given()? };
        if let Some(passwords) = &passwords {
            tree.open(passwords);
        }
        let mut rows = Vec::new();
        for file in &tree.files {
            rows.extend(self.rows(file)?);
        }
        if let Some(passwords) = &passwords {
            rows.par_iter_mut().for_each(|row| row.open(passwords));
        }
        follow_references(&mut rows);
        if let Some(key) = &self.key {
            let near = near::paths(key, rows.iter().filter_map(|row| row.path.as_ref()));
            rows.retain(|row| row.path.as_ref() == Some(key) || row.also.contains(key));
            if rows.is_empty() {
                return Err(near.into_iter().fold(Failure::no(format!("no secret is at `{key}`")), Failure::hint));
            }
        }
        self.print(&rows);
        tree.unreadable.iter().for_each(output::warn);
        let unreadable = (!tree.unreadable.is_empty()).then_some(Exit::Unknown);
        // A value that the given password does not open is wrong input; a token in plain text is the answer no.
        let exits = rows.iter().filter_map(|row| row.problem.as_ref().map(|(exit, _)| *exit)).chain(unreadable);
        exits.max_by_key(|exit| exit.code()).map_or(Ok(()), |exit| Err(Failure::silent(exit)))
    }

    fn rows(&self, file: &File) -> Result<Vec<Row>, Failure> {
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

    fn print(&self, rows: &[Row]) {
        let key = crate::environment::fingerprint_key();
        if self.json {
            let secrets: Vec<Value> = rows.iter().map(|row| row.to_json(&key, self.reveal)).collect();
            output::json(&json!({ "secrets": secrets }));
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

    fn of(file: &File, entry: Entry, around: Option<&Option<String>>) -> Row {
        let around = |own| around.map_or(own, |label| Protection::File(label.clone()));
        let row = Row { path: Some(entry.path), also: entry.also, ..Row::new(file, entry.line, Protection::Plain) };
        let bytes = |secret: &Secret| Some(Zeroizing::new(secret.reveal().as_bytes().to_vec()));
        match entry.value {
            Found::Reference(to) => Row { refers_to: Some((to, None)), protection: Protection::Reference, ..row },
            Found::Text(secret) => {
                let protection = around(Protection::Plain);
                Row { plaintext: bytes(&secret), protection, decrypts: Some(true), ..row }
            }
            Found::PlainToken(secret) => {
                let problem = Some((Exit::No, "not encrypted".to_owned()));
                Row { plaintext: bytes(&secret), problem, ..row }
            }
            Found::Vault { payload, label, damage } => Row {
                plaintext: Some(Zeroizing::new(payload.into_bytes())),
                protection: Protection::Value(label),
                problem: damage.map(|damage| (Exit::No, damage.to_string())),
                ..row
            },
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
            (Protection::Reference, Some((to, Some(place)))) => format!("is `{to}` at {place}"),
            (Protection::Reference, to) => {
                format!("is `{}`", to.as_ref().map_or_else(String::new, |(to, _)| to.to_string()))
            }
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
            "file": self.file,
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
            "refers_to": self.refers_to.as_ref().map(|(to, _)| to.to_string()),
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

/// Gives each `{{ variable }}` the secret of that name, when there is one in these files; else it is no secret and goes.
fn follow_references(rows: &mut Vec<Row>) {
    let targets: Vec<(KeyPath, String, Option<Zeroizing<Vec<u8>>>)> = rows
        .iter()
        .filter(|row| row.refers_to.is_none())
        .filter_map(|row| {
            let plaintext = row.secret().map(|secret| Zeroizing::new(secret.to_vec()));
            Some((row.path.clone()?, format!("{}:{}", row.file.display(), row.line), plaintext))
        })
        .collect();
    for row in rows.iter_mut() {
        let Some((to, place)) = &mut row.refers_to else { continue };
        let mut named = targets.iter().filter(|(path, _, _)| path.ends_with(to));
        let Some((_, first, plaintext)) = named.next() else { continue };
        let others = named.count();
        *place = Some(if others > 0 { format!("{first} and {others} other places") } else { first.clone() });
        // Which of several Ansible takes depends on the host.
        if others == 0 && plaintext.is_some() {
            (row.plaintext, row.decrypts) = (plaintext.clone(), Some(true));
        }
    }
    // A file that is not open may hold anything.
    let is_all_open =
        !rows.iter().any(|row| matches!(row.protection, Protection::File(_)) && row.decrypts != Some(true));
    rows.retain(|row| {
        row.refers_to.as_ref().is_none_or(|(to, place)| place.is_some() || !is_all_open && is_vaultish(to))
    });
}

/// The name that the Ansible documentation recommends for a variable in an encrypted file.
fn is_vaultish(variable: &KeyPath) -> bool {
    variable.to_string().starts_with("vault_")
}
