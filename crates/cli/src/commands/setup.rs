//! `pullpass setup`: the guide as a conversation, for a person's own machine and token.

mod ask;
mod token;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use pullpass_oci::{Reference, Registry};
use pullpass_secrets::{inventory::KeyPath, token as secrets};
use serde_json::{Value, json};

use self::{
    ask::{Person, text, wrong},
    token::{Proved, Purpose},
};
use super::{
    inventory::set::{Edit, Set},
    login::{Login, Ready},
    scan::{Tracked, tracked},
    token::Host,
    verify::{self, One, Who},
};
use crate::{
    failure::{Exit, Failure, OrFail},
    login_name::LoginName,
    output, prompt,
    refused::Retry,
    stores::flags::Flags,
    token_source::TokenSource,
    vault_password::VaultPassword,
    wait::Wait,
};

/// Where the guide has the token.
const KEY_PATH: &str = "all.vars.iaas_console.ghcr_pat";
const INVENTORY: &str = "inventory.yml";
const REGISTRY: &str = "ghcr.io";
/// The answer for no inventory.
const NOWHERE: &str = "none";

/// Go from nothing to a proved pull: token, checks, inventory, login, proof
///
/// Asks what no option says. Everything is checked before anything is written: the places that are to hold the token, its
/// form, what GitHub says of it, whether the registry accepts it and it opens the image. Then there is a summary to agree to.
/// The inventory is written first, then the engines are logged in, and then they are asked for the image themselves.
#[derive(Args)]
#[command(after_help = "\
Without a terminal, or with --yes, nobody is asked: what is needed is then an option.

Examples:
  pullpass setup
  pullpass setup ghcr.io/octo-org/app:v1 --inventory inventory.yml
  pullpass setup ghcr.io/octo-org/app:v1 --no-inventory --yes --password-stdin < token.txt
  pullpass setup ghcr.io/octo-org/app:v1 -i inventory.yml --vault-password-file pw --yes --json --token-from env:TOKEN")]
pub(crate) struct Setup {
    /// The image that has to pull, or a registry alone
    #[arg(value_name = "REGISTRY|REFERENCE")]
    target: Option<Target>,
    /// The user of the login; at GitHub the token's owner, and no other
    #[arg(long, short)]
    username: Option<String>,
    /// Read the token from standard input
    #[arg(long, conflicts_with = "token_from")]
    password_stdin: bool,
    /// Where the token is: env:NAME, file:PATH, vault:FILE#KEYPATH, cmd:COMMAND and others
    #[arg(long, value_name = "SOURCE")]
    token_from: Option<TokenSource>,
    /// The registry is that of a GitHub Enterprise, by the host of its pages
    #[arg(long, value_name = "HOST")]
    github_host: Option<Host>,
    /// Print the address of GitHub's page for a new token, also where a browser could be opened
    #[arg(long)]
    no_open: bool,
    /// Put the token into this inventory, encrypted; it is made if there is none
    #[arg(long, short, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// Put the token into no inventory
    #[arg(long, conflicts_with_all = ["inventory", "key_path", "encrypt_vault_id"])]
    no_inventory: bool,
    /// The token's keys there, joined by dots; all.vars.iaas_console.ghcr_pat unless said otherwise
    #[arg(long, value_name = "KEY.PATH")]
    key_path: Option<KeyPath>,
    /// Encrypt with the vault password that has this label, and write the label
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    vault_password: VaultPassword,
    #[command(flatten)]
    flags: Flags,
    /// Write Podman's login where a reboot does not empty it
    #[arg(long)]
    persistent: bool,
    #[command(flatten)]
    retry: Retry,
    #[command(flatten)]
    wait: Wait,
    /// Ask nothing, and agree to the summary
    #[arg(long, short)]
    yes: bool,
    /// Check everything, show the summary, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What has to work.
#[derive(Clone)]
struct Target {
    registry: Registry,
    image: Option<Reference>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        if text.contains('/') {
            let image = verify::reference(text)?;
            return Ok(Target { registry: image.registry.clone(), image: Some(image) });
        }
        if secrets::mask(text) != text {
            return Err("there is a token in it".to_owned());
        }
        let registry = text.parse().map_err(|error: <Registry as FromStr>::Err| error.to_string())?;
        Ok(Target { registry, image: None })
    }
}

