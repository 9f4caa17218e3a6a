//! Work on behalf of another user of this host: this program, started again, which becomes that user for good before it looks
//! at anything of theirs. What they have put in its way (a link, a pipe, the name of a program) then meets their own rights.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::{
    process::{
        DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, set_dumpable_behavior, set_parent_process_death_signal,
        setrlimit,
    },
    thread::{
        CapabilitySet, capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{Failure, OrFail},
    output,
    program::{self, Reason, With},
};

/// Where programs are looked for on behalf of somebody else.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A directory service may have to be asked.
const LOOKUP_LIMIT: Duration = Duration::from_secs(20);

/// How much memory the work may take, in bytes (1 GiB).
const MEMORY: u64 = 1 << 30;

/// A user of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    gid: u32,
    pub(crate) home: PathBuf,
}

/// Whom the program that was started again has to become.
#[derive(Serialize, Deserialize)]
pub(crate) struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

/// The account of a name or a number, wherever the system keeps its accounts. None when it has none.
pub(crate) fn account(name: &str) -> Result<Option<Account>, Failure> {
    if name.is_empty() || name.starts_with('-') {
        return Ok(None);
    }
    Ok(passwd(&[name])?.lines().find_map(Account::parse))
}

/// Every account that the system lists. A directory service may keep others, which have to be named.
pub(crate) fn accounts() -> Result<Vec<Account>, Failure> {
    let mut accounts: Vec<Account> = passwd(&[])?.lines().filter_map(Account::parse).collect();
    accounts.sort_by_key(|account| account.uid);
    accounts.dedup_by_key(|account| account.uid);
    Ok(accounts)
}

/// Lines of passwd(5). `getent` asks all that nsswitch.conf names.
fn passwd(names: &[&str]) -> Result<String, Failure> {
    ask(Command::new("getent").arg("passwd").args(names))
}

impl Account {
    fn parse(line: &str) -> Option<Account> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, _] = fields.as_slice() else { return None };
        Some(Account { name: (*name).to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.into() })
    }

    fn identity(&self) -> Result<Identity, Failure> {
        let groups = ask(Command::new("id").args(["-G", "--", &self.name]))?;
        let groups = groups.split_ascii_whitespace().filter_map(|group| group.parse().ok()).collect();
        Ok(Identity { uid: self.uid, gid: self.gid, groups })
    }
}

fn ask(command: &mut Command) -> Result<String, Failure> {
    let ended = program::run(command.env_clear().env("PATH", SEARCH_PATH), b"", LOOKUP_LIMIT)?;
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// Starts this program again with `words`, for `account`: `input` makes its standard input of the identity that it has to
/// [`take`]. Returns what it printed, which that user may have had a hand in. `name` is how the work is called.
pub(crate) fn run(
    account: &Account,
    words: &[OsString],
    input: impl FnOnce(Identity) -> Result<Vec<u8>, Failure>,
    limit: Duration,
) -> Result<Vec<u8>, Failure> {
    let input = input(account.identity()?)?;
    // Not by its path: that may lead through directories which the other user can change, or is gone after an update.
    let mut command = Command::new("/proc/self/exe");
    command
        .args(words)
        .env_clear()
        .env("HOME", &account.home)
        .env("USER", &account.name)
        .env("LOGNAME", &account.name)
        .env("PATH", SEARCH_PATH)
        .current_dir("/")
        .stderr(Stdio::piped());
    let who = &account.name;
    let ended = program::ask(&mut command, With::Input(&input), limit).map_err(|error| match error.reason {
        Reason::TooSlow(limit) => {
            Failure::unknown(format!("reading as `{who}` took longer than {} seconds", limit.as_secs()))
        }
        Reason::TooMuch => Failure::unknown(format!("reading as `{who}` gave more than 1 MiB")),
        Reason::NotStarted(error) | Reason::Lost(error) => {
            Failure::unknown(format!("this program cannot be started again for `{who}`: {error}"))
        }
    })?;
    if ended.status.success() {
        return Ok(ended.stdout.to_vec());
    }
    let said = String::from_utf8_lossy(&ended.stderr).lines().next().map(output::printable).unwrap_or_default();
    Err(Failure::unknown(format!("reading as `{who}` failed")).fact(said))
}

impl Identity {
    /// Makes this process that user's, in every respect and for good.
    ///
    /// # Errors
    /// Anything about it did not hold. Nothing of that user's may be looked at then.
    pub(crate) fn take(&self) -> Result<(), Failure> {
        // Linux gives every thread an identity of its own. Threads that begin later have ours.
        let threads = std::fs::read_dir("/proc/self/task").or_unknown()?.count();
        if threads != 1 {
            return Err(Failure::unknown("cannot become another user: another thread would stay who it is"));
        }
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        set_thread_groups(&groups).or_unknown()?;
        set_thread_res_gid(gid, gid, gid).or_unknown()?;
        set_thread_res_uid(uid, uid, uid).or_unknown()?;
        set_no_new_privs(true).or_unknown()?;
        // That user's other processes may neither look into this one nor steer it.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).or_unknown()?;
        set_parent_process_death_signal(Some(Signal::KILL)).or_unknown()?;
        // Root's limits still hold, and a file of that user's may have no end.
        let memory = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
        setrlimit(Resource::As, memory).or_unknown()?;
        let kept = capabilities(None).or_unknown()?;
        let is_kept =
            [kept.effective, kept.permitted, kept.inheritable].iter().any(|set| *set != CapabilitySet::empty());
        let root = Uid::ROOT;
        if !uid.is_root() && (is_kept || set_thread_res_uid(root, root, root).is_ok()) {
            return Err(Failure::unknown("cannot become another user: rights of root are left"));
        }
        Ok(())
    }
}
