//! The files that have the token.

use super::*;

#[test]
fn a_token_in_many_places_is_replaced_in_all_of_them() {
    let mut fleet = Fleet::logged_in(&["one", "two"]);
    fleet.log_in("stage", fleet.old());
    // In plain text in another inventory, and in a file that is encrypted as a whole.
    fleet.write_inventory("staging.yml", &["stage"]);
    let text = fs::read_to_string(fleet.home.path().join("staging.yml")).expect("an inventory");
    let (front, payload) = text.split_once("ghcr_pat: !vault").expect("the token");
    let (_, back) = payload.split_once("  hosts:").expect("the hosts");
    fleet.home.write("staging.yml", format!("{front}ghcr_pat: {} # for tests\n  hosts:{back}", fleet.old()));
    fleet.plain.push("staging.yml: ");
    fleet.home.write("group_vars/all/vault.yml", format!("backup_pat: {}\nother: kept\n", fleet.old()));
    let vault = |words: &[&str]| {
        run(fleet.here(ansible(&fleet.home, "ansible-vault")).args(words).arg("group_vars/all/vault.yml"))
            .expect_success()
    };
    vault(&["encrypt"]);
    let read = |name: &str| fs::read_to_string(fleet.home.path().join(name)).expect("a file");
    let (inventory, staging) = (read("inventory.yml"), read("staging.yml"));
    let old = fleet.old().to_owned();

    let new = fleet.new_token();
    let words = [&ROTATE[..], &["-i", "staging.yml", "--verbose", "--", "-vvv"]].concat();
    let ran = fleet.watched(&words, &new);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("is done") && ran.stdout.contains("3 of 3 have proved it"), "{ran}");
    fleet.assert_rotated(&["one", "two"], 1);
    assert_eq!(fleet.has("stage"), Some(1));
    assert!(fleet.resolved("staging.yml", "stage") == new);
    let read = |name: &str| fs::read_to_string(fleet.home.path().join(name)).expect("a file");
    assert!(read("staging.yml") == staging.replace(&old, &new));
    assert_eq!(without_payloads(&read("inventory.yml")), without_payloads(&inventory));
    let vault = run(fleet.here(ansible(&fleet.home, "ansible-vault")).args(["view", "group_vars/all/vault.yml"]));
    assert!(vault.expect_success() == format!("backup_pat: {new}\nother: kept\n"));
    let log = fleet.site.github().api.log();
    assert_eq!(log, ["GET /user", "GET /user", "POST /credentials/revoke"], "each token is asked about once");
}

#[test]
fn an_edit_during_the_rotation_is_kept_or_noticed() {
    let mut fleet = Fleet::logged_in(&["first", "second"]);
    let third = fleet.new_token();
    let new = fleet.new_token();
    fleet.before_login("first", "printf 'added: later\\n' >> \"$HOME/inventory.yml\"");
    let ran = fleet.rotate(&[], &new);
    assert_eq!(ran.code, 0, "{ran}");
    fleet.assert_rotated(&["first", "second"], 2);
    let inventory = fleet.home.path().join("inventory.yml");
    assert!(fs::read_to_string(&inventory).expect("the inventory").ends_with("added: later\n"));

    // Somebody else gives the hosts a third one meanwhile.
    let newer = fleet.new_token();
    let payload = fs::read_to_string(&inventory).expect("the inventory");
    fleet.set("inventory.yml", "all.vars.iaas_console.ghcr_pat", &[], &third);
    let edited = fs::read_to_string(&inventory).expect("the inventory");
    fs::write(&inventory, payload).expect("the inventory");
    fs::write(fleet.home.path().join("edited"), &edited).expect("a file");
    fleet.before_login("first", "mv \"$HOME/edited\" \"$HOME/inventory.yml\"");
    let ran = fleet.rotate(&[], &newer);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("neither the old nor the new token is in the inventory"), "{ran}");
    assert!(fleet.is_alive(&new), "the old one is not revoked");
    let ran = fleet.run(&["rotate", "--rollback"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!((fleet.has("first"), fleet.has("second")), (Some(2), Some(2)));
    assert_eq!(fs::read_to_string(&inventory).expect("the inventory"), edited, "what somebody wrote stays");
    assert!(fleet.resolved("inventory.yml", "first") == third);
}
