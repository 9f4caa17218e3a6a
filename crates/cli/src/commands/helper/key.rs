//! Where the key of the store comes from. SECURITY.md says what each place protects from.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use pullpass_secrets::{
    file::{self, Access},
    store::sealed::Key,
};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::sealed;
use crate::{
    environment,
    failure::{Failure, OrFail},
    program::{self, words},
};

/// A command line whose output is the key.
const COMMAND: &str = "PULLPASS_KEY_COMMAND";
/// Where systemd puts the credentials of a unit (systemd.exec(5)), and the name of ours.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const CREDENTIAL: &str = "pullpass.key";
/// Behind it stands a program that may have to ask a daemon, but no person: engines are waiting.
const COMMAND_LIMIT: Duration = Duration::from_secs(8);
/// More than any spelling of a key has.
const MAX_LEN: u64 = 1024;

/// A key and its place, in words.
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) place: String,
}

/// The key, from the first place that is configured; `None` when there is only the file, and it is not there yet.
pub(super) fn load() -> Result<Option<Found>, Failure> {
    if let Some(line) = environment::variable(COMMAND) {
        return from_command(&line.to_string_lossy()).map(Some);
    }
    if let Some(path) = credential() {
        // systemd has set who may read it, by an access control list that looks like rights of the group.
        let bytes = file::read(&path)?.map(Zeroizing::new).unwrap_or_default();
        return parse(&bytes, format!("`{}`", path.display())).map(Some);
    }
    let path = path()?;
    let place = format!("`{}`", path.display());
    read_own(&path)?.map(|bytes| parse(&bytes, place)).transpose()
}

/// Makes the key file; one that another process has made meanwhile stays.
pub(super) fn make() -> Result<Found, Failure> {
    let path = path()?;
    let new = Key::generate().or_unknown()?;
    file::edit(&path, Access::OwnerOnly, |bytes| {
        Ok::<_, Failure>(bytes.is_none().then(|| format!("{}\n", *new.to_base64()).into_bytes()))
    })?;
    load()?.ok_or_else(|| Failure::unknown(format!("`{}` was removed as soon as it was made", path.display())))
}

/// Where a key was looked for in vain.
pub(super) fn places() -> Vec<String> {
    let path = path().map(|path| format!("there is no `{}`", path.display())).ok();
    path.into_iter()
        .chain([format!("`{COMMAND}` is not set, and there is no systemd credential `{CREDENTIAL}`")])
        .collect()
}

/// Not beside the store: who copies one directory has half of it. State stays on its host, which is what a key should do.
fn path() -> Result<PathBuf, Failure> {
    sealed::directory("XDG_STATE_HOME", ".local/state").map(|state| state.join("pullpass/helper.key"))
}

fn credential() -> Option<PathBuf> {
    let path = PathBuf::from(environment::variable(CREDENTIALS)?).join(CREDENTIAL);
    path.exists().then_some(path)
}

fn parse(bytes: &[u8], place: String) -> Result<Found, Failure> {
    match Key::parse(bytes) {
        Some(key) => Ok(Found { key, place }),
        None => Err(Failure::usage(format!("{place} holds no key: a key is 32 bytes, or their base64"))
            .hint("make one with `head -c 32 /dev/urandom | base64`, for a store that is empty")),
    }
}

/// Reads a key file that nobody but this user can read or could have put there. Never waits, whatever `path` names.
fn read_own(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file: File = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::unknown(format!("cannot read `{}`: {error}", path.display()))),
    };
    let metadata = file.metadata().or_unknown()?;
    let refuse = |why: String| Err(Failure::usage(format!("the key file `{}` is not used: {why}", path.display())));
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if !metadata.is_file() {
        return refuse("it is no regular file".to_owned());
    }
    if owner != rustix::process::geteuid().as_raw() {
        return refuse(format!("it belongs to user {owner}"));
    }
    if mode & 0o077 != 0 {
        return refuse(format!("others have rights to it (mode {mode:04o})")).map_err(|failure: Failure| {
            failure.hint(format!("if nobody has read it, run `chmod 600 {}`", path.display()))
        });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_LEN).read_to_end(&mut bytes).or_unknown()?;
    Ok(Some(bytes))
}

fn from_command(line: &str) -> Result<Found, Failure> {
    let words = words(line).ok_or_else(|| Failure::usage(format!("a quote in `{COMMAND}` is left open")))?;
    let [name, arguments @ ..] = words.as_slice() else {
        return Err(Failure::usage(format!("`{COMMAND}` is empty")));
    };
    let ended = program::run(Command::new(name).args(arguments), b"", COMMAND_LIMIT)
        .map_err(|failure| failure.fact(format!("`{COMMAND}` names it")))?;
    if !ended.status.success() {
        return Err(Failure::unknown(format!("the key command `{name}` failed: {}", ended.status)));
    }
    parse(&ended.stdout, format!("the command `{name}`"))
}
