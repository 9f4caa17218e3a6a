//! Runs playbooks of ours through the Ansible that is installed, as the operator has it: configuration, inventories, vault
//! passwords and connections are theirs. What is ours lies beside the playbook in a directory of its own: the collection,
//! and a callback that tells what happens.
//!
//! Secrets reach Ansible in two ways only. Passwords go through named pipes, which are read once and leave nothing on a disk.
//! A token is a variable that is encrypted under a password made for this run.

mod child;
mod collection;
mod event;
mod pipe;

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use clap::Args;
use pullpass_secrets::{
    Secret, token,
    vault::{self, DEFAULT_LABEL, Password, Passwords},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use crate::{
    environment,
    failure::{Exit, Failure, OrFail},
    interrupt, output, program, prompt,
    vault_password::VaultPassword,
};
pub(crate) use child::as_ansible;
pub(crate) use event::{Event, Kind};
use pipe::Pipe;

/// How often Ansible is looked at.
const PAUSE: Duration = Duration::from_millis(20);
/// How many lines of what Ansible complained about are repeated.
const MAX_COMPLAINT: usize = 12;
/// The label of the password that is made for a run.
const OWN_LABEL: &str = "pullpass-run";

/// Which hosts, and how Ansible reaches them.
#[derive(Args)]
#[command(next_help_heading = "Ansible")]
pub(crate) struct Ansible {
    /// An inventory, as Ansible takes it; may be repeated
    #[arg(long = "inventory", short, value_name = "INVENTORY")]
    pub(crate) inventories: Vec<String>,
    /// Only these hosts, as Ansible's `--limit`
    #[arg(long, short, value_name = "PATTERN")]
    pub(crate) limit: Option<String>,
    /// How many hosts at a time; otherwise as Ansible is configured
    #[arg(long, short, value_name = "NUMBER")]
    forks: Option<u16>,
    /// Ask for the password of the connections
    #[arg(long, short = 'k')]
    ask_pass: bool,
    /// Ask for the password with which users are changed on the hosts
    #[arg(long, short = 'K')]
    ask_become_pass: bool,
    #[command(flatten)]
    pub(crate) vault_password: VaultPassword,
    /// Show what Ansible prints
    #[arg(long, short)]
    verbose: bool,
    /// More options of `ansible-playbook`, after `--`
    #[arg(last = true, value_name = "OPTION")]
    more: Vec<String>,
    /// A person is asked once for a command.
    #[arg(skip)]
    asked: std::cell::OnceCell<Asked>,
}

/// What a person was asked for.
#[derive(Default)]
struct Asked {
    connection: Option<Secret>,
    privileges: Option<Secret>,
}

/// One run of a playbook.
pub(crate) struct Play<'a> {
    /// Its text.
    pub(crate) playbook: &'a str,
    /// Variables, which go before those of the inventory.
    pub(crate) variables: Map<String, Value>,
    /// A variable that is a secret.
    pub(crate) secret: Option<(&'a str, &'a Secret)>,
    /// These hosts alone, within what the operator has limited it to; `None` for all of those.
    pub(crate) hosts: Option<&'a [String]>,
}

