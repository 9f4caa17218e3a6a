//! `pullpass vault encrypt_string`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{
    Secret,
    file::{self, Access},
    token, vault,
};

use super::{files, output_path};
use crate::{
    failure::{Failure, OrFail},
    output, prompt,
    vault_password::VaultPassword,
};

/// Encrypt secrets, ready to paste into an inventory
///
/// A secret is read from standard input, or asked for twice on a terminal. With several names, each is asked for, or takes
/// one line of what is piped in. One line end at the end of what is piped in is no part of a secret. The vault password
/// comes from where Ansible looks for it: ansible.cfg, the ANSIBLE_VAULT_… variables, the options, or else a prompt.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault encrypt_string --name ghcr_pat
  pullpass vault encrypt_string --name ghcr_pat --vault-password-file ~/.vault-pass < token.txt
  pullpass vault encrypt_string --name ghcr_pat --name db_password --output secrets.yml")]
pub(super) struct EncryptString {
    /// The variable's name, put in front as `NAME: !vault |`; may be repeated, one secret each
    #[arg(long, short, value_parser = variable_name)]
    name: Vec<String>,
    /// The variable's name for what is piped in; here the same as one `--name`
    #[arg(long, value_name = "NAME", value_parser = variable_name, conflicts_with_all = ["name", "prompt"])]
    stdin_name: Option<String>,
    /// Ask on the terminal even if something is piped in; also for the name, unless `--name` says it
    #[arg(long, short)]
    prompt: bool,
    /// Show a secret while it is typed, and ask for it once
    #[arg(long)]
    show_input: bool,
    /// Indent the payload by 10 blanks, byte for byte as ansible-vault does, instead of 2
    #[arg(long)]
    like_ansible: bool,
    /// A file to write to, which becomes its owner's alone (0600); `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Encrypt with the vault password that has this label, and write the label; needed when there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    password: VaultPassword,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

/// How far a payload is indented under its key.
const INDENT: &str = "  ";
/// How far `ansible-vault` indents it.
const ANSIBLE_INDENT: &str = "          ";

impl EncryptString {
    pub(super) fn run(mut self) -> Result<(), Failure> {
        // As with ansible-vault, `-` is standard input, which is read anyway.
        let arguments = self.secret.len();
        self.secret.retain(|argument| argument != "-");
        let instead = "pullpass vault encrypt_string --name ghcr_pat < token.txt";
        prompt::refuse_arguments(&self.secret, instead)?;
        self.name.extend(self.stdin_name.take());
        let tokens: Vec<String> = self.name.iter().filter(|name| token::mask(name) != **name).cloned().collect();
        prompt::refuse_arguments(&tokens, instead)?;
        if self.prompt && arguments > 0 {
            return Err(Failure::usage("`--prompt` asks on the terminal, and `-` reads standard input: choose one"));
        }

        let secrets = if self.prompt || prompt::is_interactive() { self.ask()? } else { self.read()? };
        for secret in &secrets {
            prompt::check_new(secret, "secret")?;
        }
        let passwords = self.password.new_or_existing()?;
        let (label, password) = passwords.choose(self.encrypt_vault_id.as_deref(), None)?;
        let mut blocks = String::new();
        for (at, secret) in secrets.iter().enumerate() {
            let payload = vault::encrypt(secret.reveal().as_bytes(), password, Some(&label)).or_usage()?;
            let indent = if self.like_ansible { ANSIBLE_INDENT } else { INDENT };
            blocks.push_str(&block(self.name.get(at).map(String::as_str), &payload, indent));
        }
        self.put(&blocks)
    }

    /// Asks a person for the secrets, and for a name if that is wanted.
    fn ask(&mut self) -> Result<Vec<Secret>, Failure> {
        if self.prompt && self.name.is_empty() {
            let name = prompt::shown("variable name (enter for none)")?;
            if !name.reveal().is_empty() {
                self.name.push(variable_name(name.reveal()).map_err(Failure::usage)?);
            }
        }
        let ask = |question: &str| match self.show_input {
            true => prompt::shown(question),
            false => prompt::hidden_twice(question),
        };
        match self.name.as_slice() {
            [] | [_] => Ok(vec![ask("secret")?]),
            names => names.iter().map(|name| ask(&format!("secret for `{name}`"))).collect(),
        }
    }

    /// Reads the secrets from standard input.
    fn read(&self) -> Result<Vec<Secret>, Failure> {
        let bytes = prompt::standard_input()?;
        let secret = prompt::piped_secret(&bytes)?;
        if self.name.len() < 2 {
            // What `echo` adds to a token is noise. A key or a certificate may need its last line end.
            if secret.reveal().contains('\n') && bytes.ends_with(b"\n") {
                output::warn(
                    "one line end at the end was left off, which ansible-vault would encrypt too\n  add an empty line to keep one",
                );
            }
            return Ok(vec![secret]);
        }
        let lines = secret.reveal().split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let secrets: Vec<Secret> = lines.map(|line| Secret::new(line.to_owned())).collect();
        if secrets.len() == self.name.len() {
            return Ok(secrets);
        }
        let (names, lines) = (self.name.len(), secrets.len());
        Err(Failure::usage(format!("{names} names need {names} lines on standard input, not {lines}"))
            .fact("each takes one line, in their order; nothing was encrypted")
            .hint("a secret of more than one line is encrypted by itself: `pullpass vault encrypt_string --name NAME < FILE`"))
    }

    fn put(&self, blocks: &str) -> Result<(), Failure> {
        match self.output.as_deref().map(output_path).filter(|path| !files::is_standard(path)) {
            None => output::data(blocks.trim_end_matches('\n')),
            Some(path) => {
                let new = blocks.as_bytes();
                file::edit(&path, Access::OwnerOnly, |_| Ok::<_, Failure>(Some(new.to_vec())))?;
            }
        }
        Ok(())
    }
}

/// A value as it stands in YAML; every line ends.
fn block(name: Option<&str>, payload: &str, indent: &str) -> String {
    let key = name.map(|name| format!("{name}: ")).unwrap_or_default();
    let lines = payload.lines().map(|line| format!("{indent}{line}\n"));
    format!("{key}!vault |\n{}", lines.collect::<String>())
}

/// A name that YAML reads back as it is.
fn variable_name(text: &str) -> Result<String, String> {
    let word = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let valid = begins && text.chars().all(word);
    if valid {
        Ok(text.to_owned())
    } else {
        Err("a variable is named with letters, digits, `_`, `-` and `.`, and begins with a letter or `_`".to_owned())
    }
}
