//! `pullpass inventory check`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{
    Secret,
    inventory::{
        self, Found, KeyPath,
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
    file: PathBuf,
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
        let passwords = self.password.if_given()?;
        if let Some(passwords) = &passwords {
            tree.open(passwords);
        }
        let scanner = Scanner::new(environment::fingerprint_key());
        let looked: Vec<Looked> = tree.files.par_iter().map(|file| look(file, passwords.as_ref(), &scanner)).collect();
        let payloads: usize = looked.iter().map(|looked| looked.payloads).sum();
        let findings: Vec<Finding> = looked.into_iter().flat_map(|looked| looked.findings).collect();
        self.print(&tree, &findings, payloads, passwords.is_some());
        tree.unreadable.iter().for_each(output::warn);
        match (findings.is_empty(), tree.unreadable.is_empty()) {
            (false, _) => Err(Failure::silent(Exit::No)),
            (true, false) => Err(Failure::silent(Exit::Unknown)),
            (true, true) => Ok(()),
        }
    }

    fn print(&self, tree: &Tree, findings: &[Finding], payloads: usize, are_decrypted: bool) {
        if self.json {
            let findings: Vec<_> = findings
                .iter()
                .map(|finding| {
                    json!({
                        "file": finding.file, "line": finding.line,
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
        for finding in findings {
            let path = finding.path.as_ref().map(|path| format!("`{path}`: ")).unwrap_or_default();
            let place = output::printable(&finding.file.display().to_string());
            output::data(format_args!(
                "{place}:{}: {}",
                finding.line,
                output::printable(&format!("{path}{}", finding.problem))
            ));
        }
        let problems = match findings.len() {
            0 => "nothing wrong".to_owned(),
            1 => "1 problem".to_owned(),
            several => format!("{several} problems"),
        };
        let files = tree.files.len();
        output::say(format_args!(
            "{problems} in {payloads} encrypted values of {files} files with secrets or references"
        ));
        if !are_decrypted && payloads > 0 {
            output::say("no vault password is named, so none of them was decrypted: `--vault-password-file FILE`");
        }
    }
}

/// Everything that is wrong with a file.
fn look(file: &File, passwords: Option<&Passwords>, scanner: &Scanner) -> Looked {
    let mut looked = Looked::default();
    if file.form == Form::Whole {
        looked.payloads += 1;
        if let Some(problem) = whole(file) {
            looked.add(file, 1, None, problem);
        }
    }
    let Some(content) = file.content() else { return looked };
    if file.form == Form::Text {
        for defect in inventory::check_text(content) {
            looked.add(file, defect.line, defect.path, defect.problem.to_string());
        }
        looked.plain_tokens(file, content, scanner);
        return looked;
    }
    let is_ours = file.is_named || files::may_hold_secret(content);
    let show = if file.form == Form::Whole { inventory::show_opened } else { inventory::show };
    let (defects, entries) = match inventory::check(content).and_then(|found| Ok((found, show(content)?))) {
        Ok(found) => found,
        // A certificate that is encrypted, say, or somebody else's YAML.
        Err(_) if file.form == Form::Whole || !is_ours => return looked,
        Err(error) => {
            looked.add(file, error.line().unwrap_or(1), None, error.to_string());
            return looked;
        }
    };
    if is_ours {
        for defect in defects {
            looked.add(file, defect.line, defect.path, defect.problem.to_string());
        }
    }
    let mut vaults = Vec::new();
    for entry in entries {
        match entry.value {
            Found::Vault { payload, .. } => vaults.push((entry.line, entry.path, payload)),
            Found::Text(secret) => {
                if let Some(problem) = of_plaintext(secret.reveal()) {
                    looked.add(file, entry.line, Some(entry.path), problem);
                }
            }
            Found::PlainToken(_) | Found::Reference(_) => {}
        }
    }
    looked.payloads += vaults.len();
    let opened: Vec<_> = vaults
        .par_iter()
        // What has no form was said already.
        .filter(|(_, _, payload)| vault::check(payload.as_bytes()).is_ok())
        .filter_map(|(line, path, payload)| {
            let problem = of_payload(passwords?.open(payload.as_bytes()))?;
            Some((*line, path.clone(), problem))
        })
        .collect();
    for (line, path, problem) in opened {
        looked.add(file, line, Some(path), problem);
    }
    // Inside an encrypted file, a token is where it belongs.
    if file.form != Form::Whole {
        looked.plain_tokens(file, content, scanner);
    }
    looked.findings.sort_by_key(|finding| finding.line);
    looked
}

/// What is wrong with a file's own payload.
fn whole(file: &File) -> Option<String> {
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

impl Looked {
    fn add(&mut self, file: &File, line: usize, path: Option<KeyPath>, problem: String) {
        self.findings.push(Finding { file: file.path.clone(), line, path, problem });
    }

    /// Tokens in plain text: values that begin as tokens do, and whole tokens anywhere in the text.
    fn plain_tokens(&mut self, file: &File, content: &[u8], scanner: &Scanner) {
        let entries = if file.form == Form::Yaml { inventory::show(content).unwrap_or_default() } else { Vec::new() };
        let mut lines = Vec::new();
        for entry in entries {
            if let Found::PlainToken(secret) = &entry.value {
                lines.push(entry.line as u64);
                let name = Kind::of(secret).name();
                self.add(file, entry.line, Some(entry.path), format!("a {name} in plain text"));
            }
        }
        for found in scanner.bytes(content) {
            if !lines.contains(&found.line) {
                let problem = format!("a {} in plain text ({})", found.kind.name(), found.fingerprint);
                self.add(file, found.line as usize, None, problem);
            }
        }
    }
}
