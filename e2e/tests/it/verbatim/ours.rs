//! The guide that replaces the usual one: each section with pullpass first, then by hand.

use super::usual::filled_layout;
use super::{Cause, Guide, OURS, Outcome, Reader, VAULT_PASSWORD, Verdict, follow};

const INVENTORY: &str = "Add to your inventory.yml";
const LOGIN: &str = "Docker/Podman Direct Login";
const VERIFY: &str = "Verifying Authentication";
const STORES: &str = "Token Storage Location";
const TROUBLE: &str = "Troubleshooting";
const UNAUTHORIZED: &str = "\"unauthorized: authentication required\" Error";
const NOT_WORKING: &str = "Token Not Working After Creation";
const LOGOUT: &str = "Logout";

#[test]
fn the_guide_that_replaces_it_works_as_it_stands() {
    let guide = Guide::new(OURS);
    follow("ours", "docs/guide/ghcr-authentication.md", &guide, |reader| {
        let token = reader.registry.token();
        inventory(reader, &token);
        login_from_the_inventory(reader);
        inventory_by_hand(reader, &token);
        persistent(reader);
        login_at_a_prompt(reader, &token);
        login_by_hand(reader, &token);
        unauthorized(reader);
        denied(reader);
        not_working_after_creation(reader);
    });
}

impl Reader<'_> {
    fn run(&self, section: &str, number: usize) -> Outcome {
        self.host.bash(&self.block(section, number, ""))
    }

    fn converse(&self, section: &str, number: usize, answers: &[(&str, &str)]) -> Outcome {
        self.host.converse(&self.block(section, number, ""), answers)
    }

    /// `pullpass login` that asks for the token.
    fn log_in(&self, token: &str) -> Outcome {
        self.converse(LOGIN, 2, &[("token: ", token)])
    }

    fn pulls(&self) -> Verdict {
        self.run(VERIFY, 2).succeeds()?;
        self.host.takes_the_images()
    }

    /// Logs out with pullpass; nothing is left.
    fn logs_out(&self) -> Verdict {
        self.run(LOGOUT, 1).succeeds()?;
        self.host.stores_have_none(&self.guide.paths(STORES))
    }

    /// What `pullpass verify` says where neither engine will pull.
    fn verify_says_no(&self, words: &[&str]) -> Verdict {
        let verify = self.run(TROUBLE, 1);
        verify.fails(&["pullpass verify"])?;
        verify.says(&["docker will not pull: ", "podman will not pull: "])?;
        verify.says(words)
    }
}

fn inventory(reader: &mut Reader<'_>, token: &str) {
    let set = reader.converse(
        INVENTORY,
        1,
        &[
            ("secret: ", token),
            ("secret again: ", token),
            ("vault password: ", VAULT_PASSWORD),
            ("vault password again: ", VAULT_PASSWORD),
        ],
    );
    let seen = set.succeeds().and_then(|()| reader.host.playbook_sees(reader.registry.user(), token, VAULT_PASSWORD));
    reader.step("Add to your inventory.yml", "pullpass, read by a playbook", seen);

    let show = reader.run(INVENTORY, 2);
    let listed = show.succeeds().and(show.says(&["all.vars.iaas_console.ghcr_pat"]));
    let is_hidden = if show.said().contains(token) { Err("the token is shown".to_owned()) } else { Ok(()) };
    reader.step("Add to your inventory.yml", "see what is in it", listed.and(is_hidden));
}

fn inventory_by_hand(reader: &mut Reader<'_>, token: &str) {
    let theirs = reader.converse(
        INVENTORY,
        3,
        &[
            ("New Vault password", VAULT_PASSWORD),
            ("Confirm New Vault password", VAULT_PASSWORD),
            ("Variable name", "ghcr_pat"),
            ("String to encrypt", token),
        ],
    );
    reader.step("Add to your inventory.yml", "by hand with Ansible", reads_back(reader, &theirs, token));
    let ours = reader.converse(
        INVENTORY,
        4,
        &[
            ("secret: ", token),
            ("secret again: ", token),
            ("vault password: ", VAULT_PASSWORD),
            ("vault password again: ", VAULT_PASSWORD),
        ],
    );
    reader.step("Add to your inventory.yml", "by hand without Ansible", reads_back(reader, &ours, token));
}

