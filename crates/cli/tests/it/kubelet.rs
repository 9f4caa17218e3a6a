//! The kubelet's side of the conversation is checked by its own rules, see [`validated`].

use std::fs;

use pullpass_testing::{
    home::Home,
    run::{Ran, run, run_with_input},
};
use serde_json::{Map, Value, json};

use crate::support::{PROGRAM, assert_fails, json as parsed, pullpass, pullpass_with_input};

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";

fn request(image: &str) -> Value {
    json!({ "apiVersion": V1, "kind": "CredentialProviderRequest", "image": image })
}

fn auth_file(home: &Home, auths: &Value) {
    home.write("auth.json", json!({ "auths": auths }).to_string());
}

/// Base64 of `octocat:one` and so on.
fn login(user: &str, secret: &str) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    json!({ "auth": STANDARD.encode(format!("{user}:{secret}")) })
}

fn ask_with(home: &Home, words: &[&str], request: &str) -> Ran {
    pullpass_with_input(home, &[&["kubelet"], words].concat(), request)
}

fn ask(home: &Home, image: &str) -> Value {
    validated(&ask_with(home, &["--authfile", "auth.json"], &request(image).to_string()))
}

/// The answer, if the kubelet would use it. The rules are those of `CredentialProviderResponse` in kubernetes/kubelet
/// `pkg/apis/credentialprovider/v1/types.go` under the strict decoder, and of `ExecPlugin` and `provide` in
/// kubernetes/kubernetes `pkg/credentialprovider/plugin/plugin.go`.
#[track_caller]
fn validated(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran}");
    let answer: Map<String, Value> = serde_json::from_str(&ran.stdout).expect("one JSON object and nothing else");
    for field in answer.keys() {
        assert!(["apiVersion", "kind", "cacheKeyType", "cacheDuration", "auth"].contains(&field.as_str()), "{ran}");
    }
    assert_eq!((&answer["apiVersion"], &answer["kind"]), (&json!(V1), &json!("CredentialProviderResponse")), "{ran}");
    let key_type = answer["cacheKeyType"].as_str().expect("a text");
    assert!(["Image", "Registry", "Global"].contains(&key_type), "{ran}");
    // A duration of Go; we write whole seconds.
    let duration = answer["cacheDuration"].as_str().expect("a text");
    assert!(duration.strip_suffix('s').is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{ran}");
    for (key, login) in answer["auth"].as_object().into_iter().flatten() {
        assert!(!key.contains("://") && !key.is_empty(), "the kubelet reads keys without a scheme: {ran}");
        let fields: Vec<&String> = login.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["username", "password"], "{ran}");
        assert!(login["username"].is_string() && login["password"].is_string(), "{ran}");
    }
    assert!(answer["auth"].is_null() || answer["auth"].as_object().is_some_and(|auth| !auth.is_empty()), "{ran}");
    Value::Object(answer)
}

/// Keys with their passwords.
fn passwords(answer: &Value) -> Vec<String> {
    let auth = answer["auth"].as_object().into_iter().flatten();
    auth.map(|(key, login)| format!("{key}={}", login["password"].as_str().expect("a text"))).collect()
}

#[test]
fn every_key_that_matches_the_image_is_answered_and_no_other() {
    let home = Home::new();
    auth_file(
        &home,
        &json!({
            "ghcr.io": login("octocat", "whole"),
            "ghcr.io/org": login("octocat", "org"),
            "ghcr.io/org/app": login("octocat", "app"),
            "ghcr.io/org-of-others": login("octocat", "others"),
            "quay.io": { "username": "u", "password": "clear" },
            "*.azurecr.io": login("u", "glob"),
            "registry.example:5000/team": login("u", "port"),
            "https://index.docker.io/v1/": login("u", "hub"),
            "[::1]/strange key": login("u", "never"),
        }),
    );
    for (image, found) in [
        ("ghcr.io/org/app", &["ghcr.io=whole", "ghcr.io/org=org", "ghcr.io/org/app=app"][..]),
        ("ghcr.io/org/app2", &["ghcr.io=whole", "ghcr.io/org=org"]),
        ("ghcr.io/org-of-others/app", &["ghcr.io=whole", "ghcr.io/org-of-others=others"]),
        ("ghcr.io/someone/app", &["ghcr.io=whole"]),
        ("quay.io/a/b", &["quay.io=clear"]),
        ("mine.azurecr.io/app", &["*.azurecr.io=glob"]),
        ("registry.example:5000/team/app", &["registry.example:5000/team=port"]),
        ("registry.example:5000/other/app", &[]),
        ("registry.example/team/app", &[]),
        ("docker.io/library/nginx", &["docker.io=hub"]),
        ("ghcr.io.evil.example/org/app", &[]),
    ] {
        assert_eq!(passwords(&ask(&home, image)), found, "{image}");
    }
    let answer = ask(&home, "ghcr.io/someone/app");
    assert_eq!(answer["auth"], json!({ "ghcr.io": { "username": "octocat", "password": "whole" } }));
}