/// Everything that was found out before the person agrees.
struct Plan {
    target: Target,
    edit: Option<Edit>,
    login: Login,
    ready: Ready,
    proved: Proved,
    leaks: Option<Tracked>,
}

impl Setup {
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let signals = Signals::heed()?;
        let person = Person { is_asked: prompt::is_interactive() && !self.yes };
        let is_agreed = self.yes || self.dry_run;
        if !person.is_asked && !is_agreed {
            return Err(Failure::usage("there is nobody to agree to the summary: standard input is no terminal")
                .fact("nothing was changed")
                .hint("agree beforehand with `--yes`, or only look with `--dry-run`"));
        }
        let plan = self.plan(person)?;
        plan.summary()?.into_iter().for_each(output::say);
        if self.dry_run {
            output::say("nothing was changed");
            self.end(&plan.to_json(), &[]);
            return Ok(());
        }
        if !is_agreed && !prompt::confirm("go ahead?")? {
            return Err(Failure::no("nothing was changed"));
        }
        signals.no_more()?;
        let (result, lines, failure) = plan.carry_out(self.retry, self.wait)?;
        self.end(&result, &lines);
        failure.map_or(Ok(()), Err)
    }

    fn end(&self, result: &Value, lines: &[String]) {
        match self.json {
            true => output::json(result),
            false => lines.iter().for_each(output::data),
        }
    }

    /// Asks and checks everything, and changes nothing.
    fn plan(&mut self, person: Person) -> Result<Plan, Failure> {
        let environment = self.flags.environment()?;
        let missing = || {
            Failure::usage("no image: there is nobody to ask")
                .hint("name the one that has to pull: `pullpass setup ghcr.io/owner/name:tag …`")
        };
        let ask = || {
            let answer = text("image that has to pull, or a registry alone", REGISTRY)?;
            answer.parse().map_err(|error: String| wrong("image", error))
        };
        let target = person.answer(self.target.take(), ask, missing, |target: Target| {
            if let Some(image) = &target.image {
                let one = One::ask(image, Who::Own(None), &environment, self.retry, self.wait)?;
                output::say(match one.is_public()? {
                    true => format!("{image} is public: it opens without a login, too"),
                    false => format!("{} answers, and {image} does not open without a login", image.registry),
                });
            }
            Ok(target)
        })?;
        let edit = self.edit(person)?;
        let flags = std::mem::take(&mut self.flags);
        let name = LoginName { registry: target.registry.clone(), part: None };
        let login = Login::of(name, None, flags, self.persistent, self.retry, self.wait);
        let ready = login.ready_if_any()?;
        if ready.engines().is_empty() {
            if edit.is_none() {
                return Err(Failure::usage("neither `docker` nor `podman` is on PATH, and no inventory is named")
                    .hint("say whose login you mean with `--docker` or `--podman`, or name an `--inventory`"));
            }
            output::warn("neither `docker` nor `podman` is on PATH: nothing is logged in on this host");
        }
        let ghcr = (target.registry.as_str() == REGISTRY).then(|| "github.com".parse().ok()).flatten();
        let github = self.github_host.clone().or(ghcr);
        let (registry, image) = (target.registry.as_str(), target.image.as_ref());
        let purpose = Purpose { login: &login, ready: &ready, registry, image, github: github.as_ref() };
        let proved = self.token(person, &purpose)?;
        let edit = edit.map(|edit| edit.with_user(&proved.accepted.credential.user)).transpose()?;
        let leaks = leaks(edit.as_ref());
        Ok(Plan { target, edit, login, ready, proved, leaks })
    }

    /// The place in an inventory, which its vault password opens.
    fn edit(&self, person: Person) -> Result<Option<Edit>, Failure> {
        if self.no_inventory {
            return Ok(None);
        }
        if self.inventory.is_none() && !person.is_asked {
            return Err(Failure::usage("no inventory: there is nobody to ask")
                .hint("name one with `--inventory FILE`, or none with `--no-inventory`"));
        }
        // What nobody was asked for stays as it is however often it is tried.
        let may_change = self.inventory.is_none() || self.key_path.is_none() || self.vault_password.is_prompt()?;
        let (mut path, mut key_path) = (INVENTORY.to_owned(), KEY_PATH.to_owned());
        Person { is_asked: person.is_asked && may_change }.until_right(|| {
            if self.inventory.is_none() {
                path = text(&format!("inventory that gets the token, encrypted, or `{NOWHERE}`"), &path)?;
                if path == NOWHERE {
                    return Ok(None);
                }
            }
            if self.key_path.is_none() && person.is_asked {
                key_path = text("its keys there, joined by dots", &key_path)?;
            }
            let file = self.inventory.clone().unwrap_or_else(|| PathBuf::from(&path));
            let parsed = || key_path.parse().map_err(|error| wrong("key path", error));
            let keys = self.key_path.clone().map_or_else(parsed, Ok)?;
            let words = [file.display().to_string(), keys.to_string()];
            let secrets: Vec<String> = words.into_iter().filter(|word| secrets::mask(word) != *word).collect();
            prompt::refuse_arguments(&secrets, "pullpass setup --inventory FILE")?;
            let edit = Set::of(file, keys, self.encrypt_vault_id.clone(), self.vault_password.clone()).ready()?;
            edit.unlock()?;
            Ok(Some(edit))
        })
    }
}

