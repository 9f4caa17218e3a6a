//! `pullpass demo`: the guide on this machine, against an embedded server, in a temporary directory. Its steps run the
//! same commands that a person would type, as processes of their own.

mod engine;
mod stage;
mod troubleshooting;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use clap::Args;
use pullpass_client::{
    Credential, Options, Registry,
    pull::{self, Pulled},
};
use pullpass_oci::{Digest, Image, Reference, media_type};
use pullpass_secrets::{Secret, store::Lookup, token};
use pullpass_server::{Config, Server};
use serde_json::Value;

use self::{
    engine::{Installed, Presence},
    stage::{Ran, Stage},
};
use crate::{
    engines::{self, Engine},
    failure::{Exit, Failure, OrFail},
    network, output, stores,
};

/// See the whole guide happen: token, inventory, login, proof, errors, logout
///
/// Starts `pullpass serve` on a free loopback port in a temporary directory and goes through the guide with it. The
/// engines that are installed do the pulling, with temporary configuration; your own files are not touched, and nothing
/// is left behind.
#[derive(Args)]
#[command(after_help = "Examples:\n  pullpass demo\n  pullpass demo --json")]
pub(crate) struct Demo {
    /// Print the steps as JSON
    #[arg(long)]
    json: bool,
}

/// The headings of the guide, in its order.
mod heading {
    pub(super) const TITLE: &str = "GitHub Container Registry (GHCR) Authentication";
    pub(super) const PREREQUISITES: &str = "Prerequisites";
    pub(super) const TOKEN: &str = "Creating a Personal Access Token (PAT)";
    pub(super) const AUTHENTICATION: &str = "Authentication";
    pub(super) const INVENTORY: &str = "Add to your inventory.yml";
    pub(super) const LOGIN: &str = "Docker/Podman Direct Login";
    pub(super) const VERIFYING: &str = "Verifying Authentication";
    pub(super) const STORAGE: &str = "Token Storage Location";
    pub(super) const PRACTICES: &str = "Security Best Practices";
    pub(super) const TROUBLESHOOTING: &str = "Troubleshooting";
    pub(super) const UNAUTHORIZED: &str = r#""unauthorized: authentication required" Error"#;
    pub(super) const DENIED: &str = r#""denied: permission denied" Error"#;
    pub(super) const NOT_WORKING: &str = "Token Not Working After Creation";
    pub(super) const LOGOUT: &str = "Logout";
    pub(super) const RESOURCES: &str = "Additional Resources";
}

/// A signal to several processes reaches all of them within this.
const GRACE: Duration = Duration::from_millis(50);

const USER: &str = "operator";
const KEY_PATH: &str = "all.vars.iaas_console.ghcr_pat";
const TOKEN_SOURCE: &str = "vault:inventory.yml#all.vars.iaas_console.ghcr_pat";
const PASSWORD_FILE: &str = "vault-password";

impl Demo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Runtime::new().or_unknown()?;
        let mut stage = Stage::new(self.json)?;
        let played = runtime.block_on(perform(&mut stage));
        // Files that are still being written would outlive the directory.
        runtime.shutdown_timeout(Duration::from_secs(10));
        let (held, steps) = (stage.all_held(), stage.to_json());
        let removed = stage.remove();
        played?;
        if self.json {
            output::json(&steps);
        }
        match held {
            true => removed,
            false => Err(Failure::no("the demonstration did not hold: see the steps marked FAILED")),
        }
    }
}

/// Plays until the end or Ctrl-C, and cleans up after either.
async fn perform(stage: &mut Stage) -> Result<(), Failure> {
    let mut engines = Vec::new();
    let playing = async {
        let played = play(stage, &mut engines).await;
        if played.is_err() {
            // Ctrl-C can end a command that is just starting before it reaches us.
            tokio::time::sleep(GRACE).await;
        }
        played
    };
    let played = tokio::select! {
        biased;
        interrupted = network::interrupted() => interrupted.and(Err(Failure::silent(Exit::Interrupted))),
        played = playing => played,
    };
    for (engine, reference) in &engines {
        engine.clean_up(stage, reference).await;
    }
    played
}