#[test]
fn an_answer_is_kept_for_the_registry_only_where_every_image_of_it_would_get_the_same() {
    let home = Home::new();
    auth_file(
        &home,
        &json!({
            "ghcr.io": login("u", "whole"), "ghcr.io/org": login("u", "org"), "quay.io": login("u", "q"),
            "*.example.org": login("u", "glob"), "a.example.org/team": login("u", "team"),
        }),
    );
    for (image, key_type, duration) in [
        ("ghcr.io/org/app", "Image", "300s"),
        // This answer is right for it, but not for ghcr.io/org.
        ("ghcr.io/someone/app", "Image", "300s"),
        ("quay.io/a/b", "Registry", "300s"),
        ("b.example.org/x", "Registry", "300s"),
        ("a.example.org/x", "Image", "300s"),
        // Nothing was found, and that is not kept.
        ("gcr.io/a/b", "Registry", "0s"),
    ] {
        let answer = ask(&home, image);
        assert_eq!(
            (&answer["cacheKeyType"], &answer["cacheDuration"]),
            (&json!(key_type), &json!(duration)),
            "{image}"
        );
        assert_eq!(answer["auth"].is_null(), duration == "0s", "{image}");
    }
    for (given, written) in [("0s", "0s"), ("90s", "90s"), ("1h30m", "5400s")] {
        let words = ["--authfile", "auth.json", "--cache", given];
        let answer = validated(&ask_with(&home, &words, &request("quay.io/a/b").to_string()));
        assert_eq!(answer["cacheDuration"], written);
    }
    for wrong in ["-5m", "5", "x", "25h"] {
        let words = ["--authfile", "auth.json", &format!("--cache={wrong}")];
        assert_fails(&ask_with(&home, &words, &request("quay.io/a/b").to_string()), 2, &["1h30m"]);
    }
}

/// What the strict decoder of the kubelet's API would refuse, and what is for nobody.
#[test]
fn a_bad_request_is_never_answered_with_a_credential() {
    let home = Home::new();
    auth_file(&home, &json!({ "ghcr.io": login("octocat", "the-password") }));
    let good = request("ghcr.io/org/app");
    let with = |key: &str, value: Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed.to_string()
    };
    let without = |key: &str| {
        let mut changed = good.clone();
        changed.as_object_mut().expect("an object").remove(key);
        changed.to_string()
    };
    let text = good.to_string();
    let mut bad = vec![
        String::new(),
        " ".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"ghcr.io/org/app\"".to_owned(),
        format!("[{text}]"),
        format!("{text}{text}"),
        format!("{text} x"),
        text[..text.len() - 1].to_owned(),
        format!("{},\"image\":\"ghcr.io/a/b\"}}", &text[..text.len() - 1]),
        with("extra", json!(1)),
        with("Image", json!("ghcr.io/a/b")),
        with("auth", json!({})),
        with("serviceAccountToken", json!(["a-service-account-token"])),
        with("serviceAccountAnnotations", json!("a-service-account-token")),
        with("serviceAccountAnnotations", json!({ "a": 1 })),
    ];
    for version in ["", "v1", "credentialprovider.kubelet.k8s.io/v1beta1", "credentialprovider.kubelet.k8s.io/v2"] {
        bad.push(with("apiVersion", json!(version)));
    }
    for kind in ["", "CredentialProviderResponse", "credentialproviderrequest"] {
        bad.push(with("kind", json!(kind)));
    }
    for image in
        ["", "https://ghcr.io/org/app", "ghcr.io/", "ghcr.io", "ghcr.io/org/../app", "ghcr.io/Org/app", "ghcr.io/a b"]
    {
        bad.push(with("image", json!(image)));
    }
    for key in ["apiVersion", "kind", "image"] {
        bad.push(without(key));
        bad.push(with(key, json!(null)));
        bad.push(with(key, json!(["a-service-account-token"])));
    }
    for request in bad {
        // `ghcr.io` alone is a repository of Docker Hub.
        let ran = ask_with(&home, &["--authfile", "auth.json"], &request);
        if request.contains("\"image\":\"ghcr.io\"") {
            assert_eq!(validated(&ran)["auth"], json!(null), "{request}");
            continue;
        }
        assert_fails(&ran, 1, &["request"]);
        assert!(ran.stdout.is_empty() && !ran.said().contains("the-password"), "{request}: {ran}");
        assert!(!ran.said().contains("a-service-account-token"), "{request}: {ran}");
    }
    let whole = with("serviceAccountToken", json!("a-service-account-token"));
    let ran = ask_with(&home, &["--authfile", "auth.json"], &whole);
    assert_eq!(passwords(&validated(&ran)), ["ghcr.io=the-password"]);
    assert!(!ran.said().contains("a-service-account-token"), "{ran}");
}

