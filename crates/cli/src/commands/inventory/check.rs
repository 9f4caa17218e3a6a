//! `pullpass inventory check`.

use std::{
    collections::HashSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use clap::Args;
use pullpass_secrets::{
    Secret,
    inventory::{
        self, Defect, Entry, Found, KeyPath, Problem,
        files::{self, Form},
    },
    scan::Scanner,
    token::{self, Kind},
    vault::{self, Passwords, VaultError},
};
use rayon::prelude::*;
use serde_json::json;

use super::tree::{File, Tree};
use crate::{
    environment,
    failure::{Exit, Failure},
    output,
    vault_password::VaultPassword,
};

/// Find secrets in plain text, and payloads that Ansible would not read
///
/// With a vault password, every payload is decrypted too, and tokens inside are looked at. Nothing is changed. The exit code
/// is 1 when something is found, and 3 when nothing is but a file could not be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory check .
  pullpass inventory check inventories group_vars --vault-password-file ~/.vault-pass --json")]
pub(super) struct Check {
    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    password: VaultPassword,
}

/// What is wrong, and where.
struct Finding {
    line: usize,
    path: Option<KeyPath>,
    problem: String,
}

/// What was looked at in one file.
#[derive(Default)]
struct Looked {
    findings: Vec<Finding>,
    /// How many payloads there are, the file's own counted.
    payloads: usize,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut tree = Tree::read(&self.paths)?;
        let passwords = tree.look_with(&self.password)?;
        let scanner = Scanner::new(environment::fingerprint_key());
        let look = |file: &File| Looked::at(file, passwords.as_deref(), &scanner);
        let looked: Vec<Looked> = tree.files.par_iter().map(look).collect();
        self.print(&tree, &looked, passwords.is_some());
        tree.unreadable.iter().for_each(output::warn);
        match (looked.iter().all(|looked| looked.findings.is_empty()), tree.unreadable.is_empty()) {
            (false, _) => Err(Failure::silent(Exit::No)),
            (true, false) => Err(Failure::silent(Exit::Unknown)),
            (true, true) => Ok(()),
        }
    }

    fn print(&self, tree: &Tree, looked: &[Looked], are_decrypted: bool) {
        let payloads: usize = looked.iter().map(|looked| looked.payloads).sum();
        let findings: Vec<(String, &Finding)> = tree
            .files
            .iter()
            .zip(looked)
            .flat_map(|(file, looked)| looked.findings.iter().map(|finding| (file.path.display().to_string(), finding)))
            .collect();
        if self.json {
            let findings: Vec<_> = findings
                .iter()
                .map(|(file, finding)| {
                    json!({
                        "file": file, "line": finding.line,
                        "path": finding.path.as_ref().map(KeyPath::to_string), "problem": finding.problem,
                    })
                })
                .collect();
            let answer = json!({
                "files": tree.files.len(), "payloads": payloads, "decrypted": are_decrypted, "findings": findings,
                "unreadable": tree.unreadable,
            });
            return output::json(&answer);
        }
        for (file, Finding { line, path, problem }) in &findings {
            let path = path.as_ref().map(|path| format!("`{path}`: ")).unwrap_or_default();
            output::data(output::printable(&format!("{file}:{line}: {path}{problem}")));
        }
        output::say(format_args!(
            "{} in {} of {} with secrets or references",
            if findings.is_empty() { "nothing wrong".to_owned() } else { count(findings.len(), "problem") },
            count(payloads, "encrypted value"),
            count(tree.files.len(), "file"),
        ));
        if !are_decrypted && payloads > 0 {
            output::say("without a vault password, none of them was decrypted: `--vault-password-file FILE`");
        }
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Looked {
    /// Everything that is wrong with a file.
    fn at(file: &File, passwords: Option<&Passwords>, scanner: &Scanner) -> Looked {
        let mut looked = Looked::default();
        if file.form == Form::Whole {
            looked.payloads += 1;
            if let Some(problem) = of_whole(file) {
                looked.add(1, None, problem);
            }
        }
        let Some(content) = file.content() else { return looked };
        match file.form {
            Form::Whole => looked.opened(&file.path, content, passwords),
            Form::Text => {
                let defects = if is_prose(&file.path) { Vec::new() } else { inventory::check_text(content) };
                defects.into_iter().for_each(|defect| looked.add(defect.line, defect.path, defect.problem.to_string()));
                looked.plain_tokens(&[], content, scanner);
            }
            // Somebody else's YAML has nothing in it that a parser would find and a scanner would not.
            Form::Yaml if !file.is_named && !files::may_hold_secret(content) => {
                looked.plain_tokens(&[], content, scanner);
            }
            Form::Yaml => match looked.yaml(content, inventory::show, passwords) {
                Ok(entries) => looked.plain_tokens(&entries, content, scanner),
                Err(error) => {
                    looked.add(error.line().unwrap_or(1), None, error.to_string());
                    looked.plain_tokens(&[], content, scanner);
                }
            },
        }
        looked.findings.sort_by_key(|finding| finding.line);
        looked
    }

    /// What is wrong in a file that was encrypted as a whole. Tokens are where they belong there.
    fn opened(&mut self, path: &Path, content: &[u8], passwords: Option<&Passwords>) {
        let Err(error) = self.yaml(content, inventory::show_opened, passwords) else { return };
        // Anything can be encrypted, a certificate for example.
        if Form::of(path, b"") == Form::Yaml {
            self.add(error.line().unwrap_or(1), None, format!("in what is encrypted: {error}"));
        }
    }

    /// What is wrong with the values of a YAML file; those that `show` lists are returned.
    fn yaml(
        &mut self,
        content: &[u8],
        show: impl Fn(&[u8]) -> Result<Vec<Entry>, inventory::InventoryError>,
        passwords: Option<&Passwords>,
    ) -> Result<Vec<Entry>, inventory::InventoryError> {
        let entries = show(content)?;
        for Defect { line, path, problem } in inventory::check(content)? {
            // The payload is all that there is.
            let is_whole = path.is_none() && problem == Problem::Untagged;
            self.add(line, path, if is_whole { Problem::Preceded } else { problem }.to_string());
        }
        self.payloads += entries.iter().filter(|entry| matches!(entry.value, Found::Vault { .. })).count();
        let problem = |entry: &Entry| {
            let problem = match &entry.value {
                // What has no form was said already.
                Found::Vault { payload, .. } if vault::check(payload.as_bytes()).is_err() => None,
                Found::Vault { payload, .. } => of_payload(passwords?.open(payload.as_bytes())),
                Found::Text(secret) => of_plaintext(secret.reveal()),
                Found::PlainToken(_) | Found::Reference(_) => None,
            };
            problem.map(|problem| Finding { line: entry.line, path: Some(entry.path.clone()), problem })
        };
        let found: Vec<Finding> = entries.par_iter().filter_map(problem).collect();
        self.findings.extend(found);
        Ok(entries)
    }

    fn add(&mut self, line: usize, path: Option<KeyPath>, problem: String) {
        self.findings.push(Finding { line, path, problem });
    }

    /// Tokens in plain text: values that begin as tokens do, and whole tokens anywhere in the text.
    fn plain_tokens(&mut self, entries: &[Entry], content: &[u8], scanner: &Scanner) {
        let mut lines = HashSet::new();
        for entry in entries {
            if let Found::PlainToken(secret) = &entry.value {
                lines.insert(entry.line as u64);
                self.add(entry.line, Some(entry.path.clone()), format!("a {} in plain text", Kind::of(secret).name()));
            }
        }
        for found in scanner.bytes(content) {
            if !lines.contains(&found.line) {
                let problem = format!("a {} in plain text ({})", found.kind.name(), found.fingerprint);
                self.add(found.line as usize, None, problem);
            }
        }
    }
}

/// Whether a text is for people alone: what is shown there as an example is no mistake.
fn is_prose(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["md", "markdown", "rst", "adoc", "txt", "html"].contains(&extension.to_lowercase().as_str())
}

/// What is wrong with a file's own payload.
fn of_whole(file: &File) -> Option<String> {
    if let Err(error) = vault::check(&file.bytes) {
        return Some(error.to_string());
    }
    match &file.plaintext {
        Some(Err(error)) => Some(error.to_string()),
        _ => None,
    }
}

/// What is wrong with a payload, or with the token in it.
fn of_payload(opened: Result<zeroize::Zeroizing<Vec<u8>>, VaultError>) -> Option<String> {
    let plaintext = match opened {
        Ok(plaintext) => plaintext,
        Err(error) => return Some(error.to_string()),
    };
    of_plaintext(std::str::from_utf8(&plaintext).ok()?)
}

/// What is wrong with a token that was encrypted.
fn of_plaintext(text: &str) -> Option<String> {
    let secret = Secret::new(text.trim().to_owned());
    if Kind::of(&secret) == Kind::Unknown {
        return None;
    }
    if text != text.trim() {
        return Some(
            "the token in it has blanks or a line break at its ends, as `echo` adds one: a login with it fails"
                .to_owned(),
        );
    }
    token::check(&secret).err().map(|problem| format!("the token in it is not whole: {problem}"))
}
