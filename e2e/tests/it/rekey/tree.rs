//! Fifty files with two hundred and more payloads, in every form and place in which Ansible or a person may have put one.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use pullpass_secrets::vault::{self, Password, VaultError};
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run};
use serde_json::json;
use tempfile::TempDir;

use super::payload::split;
use crate::program::program;

/// Vault ids; the first is the one that a header leaves out.
const IDS: [&str; 3] = ["default", "dev", "prod"];
/// Files with values, and how many each has.
const INLINE: (usize, usize) = (40, 5);
/// Files that are encrypted as a whole, with one text and one more value inside.
const WHOLE: usize = 6;
const FILES: usize = 50;
const MODES: [u32; 5] = [0o644, 0o640, 0o600, 0o664, 0o660];

/// Everything that there is: content, mode, owner, group and number of names, by path.
pub(super) type Contents = BTreeMap<PathBuf, (Vec<u8>, u32, u32, u32, u64)>;

/// What is in a file: everything but its payloads' digits, and what each of them hides.
#[derive(PartialEq, Eq)]
struct Meaning {
    skeleton: String,
    secrets: Vec<String>,
}

/// What all trees are in the beginning.
struct Sample {
    contents: Contents,
    meanings: BTreeMap<PathBuf, Meaning>,
}

pub(super) struct Tree {
    home: TempDir,
}

/// The password of a vault id, `old` or `new`.
fn password(version: &str, id: &str) -> Password {
    Password::from_file(format!("{version} {id}").as_bytes()).expect("a password")
}

/// In memory if there is such a place: what a killed process wrote is there all the same.
fn home() -> TempDir {
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    home.expect("a temporary directory")
}

/// The variables of an inline file or another, and their values, by number.
fn variable(number: usize) -> (String, String) {
    (format!("v{number:03}"), format!("secret {number} ünï {{{{ kept }}}}"))
}

fn encrypt(number: usize) -> String {
    let (_, text) = variable(number);
    let id = IDS[number % IDS.len()];
    vault::encrypt(text.as_bytes(), &password("old", id), Some(id)).expect("a payload")
}

/// `NAME: !vault` with a payload, in one of several forms.
fn value(number: usize, payload: &str) -> String {
    let (name, _) = variable(number);
    let block = |indent: &str| format!("\n{indent}{}\n", payload.trim_end().replace('\n', &format!("\n{indent}")));
    match number % 5 {
        0 => format!("{name}: !vault |{}", block("  ")),
        1 => format!("{name}: !vault |  # as ansible-vault indents{}", block("          ")),
        2 => format!("{name}: &a{number} !vault |-{}again_{name}: *a{number}\n", block("    ")),
        3 => format!("{name}: !vault \"{}\"   # quoted\n", payload.replace('\n', "\\n")),
        _ => format!("\"{name}\":\n  !vault |{}", block("  ")),
    }
}

/// One that is no value any more.
fn commented(number: usize) -> String {
    let (name, _) = variable(number);
    format!("# {name}: !vault |\n#   {}\n", encrypt(number).trim_end().replace('\n', "\n#   "))
}

fn inline(file: usize) -> String {
    let (_, count) = INLINE;
    let mut text = format!("# File {file}.\n---\nplain_{file}: 'is kept'   # so\n");
    for number in file * count..(file + 1) * count {
        text.push_str(&value(number, &encrypt(number)));
    }
    if file.is_multiple_of(10) {
        text.push_str(&commented(400 + file));
    }
    match file {
        5 => format!("\u{feff}{text}"),
        9 => text.trim_end().to_owned(),
        _ if file % 7 == 3 => text.replace('\n', "\r\n"),
        _ => text,
    }
}

/// The text of a file, its place, and the variables that Ansible sees in it.
fn file(number: usize) -> (String, String, Vec<usize>) {
    let (inlines, count) = INLINE;
    let place = |extension: &str| format!("inv/group_vars/all/{number:02}.{extension}");
    let whole_end = inlines + WHOLE;
    if number < inlines {
        // One of them is behind a link, outside of the directory that is named.
        let place = if number == 11 { "shared/linked/11.yml".to_owned() } else { place("yml") };
        return (inline(number), place, (number * count..(number + 1) * count).collect());
    }
    let one = 200 + 2 * number;
    if number < whole_end {
        let (name, text) = variable(one);
        let inside = format!("# inside\n{name}: !unsafe '{text}'\n{}", value(one + 1, &encrypt(one + 1)));
        let id = IDS[number % IDS.len()];
        let payload = vault::encrypt(inside.as_bytes(), &password("old", id), Some(id)).expect("a payload");
        return (payload, place("yml"), vec![one, one + 1]);
    }
    let json = |number: usize| (variable(number).0, json!({ "__ansible_vault": encrypt(number) }));
    match number - whole_end {
        0 | 1 => {
            let values: serde_json::Map<_, _> = [json(one), json(one + 1)].into_iter().collect();
            let text = serde_json::to_string_pretty(&values).expect("JSON");
            (text, place("json"), vec![one, one + 1])
        }
        2 => (
            format!("Remember:\n\n> {}\n\nand forget.\n", encrypt(one).trim_end().replace('\n', "\n> ")),
            "inv/notes.md".to_owned(),
            vec![],
        ),
        _ => {
            let hosts = "all:\n  hosts:\n    box: {ansible_connection: local}\n  vars:\n";
            let values = value(one, &encrypt(one)).replace('\n', "\n    ");
            (format!("{hosts}    {}", values.trim_end_matches(' ')), "inv/hosts.yml".to_owned(), vec![one])
        }
    }
}

