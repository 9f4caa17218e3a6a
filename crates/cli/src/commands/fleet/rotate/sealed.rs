//! A token as the journal of a rotation keeps it: encrypted under the operator's own vault password.

use pullpass_secrets::{
    Secret,
    vault::{self, Password, Passwords},
};

use super::occurrences::Occurrences;
use crate::{
    commands::wrong_vault,
    failure::{Failure, OrFail},
};

/// A payload, which is safe to be written down.
pub(crate) struct Sealed {
    payload: String,
}

/// What tokens are sealed under.
pub(crate) struct Key<'a> {
    password: &'a Password,
    label: Option<String>,
}

impl<'a> Key<'a> {
    /// The password and the vault id of the first place where the token is encrypted, else of any vault password.
    ///
    /// # Errors
    /// There is no vault password at all.
    pub(crate) fn of(occurrences: &'a Occurrences, passwords: &'a Passwords) -> Result<Key<'a>, Failure> {
        let any = || {
            let label = passwords.labels().next()?;
            Some((passwords.get(label)?, Some(label.to_owned())))
        };
        let (password, label) = occurrences.key().or_else(any).ok_or_else(|| {
            let failure = Failure::usage("the token is nowhere encrypted, and there is no vault password");
            let failure =
                failure.fact("a rotation keeps both tokens until it ends, which it does not do in plain text");
            failure.hint("encrypt the value first: `pullpass inventory set FILE KEYPATH`")
        })?;
        Ok(Key { password, label })
    }

    /// Encrypts a token.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn seal(&self, token: &Secret) -> Result<Sealed, Failure> {
        let payload = vault::encrypt(token.reveal().as_bytes(), self.password, self.label.as_deref());
        Ok(Sealed { payload: payload.or_unknown()? })
    }
}

impl From<String> for Sealed {
    fn from(payload: String) -> Sealed {
        Sealed { payload }
    }
}

impl Sealed {
    /// To be written down.
    pub(crate) fn as_str(&self) -> &str {
        &self.payload
    }

    /// The token.
    ///
    /// # Errors
    /// None of the passwords is the one that it was encrypted under, or it was damaged.
    pub(crate) fn open(&self, passwords: &Passwords) -> Result<Secret, Failure> {
        let plaintext = passwords.open(self.payload.as_bytes()).map_err(|error| {
            wrong_vault(&error).fact("the tokens of a rotation are kept under the vault password of its beginning")
        })?;
        let token = str::from_utf8(&plaintext).or_unknown()?;
        Ok(Secret::new(token.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use pullpass_secrets::token;

    use super::*;

    fn passwords(list: &[&str]) -> Passwords {
        let mut passwords = Passwords::new("default".to_owned(), false);
        for text in list {
            passwords.push(Some(text), Password::from_file(text.as_bytes()).expect("it is not empty"));
        }
        passwords
    }

    #[test]
    fn a_token_is_kept_under_the_password_that_it_has_in_the_inventory() {
        let directory = tempfile::tempdir().unwrap();
        let token = token::generate().unwrap();
        let both = passwords(&["dev", "prod"]);
        let payload = vault::encrypt(token.reveal().as_bytes(), both.get("prod").unwrap(), Some("prod")).unwrap();
        std::fs::write(directory.path().join("vault.txt"), payload).unwrap();
        let paths: Vec<PathBuf> = vec![directory.path().to_owned()];
        let found = Occurrences::find(&paths, &both, &token).unwrap();
        let sealed = Key::of(&found, &both).unwrap().seal(&token).unwrap();
        let kept = sealed.as_str().to_owned();
        assert!(kept.contains(";prod") && !kept.contains(token.reveal()), "{kept}");
        let sealed = Sealed::from(kept);
        assert!(sealed.open(&passwords(&["prod"])).unwrap() == token);
        assert!(sealed.open(&passwords(&["dev"])).is_err());

        std::fs::write(directory.path().join("vault.txt"), token.reveal()).unwrap();
        let found = Occurrences::find(&paths, &both, &token).unwrap();
        assert!(Key::of(&found, &both).unwrap().seal(&token).unwrap().open(&passwords(&["dev"])).unwrap() == token);
        let refused = Key::of(&found, &passwords(&[])).err().unwrap();
        assert!(refused.hints[0].contains("pullpass inventory set"), "{:?}", refused.hints);
    }
}
