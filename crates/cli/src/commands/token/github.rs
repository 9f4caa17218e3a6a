//! `pullpass token new --at github`: a page of GitHub's with everything filled in, and what comes back from there.

use std::{
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::{Secret, inventory::KeyPath, token};
use url::form_urlencoded;

use super::{
    ask,
    host::Host,
    inspected::{Inspected, TO_PULL},
    new::Life,
};
use crate::{
    commands::{inventory::set::Set, login::Login},
    environment,
    failure::Failure,
    login_name::LoginName,
    output, prompt,
    refused::Retry,
    stores::flags::Flags,
    token_source::Found,
    vault_password::VaultPassword,
    wait::Wait,
};

const DAY: u64 = 24 * 60 * 60;
const DEFAULT_LIFE: Life = Life(Some(Duration::from_secs(90 * DAY)));
/// The page offers these; anything else is a date that a person picks.
const OFFERED_DAYS: [u64; 4] = [7, 30, 60, 90];

#[derive(Args)]
#[command(next_help_heading = "At GitHub")]
pub(super) struct AtGithub {
    /// A GitHub Enterprise, by the host of its pages
    #[arg(long, value_name = "HOST", default_value = "github.com")]
    github_host: Host,
    /// Only print the address of the page
    #[arg(long, requires = "at", conflicts_with_all = ["no_open", "password_stdin", "into_inventory", "login"])]
    print_url: bool,
    /// Print the address of the page, also where a browser could be opened
    #[arg(long, requires = "at")]
    no_open: bool,
    /// Read the token from standard input, instead of asking for it
    #[arg(long, requires = "at")]
    password_stdin: bool,
    /// Put the token into this inventory, encrypted, as `pullpass inventory set` does
    #[arg(long, value_name = "FILE", requires_all = ["at", "key_path"])]
    into_inventory: Option<PathBuf>,
    /// The value's keys there, joined by dots
    #[arg(long, value_name = "KEY.PATH", requires = "into_inventory")]
    key_path: Option<KeyPath>,
    /// Encrypt with the vault password that has this label, and write the label
    #[arg(long, value_name = "LABEL", requires = "into_inventory")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    vault_password: VaultPassword,
    /// Log in with the token, as `pullpass login` does
    #[arg(long, value_name = "REGISTRY", num_args = 0..=1, default_missing_value = "ghcr.io", requires = "at")]
    login: Option<LoginName>,
    /// The user of that login; the token's owner unless said otherwise
    #[arg(long, short, requires = "login")]
    username: Option<String>,
    #[command(flatten)]
    flags: Flags,
    /// Write Podman's login where a reboot does not empty it
    #[arg(long, requires = "login")]
    persistent: bool,
    #[command(flatten)]
    retry: Retry,
    #[command(flatten)]
    wait: Wait,
}

/// What the token is to be.
struct Wanted {
    note: String,
    scopes: Vec<String>,
    /// None is for ever.
    days: Option<u64>,
}

impl Wanted {
    fn new(note: String, scopes: Vec<String>, life: Option<Life>) -> Result<Wanted, Failure> {
        let days = match life.unwrap_or(DEFAULT_LIFE).0.map(|life| life.as_secs()) {
            Some(seconds) if seconds % DAY != 0 => {
                return Err(Failure::usage("GitHub's tokens live whole days").hint("for example: `--expires 90d`"));
            }
            seconds => seconds.map(|seconds| seconds / DAY),
        };
        let note = if note.is_empty() { "pullpass".to_owned() } else { note };
        let scopes = if scopes.is_empty() { vec![TO_PULL.to_owned()] } else { scopes };
        Ok(Wanted { note, scopes, days })
    }

    /// The page on which a classic token is made. GitHub documents `scopes` and `description` ("Working with the Container
    /// registry"). `default_expires_at` is not documented, but known to be understood: one of the offered numbers of days,
    /// `none`, or `custom`. Whether it was is seen by the token's end.
    fn page(&self, host: &Host) -> String {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let expires = match self.days {
            None => "none".to_owned(),
            Some(days) if OFFERED_DAYS.contains(&days) => days.to_string(),
            Some(_) => "custom".to_owned(),
        };
        let (host, scopes, note) = (&host.name, self.scopes.join(","), encode(&self.note));
        format!("https://{host}/settings/tokens/new?scopes={scopes}&description={note}&default_expires_at={expires}")
    }

    fn expiration(&self) -> String {
        self.days.map_or_else(|| "no expiration".to_owned(), |days| format!("{days} days"))
    }

    /// Whether a token lives longer than was asked for. A page without the time of day may add a day.
    fn is_outlived(&self, expires: Option<Timestamp>, now: Timestamp) -> bool {
        let end = |days| now.checked_add(SignedDuration::from_secs(i64::try_from((days + 1) * DAY).ok()?)).ok();
        self.days.and_then(end).zip(expires).is_some_and(|(end, expires)| expires > end)
    }
}

impl AtGithub {
    pub(super) fn run(self, note: String, scopes: Vec<String>, life: Option<Life>) -> Result<(), Failure> {
        let wanted = Wanted::new(note, scopes, life)?;
        let page = wanted.page(&self.github_host);
        if self.print_url {
            output::data(page);
            return Ok(());
        }
        let AtGithub { no_open, password_stdin, retry, wait, .. } = self;
        let host = self.github_host.clone();
        // What cannot take the token is found out before it is made.
        let (set, login) = self.destinations()?;
        let edit = set.map(Set::ready).transpose()?;
        let login = login.map(|login| Ok::<_, Failure>((login.ready()?, login))).transpose()?;

        let token = if password_stdin {
            prompt::secret_from_standard_input()?
        } else {
            show(&page, &wanted, no_open)?;
            prompt::hidden("token")?
        };
        let (token, owner) = check(token, &wanted, &host, retry, wait)?;
        if let Some((ready, login)) = login {
            login.finish(ready, Found { token: token.clone(), user: Some(owner) })?;
            if let Some(edit) = edit {
                edit.put_secret(&token).map_err(|failure| failure.fact("the login is there already"))?;
            }
        } else if let Some(edit) = edit {
            edit.put_secret(&token)?;
        } else {
            say_what_would_keep_it(&owner);
        }
        Ok(())
    }

    fn destinations(self) -> Result<(Option<Set>, Option<Login>), Failure> {
        let set = match self.into_inventory.zip(self.key_path) {
            None => None,
            Some((path, key_path)) => {
                let words = [path.display().to_string(), key_path.to_string()];
                let secrets: Vec<String> = words.into_iter().filter(|word| token::mask(word) != *word).collect();
                prompt::refuse_arguments(&secrets, "pullpass token new --at github")?;
                Some(Set::of(path, key_path, self.encrypt_vault_id, self.vault_password))
            }
        };
        let login =
            self.login.map(|name| Login::of(name, self.username, self.flags, self.persistent, self.retry, self.wait));
        Ok((set, login))
    }
}

/// Leads a person to a token that can pull and no more.
///
/// # Errors
/// There is nobody at a terminal.
pub(crate) fn show_page(host: &Host, note: &str, no_open: bool) -> Result<(), Failure> {
    let wanted = Wanted::new(note.to_owned(), Vec::new(), None)?;
    show(&wanted.page(host), &wanted, no_open)
}

/// Opens the page or says where it is, and what to do there.
fn show(page: &str, wanted: &Wanted, no_open: bool) -> Result<(), Failure> {
    if !prompt::is_interactive() {
        return Err(Failure::usage("no token: standard input is no terminal to ask on")
            .fact(format!("it is made at {page}"))
            .hint("pipe it in with `--password-stdin`"));
    }
    let verb = if !no_open && open(page) { "opened" } else { "open" };
    output::say(format_args!("{verb} {page}"));
    output::say(format_args!("  scopes: {}, and no other", wanted.scopes.join(", ")));
    // GitHub does not document that part of the address.
    output::say(format_args!("  expiration: {}; choose it if the page has not", wanted.expiration()));
    output::say("  then copy the token: GitHub shows it once");
    Ok(())
}

/// Opens a browser where a person would see it.
fn open(page: &str) -> bool {
    let is_mac = cfg!(target_os = "macos");
    let has_display =
        is_mac || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| environment::variable(name).is_some());
    let mut command = Command::new(if is_mac { "open" } else { "xdg-open" });
    for name in environment::hidden() {
        command.env_remove(name);
    }
    // A browser may live on, and is not to be ended by Ctrl-C here.
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    has_display && command.spawn().is_ok()
}

