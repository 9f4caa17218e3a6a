//! The files of a tree with another token in them: made and proved before the first is replaced.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    Secret,
    file::{
        Access,
        journal::{self, Change, JournalError, Pending, Recovered},
    },
    inventory::{self, Entry, Found, files::Form as FileForm},
    vault::{self, Passwords},
};
use zeroize::Zeroizing;

use super::{
    needle::Needle,
    occurrences::{Hit, Occurrences, Place, hash, payloads_of},
};
use crate::{
    commands::inventory::{
        diff::{self, Masked},
        tree::{self, File, Tree},
    },
    failure::{Failure, OrFail},
    replace,
};

/// The files with the new token, each with what it was read as.
pub(crate) struct Staged<'tree> {
    files: Vec<(&'tree File, Zeroizing<Vec<u8>>)>,
}

/// How a commit ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// Every file is replaced.
    All,
    /// None is: somebody changed this one since it was read.
    Changed(PathBuf),
}

impl<'tree> Staged<'tree> {
    /// Puts `new` in the place of every occurrence, each in its form, under its vault id and password.
    ///
    /// # Errors
    /// A place cannot be written without changing anything else, what was made does not hold what it should, or a file may not
    /// be replaced.
    pub(crate) fn new(
        occurrences: &'tree Occurrences,
        passwords: &Passwords,
        new: &Secret,
    ) -> Result<Staged<'tree>, Failure> {
        if *new == occurrences.token {
            return Err(Failure::usage("the new token is the old one"));
        }
        let stage = |number| Ok((&occurrences.tree.files[number], content(occurrences, number, new)?));
        let staged = Staged { files: occurrences.changed().map(stage).collect::<Result<_, Failure>>()? };
        staged.prove(occurrences, passwords, new)?;
        // Hosts may get the new token before the files do.
        journal::check(staged.files.iter().map(|(file, _)| file.path.as_path()))?;
        Ok(staged)
    }

    /// Opens everything again: there is none of the old token, and the new one is where that was.
    fn prove(&self, before: &Occurrences, passwords: &Passwords, new: &Secret) -> Result<(), Failure> {
        let again = |token| Occurrences::of(self.tree(), passwords, token);
        let (old, new) = (again(&before.token)?, again(new)?);
        if let Some(place) = old.places().next() {
            return Err(not_proved(format!("{place} would still hold the old token")));
        }
        let mut found: Vec<&Place> = new.places().collect();
        for place in before.places() {
            // Payloads of another length move the lines behind them.
            let is_it = |found: &&Place| {
                (&found.path, &found.key_path, &found.form) == (&place.path, &place.key_path, &place.form)
            };
            let at = found.iter().position(is_it);
            found.remove(at.ok_or_else(|| not_proved(format!("{place} would not hold the new token")))?);
        }
        Ok(())
    }

    /// The tree as it will be, as far as it changes.
    fn tree(&self) -> Tree {
        let file = |(file, new): &(&File, Zeroizing<Vec<u8>>)| File::new(file.path.clone(), new.clone());
        Tree { files: self.files.iter().map(file).collect(), unreadable: Vec::new() }
    }

    /// The files, each with the hash that it will have, as [`Occurrences::files`] gives it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, String)> {
        self.files.iter().map(|(file, new)| (file.path.as_path(), hash(new)))
    }

    /// Prints what will change, without any secret.
    pub(crate) fn diff(&self) {
        for (file, new) in &self.files {
            diff::print(&file.path, &file.bytes, new, Masked::Changes);
        }
    }

    /// Replaces every file or none, also when the process is killed: then [`recover`] finishes or undoes it.
    ///
    /// # Errors
    /// The files could not be replaced; all are as they were, unless the error names a journal.
    pub(crate) fn commit(&self) -> Result<Committed, Failure> {
        let files = self.files.iter();
        let changes: Vec<Change<'_>> =
            files.map(|(file, new)| Change { path: &file.path, old: &file.bytes, new, access: Access::Kept }).collect();
        let changed = replace::unless_changed(&changes, "replaced")?;
        Ok(changed.map_or(Committed::All, Committed::Changed))
    }
}