/// What the steps share.
struct Setting {
    registry: String,
    reference: String,
    digest: Digest,
}

impl Setting {
    /// The steps of one engine; `engines` collects what has to be cleaned up.
    async fn engines(&self, stage: &mut Stage, engines: &mut Vec<(Installed, String)>) -> Result<(), Failure> {
        for engine in Engine::ALL {
            let command = format!("{} version", engine.name());
            match engine::find(stage, engine).await? {
                Presence::Absent(why) => {
                    stage.step(
                        heading::PREREQUISITES,
                        command,
                        true,
                        format!("{why}; pullpass's own client pulls instead"),
                    );
                }
                Presence::Installed(installed, version) => {
                    let (ok, detail) = match version {
                        Ok(version) => (true, format!("{} {version} does the pulling", engine.name())),
                        Err(complaint) => (false, complaint),
                    };
                    stage.step(heading::PREREQUISITES, command, ok, detail);
                    engines.push((installed, self.reference.clone()));
                }
            }
        }
        Ok(())
    }
}

/// The guide from its first heading to its last.
async fn play(stage: &mut Stage, engines: &mut Vec<(Installed, String)>) -> Result<(), Failure> {
    let server = serve(stage).await?;
    let registry = server.registry.clone();
    let image =
        Image::with_file(engines::architecture(), "hello.txt", format!("a private image at {registry}\n").as_bytes());
    let reference = format!("{registry}/{USER}/gpu-infra-ansible:v0.1");
    let setting = Setting { registry, reference, digest: image.digest() };

    engine::tell_podman(stage, &setting.registry)?;
    setting.engines(stage, engines).await?;
    let token = tokens(stage, &setting, &image).await?;
    nothing_opens_it_yet(stage, &setting).await;
    inventory(stage, &token).await?;
    login(stage, &setting).await;
    verify(stage, &setting).await;
    pulls(stage, &setting, engines).await;
    storage(stage, &setting, &token).await;
    practices(stage, &token).await;
    troubleshooting::all(stage, &setting, engines, &token).await?;
    logout(stage, &setting).await;
    resources(stage).await;
    server.stop().await;
    Ok(())
}

/// The embedded server.
struct Serving {
    registry: String,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn serve(stage: &mut Stage) -> Result<Serving, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config::new(stage.path("registry"), address);
    let server = Server::bind(config, super::serve::clock()).await.map_err(|error| super::serve::failure(&error))?;
    let registry = server.local_addr().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let _ = server
            .run(async {
                let _ = stopped.await;
            })
            .await;
    });
    let name = registry.parse().or_usage()?;
    let (ok, detail) = match Registry::connect(&name, None, Options::default()).await {
        Ok(_) => (true, format!("a registry answers at http://{registry}/v2/, with its data in a temporary directory")),
        Err(error) => (false, error.to_string()),
    };
    stage.step(heading::TITLE, "pullpass serve --data registry", ok, detail);
    Ok(Serving { registry, stop, task })
}

/// The user, the private image and the token of the guide.
async fn tokens(stage: &mut Stage, setting: &Setting, image: &Image) -> Result<Secret, Failure> {
    let password = token::generate().or_unknown()?;
    let arguments = ["admin", "user", "add", USER, "--password-stdin", "--data", "registry"];
    let added = stage.pullpass(&arguments, password.reveal()).await;
    stage.step(heading::PREREQUISITES, &added.command, added.succeeded(), outcome(&added, "the account of the guide"));

    let publisher = new_token(stage, "publish", "write:packages", "1h").await;
    let (ok, detail) = match publish(setting, publisher.secret()?, image).await {
        Ok(()) => (true, format!("a private image, {}, sent by pullpass's own client", setting.digest)),
        Err(failure) => (false, failure.to_string()),
    };
    stage.step(heading::PREREQUISITES, format!("docker push {}", setting.reference), ok, detail);

    let made = new_token(stage, "GHCR Access for Service Operator", "read:packages", "90d").await;
    let secret = made.secret()?.clone();
    let whole = token::check(&secret).is_ok();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (scope, expires) = (text(&made.json["scopes"][0]), text(&made.json["expires"]));
    let detail = format!("{}, {scope}, expires {expires}, shown once", made.fingerprint());
    stage.step(heading::TOKEN, &made.ran.command, whole && made.ran.succeeded(), detail);
    Ok(secret)
}