#[test]
fn logins_that_are_of_no_use_are_told_instead_of_an_answer() {
    let home = Home::new();
    let text = json!({
        "auths": {
            "ghcr.io/id": { "auth": "dTo=", "identitytoken": "the-identity" },
            "ghcr.io/bad": { "auth": "?" },
            "ghcr.io/good": login("u", "good"),
            "quay.io": {},
        },
        "credHelpers": { "quay.io": "pass" },
    });
    home.write("auth.json", text.to_string());
    let ask = |image: &str| ask_with(&home, &["--authfile", "auth.json"], &request(image).to_string());
    assert_fails(&ask("ghcr.io/id/app"), 2, &["`ghcr.io/id`", "identity token", "auth.json"]);
    assert_fails(&ask("ghcr.io/bad/app"), 2, &["`ghcr.io/bad`", "not base64"]);
    assert_fails(&ask("quay.io/a/b"), 2, &["`quay.io`", "credential helper `pass`"]);
    assert_eq!(passwords(&validated(&ask("ghcr.io/good/app"))), ["ghcr.io/good=good"]);
    home.write("auth.json", "{");
    assert_fails(&ask("ghcr.io/good/app"), 2, &["malformed", "auth.json"]);
    fs::remove_file(home.path().join("auth.json")).expect("it was written");
    assert_fails(&ask("ghcr.io/good/app"), 2, &["there is no file `auth.json`"]);
}

