//! Vault passwords, and which of several opens a payload.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{VaultError, decrypt, label};
use crate::Secret;

/// The label that stands for none, and that the header of a payload leaves out.
pub const DEFAULT_LABEL: &str = "default";

/// A vault password: any bytes but none.
#[derive(Clone)]
pub struct Password(pub(super) Zeroizing<Vec<u8>>);

impl Password {
    /// The contents of a password file. ASCII whitespace at both ends is not part of the password, as in Ansible.
    ///
    /// # Errors
    /// [`VaultError::EmptyPassword`] when nothing else is in it.
    pub fn from_file(contents: &[u8]) -> Result<Password, VaultError> {
        // Python's idea of ASCII whitespace, which has the vertical tab in it.
        Password::stripped(contents, |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
    }

    /// What a script printed, or what was in a password file that is encrypted itself: only line ends at both ends are
    /// not part of the password, so a blank at its end is.
    ///
    /// # Errors
    /// [`VaultError::EmptyPassword`] when nothing else is in it.
    pub fn from_output(printed: &[u8]) -> Result<Password, VaultError> {
        Password::stripped(printed, |byte| matches!(byte, b'\n' | b'\r'))
    }

    /// What a person typed, stripped as [`Password::from_file`] strips.
    ///
    /// # Errors
    /// [`VaultError::EmptyPassword`]; Ansible would encrypt under no password at all.
    pub fn from_prompt(typed: &Secret) -> Result<Password, VaultError> {
        Password::from_file(typed.reveal().as_bytes())
    }

    /// What it is, to hand it to a program that asks for it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn stripped(bytes: &[u8], is_blank: impl Fn(u8) -> bool) -> Result<Password, VaultError> {
        let start = bytes.iter().position(|byte| !is_blank(*byte)).ok_or(VaultError::EmptyPassword)?;
        let end = bytes.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
        Ok(Password(Zeroizing::new(bytes[start..end].to_vec())))
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Password {}

/// Vault passwords with their labels (vault ids), in the order in which they were named.
pub struct Passwords {
    list: Vec<(String, Password)>,
    default_label: String,
    only_matching: bool,
}

impl Passwords {
    /// None yet. `default_label` is the label of payloads and passwords that have none (Ansible's `vault_identity`, else
    /// [`DEFAULT_LABEL`]); `only_matching` keeps passwords under other labels from being tried (`vault_id_match`).
    pub fn new(default_label: String, only_matching: bool) -> Passwords {
        Passwords { list: Vec::new(), default_label, only_matching }
    }

    /// Adds a password at the end. The same one under the same label counts once.
    pub fn push(&mut self, label: Option<&str>, password: Password) {
        let entry = (label.unwrap_or(&self.default_label).to_owned(), password);
        if !self.list.contains(&entry) {
            self.list.push(entry);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All with their labels, in order.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Password)> {
        self.list.iter().map(|(label, password)| (label.as_str(), password))
    }

    /// The labels, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(label, _)| label.as_str())
    }

    /// The first password under `label`.
    pub fn get(&self, label: &str) -> Option<&Password> {
        self.list.iter().find(|(known, _)| known == label).map(|(_, password)| password)
    }

    /// The one password there is, with its label; `None` when there are none or several.
    pub fn only(&self) -> Option<(&str, &Password)> {
        match self.list.as_slice() {
            [(label, password)] => Some((label, password)),
            _ => None,
        }
    }

    /// The label that stands for none here.
    pub fn default_label(&self) -> &str {
        &self.default_label
    }

    /// Decrypts with whichever password opens `payload`. Those under its own label are tried first, then the others in
    /// order, because the label is a hint that nothing authenticates.
    ///
    /// # Errors
    /// [`VaultError::NoPassword`] when only a matching label counts and there is none; else as [`decrypt`].
    pub fn open(&self, payload: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.open_with(payload).map(|(plaintext, _)| plaintext)
    }

    /// [`Passwords::open`], and the password that did it.
    ///
    /// # Errors
    /// As [`Passwords::open`].
    pub fn open_with(&self, payload: &[u8]) -> Result<(Zeroizing<Vec<u8>>, &Password), VaultError> {
        let own = label(payload).unwrap_or_else(|| self.default_label.clone());
        let (matching, others): (Vec<_>, Vec<_>) = self.list.iter().partition(|(label, _)| *label == own);
        let others = others.into_iter().filter(|_| !self.only_matching);
        let mut tried: Vec<&Password> = Vec::new();
        for (_, password) in matching.into_iter().chain(others) {
            if tried.contains(&password) {
                continue;
            }
            match decrypt(payload, password) {
                Err(VaultError::WrongPassword) => tried.push(password),
                result => return result.map(|plaintext| (plaintext, password)),
            }
        }
        Err(if tried.is_empty() { VaultError::NoPassword(own) } else { VaultError::WrongPassword })
    }
}