struct NewToken {
    ran: Ran,
    json: Value,
    secret: Option<Secret>,
}

impl NewToken {
    fn secret(&self) -> Result<&Secret, Failure> {
        self.secret.as_ref().ok_or_else(|| Failure::no(format!("no token was made: {}", self.ran.complaint())))
    }

    fn fingerprint(&self) -> &str {
        self.json["fingerprint"].as_str().unwrap_or("no token")
    }
}

async fn new_token(stage: &Stage, note: &str, scope: &str, expires: &str) -> NewToken {
    let ran = stage
        .pullpass(
            &[
                "token",
                "new",
                "--user",
                USER,
                "--note",
                note,
                "--scope",
                scope,
                "--expires",
                expires,
                "--data",
                "registry",
                "--json",
            ],
            "",
        )
        .await;
    let json = ran.json();
    let secret = json["token"].as_str().map(|text| Secret::new(text.to_owned()));
    NewToken { ran, json, secret }
}

async fn publish(setting: &Setting, token: &Secret, image: &Image) -> Result<(), Failure> {
    let reference: Reference = setting.reference.parse().or_usage()?;
    let credential = Credential { user: USER.to_owned(), secret: token.clone() };
    let registry = Registry::connect(&reference.registry, Some(credential), Options::default()).await.or_unknown()?;
    for blob in [&image.config, &image.layer] {
        registry.upload_blob(&reference.repository, blob.clone().into()).await.or_unknown()?;
    }
    let tag = reference.manifest_reference().parse().or_usage()?;
    let manifest = image.manifest.clone().into();
    registry.put_manifest(&reference.repository, &tag, media_type::OCI_MANIFEST, manifest).await.or_unknown()?;
    Ok(())
}

async fn nothing_opens_it_yet(stage: &mut Stage, setting: &Setting) {
    let ran = verify_in(stage, "home", setting).await;
    let ok = ran.code == Some(1) && ran.json()["references"][0]["anonymous"]["opens"] == Value::Bool(false);
    let detail = if ok { "private: without a login it does not open".to_owned() } else { ran.complaint() };
    stage.step(heading::AUTHENTICATION, &ran.command, ok, detail);
}

async fn verify_in(stage: &Stage, home: &str, setting: &Setting) -> Ran {
    stage.pullpass_in(home, &["verify", &setting.reference, "--docker", "--podman", "--json"], "").await
}