/// Tokens in the repository that the inventory, or else this directory, is in. What is in the way of that is in nobody
/// else's way.
fn leaks(edit: Option<&Edit>) -> Option<Tracked> {
    let directory = edit.and_then(|edit| edit.place().0.parent()).filter(|parent| *parent != Path::new(""));
    tracked(directory.unwrap_or(Path::new("."))).unwrap_or_else(|failure| {
        output::warn(format_args!("the repository was not looked through for tokens: {failure}"));
        None
    })
}

impl Plan {
    /// What was proved, and what is going to be done.
    fn summary(&self) -> Result<Vec<String>, Failure> {
        let Plan { target, edit, login, ready, proved, leaks } = self;
        let mut lines = vec![String::new(), format!("{} {}", target.registry, proved.accepted.said())];
        lines.extend(proved.image.iter().flat_map(One::lines));
        if let Some(edit) = edit {
            let (path, key_path) = edit.place();
            let new = if edit.is_new() { " (a new file)" } else { "" };
            let old = edit.user()?.filter(|old| *old != proved.accepted.credential.user);
            let instead = old.map(|old| format!(", whose user is `{old}` now")).unwrap_or_default();
            lines.push(format!("inventory: `{}`{new}: `{key_path}`, encrypted{instead}", path.display()));
        }
        lines.extend(login.plan(ready, &proved.accepted)?);
        if let Some(leaks) = leaks {
            lines.extend(leaks.unreadable().iter().cloned());
            lines.push(match leaks.lines().len() {
                0 => format!("no token in the {} files that git tracks here", leaks.count()),
                _ => "git tracks files with tokens in them, for everybody who has the repository:".to_owned(),
            });
            lines.extend(leaks.lines().into_iter().map(|line| format!("  {line}")));
            if leaks.has(&proved.fingerprint) {
                let what = "this very token is among them: make a new one, and revoke it";
                lines.push(format!("  {what} at https://github.com/settings/tokens"));
            }
        }
        Ok(lines)
    }