impl Ansible {
    /// Runs a playbook to its end and hands over each event as it comes. What becomes of hosts is in the events, and no error.
    ///
    /// # Errors
    /// Ansible is missing, or could not begin. [`Exit::Interrupted`] after Ctrl-C.
    pub(crate) fn run(&self, play: &Play<'_>, mut on_event: impl FnMut(Event)) -> Result<(), Failure> {
        if self.inventories.is_empty() {
            return Err(Failure::usage("no inventory is named").hint("name it, for example `-i inventory.yml`"));
        }
        // Ansible would go on without it.
        if let Some(missing) = self.inventories.iter().find(|inventory| is_missing(inventory)) {
            return Err(Failure::usage(format!("there is no inventory `{missing}`")));
        }
        let asked = self.asked()?;
        let passwords = self.vault_password.if_given()?;
        let directory = tempfile::Builder::new().prefix("pullpass-fleet-").tempdir().or_unknown()?;
        let mut command = self.command(directory.path())?;
        let mut pipes = Vec::new();
        prepare(directory.path(), play).or_unknown()?;
        self.add_passwords(&mut command, passwords.as_deref(), directory.path(), &mut pipes)?;
        add_variables(&mut command, play, directory.path(), &mut pipes)?;
        for (option, secret) in
            [("--connection-password-file", &asked.connection), ("--become-password-file", &asked.privileges)]
        {
            if let Some(secret) = secret {
                let pipe = Pipe::new(&directory.path().join(&option[2..]), secret.reveal().as_bytes())?;
                command.arg(option).arg(pipe.path());
                pipes.push(pipe);
            }
        }
        self.limit(&mut command, play, directory.path())?;

        let interrupted = interrupt::flag()?;
        let (log, events) = (directory.path().join("log"), directory.path().join("events"));
        if self.verbose {
            // Standard output is for our own answer.
            command.stdout(io::stderr());
        } else {
            let log = File::create(&log).or_unknown()?;
            command.stdout(log.try_clone().or_unknown()?).stderr(log);
        }
        let mut child = command.spawn().map_err(not_started)?;
        let (status, count) = follow(&mut child, &events, &interrupted, &mut on_event)?;
        drop(pipes);
        if interrupted.load(Ordering::Relaxed) {
            return Err(Failure::silent(Exit::Interrupted));
        }
        // 2, 4 and 8 are about hosts, which the events tell more about (`ansible.executor.task_queue_manager`, `RUN_*`).
        match status.code() {
            Some(code) if code & !(2 | 4 | 8) == 0 && count > 0 => Ok(()),
            Some(0) => {
                Err(complaint("there is no host: the inventory has none, or `--limit` leaves none".to_owned(), &log))
            }
            _ => Err(complaint(format!("`ansible-playbook` could not begin: {status}"), &log)),
        }
    }

    /// The vault passwords; none where nothing names any.
    pub(crate) fn passwords(&self) -> Result<Arc<Passwords>, Failure> {
        let none = || Arc::new(Passwords::new(DEFAULT_LABEL.to_owned(), false));
        Ok(self.vault_password.if_given()?.unwrap_or_else(none))
    }

    /// What a person has to be asked for, once.
    fn asked(&self) -> Result<&Asked, Failure> {
        if let Some(asked) = self.asked.get() {
            return Ok(asked);
        }
        let ask = |is_wanted: bool, question| is_wanted.then(|| prompt::hidden(question)).transpose();
        let asked = Asked {
            connection: ask(self.ask_pass, "password of the connections")?,
            privileges: ask(self.ask_become_pass, "password for the change of users")?,
        };
        Ok(self.asked.get_or_init(|| asked))
    }

    fn command(&self, directory: &Path) -> Result<Command, Failure> {
        let program = program::on_path("ansible-playbook").ok_or_else(not_installed)?;
        let mut command = child::command(&program);
        for name in environment::hidden() {
            command.env_remove(name);
        }
        for inventory in &self.inventories {
            command.arg("-i").arg(inventory);
        }
        if let Some(forks) = self.forks {
            command.arg("--forks").arg(forks.to_string());
        }
        command.args(&self.more).arg(directory.join("playbook.yml")).stdin(Stdio::null());
        Ok(command)
    }

    /// Hands over every vault password that we have ourselves, so that a person is asked once. Ansible adds its own.
    fn add_passwords(
        &self,
        command: &mut Command,
        passwords: Option<&Passwords>,
        directory: &Path,
        pipes: &mut Vec<Pipe>,
    ) -> Result<(), Failure> {
        for (number, (label, password)) in passwords.iter().flat_map(|passwords| passwords.list()).enumerate() {
            let pipe = Pipe::new(&directory.join(format!("vault-{number}")), password.bytes())?;
            command.arg("--vault-id").arg(format!("{label}@{}", pipe.path().display()));
            pipes.push(pipe);
        }
        if passwords.is_some() {
            command.env("ANSIBLE_ASK_VAULT_PASS", "false");
        }
        Ok(())
    }

    /// The hosts of a play are some of those that the operator's own pattern has left.
    fn limit(&self, command: &mut Command, play: &Play<'_>, directory: &Path) -> Result<(), Failure> {
        let file = directory.join("hosts");
        let ours = play.hosts.map(|hosts| fs::write(&file, hosts.join("\n")).map(|()| format!("@{}", file.display())));
        if let Some(pattern) = ours.transpose().or_unknown()?.or_else(|| self.limit.clone()) {
            command.arg("--limit").arg(pattern);
        }
        Ok(())
    }
}

