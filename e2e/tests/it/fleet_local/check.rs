//! `pullpass fleet check`

use jiff::{SignedDuration, Timestamp};

use super::*;

const CHECK: [&str; 4] = ["check", "-i", "inventory.yml", "--json"];

#[test]
fn every_state_is_told_with_its_cause_and_github_is_asked_once() {
    let ends = Timestamp::now() + SignedDuration::from_hours(24 * 10);
    let mut fleet = Fleet::with(
        &["bare", "closed", "dead", "fine", "gone", "ill", "late", "none", "wild"],
        Token::classic(&["read:packages"]).expires(ends),
    );
    let another = fleet.token("octocat", Token::classic(&["read:packages"]));
    let revoked = fleet.token("octocat", Token::classic(&["read:packages"]));
    fleet.site.ghcr().revoke(&revoked);
    for (host, token) in [("closed", fleet.old()), ("dead", &revoked), ("fine", fleet.old()), ("late", &another)] {
        fleet.log_in(host, token);
    }
    fleet.write_store("ill", "{\"auths\": ");
    set_for_host(&fleet, "bare", "registry_login_executable: /nonexistent/pullpass");
    set_for_host(&fleet, "closed", "registry_login_images: [ghcr.io/midokura/hello:v1, ghcr.io/midokura/missing:v1]");
    set_for_host(&fleet, "gone", "ansible_connection: ssh\nansible_host: 127.0.0.1\nansible_port: 9");
    set_for_host(&fleet, "wild", "ansible_python_interpreter: /nonexistent/python");

    let ran = fleet.run(&CHECK);
    assert_eq!(ran.code, 1, "{ran}");
    let told = [
        ("bare", "failed", "`/nonexistent/pullpass` is not on this host"),
        ("closed", "failed", "midokura/missing"),
        ("dead", "failed", "refused"),
        ("fine", "ok", ""),
        ("gone", "unreachable", "127.0.0.1"),
        ("ill", "failed", "config.json"),
        ("late", "old", "another token than the inventory's"),
        ("none", "failed", "there is no login"),
        ("wild", "failed", "/nonexistent/python"),
    ];
    let expected: Vec<_> = told.iter().map(|(host, state, _)| ((*host).to_owned(), (*state).to_owned())).collect();
    assert_eq!(states(&ran), expected, "{ran}");
    for (host, _, cause) in told {
        assert!(why(&ran, host).contains(cause), "{host}: {ran}");
    }
    let fine = rows(&ran).into_iter().find(|row| row["host"] == "fine").expect("it was asked");
    assert_eq!(
        (&fine["fingerprint"], &fine["alive"], &fine["opens"]),
        (&json!(shown(fleet.old())), &json!(true), &json!(true))
    );
    assert!(
        fine["expires"].as_str().is_some_and(|at| at.starts_with(&ends.strftime("%Y-%m-%d").to_string())),
        "{fine}"
    );
    assert_eq!(fleet.site.github().api.log(), ["GET /user"], "the inventory's token, once for all hosts");

    // Only what is well, and what cannot be told.
    let only =
        |hosts: &str, more: &[&str]| fleet.run(&[&["check", "-i", "inventory.yml", "--limit", hosts], more].concat());
    let ran = only("fine", &[]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains(&ends.strftime("%Y-%m-%d").to_string()) && ran.stdout.contains("EXPIRES"), "{ran}");
    assert!(ran.stderr.contains("1 ok"), "{ran}");
    assert_eq!(only("fine", &["--warn-days", "9"]).code, 0);
    assert_eq!(only("fine", &["--warn-days", "11"]).code, 1);
    assert_eq!(only("fine,gone", &[]).code, 3);
    assert_eq!(only("nobody", &[]).code, 2);
    let words =
        ["check", "-i", "inventory.yml", "--limit", "fine,late", "--metrics", "fleet.prom", "--json", "--verbose"];
    let ran = fleet.watched(&[&words[..], &["--", "-vvv"]].concat(), "");
    assert_eq!(states(&ran), [("fine".to_owned(), "ok".to_owned()), ("late".to_owned(), "old".to_owned())]);
    assert!(ran.stderr.contains("PLAY RECAP"), "{ran}");
    let metrics = fs::read_to_string(fleet.home.path().join("fleet.prom")).expect("metrics");
    for line in [
        "pullpass_fleet_login{host=\"fine\",user=\"root\",engine=\"docker\",state=\"ok\"} 1".to_owned(),
        "pullpass_fleet_login{host=\"late\",user=\"root\",engine=\"docker\",state=\"old\"} 1".to_owned(),
        format!(
            "pullpass_fleet_token_expiry_timestamp_seconds{{host=\"fine\",user=\"root\",engine=\"docker\"}} {}",
            ends.as_second()
        ),
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line}\n{metrics}");
    }
}

#[test]
fn what_keeps_ansible_from_its_work_is_said() {
    let fleet = Fleet::new(&["one"]);
    fleet.log_in("one", fleet.old());
    let inventory = fleet.run(&["check", "-i", "missing.yml"]);
    assert_eq!(inventory.code, 2, "{inventory}");
    assert!(inventory.stderr.contains("missing.yml"), "{inventory}");
    let nothing = fleet.run(&["check"]);
    assert!(nothing.code == 2 && nothing.stderr.contains("no inventory is named"), "{nothing}");

    let without = fleet.hunted(fleet.command(&CHECK).env("PATH", SEARCH_PATH), "");
    assert!(without.code == 2 && without.stderr.contains("`ansible-playbook` is not installed"), "{without}");

    fleet.home.write("vault-password", "a wrong one\n");
    let wrong = fleet.run(&CHECK);
    assert_eq!(wrong.code, 1, "{wrong}");
    assert!(why(&wrong, "one").contains("ecrypt"), "{wrong}");
    let login = fleet.run(&["login", "-i", "inventory.yml", "--json"]);
    assert_eq!(login.code, 1, "{login}");
    assert!(why(&login, "one").contains("ecrypt"), "{login}");
}

#[test]
fn variables_beside_the_inventory_and_the_working_directory_hold() {
    let fleet = Fleet::new(&["one"]);
    // The token is not in the inventory itself.
    let text = fs::read_to_string(fleet.home.path().join("inventory.yml")).expect("the inventory");
    for (inventory, variables) in
        [("fleet/inventory.yml", "fleet/group_vars/all/registry.yml"), ("elsewhere/hosts.yml", "group_vars/all.yml")]
    {
        let (rest, token) = text.split_once("    iaas_console:\n").expect("the token");
        let (token, hosts) = token.split_once("  hosts:\n").expect("the hosts");
        fleet.home.write(inventory, format!("{rest}  hosts:\n{hosts}"));
        let token = token.lines().map(|line| format!("{}\n", &line[4..])).collect::<String>();
        fleet.home.write(variables, format!("iaas_console:\n{token}"));
        let login = fleet.run(&["login", "-i", inventory, "--json"]);
        assert_eq!((login.code, states(&login)), (0, vec![("one".to_owned(), "ok".to_owned())]), "{login}");
        let check = fleet.run(&["check", "-i", inventory]);
        assert_eq!(check.code, 0, "{check}");
        assert_eq!(fleet.has("one"), Some(0));
        fs::remove_file(fleet.store("one")).expect("a store");
        fs::remove_file(fleet.home.path().join(variables)).expect("variables");
    }
    assert!(fleet.site.github().api.log().len() == 2, "its end was asked for in both");
}