    fn to_json(&self) -> Value {
        let Plan { target, edit, proved, leaks, .. } = self;
        json!({
            "registry": target.registry.as_str(),
            "image": target.image.as_ref().map(ToString::to_string),
            "user": proved.accepted.credential.user,
            "fingerprint": proved.fingerprint,
            "github": proved.github.as_ref().map(super::token::Inspected::to_json),
            "opens": proved.image.as_ref().map(One::to_json),
            "inventory": edit.as_ref().map(|edit| {
                let (path, key_path) = edit.place();
                json!({ "path": path, "key_path": key_path.to_string(), "changed": false })
            }),
            "login": null,
            "verify": null,
            "leaks": leaks.as_ref().map(Tracked::to_json),
        })
    }

    /// Keeps the token, logs in, and has the engines ask for the image. The inventory comes first: GitHub shows a token once.
    /// The failure is that of the proof alone: everything else is done then.
    fn carry_out(self, retry: Retry, wait: Wait) -> Result<(Value, Vec<String>, Option<Failure>), Failure> {
        let mut result = self.to_json();
        let Plan { target, edit, login, ready, proved, .. } = self;
        let secret = &proved.accepted.credential.secret;
        let source = edit.as_ref().map(|edit| format!("vault:{}#{}", edit.place().0.display(), edit.place().1));
        if let Some(edit) = &edit {
            let is_there = edit.holds(secret)?;
            if is_there {
                output::say(format_args!("already: `{}` in `{}`", edit.place().1, edit.place().0.display()));
            } else {
                edit.put_secret(secret)?;
            }
            result["inventory"]["changed"] = json!(!is_there);
        }
        let (environment, engines) = (ready.environment.clone(), ready.engines());
        let done = login.put(ready, proved.accepted).map_err(|failure| match &source {
            None => failure,
            Some(source) => failure
                .fact("the token is in the inventory")
                .hint(format!("then log in with `pullpass login {} --token-from '{source}'`", target.registry)),
        })?;
        let mut lines = login.lines(&done);
        result["login"] = login.to_json(&done);
        let mut failure = None;
        if let Some(image) = target.image.as_ref().filter(|_| !engines.is_empty()) {
            let one = One::ask(image, Who::Engines(&engines), &environment, retry, wait)?;
            result["verify"] = one.to_json();
            failure = one.failure().map(|failure| {
                let failure = failure.fact("the token is where it belongs, and opens the image when asked from here");
                failure.hint(format!("find out why with `pullpass doctor {image}`"))
            });
            if failure.is_none() {
                lines.extend(one.lines());
            }
        }
        if let Some(edit) = edit.filter(|_| failure.is_none()) {
            let path = edit.place().0.display();
            let image = target.image.as_ref().map(|image| format!(" --image {image}")).unwrap_or_default();
            output::say("next, on the hosts of the inventory:");
            output::say(format_args!("  pullpass fleet login -i {path}{image}"));
            output::say(format_args!("  pullpass fleet check -i {path}"));
        }
        Ok((result, lines, failure))
    }
}

/// What ends a program. A question leaves the terminal as it was before the program ends.
struct Signals {
    /// Whether nothing is written yet, so that all may end it at once.
    is_asking: Arc<AtomicBool>,
    was_interrupted: Arc<AtomicBool>,
}

impl Signals {
    fn heed() -> Result<Signals, Failure> {
        use signal_hook::{
            consts::{SIGHUP, SIGINT, SIGTERM},
            flag,
        };
        let signals = Signals { is_asking: Arc::new(AtomicBool::new(true)), was_interrupted: Arc::default() };
        flag::register(SIGINT, Arc::clone(&signals.was_interrupted)).or_unknown()?;
        for signal in [SIGTERM, SIGHUP] {
            flag::register_conditional_default(signal, Arc::clone(&signals.is_asking)).or_unknown()?;
        }
        Ok(signals)
    }

    /// The person has agreed; what follows is not cut off in the middle.
    fn no_more(&self) -> Result<(), Failure> {
        self.is_asking.store(false, Ordering::Relaxed);
        match self.was_interrupted.load(Ordering::Relaxed) {
            true => Err(Failure::silent(Exit::Interrupted)),
            false => Ok(()),
        }
    }
}
