//! Docker's daemon, asked over its socket: `GET /distribution/NAME/json` has it ask the registry for the manifest (Docker
//! Engine API, "Get image information from the registry").

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use pullpass_oci::Digest;
use pullpass_secrets::{
    file,
    store::{Environment, docker},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use zeroize::Zeroizing;

use super::{Question, Reply};
use crate::environment;

const DEFAULT: &str = "/var/run/docker.sock";
/// More than the daemon says of any image.
const MAX_ANSWER: u64 = 1024 * 1024;

/// # Errors
/// In words for a person: there is no daemon to be asked here.
pub(super) async fn ask(question: &Question) -> Result<Reply, String> {
    let socket = socket(&question.environment)?;
    let unreachable = |error| format!("its daemon at `{}` cannot be reached: {error}", socket.display());
    let mut stream = UnixStream::connect(&socket).await.map_err(unreachable)?;
    // With 1.0 the answer ends with the connection, and comes in one piece.
    let mut request =
        Zeroizing::new(format!("GET /distribution/{}/json HTTP/1.0\r\nHost: docker\r\n", question.name()));
    if let Some(credential) = question.login.credential() {
        let (user, secret) = (&credential.user, credential.secret.reveal());
        let registry = question.reference.registry.as_str();
        let login = json!({ "username": user, "password": secret, "serveraddress": docker::key(registry) });
        let login = Zeroizing::new(login.to_string());
        request.push_str("X-Registry-Auth: ");
        request.push_str(&Zeroizing::new(URL_SAFE.encode(login.as_bytes())));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await.map_err(unreachable)?;
    let no_daemon = || format!("what answers at `{}` is not Docker's daemon", socket.display());
    let text = String::from_utf8(answer).map_err(|_| no_daemon())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(no_daemon)?;
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(no_daemon)?;
    let body: Value = serde_json::from_str(body).map_err(|_| no_daemon())?;
    match (status, body["message"].as_str()) {
        (200, _) if body["Descriptor"]["digest"].is_string() => Ok(Reply::Opens),
        (401 | 403 | 404, Some(message)) => Ok(Reply::No(message.to_owned())),
        (_, Some(message)) if status != 200 => Ok(Reply::Says(message.to_owned())),
        _ => Err(no_daemon()),
    }
}

/// The socket that the `docker` of this user would speak to: of `DOCKER_HOST`, else of the context that `DOCKER_CONTEXT` or
/// its configuration names (docker/cli, `cli/command/cli.go`).
fn socket(environment: &Environment) -> Result<PathBuf, String> {
    let variable = |name| environment::variable(name).and_then(|value| value.into_string().ok());
    let host = match variable("DOCKER_HOST") {
        Some(host) => Some(host),
        None => host_of_context(environment, variable("DOCKER_CONTEXT"))?,
    };
    match host.as_deref() {
        None => Ok(PathBuf::from(DEFAULT)),
        Some(host) => host
            .strip_prefix("unix://")
            .map(PathBuf::from)
            .ok_or_else(|| format!("its daemon is at `{host}`: only one at a socket of this host is asked")),
    }
}

fn host_of_context(environment: &Environment, named: Option<String>) -> Result<Option<String>, String> {
    let config = docker::config_path(environment);
    let read = |path: &PathBuf| -> Option<Value> { serde_json::from_slice(&file::read(path).ok()??).ok() };
    let current = || Some(read(&config)?["currentContext"].as_str()?.to_owned());
    let Some(name) = named.or_else(current).filter(|name| !name.is_empty() && name != "default") else {
        return Ok(None);
    };
    let directory = Digest::sha256(name.as_bytes());
    let meta = config.with_file_name("contexts/meta").join(directory.hex()).join("meta.json");
    let host = read(&meta).and_then(|meta| Some(meta["Endpoints"]["docker"]["Host"].as_str()?.to_owned()));
    host.map(Some).ok_or_else(|| format!("its context `{name}` is not there, or names no daemon"))
}