/// The token goes into the inventory, encrypted, with the user beside it.
async fn inventory(stage: &mut Stage, token: &Secret) -> Result<(), Failure> {
    let password = token::generate().or_unknown()?;
    stage.write(PASSWORD_FILE, password.reveal())?;
    let with_password = ["--vault-password-file", PASSWORD_FILE];

    let arguments = [&["vault", "encrypt_string", "--name", "ghcr_pat"][..], &with_password].concat();
    let encrypted = stage.pullpass(&arguments, token.reveal()).await;
    let decrypted = stage.pullpass(&[&["vault", "decrypt"][..], &with_password].concat(), &encrypted.stdout).await;
    let ok = encrypted.stdout.starts_with("ghcr_pat: !vault |") && decrypted.stdout == token.reveal();
    let detail = if ok { "decrypts to the token again".to_owned() } else { decrypted.complaint() };
    stage.step(heading::INVENTORY, &encrypted.command, ok, detail);

    let user_path = KEY_PATH.replace("ghcr_pat", "ghcr_user");
    let user = stage.pullpass(&["inventory", "set", "inventory.yml", &user_path, "--plain", USER], "").await;
    stage.step(heading::INVENTORY, &user.command, user.succeeded(), outcome(&user, "the user, readable"));

    let arguments = [&["inventory", "set", "inventory.yml", KEY_PATH][..], &with_password].concat();
    let set = stage.pullpass(&arguments, token.reveal()).await;
    let text = std::fs::read_to_string(stage.path("inventory.yml")).unwrap_or_default();
    let ok = set.succeeded() && text.contains("$ANSIBLE_VAULT;1.1;AES256") && !text.contains(token.reveal());
    let shown: Vec<&str> = text.lines().take(7).collect();
    stage.step(
        heading::INVENTORY,
        &set.command,
        ok,
        outcome(&set, &format!("inventory.yml begins\n{}", shown.join("\n"))),
    );
    Ok(())
}

async fn login(stage: &mut Stage, setting: &Setting) {
    let ran = stage
        .pullpass(
            &[
                "login",
                &setting.registry,
                "--token-from",
                TOKEN_SOURCE,
                "--vault-password-file",
                PASSWORD_FILE,
                "--docker",
                "--podman",
            ],
            "",
        )
        .await;
    let said = ran.stdout.trim().replace(&stage.path("").display().to_string(), "");
    stage.step(heading::LOGIN, &ran.command, ran.succeeded(), outcome(&ran, &said));
}

async fn verify(stage: &mut Stage, setting: &Setting) {
    let ran = verify_in(stage, "home", setting).await;
    // One that Ctrl-C has ended says nothing.
    let json = ran.json().pointer("/references/0").cloned().unwrap_or_default();
    let engines = json["engines"].as_array().cloned().unwrap_or_default();
    let opens = |engine: &Value| engine["token_alive"] == Value::Bool(true) && engine["opens"] == Value::Bool(true);
    let private = json["anonymous"]["opens"] == Value::Bool(false);
    let ok = ran.succeeded() && engines.len() == 2 && engines.iter().all(opens) && private;
    let detail = "the token is alive, it opens the image, and without it the image does not open";
    stage.step(heading::VERIFYING, &ran.command, ok, if ok { detail.to_owned() } else { ran.complaint() });
}

async fn pulls(stage: &mut Stage, setting: &Setting, engines: &[(Installed, String)]) {
    let digest = setting.digest.to_string();
    for engine in Engine::ALL {
        if let Some((installed, reference)) = engines.iter().find(|(installed, _)| installed.engine == engine) {
            let (ran, held) = installed.pull(stage, "home", reference, &digest).await;
            let detail = match (held, ran.succeeded()) {
                (true, _) => format!("{} has {digest}", engine.name()),
                (false, true) => format!("{} pulled, but does not have {digest}", engine.name()),
                (false, false) => ran.complaint(),
            };
            stage.step(heading::VERIFYING, &ran.command, held, detail);
            continue;
        }
        let command = format!("{} pull {}", engine.name(), setting.reference);
        let (ok, detail) = match own_pull(stage, setting, engine).await {
            Ok(pulled) => {
                let name = engine.name();
                let detail = format!(
                    "no {name} here: pullpass's own client fetched manifest and blobs with {name}'s login, {} bytes, \
                     every digest right",
                    pulled.bytes,
                );
                (pulled.opened.digest == setting.digest, detail)
            }
            Err(failure) => (false, failure.to_string()),
        };
        stage.step(heading::VERIFYING, command, ok, detail);
    }
}