/// What a file will hold.
fn content(occurrences: &Occurrences, number: usize, new: &Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = &occurrences.tree.files[number];
    let in_place = |failure: Failure| file.in_place(failure);
    let needle = Needle::new(&occurrences.token);
    let mut inner = Zeroizing::new(file.content().unwrap_or_default().to_vec());
    let hits: Vec<&Hit> = occurrences.hits.iter().filter(|hit| hit.file == number).collect();
    if let Some(payloads) = payloads_of(file).filter(|_| !hits.is_empty()) {
        let mut with = vec![None; payloads.list().len()];
        for hit in hits {
            let line = payloads.list()[hit.payload].line;
            let plaintext = needle.replaced(&hit.plaintext, new);
            let plaintext = plaintext.ok_or_else(|| in_place(not_inert(&format!("at line {line}"))))?;
            let payload = vault::encrypt(&plaintext, &hit.password, hit.label.as_deref()).or_usage();
            with[hit.payload] = Some(payload.map_err(in_place)?);
        }
        inner = Zeroizing::new(payloads.replace(&with).or_usage().map_err(in_place)?);
    }
    if occurrences.texts.contains(&number) {
        inner = in_text(file.form, &inner, &needle, new).map_err(in_place)?;
    }
    match (&file.form, &file.password) {
        (FileForm::Whole, Some(password)) => {
            let payload = vault::encrypt(&inner, password, vault::label(&file.bytes).as_deref()).or_usage();
            Ok(Zeroizing::new(payload.map_err(in_place)?.into_bytes()))
        }
        _ => Ok(inner),
    }
}

/// A text with the new token in it. To who reads it as YAML, nothing else reads differently.
fn in_text(form: FileForm, text: &[u8], needle: &Needle<'_>, new: &Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let replaced = needle.replaced(text, new).ok_or_else(|| not_inert("in its text"))?;
    if form == FileForm::Text || reads_alike(text, &replaced, needle, new) {
        return Ok(replaced);
    }
    Err(Failure::usage("the old token cannot be replaced safely: change it by hand"))
}

