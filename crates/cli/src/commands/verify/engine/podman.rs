//! Podman, asked by a pull that it must not finish: under a policy that accepts no image it resolves the name, logs in and
//! reads the manifest, and then stops before the first layer (containers-policy.json(5)).

use std::{
    process::{Command, Stdio},
    thread,
};

use tokio::sync::oneshot;

use super::{LIMIT, Question, Reply};
use crate::{
    engines::Engine,
    failure::Failure,
    program::{self, With},
};

const POLICY: &str = r#"{"default":[{"type":"reject"}]}"#;

/// # Errors
/// In words for a person: it is not there, or hangs.
pub(super) async fn ask(question: &Question) -> Result<Reply, String> {
    let program = Engine::Podman.program().ok_or("it is not installed")?;
    let mut command = Command::new(program);
    command.args(["pull", "--quiet", "--signature-policy", "/dev/stdin"]);
    if let Some(platform) = &question.platform {
        command.arg(format!("--platform={platform}"));
    }
    command.arg(format!("docker://{}", question.name())).stderr(Stdio::piped());
    let (send, receive) = oneshot::channel();
    // Not a thread of the runtime, which would be waited for after Ctrl-C.
    thread::spawn(move || send.send(program::ask(&mut command, With::Input(POLICY.as_bytes()), LIMIT)));
    let ended = receive.await.map_err(|_| "it could not be run".to_owned())?;
    let ended = ended.map_err(|no_answer| Failure::from(no_answer).message)?;
    let said = String::from_utf8_lossy(&ended.stderr);
    if said.contains("rejected by policy") {
        return Ok(Reply::Opens);
    }
    // Above it are the tries before.
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    match last.strip_prefix("Error: ").unwrap_or(last) {
        "" => Err("it has printed nothing that could be understood".to_owned()),
        message => Ok(Reply::Says(message.to_owned())),
    }
}
