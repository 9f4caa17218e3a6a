//! The usual guide. What it says is copied from the screen, what it asks is answered.

use super::{Cause, Guide, Reader, USUAL, VAULT_PASSWORD, follow};

const INVENTORY: &str = "Add to your inventory.yml";
const LOGIN: &str = "Docker/Podman Direct Login";
const PULL: &str = "Verifying Authentication";
const STORES: &str = "Token Storage Location";
const LOGOUT: &str = "Logout";

#[test]
fn the_usual_guide_works_as_it_stands() {
    let guide = Guide::new(USUAL);
    follow("usual", "e2e/fixtures/guide.md", &guide, |reader| {
        let token = reader.registry.token();
        inventory(reader, &token);
        login_and_pull(reader, &token);
        unauthorized(reader);
        denied(reader);
        not_working_after_creation(reader);
    });
}

fn inventory(reader: &mut Reader<'_>, token: &str) {
    let answers = [("New Vault password", VAULT_PASSWORD), ("Confirm New Vault password", VAULT_PASSWORD)];
    let encrypted = reader.host.converse(&reader.block(INVENTORY, 1, token), &answers);
    let shown = encrypted.says(&["ghcr_pat: !vault |\n", "$ANSIBLE_VAULT;1.1;AES256\n"]);
    reader.step("Add to your inventory.yml", "encrypt the token", encrypted.succeeds().and(shown));

    let layout = reader.block(INVENTORY, 2, token);
    reader.host.write_inventory(&filled_layout(&layout, &encrypted.said()));
    let seen = reader.host.playbook_sees(reader.registry.user(), token, VAULT_PASSWORD);
    reader.step("Add to your inventory.yml", "a playbook reads it", seen);
}

/// The guide's layout with the block that was shown in its place.
pub(super) fn filled_layout(layout: &str, shown: &str) -> String {
    let (before, _) = layout.split_once("ghcr_pat:").unwrap_or((layout, ""));
    let indent = before.rsplit('\n').next().unwrap_or_default();
    let begin = shown.find("ghcr_pat: !vault |").unwrap_or_default();
    let is_payload = |line: &str| line.starts_with(' ') || line.starts_with("ghcr_pat:");
    let lines = shown[begin..].lines().take_while(|line| is_payload(line));
    let block: Vec<String> = lines.map(|line| format!("{indent}{line}\n")).collect();
    format!("{}{}", before.trim_end_matches(' '), block.concat())
}

fn login_and_pull(reader: &mut Reader<'_>, token: &str) {
    let (host, files) = (reader.host, reader.guide.paths(STORES));
    let login = host.bash(&reader.block(LOGIN, 1, token));
    reader.step(
        "Direct Login",
        "both log in",
        login.succeeds().and(login.says(&["Login Succeeded", "Login Succeeded"])),
    );

    reader.registry.set_public(true);
    let pull = host.bash(&reader.block(PULL, 1, token));
    reader.step("Verifying", "a public image", pull.succeeds().and_then(|()| host.takes_the_images()));
    reader.registry.set_public(false);
    let pull = host.bash(&reader.block(PULL, 1, token));
    reader.step("Verifying", "a private image", pull.succeeds().and_then(|()| host.takes_the_images()));

    reader.step("Token Storage Location", "there, mode 0600", host.stores_have_it(&files));

    let logout = host.bash(&reader.block(LOGOUT, 1, token));
    reader.step("Logout", "nothing is left", logout.succeeds().and_then(|()| host.stores_have_none(&files)));
}

/// Nobody is logged in at first.
fn unauthorized(reader: &mut Reader<'_>) {
    let (host, files) = (reader.host, reader.guide.paths(STORES));
    let pull = host.bash(&reader.block(PULL, 1, ""));
    reader.step("unauthorized", "no login", reader.refused(&pull, "pull", Cause::NoLogin));

    let login = host.bash(&reader.block(LOGIN, 1, &reader.registry.expired_token()));
    reader.step("unauthorized", "login with an expired token", reader.refused(&login, "login", Cause::ExpiredLogin));

    let token = reader.registry.token();
    let login = host.bash(&reader.block(LOGIN, 1, &token));
    reader.registry.revoke(&token);
    let pull = host.bash(&reader.block(PULL, 1, &token));
    let refused = reader.refused(&pull, "pull", Cause::DeadLogin);
    reader.step("unauthorized", "the token died after the login", login.succeeds().and(refused));

    reader.registry.set_public(true);
    let pull = host.bash(&reader.block(PULL, 1, &token));
    let refused = reader.refused(&pull, "pull", Cause::DeadLogin);
    reader.step("unauthorized", "a dead login and a public image", refused);
    host.forget_logins(&files);
    let pull = host.bash(&reader.block(PULL, 1, &token));
    reader.step("Verifying", "a public image with no login", pull.succeeds().and_then(|()| host.takes_the_images()));
    reader.registry.set_public(false);
}

fn denied(reader: &mut Reader<'_>) {
    let (host, files) = (reader.host, reader.guide.paths(STORES));
    let login = host.bash(&reader.block(LOGIN, 1, &reader.registry.token_without_scope()));
    let pull = host.bash(&reader.block(PULL, 1, ""));
    let refused = reader.refused(&pull, "pull", Cause::NoScope);
    reader.step("denied", "a token without scope", login.succeeds().and(refused));

    let (user, token) = reader.registry.stranger();
    let login = host.bash(&reader.guide.block(LOGIN, 1).filled_in(user, &token));
    let pull = host.bash(&reader.block(PULL, 1, ""));
    let refused = reader.refused(&pull, "pull", Cause::Stranger);
    reader.step("denied", "no access to the package", login.succeeds().and(refused));
    host.forget_logins(&files);
}

fn not_working_after_creation(reader: &mut Reader<'_>) {
    let host = reader.host;
    let token = reader.registry.token();
    let cut = host.bash(&reader.block(LOGIN, 1, &token[..token.len() - 1]));
    let refused = cut.fails(&["docker login ghcr.io", "podman login ghcr.io"]);
    let out = host.bash(&reader.block(LOGOUT, 1, ""));
    let login = host.bash(&reader.block(LOGIN, 1, &token));
    let pull = host.bash(&reader.block(PULL, 1, ""));
    let works = login.succeeds().and(pull.succeeds()).and_then(|()| host.takes_the_images());
    // Podman complains about a logout without a login.
    reader.step("Token Not Working", "a part of it, then all", refused.and(out.fails(&["podman logout"])).and(works));
}
