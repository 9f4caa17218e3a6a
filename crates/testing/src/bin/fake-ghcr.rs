//! The stand-ins of ghcr.io and api.github.com for scripts. Prints one line of JSON with addresses and freshly made
//! tokens, and serves until it gets SIGTERM or its standard input ends. Then it prints a second one: how often each token was
//! asked for.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use pullpass_oci::Image;
use pullpass_testing::{
    canned::Certificates,
    ghcr::{Ghcr, Running, Token, Visibility},
    github::Github,
};
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

const NINETY_DAYS: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A ghcr.io and an api.github.com that know `octocat`, member of `midokura`, and `hubot`, who may read nothing private.
#[derive(Parser)]
struct Arguments {
    /// Where ghcr.io listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    ghcr: SocketAddr,
    /// Where the host of its blobs listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    storage: SocketAddr,
    /// Where api.github.com listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    api: SocketAddr,
    /// How many milliseconds every answer takes, as if the servers were far away.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// Serve with a certificate for the real names; its authority is in the printed line.
    #[arg(long)]
    tls: bool,
    /// `OWNER/NAME:TAG` of an image that everybody may pull.
    #[arg(long = "public", value_name = "IMAGE")]
    public: Vec<String>,
    /// `OWNER/NAME:TAG` of an image that `octocat` may pull and push.
    #[arg(long = "private", value_name = "IMAGE")]
    private: Vec<String>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    let certificates = arguments.tls.then(|| {
        let names = ["ghcr.io", "pkg-containers.githubusercontent.com", "api.github.com", "127.0.0.1", "localhost"];
        Certificates::for_names(&names)
    });
    let ghcr = described(&arguments).start_at(arguments.ghcr, arguments.storage, certificates.as_ref()).await?;
    let github = Github::start_at(arguments.api, certificates.as_ref(), &ghcr).await?;

    ghcr.delay(Duration::from_millis(arguments.delay));
    github.delay(Duration::from_millis(arguments.delay));

    let mut stdout = io::stdout();
    writeln!(stdout, "{}", document(&ghcr, &github, certificates.as_ref()))?;
    stdout.flush()?;
    tokio::select! {
        _ = terminated.recv() => {}
        _ = end_of_input() => {}
    }
    // Nobody may be there any more to read it.
    let _ = writeln!(stdout, "{}", json!({ "token_requests": token_requests(&ghcr) }));
    Ok(())
}

fn token_requests(ghcr: &Running) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in ghcr.registry.requests().into_iter().filter(|request| request.path() == "/token") {
        *counts.entry(request.target).or_default() += 1;
    }
    counts
}

fn described(arguments: &Arguments) -> Ghcr {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let image = Image::with_file(architecture, "hello", b"hello from ghcr.io\n");
    let public = arguments.public.iter().map(|name| (name, Visibility::Public));
    let private = arguments.private.iter().map(|name| (name, Visibility::Private));
    let ghcr = Ghcr::new().account("octocat").account("hubot").organization("midokura", &["octocat"]);
    public.chain(private).fold(ghcr, |ghcr, (name, visibility)| {
        let (name, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        ghcr.package(name, visibility, &[]).writer("octocat").image(tag, &image)
    })
}

fn document(ghcr: &Running, github: &Github, certificates: Option<&Certificates>) -> Value {
    let revoked = ghcr.token("octocat", Token::classic(&["read:packages"]));
    ghcr.revoke(&revoked);
    json!({
        "ghcr": ghcr.registry.origin(),
        "storage": ghcr.storage.origin(),
        "api": github.api.origin(),
        "ca": certificates.map(|certificates| &certificates.ca_pem),
        "tokens": {
            "next": ghcr.token("octocat", Token::classic(&["read:packages"]).expires(Timestamp::now() + NINETY_DAYS)),
            "read": ghcr.token("octocat", Token::classic(&["read:packages"])),
            "write": ghcr.token("octocat", Token::classic(&["write:packages"])),
            "no_scope": ghcr.token("octocat", Token::classic(&[])),
            "oauth": ghcr.token("octocat", Token::oauth(&["read:packages"])),
            "fine_grained": ghcr.token("octocat", Token::fine_grained()),
            "installation": ghcr.token("midokura", Token::installation()),
            "stranger": ghcr.token("hubot", Token::classic(&["write:packages"])),
            "expired": ghcr.token("octocat", Token::classic(&["read:packages"]).expired()),
            "revoked": revoked,
        },
    })
}

/// Reads on a thread of its own, which nobody waits for at the end.
async fn end_of_input() {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ended_or_broken = io::stdin().lock().read_to_end(&mut Vec::new());
        let _nobody_waits = ended.send(());
    });
    let _ended = end.await;
}