#[test]
fn one_login_from_a_token_source_is_for_the_images_that_are_named() {
    let home = Home::new();
    let count = home.side_dir("count").join("runs");
    home.write("token", "a-token\n");
    let one = ["-u", "octocat", "--token-from", "file:token", "--for", "ghcr.io/org", "--for", "quay.io"];
    let ask = |words: &[&str], image: &str| ask_with(&home, words, &request(image).to_string());
    let answer = validated(&ask(&one, "ghcr.io/org/app"));
    assert_eq!(answer["auth"], json!({ "ghcr.io/org": { "username": "octocat", "password": "a-token" } }));
    assert_eq!(answer["cacheKeyType"], "Image");
    assert_eq!(validated(&ask(&one, "quay.io/a/b"))["cacheKeyType"], "Registry");
    let by_default = ["-u", "octocat", "--token-from", "file:token"];
    assert_eq!(passwords(&validated(&ask(&by_default, "ghcr.io/org/app"))), ["ghcr.io=a-token"]);

    // A source is not asked for images that it is not for.
    let line = format!("cmd:/bin/sh -c 'echo x >> {}; echo a-token'", count.display());
    let counted = ["-u", "octocat", "--token-from", &line, "--for", "ghcr.io/org"];
    let other = validated(&ask(&counted, "ghcr.io/other/app"));
    assert_eq!((&other["auth"], &other["cacheKeyType"]), (&json!(null), &json!("Image")));
    assert!(!count.exists());
    assert_eq!(passwords(&validated(&ask(&counted, "ghcr.io/org/app"))), ["ghcr.io/org=a-token"]);

    // An answer is not kept longer than the token lives.
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let line = format!(r#"cmd:/bin/echo '{{"version":1,"token":"t","username":"octocat","expires_at":"{at}"}}'"#);
    let answer = validated(&ask(&["--token-from", &line], "ghcr.io/org/app"));
    let kept: u32 =
        answer["cacheDuration"].as_str().and_then(|text| text.strip_suffix('s')).expect("s").parse().expect("n");
    assert!((1..=60).contains(&kept), "{kept}");

    for source in ["-", "prompt", "vault:i.yml#a.b"] {
        assert_fails(&ask(&["-u", "x", "--token-from", source], "ghcr.io/a/b"), 2, &["the kubelet cannot be asked"]);
    }
    for words in [
        &[][..],
        &["-u", "octocat"],
        &["-u", "a:b", "--token-from", "file:token"],
        &["--token-from", "file:token", "--for", "ghcr.io:x"],
        &["--authfile", "a", "--token-from", "file:token"],
        &["--authfile", "a", "-u", "octocat"],
        &["--authfile", "a", "--for", "ghcr.io"],
    ] {
        assert_fails(&ask(words, "ghcr.io/a/b"), 2, &[]);
    }
}

#[test]
fn the_provider_works_as_root_has_it_without_a_home_and_any_environment() {
    let home = Home::new();
    auth_file(&home, &json!({ "ghcr.io": login("u", "p") }));
    let path = home.path().join("auth.json");
    let mut command = std::process::Command::new(PROGRAM);
    command.env_clear().current_dir("/").args(["kubelet", "--authfile"]).arg(path);
    assert_eq!(
        passwords(&validated(&run_with_input(&mut command, &request("ghcr.io/a/b").to_string()))),
        ["ghcr.io=p"]
    );
}

#[test]
fn the_configuration_names_the_same_images_and_calls_the_same_program() {
    let home = Home::new();
    auth_file(
        &home,
        &json!({
            "ghcr.io/org": login("u", "the-password"), "https://index.docker.io/v1/": login("u", "p"), "docker.io": login("u", "p"),
            "quay.io": { "auth": "dTo=", "identitytoken": "x" },
        }),
    );
    let words = ["kubelet", "config", "--authfile", "auth.json", "--cache", "1h"];
    let printed = pullpass(&home, &[&words[..], &["--json"]].concat());
    assert!(printed.stderr.contains("`quay.io`") && printed.stderr.contains("identity token"), "{printed}");
    let path = home.path().join("auth.json").display().to_string();
    let arguments = ["kubelet", "--authfile", &path, "--cache", "3600s"];
    assert_eq!(
        parsed(&printed),
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
            "providers": [{
                "name": "pullpass", "apiVersion": V1, "matchImages": ["ghcr.io/org", "docker.io"],
                "defaultCacheDuration": "3600s", "args": arguments,
            }],
        })
    );
    assert!(!printed.said().contains("the-password"), "{printed}");
    // What it says to call works from any directory.
    let mut command = home.command(PROGRAM);
    let ran = run_with_input(command.current_dir("/").args(arguments), &request("ghcr.io/org/app").to_string());
    assert_eq!(passwords(&validated(&ran)), ["ghcr.io/org=the-password"]);

    let yaml = run(home.command(PROGRAM).args(words)).expect_success();
    let expected = format!(
        "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- name: \"pullpass\"\n  \
         apiVersion: {V1}\n  matchImages:\n  - \"ghcr.io/org\"\n  - \"docker.io\"\n  defaultCacheDuration: \"3600s\"\n  args:\n  \
         - \"kubelet\"\n  - \"--authfile\"\n  - \"{path}\"\n  - \"--cache\"\n  - \"3600s\"\n"
    );
    assert_eq!(yaml, expected);

    let source =
        ["kubelet", "config", "-u", "octocat", "--token-from", "file:token", "--for", "*.example.org:5000/a", "--json"];
    let provider = &parsed(&pullpass(&home, &source))["providers"][0];
    let token = format!("file:{}", home.path().join("token").display());
    assert_eq!(provider["matchImages"], json!(["*.example.org:5000/a"]));
    assert_eq!(
        provider["args"],
        json!([
            "kubelet",
            "--token-from",
            token,
            "--username",
            "octocat",
            "--for",
            "*.example.org:5000/a",
            "--cache",
            "300s"
        ])
    );

    home.write("auth.json", "{}");
    assert_fails(&pullpass(&home, &words), 2, &["has no login for the kubelet"]);
    for name in ["a/b", "..", "a b", ""] {
        let named = ["kubelet", "config", "--token-from", "file:token", "--name", name];
        assert_fails(&pullpass(&home, &named), 2, &["named as a file"]);
    }
}
