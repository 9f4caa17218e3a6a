//! Docker's daemon: `GET /distribution/NAME/json` has it ask the registry for the manifest (Docker Engine API, "Get image
//! information from the registry").

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use pullpass_secrets::store::docker;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Question, Reply};
use crate::docker_daemon;

/// # Errors
/// In words for a person: there is no daemon to be asked here.
pub(super) async fn ask(question: &Question) -> Result<Reply, String> {
    let socket = docker_daemon::socket(&question.environment)?;
    let mut headers = Zeroizing::new(String::new());
    if let Some(credential) = question.login.credential() {
        let (user, secret) = (&credential.user, credential.secret.reveal());
        let registry = question.reference.registry.as_str();
        let login = json!({ "username": user, "password": secret, "serveraddress": docker::key(registry) });
        let login = Zeroizing::new(login.to_string());
        headers.push_str("X-Registry-Auth: ");
        headers.push_str(&Zeroizing::new(URL_SAFE.encode(login.as_bytes())));
        headers.push_str("\r\n");
    }
    let path = format!("/distribution/{}/json", question.name());
    let (status, body) = docker_daemon::get(&socket, &path, &headers).await?;
    match (status, body["message"].as_str()) {
        (200, _) if body["Descriptor"]["digest"].is_string() => Ok(Reply::Opens),
        (401 | 403 | 404, Some(message)) => Ok(Reply::No(message.to_owned())),
        (_, Some(message)) if status != 200 => Ok(Reply::Says(message.to_owned())),
        _ => Err(docker_daemon::not_docker(&socket)),
    }
}