/// What was shown is put into the layout; a playbook and `pullpass login` read it.
fn reads_back(reader: &Reader<'_>, encrypted: &Outcome, token: &str) -> Verdict {
    encrypted.succeeds()?;
    let layout = reader.block(INVENTORY, 5, token);
    reader.host.write_inventory(&filled_layout(&layout, &encrypted.said()));
    reader.host.playbook_sees(reader.registry.user(), token, VAULT_PASSWORD)?;
    reader.converse(LOGIN, 1, &[("vault password: ", VAULT_PASSWORD)]).succeeds()?;
    reader.pulls()?;
    reader.logs_out()
}

fn login_from_the_inventory(reader: &mut Reader<'_>) {
    let files = reader.guide.paths(STORES);
    let login = reader.converse(LOGIN, 1, &[("vault password: ", VAULT_PASSWORD)]);
    let accepted = login.succeeds().and(login.says(&["ghcr.io accepted "]));
    reader.step("Direct Login", "pullpass, from the inventory", accepted.and(reader.host.stores_have_it(&files)));

    let verify = reader.run(VERIFY, 1);
    let answered = verify.succeeds().and(verify.says(&[
        "token alive: yes\n",
        "token alive: yes\n",
        "docker will pull: the login of ",
        "podman will pull: the login of ",
        "without a login\n    opens this image: no\n",
    ]));
    reader.step("Verifying", "pullpass, a private image", answered);
    reader.step("Verifying", "by hand, a private image", reader.pulls());
    reader.registry.set_public(true);
    let verify = reader.run(VERIFY, 1);
    let answered = verify.succeeds().and(verify.says(&["the image is public and would open with no login"]));
    reader.step("Verifying", "pullpass, a public image", answered);
    reader.step("Verifying", "by hand, a public image", reader.pulls());
    reader.registry.set_public(false);

    let status = reader.run(STORES, 1);
    let listed = status.succeeds().and(status.says(&["/.docker/config.json", "/containers/auth.json"]));
    reader.step("Token Storage Location", "pullpass", listed);
    let list = reader.run(STORES, 2);
    let modes = list.succeeds().and(list.says(&["-rw------- ", "-rw------- "]));
    reader.step("Token Storage Location", "by hand, mode 0600", modes);

    reader.step("Logout", "pullpass, nothing is left", reader.logs_out());
}

/// The second file of Podman stays when the first is gone, as after a reboot.
fn persistent(reader: &mut Reader<'_>) {
    let paths = reader.guide.paths(STORES);
    let [_, runtime, persistent, ..] = paths.as_slice() else { panic!("the guide names three files: {paths:?}") };
    let login = reader.converse(STORES, 3, &[("vault password: ", VAULT_PASSWORD)]);
    let written = login.succeeds().and_then(|()| reader.host.stores_have_none(&[runtime]));
    reader.host.forget_logins(&[runtime]);
    let stays = reader.host.stores_have_it(&[paths[0], persistent]);
    let verdict = written.and(stays).and_then(|()| reader.pulls()).and_then(|()| reader.logs_out());
    reader.step("Token Storage Location", "a login that a reboot leaves", verdict);
}

fn login_at_a_prompt(reader: &mut Reader<'_>, token: &str) {
    // The guide says that nobody looks at the name.
    let login = reader.guide.block(LOGIN, 2).filled_in("somebody-else", "");
    let login = reader.host.converse(&login, &[("token: ", token)]);
    let is_in = login.succeeds().and_then(|()| reader.pulls());
    reader.step("Direct Login", "pullpass, at a prompt, with any name", is_in);
    let look = reader.run(UNAUTHORIZED, 1);
    reader.step("unauthorized", "by hand, there is a login", look.succeeds().and(look.says(&["somebody-else"])));
    let logout = reader.run(LOGOUT, 2);
    let is_out = logout.succeeds().and_then(|()| reader.host.stores_have_none(&reader.guide.paths(STORES)));
    reader.step("Logout", "by hand, nothing is left", is_out);
}

