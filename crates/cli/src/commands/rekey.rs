//! `pullpass vault rekey` and `pullpass inventory rekey`: every payload of files and trees under another password, all or
//! nothing.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{
    file::{
        Access,
        journal::{Change, JournalError, Pending, Recovered},
    },
    inventory::{Payloads, files::Form},
    vault::{self, DEFAULT_LABEL, Password},
};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::{
    commands::inventory::{
        diff::{self, Masked},
        payloads::{self, Opened, Opening, Placed},
        tree::{self, File, Tree},
    },
    failure::{Failure, OrFail},
    output, replace,
    vault_password::{NewPasswords, Next, VaultPassword},
};

/// Encrypt everything under a new password: whole files, and values inside files
///
/// Either every payload is under the new password in the end and none opens with the old one, or every file is as it was,
/// also after a crash: the next run finishes or undoes what a killed one left. Files keep modes and owners, values keep
/// their vault ids unless a single `--new-vault-id` names another one; several of them say which vault id gets which
/// password. In directories, payloads that are commented out or stand in other text are found too. Without an option for
/// it, the new password is asked for twice.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory rekey . --vault-password-file old-pass --new-vault-password-file new-pass
  pullpass inventory rekey . --vault-id dev@old-dev --vault-id prod@old-prod \\
      --new-vault-id dev@new-dev --new-vault-id prod@new-prod
  pullpass vault rekey --vault-id dev@dev-pass --new-vault-id prod@prompt secrets.yml
  pullpass inventory rekey . --rollback")]
pub(crate) struct Rekey {
    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    new: NewPasswords,
    /// Rekey what has this vault id, and leave the rest alone; may be repeated
    #[arg(long, value_name = "LABEL")]
    only_vault_id: Vec<String>,
    /// Show the change first
    #[arg(long)]
    diff: bool,
    /// Open and encrypt everything, but replace no file
    #[arg(long)]
    dry_run: bool,
    /// Only finish what an interrupted run left
    #[arg(long, group = "interrupted", conflicts_with = "dry_run")]
    resume: bool,
    /// Only undo what an interrupted run left
    #[arg(long, group = "interrupted", conflicts_with = "dry_run")]
    rollback: bool,
    #[command(flatten)]
    password: VaultPassword,
}

/// What replaces a payload.
struct Replaced {
    file: usize,
    payload: Option<usize>,
    with: With,
}

enum With {
    /// A value's new payload.
    Payload(String),
    /// For a file that is encrypted as a whole, what it is to be encrypted under: its values inside come first.
    Key(Password, Option<String>),
}