/// The token and its owner, once it is known to be what was asked for.
fn check(token: Secret, wanted: &Wanted, host: &Host, retry: Retry, wait: Wait) -> Result<(Secret, String), Failure> {
    let token = Inspected::given(token, host, &wanted.scopes, &environment::fingerprint_key());
    let mut tokens = [token];
    ask::ask(&mut tokens, host, retry, wait)?;
    let [token] = tokens;
    let now = Timestamp::now();
    token.print(now);
    let nowhere = "the token was put nowhere";
    if let Some(failure) = token.failure() {
        let failure = failure.fact(nowhere);
        let is_unknown = token.heard.is_alive == Some(false);
        return Err(if is_unknown {
            failure.hint("or give GitHub time to know a new one: `--wait 2m`")
        } else {
            failure
        });
    }
    let Some(account) = &token.heard.account else {
        let failure = if token.heard.is_missing { Failure::unknown } else { Failure::no };
        return Err(failure(token.heard.said).fact(nowhere).hint("run it again with the token of that page"));
    };
    if wanted.is_outlived(account.expires, now) {
        output::warn(format_args!("it lives longer than was asked for: {}", wanted.expiration()));
    }
    let owner = account.login.clone();
    Ok((token.secret, owner))
}

fn say_what_would_keep_it(user: &str) {
    output::say("the token was put nowhere; paste it once more into one of these:");
    output::say("  pullpass inventory set inventory.yml all.vars.ghcr_pat");
    output::say(format_args!("  pullpass login ghcr.io -u {user}"));
}