fn login_by_hand(reader: &mut Reader<'_>, token: &str) {
    let login = reader.converse(LOGIN, 3, &[("Token: ", token)]);
    let is_in = login.succeeds().and(login.says(&["Login Succeeded", "Login Succeeded"]));
    let verdict = is_in.and_then(|()| reader.pulls()).and_then(|()| reader.logs_out());
    reader.step("Direct Login", "by hand", verdict);
}

/// Nobody is logged in at first.
fn unauthorized(reader: &mut Reader<'_>) {
    let look = reader.run(UNAUTHORIZED, 1);
    let none = look.fails(&["grep ghcr.io", "podman login --get-login"]);
    let pull = reader.refused(&reader.run(VERIFY, 2), "pull", Cause::NoLogin);
    let verify = reader.verify_says_no(&["there is no login", "there is no login"]);
    reader.step("unauthorized", "no login", none.and(pull).and(verify));

    let expired = reader.registry.expired_token();
    let login = reader.log_in(&expired);
    let refused = login.fails(&["pullpass login"]).and(login.says(&["nothing was changed"]));
    let none = reader.host.stores_have_none(&reader.guide.paths(STORES));
    let by_hand = reader.converse(LOGIN, 3, &[("Token: ", &expired)]);
    let by_hand = reader.refused(&by_hand, "login", Cause::ExpiredLogin);
    reader.step("unauthorized", "login with an expired token", refused.and(none).and(by_hand));

    let token = reader.registry.token();
    let login = reader.log_in(&token).succeeds();
    reader.registry.revoke(&token);
    let pull = reader.refused(&reader.run(VERIFY, 2), "pull", Cause::DeadLogin);
    let verify = reader.verify_says_no(&["token alive: no\n", "token alive: no\n"]);
    reader.step("unauthorized", "the token died after the login", login.and(pull).and(verify));

    reader.registry.set_public(true);
    let pull = reader.refused(&reader.run(VERIFY, 2), "pull", Cause::DeadLogin);
    let verify = reader.verify_says_no(&["the dead login keeps it shut"]);
    let opens_again = reader.logs_out().and_then(|()| reader.pulls());
    reader.step("unauthorized", "a dead login and a public image", pull.and(verify).and(opens_again));
    reader.registry.set_public(false);
}

fn denied(reader: &mut Reader<'_>) {
    let (user, token) = reader.registry.stranger();
    let mine = reader.registry.user();
    let callers = [
        ("a token without scope", mine, reader.registry.token_without_scope(), Cause::NoScope),
        ("no access to the package", user, token, Cause::Stranger),
    ];
    for (step, user, token, cause) in callers {
        let login = reader.guide.block(LOGIN, 2).filled_in(user, "");
        let login = reader.host.converse(&login, &[("token: ", &token)]).succeeds();
        let pull = reader.refused(&reader.run(VERIFY, 2), "pull", cause);
        let verify = reader.verify_says_no(&["token alive: yes\n    opens this image: no\n"]);
        let verdict = login.and(pull).and(verify).and_then(|()| reader.logs_out());
        reader.step("denied", step, verdict);
    }
}

fn not_working_after_creation(reader: &mut Reader<'_>) {
    let token = reader.registry.token();
    let cut = reader.log_in(&token[..token.len() - 1]);
    let refused = cut.fails(&["pullpass login"]).and(cut.says(&["nobody was asked and nothing was changed"]));
    let again = reader.converse(NOT_WORKING, 1, &[("token: ", &token)]);
    let works = again.succeeds().and_then(|()| reader.pulls()).and_then(|()| reader.logs_out());
    reader.step("Token Not Working", "a part of it, then all", refused.and(works));
}
