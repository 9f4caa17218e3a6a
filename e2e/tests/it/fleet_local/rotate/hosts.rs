//! Hosts that do not get along with the new token, or with anything.

use super::*;

const ALICE: u32 = 47_002;

#[test]
fn a_host_that_fails_keeps_the_old_token_until_it_is_mended_or_all_is_taken_back() {
    let mut fleet = Fleet::logged_in(&["one", "two"]);
    let disk = "cd \"$1\" && cp config.json .. && mount -t tmpfs -o mode=0700 tmpfs \"$PWD\" && cd \"$PWD\" && \
                mv ../config.json . && mount -o remount,ro \"$PWD\"";
    let two = fleet.stores().join("two").display().to_string();
    fleet.inside(disk, &two);
    let read = |fleet: &Fleet| fs::read_to_string(fleet.home.path().join("inventory.yml")).expect("the inventory");
    let inventory = read(&fleet);
    let old = auth(fleet.old());

    let new = fleet.new_token();
    let ran = fleet.rotate(&[], &new);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("  two: ") && ran.stderr.contains("Read-only file system"), "{ran}");
    assert!(ran.stderr.contains("the old token lives"), "{ran}");
    assert_eq!(fleet.has("one"), Some(1));
    assert!(fleet.inside("cat \"$1/config.json\"", &two).contains(&old));
    assert!(fleet.resolved("inventory.yml", "two") == new && fleet.is_alive(fleet.old()));

    let third = fleet.new_token();
    let again = fleet.rotate(&[], &third);
    assert!(again.code == 2 && again.stderr.contains("`pullpass fleet rotate --resume`"), "{again}");

    let back = fleet.run(&["rotate", "--rollback"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(fleet.has("one"), Some(0));
    assert!(fleet.resolved("inventory.yml", "one") == fleet.tokens[0]);
    assert_eq!(without_payloads(&read(&fleet)), without_payloads(&inventory));
    assert!(fleet.is_alive(&new), "it is told, and nobody's but the person's to revoke");

    // As many may fail, so all are tried, and the end is blocked.
    let ran = fleet.rotate(&["--max-fail", "1"], &new);
    assert!(ran.code == 1 && ran.stderr.contains("without the new token: two"), "{ran}");
    fleet.inside("mount -o remount,rw \"$1\"", &two);
    let ran = fleet.resume(&[]);
    assert_eq!(ran.code, 0, "{ran}");
    fleet.assert_rotated(&["one"], 1);
    assert!(fleet.inside("cat \"$1/config.json\"", &two).contains(&auth(&new)));
}

#[test]
fn a_host_that_is_gone_blocks_the_end_unless_it_is_accepted_and_both_tokens_live_for_the_overlap() {
    let mut fleet = Fleet::logged_in(&["gone", "one"]);
    set_for_host(&fleet, "gone", "ansible_connection: ssh\nansible_host: 127.0.0.1\nansible_port: 9");
    let new = fleet.new_token();
    let ran = fleet.rotate(&["--overlap", "2s"], &new);
    assert_eq!(ran.code, 1, "{ran}");
    for said in
        ["without the new token: gone", "gone: unreachable", "--accept-straggler gone", "the old token is not revoked"]
    {
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
    let ran = fleet.resume(&["--accept-straggler", "nobody"]);
    assert!(ran.code == 2 && ran.stderr.contains("there is no host `nobody`"), "{ran}");
    let ran = fleet.resume(&["--accept-straggler", "gone"]);
    assert!(ran.code == 1 && ran.stderr.contains("both tokens live until"), "{ran}");
    assert!(fleet.is_alive(fleet.old()) && fleet.is_alive(&new));
    sleep(Duration::from_secs(2));
    let ran = fleet.resume(&[]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("(accepted): gone"), "{ran}");
    fleet.assert_rotated(&["one"], 1);
}

#[test]
fn what_others_have_on_a_host_blocks_the_end_and_is_named() {
    let mut fleet = Fleet::logged_in(&["one"]);
    // Others enter no directory of a home.
    let homes = tempfile::Builder::new().prefix("pp-homes-").tempdir_in("/tmp").expect("a directory");
    fs::set_permissions(homes.path(), Permissions::from_mode(0o755)).expect("own directory");
    let alice = homes.path().join("alice");
    let root = fleet.home.path().display().to_string();
    let users = format!("root:*:0:0::{root}:/bin/sh\nalice:*:{ALICE}:{ALICE}::{}:/bin/sh\n", alice.display());
    fleet.inside("printf '%s' \"$1\" > /etc/passwd", &users);
    fs::create_dir_all(alice.join(".docker")).expect("a directory");
    let text = json!({ "auths": { "ghcr.io": { "auth": auth(fleet.old()) } } }).to_string();
    fs::write(alice.join(".docker/config.json"), text).expect("a store");
    fleet.inside(&format!("chown -R {ALICE}:{ALICE} \"$1\""), &alice.display().to_string());
    let mirror = format!("configs:\n  ghcr.io:\n    auth:\n      username: octocat\n      password: {}\n", fleet.old());
    fleet.inside("mkdir -p /etc/rancher/k3s && printf '%s' \"$1\" > /etc/rancher/k3s/registries.yaml", &mirror);
    let new = fleet.new_token();
    let ran = fleet.rotate(&[], &new);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(
        ran.stderr.contains("alice still has the old token in") && ran.stderr.contains("alice/.docker/config.json"),
        "{ran}"
    );
    assert!(ran.stderr.contains("/etc/rancher/k3s/registries.yaml"), "{ran}");
    assert!(fleet.is_alive(fleet.old()));
    fs::remove_dir_all(alice.join(".docker")).expect("her store");
    fleet.inside("rm /etc/rancher/k3s/registries.yaml", "");
    let ran = fleet.resume(&[]);
    assert_eq!(ran.code, 0, "{ran}");
    fleet.assert_rotated(&["one"], 1);
}

#[test]
fn after_ctrl_c_in_the_middle_the_next_run_goes_on() {
    let mut fleet = Fleet::logged_in(&["first", "second"]);
    fleet.before_login("second", "sleep 10");
    let new = fleet.new_token();
    let mut command = fleet.command(&ROTATE);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("pullpass starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), new.as_bytes()).expect("it reads");
    let begun = fleet.home.side_dir("programs").join("second.done");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !begun.exists() {
        assert!(Instant::now() < deadline && child.try_wait().expect("a child").is_none(), "it logs the others in");
        sleep(Duration::from_millis(10));
    }
    let other = run(&mut fleet.command(&["rotate", "--resume"]));
    assert!(other.code == 2 && other.stderr.contains("another `pullpass fleet rotate` works on this"), "{other}");
    signal_group(&child, Signal::INT);
    let status = wait(&mut child, Duration::from_secs(60)).expect("it ends");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("a pipe"), &mut said).expect("text");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("is interrupted") && said.contains("--resume") && said.contains("--rollback"), "{said}");
    fleet.hunt(&said);
    assert_eq!(fleet.unfinished()[0]["step"], "hosts");
    assert!(fleet.is_alive(fleet.old()) && fleet.is_alive(&new));
    for host in ["first", "second"] {
        assert!(fleet.has(host).is_some(), "{host} has one of them");
    }
    let ran = fleet.resume(&[]);
    assert_eq!(ran.code, 0, "{ran}");
    fleet.assert_rotated(&["first", "second"], 1);
}