impl Rekey {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.paths.iter().any(|path| path == "-") {
            return Err(Failure::usage("`rekey` takes files and directories only, not standard input"));
        }
        let was_interrupted = !self.dry_run && self.recover()?;
        if self.resume || self.rollback {
            return if was_interrupted { Ok(()) } else { Err(Failure::no("nothing was interrupted here")) };
        }
        let mut tree = self.read()?;
        let existing = self.password.to_rekey()?;
        tree.open(&existing);
        let payloads = read_payloads(&tree)?;
        let wanted = self.wanted(&tree, &payloads);
        let way_out = "or choose what is rekeyed: `--only-vault-id LABEL`";
        let Opening { opened, left_alone } = payloads::open(&tree, &wanted, &existing, Some(way_out))?;
        for place in left_alone {
            output::warn(format_args!(
                "left alone: the payload at {place} is no value, and these passwords do not open it"
            ));
        }
        if opened.is_empty() {
            return Err(
                Failure::no("there is nothing to rekey").fact("no file here has a payload that these passwords open")
            );
        }
        // Nobody is asked for a new password before the old ones have opened everything.
        let new = self.new.read(&existing)?;
        let replaced = encrypt_all(&tree, &wanted, opened, &new)?;
        let contents = self.contents(&tree, &payloads, &replaced)?;
        self.put(&tree, &contents, replaced.len())
    }

    /// The files that have payloads.
    fn read(&self) -> Result<Tree, Failure> {
        let tree = Tree::read(&self.paths).map_err(|failure| failure.fact("nothing was changed"))?;
        let mut tree = tree.complete()?;
        // A person who names a file thinks that it is encrypted.
        if let Some(file) = tree.files.iter().find(|file| file.is_named && !holds_payload(&file.bytes)) {
            let failure = Failure::usage(format!("`{}` has no vault payload", file.path.display()));
            return Err(failure
                .fact("nothing was changed")
                .hint("name its directory, to rekey whatever is encrypted there"));
        }
        tree.files.retain(|file| holds_payload(&file.bytes));
        Ok(tree)
    }

    /// Finishes or undoes what earlier runs left, and says so.
    fn recover(&self) -> Result<bool, Failure> {
        let changes = tree::interrupted(&self.paths)?;
        let was_interrupted = !changes.is_empty();
        let mut is_finished = false;
        for change in changes {
            is_finished |= self.settle(change)? == Recovered::RolledForward;
        }
        // Whether that was the same change as this one, nobody can tell.
        if is_finished && !self.resume {
            let failure =
                Failure::no("files are under the new password of an interrupted run, so none was rekeyed again");
            return Err(failure
                .hint("see that they open with it: `pullpass inventory check PATH`")
                .hint("for yet another password, run this again with that one as the old one"));
        }
        Ok(was_interrupted)
    }

    fn settle(&self, change: Pending) -> Result<Recovered, Failure> {
        let how = |change: Pending| match (self.resume, self.rollback) {
            (true, _) => change.resume(),
            (_, true) => change.roll_back(),
            _ => change.recover(),
        };
        tree::settle(change, how).map_err(|error| {
            let is_late = self.rollback && matches!(error, JournalError::Missing { .. });
            let failure = Failure::from(error);
            if is_late {
                failure.hint("once all files are replaced it is too late for that: use `--resume`")
            } else {
                failure
            }
        })
    }

    /// Everything that is to be opened.
    fn wanted<'tree>(&self, tree: &'tree Tree, payloads: &'tree [Option<Payloads<'tree>>]) -> Vec<Placed<'tree>> {
        let mut placed = payloads::all(tree, payloads);
        placed.retain(|placed| self.is_wanted(placed.text));
        placed
    }

    fn is_wanted(&self, payload: &[u8]) -> bool {
        let label = vault::label(payload).unwrap_or_else(|| DEFAULT_LABEL.to_owned());
        self.only_vault_id.is_empty() || self.only_vault_id.contains(&label)
    }

    /// What each file is to hold; `None` where nothing changes.
    fn contents(
        &self,
        tree: &Tree,
        payloads: &[Option<Payloads<'_>>],
        replaced: &[Replaced],
    ) -> Result<Vec<Option<Zeroizing<Vec<u8>>>>, Failure> {
        let of_file = |number: usize| -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
            let file = &tree.files[number];
            // They are in the order of the files.
            let mine = &replaced[replaced.partition_point(|replaced| replaced.file < number)..];
            let mine = mine.iter().take_while(|replaced| replaced.file == number);
            let list = payloads[number].as_ref();
            let mut with = vec![None; list.map_or(0, |payloads| payloads.list().len())];
            let mut key = None;
            for replaced in mine {
                match (&replaced.with, replaced.payload) {
                    (With::Payload(payload), Some(at)) => with[at] = Some(payload.clone()),
                    (With::Key(password, label), _) => key = Some((password, label)),
                    (With::Payload(_), None) => {}
                }
            }
            let inner = match list.filter(|_| with.iter().any(Option::is_some)) {
                Some(payloads) => {
                    let edited = payloads.replace(&with).or_usage().map_err(|failure| file.in_place(failure))?;
                    Some(Zeroizing::new(edited))
                }
                None => None,
            };
            let own = vault::label(&file.bytes);
            let (password, label) = match (key, &file.password) {
                (Some(new), _) => new,
                // The values inside are wanted, the file around them is not: it is encrypted again as it was.
                (None, Some(password)) if inner.is_some() => (password, &own),
                (None, _) => return Ok(inner),
            };
            let plaintext = inner.as_deref().map(Vec::as_slice).or(file.content()).unwrap_or_default();
            let payload = vault::encrypt(plaintext, password, label.as_deref()).or_usage();
            let payload = payload.map_err(|failure| file.in_place(failure))?;
            Ok(Some(Zeroizing::new(payload.into_bytes())))
        };
        (0..tree.files.len()).into_par_iter().map(of_file).collect()
    }

    fn put(&self, tree: &Tree, contents: &[Option<Zeroizing<Vec<u8>>>], count: usize) -> Result<(), Failure> {
        let changed: Vec<(&File, &[u8])> =
            tree.files.iter().zip(contents).filter_map(|(file, new)| Some((file, new.as_ref()?.as_slice()))).collect();
        if self.diff {
            for (file, new) in &changed {
                diff::print(&file.path, &file.bytes, new, Masked::Changes);
            }
        }
        if self.dry_run {
            output::say(format_args!("would be rekeyed: {}", counted(count, changed.len())));
            return Ok(());
        }
        let changes: Vec<Change<'_>> = changed
            .iter()
            .map(|(file, new)| Change { path: &file.path, old: &file.bytes, new, access: Access::Kept })
            .collect();
        replace::all(&changes, "rekeyed")?;
        output::say(format_args!("under the new password: {}", counted(count, changed.len())));
        Ok(())
    }
}