/// Lays out what belongs to a playbook, and the variables that stand beside the working directory, where `ansible` looks too.
fn prepare(directory: &Path, play: &Play<'_>) -> io::Result<()> {
    collection::unpack(directory)?;
    fs::write(directory.join("playbook.yml"), play.playbook)?;
    let callbacks = directory.join("callback_plugins");
    fs::create_dir(&callbacks)?;
    fs::write(callbacks.join("events.py"), include_bytes!("ansible/events.py"))?;
    File::create(directory.join("events"))?;
    for name in ["group_vars", "host_vars"] {
        if let Some(beside) = environment::current_directory().map(|here| here.join(name)).filter(|path| path.is_dir())
        {
            std::os::unix::fs::symlink(beside, directory.join(name))?;
        }
    }
    Ok(())
}

/// Variables as a file, in the form of JSON in which Ansible knows encrypted values.
fn add_variables(
    command: &mut Command,
    play: &Play<'_>,
    directory: &Path,
    pipes: &mut Vec<Pipe>,
) -> Result<(), Failure> {
    let mut variables = play.variables.clone();
    if let Some((name, secret)) = play.secret {
        let password = one_time_password()?;
        let payload = vault::encrypt(secret.reveal().as_bytes(), &password, Some(OWN_LABEL)).or_usage()?;
        variables.insert(name.to_owned(), json!({ "__ansible_vault": payload }));
        let pipe = Pipe::new(&directory.join(OWN_LABEL), password.bytes())?;
        command.arg("--vault-id").arg(format!("{OWN_LABEL}@{}", pipe.path().display()));
        pipes.push(pipe);
    }
    let file = directory.join("variables.json");
    fs::write(&file, Value::Object(variables).to_string()).or_unknown()?;
    command.arg("-e").arg(format!("@{}", file.display()));
    Ok(())
}

fn one_time_password() -> Result<Password, Failure> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).or_unknown()?;
    let text = zeroize::Zeroizing::new(hex::encode(bytes.as_slice()));
    Password::from_output(text.as_bytes()).or_usage()
}

/// Reads the events until Ansible has ended. Returns how many there were.
fn follow(
    child: &mut Child,
    events: &Path,
    interrupted: &Arc<AtomicBool>,
    on_event: &mut dyn FnMut(Event),
) -> Result<(ExitStatus, usize), Failure> {
    let mut file = BufReader::new(File::open(events).or_unknown()?);
    let mut line = Vec::new();
    let mut count = 0;
    let mut is_told = false;
    loop {
        let status = child.try_wait().or_unknown()?;
        // What is not a whole line yet is read again with its end.
        while file.read_until(b'\n', &mut line).or_unknown()? > 0 && line.ends_with(b"\n") {
            if let Some(event) = Event::parse(&line) {
                count += 1;
                on_event(event);
            }
            line.clear();
        }
        let partial = i64::try_from(line.len()).unwrap_or_default();
        file.seek_relative(-partial).or_unknown()?;
        line.clear();
        if let Some(status) = status {
            return Ok((status, count));
        }
        if interrupted.load(Ordering::Relaxed) && !is_told {
            // Ctrl-C reached it as well; other signals reach us alone. It ends what it has begun on the hosts.
            let _ = kill_process(Pid::from_child(child), Signal::INT);
            is_told = true;
        }
        thread::sleep(PAUSE);
    }
}

fn not_installed() -> Failure {
    Failure::usage("`ansible-playbook` is not installed")
        .fact("pullpass reaches the hosts of an inventory through Ansible")
        .hint("install it, for example with `pipx install ansible-core`")
}

fn not_started(error: io::Error) -> Failure {
    Failure::usage(format!("cannot run `ansible-playbook`: {error}"))
}

/// Whether an inventory is a path, and no list of hosts, and nothing is there. Ansible expands the others itself.
fn is_missing(inventory: &str) -> bool {
    !inventory.contains([',', '$']) && !inventory.starts_with('~') && !Path::new(inventory).exists()
}

/// With what Ansible said at its end, without what may be secret in it.
fn complaint(message: String, log: &Path) -> Failure {
    let log = fs::read(log).unwrap_or_default();
    let text = token::mask(&String::from_utf8_lossy(&log));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(MAX_COMPLAINT)..];
    last.iter().fold(Failure::usage(message), |failure, line| failure.fact(output::printable(line)))
}
