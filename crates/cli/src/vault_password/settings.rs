//! What the environment and `ansible.cfg` say about vaults. The environment goes before the file.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Once,
};

use pullpass_secrets::{
    file,
    vault::{DEFAULT_LABEL, ansible_cfg},
};

use crate::{environment, failure::Failure, output};

/// The settings under Ansible's names, less `vault_`.
pub(crate) struct Settings {
    /// `LABEL@SOURCE` each; paths are relative to the working directory, even those in the file.
    pub(super) identity_list: Vec<String>,
    pub(super) password_file: Option<PathBuf>,
    /// The label of what comes without one.
    pub(super) identity: String,
    pub(super) encrypt_identity: Option<String>,
    /// Whether only passwords under a payload's own label are tried (`vault_id_match`).
    pub(super) only_matching: bool,
    pub(super) ask: bool,
    /// Whether a salt is prescribed.
    pub(super) has_salt: bool,
    /// The command line of the editor.
    pub(crate) editor: Option<String>,
}

impl Settings {
    /// Reads the first `ansible.cfg` that there is, and the environment.
    pub(crate) fn read() -> Result<Settings, Failure> {
        let file = find()?;
        // `ANSIBLE_CONFIG=/dev/null` is how people say: none.
        let regular = file.as_deref().filter(|path| path.is_file());
        let bytes = regular.map(file::read).transpose()?.flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let in_file = |name| ansible_cfg::option(&text, name);
        let setting = |variable, name| text_variable(variable).or_else(|| in_file(name));
        let is_true =
            |variable, name| setting(variable, name).is_some_and(|value: String| ansible_cfg::is_true(&value));
        let password_file = match (text_variable("ANSIBLE_VAULT_PASSWORD_FILE"), in_file("vault_password_file")) {
            (Some(variable), _) => Some(path(&with_directory(&variable))),
            (None, Some(value)) => Some(path_from(&with_directory(&value), file.as_deref().and_then(Path::parent))),
            (None, None) => None,
        };
        Ok(Settings {
            identity_list: setting("ANSIBLE_VAULT_IDENTITY_LIST", "vault_identity_list")
                .map(|value| ansible_cfg::list(&value))
                .unwrap_or_default(),
            password_file,
            identity: setting("ANSIBLE_VAULT_IDENTITY", "vault_identity").unwrap_or_else(|| DEFAULT_LABEL.to_owned()),
            encrypt_identity: setting("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "vault_encrypt_identity"),
            only_matching: is_true("ANSIBLE_VAULT_ID_MATCH", "vault_id_match"),
            ask: is_true("ANSIBLE_ASK_VAULT_PASS", "ask_vault_pass"),
            has_salt: setting("ANSIBLE_VAULT_ENCRYPT_SALT", "vault_encrypt_salt").is_some(),
            // Of Ansible's two variables, the common one goes first.
            editor: text_variable("EDITOR").or_else(|| setting("ANSIBLE_EDITOR", "editor")),
        })
    }
}

/// A path as a person writes it, relative to the working directory.
pub(crate) fn path(text: &str) -> PathBuf {
    path_from(text, None)
}

fn path_from(text: &str, base: Option<&Path>) -> PathBuf {
    ansible_cfg::path(text, base.unwrap_or(Path::new("")), home_of, environment::variable)
}

/// The home of the user that `~user` names. One that only a directory service knows is not found.
fn home_of(user: &str) -> Option<PathBuf> {
    if user.is_empty() {
        return environment::home().ok();
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(user))?;
    fields.nth(5).map(PathBuf::from)
}

/// Ansible puts the working directory in place of this word, in settings that are paths and nowhere else.
fn with_directory(text: &str) -> String {
    match env::current_dir() {
        Ok(directory) => text.replace("{{CWD}}", &directory.to_string_lossy()),
        Err(_) => text.to_owned(),
    }
}

fn text_variable(name: &str) -> Option<String> {
    environment::variable(name).map(|value| value.to_string_lossy().into_owned())
}

/// The file that Ansible would read: the first one that is there, and no other.
fn find() -> Result<Option<PathBuf>, Failure> {
    let named = match text_variable("ANSIBLE_CONFIG") {
        Some(text) => {
            let path = path(&text);
            Some(if path.is_dir() { path.join("ansible.cfg") } else { path })
        }
        None => None,
    };
    if named.as_deref().is_some_and(is_readable) {
        return Ok(named);
    }
    let here = PathBuf::from("ansible.cfg");
    if is_readable(&here) {
        // Whoever else may write here could name a script for us to run.
        let is_open = fs::metadata(".").map_or(true, |directory| directory.mode() & 0o002 != 0);
        if !is_open {
            return Ok(Some(here));
        }
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            output::warn("`./ansible.cfg` is ignored, as Ansible does: everybody may write in this directory");
        });
    }
    let own = environment::home().ok().map(|home| home.join(".ansible.cfg"));
    Ok(own.into_iter().chain([PathBuf::from("/etc/ansible/ansible.cfg")]).find(|path| is_readable(path)))
}

/// Ansible passes over what it may not read.
fn is_readable(path: &Path) -> bool {
    fs::File::open(path).is_ok()
}
