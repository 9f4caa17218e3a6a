//! The guide's troubleshooting: what each failure looks like, from a real cause.

use std::time::Duration;

use pullpass_secrets::Secret;

use super::{
    Setting, USER,
    engine::Installed,
    heading, new_token, outcome,
    stage::{Ran, Stage},
    verify_in,
};
use crate::failure::Failure;

/// Every section of the guide's troubleshooting, with a real cause each.
pub(super) async fn all(
    stage: &mut Stage,
    setting: &Setting,
    engines: &[(Installed, String)],
    token: &Secret,
) -> Result<(), Failure> {
    missing_login(stage, setting, engines).await;
    expired_token(stage, setting).await?;
    missing_scope(stage, setting).await?;
    truncated_token(stage, setting, token).await;
    fresh_token(stage, setting).await
}

/// In a home where nobody is logged in.
async fn missing_login(stage: &mut Stage, setting: &Setting, engines: &[(Installed, String)]) {
    let ran = verify_in(stage, "elsewhere", setting).await;
    let ok = ran.code == Some(1) && ran.stdout.contains("no login");
    let detail = ran.json()["references"][0]["verdict"].as_str().unwrap_or_default().to_owned();
    stage.step(heading::TROUBLESHOOTING, &ran.command, ok, if ok { detail } else { ran.complaint() });
    for (installed, reference) in engines {
        let ran = installed.run(stage, "elsewhere", &["pull", reference]).await;
        // Podman words a missing login in its own way.
        let refused = ["unauthorized: authentication required", "authentication required", "unauthorized"];
        let ok = ran.code.is_some_and(|code| code != 0) && refused.iter().any(|words| ran.stderr.contains(words));
        stage.step(heading::UNAUTHORIZED, &ran.command, ok, format!("nobody is logged in: {}", ran.complaint()));
    }
}

async fn expired_token(stage: &mut Stage, setting: &Setting) -> Result<(), Failure> {
    let made = new_token(stage, "expires at once", "read:packages", "1s").await;
    let secret = made.secret()?;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let ran = direct_login(stage, setting, secret).await;
    let ok = ran.code == Some(1) && ran.stderr.contains("authentication required") && ran.stderr.contains("expired");
    stage.step(heading::UNAUTHORIZED, &ran.command, ok, format!("an expired token: {}", ran.complaint()));
    Ok(())
}

async fn missing_scope(stage: &mut Stage, setting: &Setting) -> Result<(), Failure> {
    let made = new_token(stage, "cannot pull", "delete:packages", "1h").await;
    let logged_in = direct_login(stage, setting, made.secret()?).await;
    let detail = "it is alive, so the login succeeds: a login says nothing about a pull";
    stage.step(heading::DENIED, &logged_in.command, logged_in.succeeded(), outcome(&logged_in, detail));
    let ran = verify_in(stage, "elsewhere", setting).await;
    let verdict = ran.json()["references"][0]["verdict"].as_str().unwrap_or_default().to_owned();
    let ok = ran.code == Some(1) && verdict.contains("permission denied") && verdict.contains("read:packages");
    stage.step(heading::DENIED, &ran.command, ok, if ok { verdict } else { ran.complaint() });
    Ok(())
}

async fn truncated_token(stage: &mut Stage, setting: &Setting, token: &Secret) {
    let most = Secret::new(token.reveal()[..token.reveal().len() - 3].to_owned());
    let ran = direct_login(stage, setting, &most).await;
    let ok = ran.code == Some(2) && ran.stderr.contains("not copied whole");
    stage.step(heading::NOT_WORKING, &ran.command, ok, format!("told before any network: {}", ran.complaint()));
}

async fn fresh_token(stage: &mut Stage, setting: &Setting) -> Result<(), Failure> {
    let made = new_token(stage, "fresh", "read:packages", "1h").await;
    let ran = direct_login(stage, setting, made.secret()?).await;
    let detail = "a token of this server works from the moment it is made";
    stage.step(heading::NOT_WORKING, &ran.command, ran.succeeded(), outcome(&ran, detail));
    Ok(())
}

async fn direct_login(stage: &Stage, setting: &Setting, token: &Secret) -> Ran {
    let arguments = ["login", &setting.registry, "-u", USER, "--password-stdin", "--docker", "--podman"];
    stage.pullpass_in("elsewhere", &arguments, token.reveal()).await
}