/// Every variable that Ansible sees, with its value.
pub(super) fn variables() -> BTreeMap<String, String> {
    (0..FILES).flat_map(|number| file(number).2).map(variable).collect()
}

static SAMPLE: OnceLock<Sample> = OnceLock::new();

fn sample() -> &'static Sample {
    SAMPLE.get_or_init(|| {
        let home = home();
        let root = home.path();
        let is_root = rustix::process::geteuid().is_root();
        for number in 0..FILES {
            let (text, place, _) = file(number);
            let path = root.join(place);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(&path, text).expect("a file");
            if is_root && number % 3 == 2 {
                chown(&path, Some(1000), Some(1001)).expect("chown by root");
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(MODES[number % MODES.len()])).expect("chmod");
        }
        symlink("../../../shared/linked", root.join("inv/group_vars/all/linked")).expect("a link");
        symlink("07.yml", root.join("inv/group_vars/all/07-again.yml")).expect("a link");
        symlink("nowhere", root.join("inv/dangling.yml")).expect("a link");
        fs::create_dir(root.join("passwords")).expect("a directory");
        for id in IDS {
            for version in ["old", "new", "third"] {
                let path = root.join(format!("passwords/{version}-{id}"));
                fs::write(&path, format!("{version} {id}\n")).expect("a file");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
            }
        }
        let contents = contents(root);
        let meanings = meanings(&contents, "old");
        assert_eq!(meanings.len(), FILES);
        let payloads: usize = meanings.values().map(|meaning| meaning.secrets.len()).sum();
        assert_eq!(payloads, 200 + 4 + WHOLE + 4 + 2, "values, commented out, inside of whole files, JSON, others");
        Sample { contents, meanings }
    })
}

/// Everything below `root`.
fn contents(root: &Path) -> Contents {
    let mut found = Contents::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("metadata");
            let bytes = if metadata.is_dir() {
                directories.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).expect("a file")
            };
            // Directories have as many names as they have directories.
            let names = if metadata.is_dir() { 0 } else { metadata.nlink() };
            let path = path.strip_prefix(root).expect("it is below").to_owned();
            found.insert(path, (bytes, metadata.mode(), metadata.uid(), metadata.gid(), names));
        }
    }
    found
}

/// What the files mean under the passwords of `version`; panics unless each payload opens with its own, and with none of
/// the other version.
fn meanings(contents: &Contents, version: &str) -> BTreeMap<PathBuf, Meaning> {
    let files: Vec<_> = contents.iter().filter(|(_, (bytes, ..))| !split(bytes).1.is_empty()).collect();
    let (send, receive) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(4).max(1)) {
            let send = send.clone();
            scope.spawn(move || {
                for (path, (bytes, ..)) in part {
                    let meaning = meaning(bytes, version).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
                    send.send(((*path).clone(), meaning)).expect("somebody listens");
                }
            });
        }
    });
    drop(send);
    receive.into_iter().collect()
}

fn meaning(bytes: &[u8], version: &str) -> Result<Meaning, String> {
    let (mut skeleton, payloads) = split(bytes);
    let mut secrets = Vec::new();
    for payload in &payloads {
        let plaintext = open(payload, version)?;
        if vault::is_encrypted(bytes) {
            let inside = meaning(plaintext.as_bytes(), version)?;
            skeleton.push_str(&inside.skeleton);
            secrets.extend(inside.secrets);
        } else {
            secrets.push(plaintext);
        }
    }
    Ok(Meaning { skeleton, secrets })
}

/// The plaintext of a payload that has to open with the password of `version` for its id, and not with the other one.
fn open(payload: &str, version: &str) -> Result<String, String> {
    let id = vault::label(payload.as_bytes()).unwrap_or_else(|| IDS[0].to_owned());
    let other = if version == "old" { "new" } else { "old" };
    match vault::decrypt(payload.as_bytes(), &password(other, &id)) {
        Err(VaultError::WrongPassword) => {}
        result => {
            return Err(format!(
                "the {other} password of {id}: {:?}",
                result.map(drop).err().map(|error| error.to_string())
            ));
        }
    }
    let plaintext = vault::decrypt(payload.as_bytes(), &password(version, &id));
    let plaintext = plaintext.map_err(|error| format!("the {version} password of {id}: {error}"))?;
    String::from_utf8(plaintext.to_vec()).map_err(|error| error.to_string())
}

/// How `rekey` is told all passwords.
pub(super) fn passwords(words: &mut Command, version: &str, option: &str) {
    for id in IDS {
        words.arg(option).arg(format!("{id}@passwords/{version}-{id}"));
    }
}