fn counted(payloads: usize, files: usize) -> String {
    let plural = |number: usize| if number == 1 { "" } else { "s" };
    format!("{payloads} payload{} in {files} file{}", plural(payloads), plural(files))
}

fn holds_payload(bytes: &[u8]) -> bool {
    const HEADER: &[u8] = b"$ANSIBLE_VAULT";
    bytes.windows(HEADER.len()).any(|window| window == HEADER)
}

/// The payloads of each file; `None` for one that is encrypted as a whole and has none inside.
fn read_payloads(tree: &Tree) -> Result<Vec<Option<Payloads<'_>>>, Failure> {
    tree.files
        .par_iter()
        .map(|file| match (file.form, file.content()) {
            (_, None) => Ok(None),
            (Form::Whole, Some(content)) => {
                Ok(Some(Payloads::of_yaml(content).unwrap_or_else(|_| Payloads::of_text(content))))
            }
            (Form::Yaml, Some(content)) => {
                Payloads::of_yaml(content).map(Some).or_usage().map_err(|failure| file.in_place(failure))
            }
            (Form::Text, Some(content)) => Ok(Some(Payloads::of_text(content))),
        })
        .collect()
}

/// What comes in the place of everything that was opened.
fn encrypt_all(
    tree: &Tree,
    wanted: &[Placed<'_>],
    opened: Vec<Opened<'_>>,
    new: &Next,
) -> Result<Vec<Replaced>, Failure> {
    let chosen = |(number, plaintext, old)| {
        let placed: &Placed<'_> = &wanted[number];
        let in_place = |failure: Failure| tree.files[placed.file].in_place(failure);
        let (password, label) = new.of(vault::label(placed.text)).map_err(in_place)?;
        if password == old {
            let failure = Failure::usage("the new vault password is the old one");
            return Err(in_place(failure).hint("choose what is rekeyed: `--only-vault-id LABEL`"));
        }
        Ok((placed, plaintext, password, label))
    };
    let chosen: Vec<_> = opened.into_iter().map(chosen).collect::<Result<_, _>>()?;
    let encrypt =
        |(placed, plaintext, password, label): (&Placed<'_>, Zeroizing<Vec<u8>>, &Password, Option<String>)| {
            let with = match placed.payload {
                None => With::Key(password.clone(), label),
                Some(_) => {
                    let payload = vault::encrypt(&plaintext, password, label.as_deref()).or_usage();
                    With::Payload(payload.map_err(|failure| tree.files[placed.file].in_place(failure))?)
                }
            };
            Ok(Replaced { file: placed.file, payload: placed.payload, with })
        };
    chosen.into_par_iter().map(encrypt).collect()
}
