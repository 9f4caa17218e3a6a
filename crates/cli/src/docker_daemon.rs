//! Docker's daemon, asked over its socket: Docker Engine API.

use std::path::{Path, PathBuf};

use pullpass_oci::Digest;
use pullpass_secrets::{
    file,
    store::{Environment, docker},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use zeroize::Zeroizing;

use crate::environment;

const DEFAULT: &str = "/var/run/docker.sock";
/// More than the daemon says of any image, of itself, or of thousands of containers.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;

/// The status and the body of the answer to a GET; `headers` are whole lines.
///
/// # Errors
/// In words for a person: there is no daemon at this socket.
pub(crate) async fn get(socket: &Path, path: &str, headers: &str) -> Result<(u16, Value), String> {
    let unreachable = |error| format!("its daemon at `{}` cannot be reached: {error}", socket.display());
    let mut stream = UnixStream::connect(socket).await.map_err(unreachable)?;
    // With 1.0 the answer ends with the connection, and comes in one piece.
    let request = Zeroizing::new(format!("GET {path} HTTP/1.0\r\nHost: docker\r\n{headers}\r\n"));
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await.map_err(unreachable)?;
    let read = || {
        let (head, body) = str::from_utf8(&answer).ok()?.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    };
    read().ok_or_else(|| not_docker(socket))
}

/// What answers at the socket is something else.
pub(crate) fn not_docker(socket: &Path) -> String {
    format!("what answers at `{}` is not Docker's daemon", socket.display())
}

/// The socket that the `docker` of this user would speak to: of `DOCKER_HOST`, else of the context that `DOCKER_CONTEXT` or
/// its configuration names (docker/cli, `cli/command/cli.go`).
///
/// # Errors
/// In words for a person: it is at no socket of this host.
pub(crate) fn socket(environment: &Environment) -> Result<PathBuf, String> {
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