impl Tree {
    pub(super) fn new() -> Tree {
        Tree::at(home())
    }

    /// In a directory of the caller's.
    pub(super) fn below(directory: &Path) -> Tree {
        Tree::at(tempfile::tempdir_in(directory).expect("a directory"))
    }

    fn at(home: TempDir) -> Tree {
        // From above to below, and by name.
        for (path, (bytes, mode, user, group, _)) in &sample().contents {
            let path = home.path().join(path);
            match mode & 0o170_000 {
                0o040_000 => fs::create_dir(&path).expect("a directory"),
                0o120_000 => symlink(OsStr::from_bytes(bytes), &path).expect("a link"),
                _ => fs::write(&path, bytes).expect("a file"),
            }
            lchown(&path, Some(*user), Some(*group)).expect("the owner it had");
            if !path.is_symlink() {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777)).expect("chmod");
            }
        }
        Tree { home }
    }

    /// The same, as it is now, somewhere else.
    pub(super) fn copy(&self) -> Tree {
        let home = home();
        let copied = Command::new("cp").arg("--archive").arg(self.root().join(".")).arg(home.path()).status();
        assert!(copied.expect("cp runs").success());
        Tree { home }
    }

    pub(super) fn root(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn contents(&self) -> Contents {
        contents(self.root())
    }

    /// Every byte, mode, owner and name is as it was in the beginning.
    pub(super) fn is_old(&self) -> bool {
        self.contents() == sample().contents
    }

    /// Whether something lies beside the files.
    pub(super) fn has_leftovers(&self) -> bool {
        self.contents().len() > sample().contents.len()
    }

    /// Every file is as it is in one of `others`.
    #[track_caller]
    pub(super) fn assert_files_of(&self, others: &[&Tree], at: &str) {
        let others: Vec<Contents> = others.iter().map(|other| other.contents()).collect();
        for (path, (bytes, mode, user, group, _)) in self.contents() {
            let is_same = |other: &Contents| {
                other.get(&path).is_some_and(|(b, m, u, g, _)| (b, m, u, g) == (&bytes, &mode, &user, &group))
            };
            let is_known = !sample().contents.contains_key(&path) || others.iter().any(is_same);
            assert!(is_known, "{at}: {}", path.display());
        }
    }

    /// Nothing is there that was not, nothing is missing, and modes, owners, links and other files are the same.
    #[track_caller]
    fn assert_nothing_else(&self, now: &Contents, at: &str) {
        let then = &sample().contents;
        let names = |contents: &Contents| contents.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(now), names(then), "{at}");
        for (path, (bytes, mode, user, group, links)) in then {
            let (new_bytes, new_mode, new_user, new_group, new_links) = &now[path];
            let shown = path.display();
            assert_eq!((mode, user, group, links), (new_mode, new_user, new_group, new_links), "{at}: {shown}");
            assert!(sample().meanings.contains_key(path) || bytes == new_bytes, "{at}: {shown}");
        }
    }

    /// Every payload opens with its password of `version` and not with its old one, to what it was, and all else is as it
    /// was.
    #[track_caller]
    pub(super) fn assert_version(&self, version: &str, at: &str) {
        self.assert_version_but(version, &[], at);
    }

    #[track_caller]
    pub(super) fn assert_new(&self, at: &str) {
        self.assert_version("new", at);
    }

    /// [`Tree::assert_version`], but some secrets were replaced by others.
    #[track_caller]
    pub(super) fn assert_version_but(&self, version: &str, replaced: &[(&str, &str)], at: &str) {
        let now = self.contents();
        self.assert_nothing_else(&now, at);
        let mut meanings = meanings(&now, version);
        for (old, new) in replaced {
            let mut secrets = meanings.values_mut().flat_map(|meaning| &mut meaning.secrets);
            let secret = secrets.find(|secret| *secret == new).unwrap_or_else(|| panic!("{at}: `{new}` is lost"));
            *secret = (*old).to_owned();
        }
        assert!(meanings == sample().meanings, "{at}");
    }

    /// `pullpass inventory rekey` with the passwords of all ids, run by `words`, which may be a program that runs it.
    pub(super) fn rekey(&self, mut words: Command, more: &[&str]) -> Command {
        words.args(["inventory", "rekey", "inv"]).args(more).current_dir(self.root());
        passwords(&mut words, "old", "--vault-id");
        if !more.iter().any(|word| word.starts_with("--new-")) {
            passwords(&mut words, "new", "--new-vault-id");
        }
        words
    }

    pub(super) fn run(&self, home: &Home, more: &[&str]) -> Ran {
        run(&mut self.rekey(home.command(program()), more))
    }

    /// [`Tree::run`] while strace tampers with calls of the system, see `inject` in its manual.
    pub(super) fn tampered(&self, home: &Home, call: &str, tampering: &str, more: &[&str]) -> Ran {
        let mut strace = home.command("strace");
        strace.args(["-f", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
        strace.arg("-e").arg(format!("inject={call}:{tampering}")).arg(program());
        run(&mut self.rekey(strace, more))
    }
}