/// Whether every value of the text is the one that it was, but for the token. What is no YAML before must be none behind.
fn reads_alike(before: &[u8], after: &[u8], needle: &Needle<'_>, new: &Secret) -> bool {
    let is_same = |before: &Entry, after: &Entry| {
        (&before.path, &before.also) == (&after.path, &after.also)
            && match (&before.value, &after.value) {
                (Found::Text(before), Found::Text(after)) => {
                    let expected = needle.replaced(before.reveal().as_bytes(), new);
                    expected.is_some_and(|expected| *expected == after.reveal().as_bytes())
                }
                (Found::Vault { payload: before, .. }, Found::Vault { payload: after, .. }) => before == after,
                (Found::Reference(before), Found::Reference(after)) => before == after,
                _ => false,
            }
    };
    match (inventory::show_opened(before), inventory::show_opened(after)) {
        (Ok(before), Ok(after)) => {
            before.len() == after.len() && before.iter().zip(&after).all(|(before, after)| is_same(before, after))
        }
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

fn not_inert(place: &str) -> Failure {
    Failure::usage(format!("the new token cannot be put {place}, beside other text"))
        .fact("it has characters that could mean something else there")
        .hint("give it a value of its own first: `pullpass inventory set`")
}

fn not_proved(fact: String) -> Failure {
    Failure::unknown("the files with the new token are not what they should be, so nothing was changed").fact(fact)
}

/// Finishes or undoes what a run left that was killed while it replaced files, and says so. In the end every one of them is
/// new when all had been staged, else every one is old.
pub(crate) fn recover(paths: &[PathBuf]) -> Result<Vec<Recovered>, Failure> {
    let changes = tree::interrupted(paths)?;
    changes.into_iter().map(|change| tree::settle(change, Pending::recover).map_err(not_recovered)).collect()
}

fn not_recovered(error: JournalError) -> Failure {
    let is_edited = matches!(error, JournalError::Edited { .. });
    let mut failure = Failure::from(error);
    if is_edited {
        failure.hints = vec!["look at both, keep what is wanted, and run the same command again".to_owned()];
    }
    failure
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use base64::{Engine, engine::general_purpose::STANDARD};
    use pullpass_secrets::{inventory::KeyPath, token, vault::Password};
    use tempfile::TempDir;

    use super::*;
    use crate::commands::fleet::rotate::occurrences::{Form, tokens_of};

    struct Inventory {
        directory: TempDir,
        passwords: Passwords,
    }

    impl Inventory {
        fn new() -> Inventory {
            let mut passwords = Passwords::new("default".to_owned(), false);
            for label in ["dev", "prod"] {
                passwords.push(Some(label), password(label));
            }
            Inventory { directory: TempDir::new().expect("a directory for temporary files"), passwords }
        }

        fn paths(&self) -> Vec<PathBuf> {
            vec![self.directory.path().to_owned()]
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn write(&self, name: &str, text: impl AsRef<[u8]>) {
            fs::write(self.path(name), text).expect("the directory takes files");
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).expect("the file was written before")
        }

        fn find(&self, token: &Secret) -> Occurrences {
            Occurrences::find(&self.paths(), &self.passwords, token).expect("everything opens")
        }

        fn rotate(&self, old: &Secret, new: &Secret) {
            let found = self.find(old);
            let staged = Staged::new(&found, &self.passwords, new).expect("every place takes a token");
            assert_eq!(staged.commit().expect("files are replaced"), Committed::All);
        }

        /// What Ansible would see at a key path.
        fn value(&self, name: &str, path: &str) -> String {
            let text = fs::read(self.path(name)).expect("the file was written before");
            let text = if vault::is_encrypted(&text) { self.open(&text) } else { text };
            let path: KeyPath = path.parse().expect("a key path");
            match inventory::get(&text, &path).expect("YAML") {
                Some(inventory::Value::Plain(text)) => text,
                Some(inventory::Value::Vault(payload)) => {
                    String::from_utf8(self.open(payload.as_bytes())).expect("a text was encrypted")
                }
                None => String::new(),
            }
        }

        fn open(&self, payload: &[u8]) -> Vec<u8> {
            self.passwords.open(payload).expect("one of the passwords").to_vec()
        }
    }

    fn password(label: &str) -> Password {
        Password::from_file(format!("{label}-password").as_bytes()).expect("it is not empty")
    }

    fn payload(text: &str, label: &str) -> String {
        vault::encrypt(text.as_bytes(), &password(label), Some(label)).expect("random bytes")
    }

    /// A payload as a block in YAML.
    fn block(text: &str, label: &str, in_front: &str) -> String {
        payload(text, label).lines().map(|line| format!("{in_front}{line}\n")).collect()
    }

    fn token() -> Secret {
        token::generate().expect("random bytes")
    }

    /// A tree with the token in every form in which it can be replaced.
    fn every_form(token: &str) -> Inventory {
        let inventory = Inventory::new();
        let yaml = format!(
            "# it was {token} at first\r\nall:\n  vars:\n    ghcr_user: octocat # who\n    ghcr_pat: !vault |\n{}    \
             url: 'https://octocat:{token}@ghcr.io/v2'\n    plain: \"{token}\"\n    script: |\n      login\n      echo {token} | \
             login\n    lost_tag: |\n{}    line: !vault |\n{}    other: !vault |\n{}#   ghcr_pat: !vault |\n{}",
            block(token, "dev", "          "),
            block(token, "dev", "      "),
            block(&format!("{token}\n"), "prod", "        "),
            block("another secret", "dev", "        "),
            block(token, "dev", "#     "),
        );
        inventory.write("inventory.yml", yaml);
        let quoted = serde_json::json!({"all": {"vars": {"pat": {"__ansible_vault": payload(token, "prod")}}}});
        inventory.write("inventory.json", quoted.to_string());
        inventory
            .write("hosts", format!("[all:vars]\nregistry_login_token={token}\nregistry_login_username=octocat\n"));
        let inner =
            format!("vault_pat: {token}\nvault_pair: octocat:{token}\nboth: !vault |\n{}", block(token, "dev", "  "));
        inventory.write("vault.yml", payload(&inner, "prod"));
        inventory.write("notes.txt", "nothing to see here\n");
        inventory
    }

    #[test]
    fn a_token_is_replaced_in_every_form_and_back_again() {
        let (old, new) = (token(), token());
        let inventory = every_form(old.reveal());
        let (before, hosts) = (inventory.read("inventory.yml"), inventory.read("hosts"));
        let found = inventory.find(&old);
        let places: Vec<Place> = found.places().cloned().collect();
        assert_eq!(places.len(), 13, "{:?}", places.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(found.files().count(), 4);
        assert!(found.by_hand().is_empty() && found.left_alone().is_empty());
        let form = |key_path: &str| {
            let path: KeyPath = key_path.parse().unwrap();
            places.iter().find(|place| place.key_path.as_ref() == Some(&path)).map(|place| place.form.clone())
        };
        assert_eq!(form("all.vars.ghcr_pat"), Some(Form::Encrypted(Some("dev".to_owned()))));
        assert_eq!(form("all.vars.script"), Some(Form::Plain));
        assert_eq!(form("vault_pair"), Some(Form::Whole(Some("prod".to_owned()))));
        assert_eq!(form("both"), Some(Form::Encrypted(Some("dev".to_owned()))));

        inventory.rotate(&old, &new);
        let found = inventory.find(&old);
        assert!(found.places().next().is_none() && found.by_hand().is_empty());
        let again: Vec<_> =
            inventory.find(&new).places().map(|place| (place.key_path.clone(), place.form.clone())).collect();
        assert_eq!(again, places.iter().map(|place| (place.key_path.clone(), place.form.clone())).collect::<Vec<_>>());
        let new = new.reveal();
        for (file, path, expected) in [
            ("inventory.yml", "all.vars.ghcr_pat", new.to_owned()),
            ("inventory.yml", "all.vars.url", format!("https://octocat:{new}@ghcr.io/v2")),
            ("inventory.yml", "all.vars.script", format!("login\necho {new} | login\n")),
            ("inventory.yml", "all.vars.line", format!("{new}\n")),
            ("inventory.yml", "all.vars.other", "another secret".to_owned()),
            ("inventory.json", "all.vars.pat", new.to_owned()),
            ("vault.yml", "vault_pair", format!("octocat:{new}")),
            ("vault.yml", "both", new.to_owned()),
        ] {
            assert_eq!(inventory.value(file, path), expected, "{file} {path}");
        }
        assert_eq!(vault::label(inventory.read("vault.yml").as_bytes()).as_deref(), Some("prod"));
        assert!(inventory.read("inventory.yml").starts_with(&format!("# it was {new} at first\r\nall:\n")));

        inventory.rotate(&Secret::new(new.to_owned()), &old);
        // Everything but payloads, which have another salt each time.
        let rest = |text: &str| -> Vec<String> {
            let is_digits =
                |line: &&str| line.trim_start_matches(['#', ' ']).bytes().all(|byte| byte.is_ascii_hexdigit());
            text.split_inclusive('\n').filter(|line| !is_digits(&line.trim_end())).map(str::to_owned).collect()
        };
        assert_eq!(rest(&inventory.read("inventory.yml")), rest(&before));
        assert_eq!(inventory.read("hosts"), hosts);
    }

    #[test]
    fn an_edit_of_somebody_else_stops_the_commit_and_is_kept() {
        let (old, new) = (token(), token());
        let inventory = every_form(old.reveal());
        let found = inventory.find(&old);
        let staged = Staged::new(&found, &inventory.passwords, &new).unwrap();
        let edited = inventory.read("hosts") + "# a host more\n";
        inventory.write("hosts", &edited);
        let vault = inventory.read("vault.yml");
        assert_eq!(staged.commit().unwrap(), Committed::Changed(inventory.path("hosts").canonicalize().unwrap()));
        assert_eq!((inventory.read("hosts"), inventory.read("vault.yml")), (edited.clone(), vault));
        assert!(recover(&inventory.paths()).unwrap().is_empty());

        inventory.rotate(&old, &new);
        assert_eq!(inventory.read("hosts"), edited.replace(old.reveal(), new.reveal()));
    }

    #[test]
    fn a_file_that_must_not_be_changed_is_told_before_anything_is() {
        let (old, new) = (token(), token());
        let inventory = every_form(old.reveal());
        fs::set_permissions(inventory.path("hosts"), fs::Permissions::from_mode(0o444)).unwrap();
        let refused = Staged::new(&inventory.find(&old), &inventory.passwords, &new).err().unwrap();
        assert!(refused.message.contains("read-only"), "{}", refused.message);
    }

    #[test]
    fn what_is_encoded_or_escaped_is_named_and_left_for_a_person() {
        let (old, new) = (token(), token());
        let text = old.reveal();
        let auth = STANDARD.encode(format!("octocat:{text}"));
        let config = STANDARD.encode(format!("{{\"auths\":{{\"ghcr.io\":{{\"auth\":\"{auth}\"}}}}}}"));
        let inventory = Inventory::new();
        let secret = format!("kind: Secret\ndata:\n  .dockerconfigjson: {config}\n");
        inventory.write("secret.yml", &secret);
        inventory.write("two.yml", format!("{secret}---\n{secret}"));
        inventory.write("auth.ini", format!("auth={auth}\n"));
        inventory.write("vars.yml", format!("auth: !vault |\n{}", block(&auth, "dev", "  ")));
        let (body, last) = text.split_at(text.len() - 1);
        inventory.write("escaped.yml", format!("pat: \"{body}\\x{:02x}\"\n", last.as_bytes()[0]));
        let found = inventory.find(&old);
        assert_eq!(found.places().count(), 0);
        let mut by_hand: Vec<String> = found.by_hand().iter().map(|by_hand| by_hand.place.to_string()).collect();
        by_hand.iter_mut().for_each(|place| *place = place.rsplit('/').next().unwrap_or_default().to_owned());
        assert_eq!(
            by_hand,
            [
                "auth.ini:1",
                "escaped.yml:1 `pat`",
                "secret.yml:3 `data.\".dockerconfigjson\"`",
                "two.yml:3",
                "two.yml:7",
                "vars.yml:1 `auth`"
            ]
        );
        assert!(found.places().next().is_none());
        assert_eq!(Staged::new(&found, &inventory.passwords, &new).unwrap().files().count(), 0);
    }

    #[test]
    fn a_password_that_is_a_common_word_is_replaced_only_where_it_is_encrypted() {
        let (old, new) = (Secret::new("admin".to_owned()), Secret::new("a quite \"different\": #one".to_owned()));
        let inventory = Inventory::new();
        let vars = format!("user: admin # the admin\nadmin_password: !vault |\n{}", block("admin", "dev", "  "));
        inventory.write("vars.yml", &vars);
        inventory
            .write("hosts", "[all]\none user=admin port=1\ntwo user=administrator\n[all:vars]\npassword = 'admin'\n");
        let found = inventory.find(&old);
        let by_hand: Vec<_> =
            found.by_hand().iter().map(|one| (one.place.key_path.is_some(), one.place.line)).collect();
        assert_eq!(by_hand, [(false, 2), (false, 5), (true, 1)]);
        inventory.rotate(&old, &new);
        assert_eq!(inventory.value("vars.yml", "admin_password"), new.reveal());
        assert_eq!(inventory.value("vars.yml", "user"), "admin");
        assert_eq!(inventory.read("vars.yml").lines().next(), vars.lines().next());
    }

    #[test]
    fn a_long_password_is_no_part_of_a_longer_one() {
        let (old, new) = (Secret::new("correct-horse-battery".to_owned()), token());
        let inventory = Inventory::new();
        inventory.write("vars.yml", "one: correct-horse-battery\ntwo: correct-horse-battery-staple\n");
        inventory.rotate(&old, &new);
        assert_eq!(inventory.read("vars.yml"), format!("one: {}\ntwo: correct-horse-battery-staple\n", new.reveal()));
    }

    #[test]
    fn a_token_that_would_be_read_as_something_else_is_refused() {
        let (old, new) = (token(), Secret::new("with: #blanks and more".to_owned()));
        let inventory = Inventory::new();
        inventory.write("vars.yml", format!("pat: {}\n", old.reveal()));
        let found = inventory.find(&old);
        let refused = Staged::new(&found, &inventory.passwords, &new).err().unwrap();
        assert!(refused.message.contains("cannot be put"), "{}", refused.message);
        assert!(Staged::new(&found, &inventory.passwords, &old).is_err());
    }

    #[test]
    fn a_payload_that_does_not_open_is_named_unless_it_is_commented_out() {
        let old = token();
        let inventory = Inventory::new();
        let foreign = |in_front: &str| -> String {
            let password = Password::from_file(b"lost").unwrap();
            let payload = vault::encrypt(b"secret", &password, Some("dev")).unwrap();
            payload.lines().map(|line| format!("{in_front}{line}\n")).collect()
        };
        inventory.write("vars.yml", format!("pat: {}\n# old: !vault |\n{}", old.reveal(), foreign("#  ")));
        assert_eq!(inventory.find(&old).left_alone().len(), 1);
        inventory.write("other.yml", format!("all:\n  lost: !vault |\n{}", foreign("    ")));
        let failed = Occurrences::find(&inventory.paths(), &inventory.passwords, &old).err().unwrap();
        assert!(failed.facts[0].contains("other.yml:2 `all.lost`"), "{:?}", failed.facts);
    }

    #[test]
    fn tokens_are_told_by_their_shape_or_by_their_name() {
        let one = token();
        let inventory = every_form(one.reveal());
        inventory
            .write("more.yml", format!("registry_password: !vault |\n{}other: word\n", block("word", "dev", "  ")));
        let mut tree = Tree::read(&inventory.paths()).unwrap();
        tree.open(&inventory.passwords);
        let found = tokens_of(&tree, &inventory.passwords, &["registry_password"]);
        let found: Vec<_> = found.iter().map(|found| (found.token.reveal(), found.places.len())).collect();
        // Texts that only hold the token are none.
        assert!(found == [(one.reveal(), 9), ("word", 1)], "{} kinds", found.len());
    }
}