/// What stands in for an engine that is not there, with the credential that the engine would use.
async fn own_pull(stage: &Stage, setting: &Setting, engine: Engine) -> Result<Pulled, Failure> {
    let reference: Reference = setting.reference.parse().or_usage()?;
    let name = format!("{}/{}", reference.registry, reference.repository);
    let credential = match stores::lookup(engine, &stage.environment("home"), &reference.registry, &name)? {
        Lookup::Found { credential, .. } => network::credential(&credential),
        _ => return Err(Failure::no(format!("{} would find no login", engine.name()))),
    };
    let layout = stage.path("pulled").join(engine.name());
    let options = Options::default();
    pull::pull(&reference, engines::architecture(), Some(&credential), options, &layout).await.outcome.or_unknown()
}

async fn storage(stage: &mut Stage, setting: &Setting, token: &Secret) {
    use std::os::unix::fs::PermissionsExt;
    let ran = stage.pullpass(&["status", &setting.registry, "--docker", "--podman", "--json"], "").await;
    let stores = ran.json()["stores"].as_array().cloned().unwrap_or_default();
    let holds = |name: &str| {
        let path = stage.path("home").join(name);
        let listed = stores.iter().any(|store| store["path"].as_str() == path.to_str());
        let is_private = path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0);
        listed && is_private
    };
    let ok = ran.succeeded()
        && !ran.stdout.contains(token.reveal())
        && [".docker/config.json", "run/containers/auth.json"].into_iter().all(holds);
    let detail = "Docker: ~/.docker/config.json, Podman: $XDG_RUNTIME_DIR/containers/auth.json (a reboot empties it)\n\
                  both readable by you only; status shows fingerprints, never tokens";
    stage.step(heading::STORAGE, &ran.command, ok, if ok { detail.to_owned() } else { ran.complaint() });
}

async fn practices(stage: &mut Stage, token: &Secret) {
    let listed = stage.pullpass(&["token", "list", "--data", "registry", "--json"], "").await;
    let tokens = listed.json()["tokens"].as_array().cloned().unwrap_or_default();
    let limited = |entry: &Value| {
        !entry["expires"].is_null() && entry["scopes"].as_array().is_some_and(|scopes| scopes.len() == 1)
    };
    let ok = listed.succeeded()
        && tokens.len() == 2
        && tokens.iter().all(limited)
        && !listed.stdout.contains(token.reveal());
    let detail = "every token has one scope and an expiry date; the server itself cannot show them again";
    stage.step(heading::PRACTICES, &listed.command, ok, if ok { detail.to_owned() } else { listed.complaint() });

    let shown =
        stage.pullpass(&["inventory", "show", "inventory.yml", "--vault-password-file", PASSWORD_FILE], "").await;
    let ok = shown.succeeded() && shown.stdout.contains(KEY_PATH) && !shown.stdout.contains("plaintext");
    let detail = "the inventory holds the token encrypted only, fit for version control";
    stage.step(heading::PRACTICES, &shown.command, ok, if ok { detail.to_owned() } else { shown.complaint() });
}

async fn logout(stage: &mut Stage, setting: &Setting) {
    let ran = stage.pullpass(&["logout", &setting.registry], "").await;
    let status = stage.pullpass(&["status", &setting.registry], "").await;
    let verified = verify_in(stage, "home", setting).await;
    let ok = ran.succeeded() && status.code == Some(1) && verified.code == Some(1);
    let detail = "every store was read again: no login is left, and the image no longer opens";
    stage.step(heading::LOGOUT, &ran.command, ok, outcome(&ran, detail));
}

async fn resources(stage: &mut Stage) {
    let ran = stage.pullpass(&["man"], "").await;
    let ok = ran.succeeded() && ran.stdout.contains("pullpass");
    let detail = "GitHub Container Registry: https://docs.github.com/en/packages/working-with-a-github-packages-registry/working-with-the-container-registry\n\
                  Personal access tokens: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens";
    stage.step(heading::RESOURCES, &ran.command, ok, if ok { detail.to_owned() } else { ran.complaint() });
}

/// What to say of a command that should have succeeded.
fn outcome(ran: &Ran, success: &str) -> String {
    if ran.succeeded() { success.to_owned() } else { ran.complaint() }
}
