//! `LABEL@SOURCE`, as `ansible-vault --vault-id` takes it.

use std::path::Path;

/// A label and where its password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultId {
    /// In front of the first `@`; `None` when there is no `@`, or nothing in front of it.
    pub label: Option<String>,
    /// Behind it.
    pub source: Source,
}

/// Where one password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A person is asked.
    Prompt,
    /// A file, or a script if it is executable.
    File(String),
}

impl From<&str> for VaultId {
    fn from(text: &str) -> VaultId {
        let (label, source) = text.split_once('@').unwrap_or(("", text));
        let source = match source {
            "prompt" | "prompt_ask_vault_pass" => Source::Prompt,
            path => Source::File(path.to_owned()),
        };
        VaultId { label: (!label.is_empty()).then(|| label.to_owned()), source }
    }
}

/// Whether a script is one that is asked for a label by `--vault-id LABEL`: its name ends in `-client`, not counting an
/// extension.
pub fn is_client(script: &Path) -> bool {
    script.file_stem().is_some_and(|stem| stem.as_encoded_bytes().ends_with(b"-client"))
}
