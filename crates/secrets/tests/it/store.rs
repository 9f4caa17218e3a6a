mod edit;

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use pullpass_secrets::{
    Secret,
    store::{self, AuthFile, BadEntry, Credential, Entry, Environment, Lookup, Source, StoreError, docker, podman},
};
use serde_json::{Value, json};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn auth(text: &str) -> String {
    STANDARD.encode(text)
}

fn set(file: &str, key: &str) -> Result<String, StoreError> {
    let edited = store::set(file.as_bytes(), key, "me", &secret("pw"))?;
    Ok(String::from_utf8(edited).expect("UTF-8"))
}

fn remove(file: &str, keys: &[&str]) -> String {
    let edited = store::remove(file.as_bytes(), keys).expect("a sound file");
    String::from_utf8(edited).expect("UTF-8")
}

/// What a lookup found, in words that a test can compare.
fn shown(lookup: Lookup) -> String {
    let place = |source: &Source| match source {
        Source::Helper { path: Some(path), name } => format!("{} helper {name}", path.display()),
        source => source.to_string(),
    };
    match lookup {
        Lookup::Found { source, key, credential } => {
            format!("{} {key} {}:{}", place(&source), credential.user, credential.secret.reveal())
        }
        Lookup::IdentityToken { source, key, token } => format!("{} {key} token {}", place(&source), token.reveal()),
        Lookup::Broken { source, reason } => format!("{} broken: {reason}", place(&source)),
        Lookup::None => "none".to_owned(),
    }
}

/// Helpers as the engines meet them: some have a login, some have none, some fail.
fn ask(helper: &str, server: &str) -> Result<Option<Credential>, String> {
    let login = |user: &str| Ok(Some(Credential { user: user.to_owned(), secret: secret("helped") }));
    match (helper, server) {
        ("broken", _) => Err("it hangs".to_owned()),
        ("own" | "pass", "ghcr.io" | "own.io" | "other.io" | docker::HUB_KEY) => login("me"),
        ("token", _) => login(store::TOKEN_USER),
        _ => Ok(None),
    }
}

fn docker_finds(file: &Value, registry: &str) -> String {
    docker_finds_in(file.to_string().as_bytes(), registry, None)
}

fn docker_finds_in(file: &[u8], registry: &str, variable: Option<&str>) -> String {
    let docker_auth_config = variable.map(secret);
    let environment = Environment { docker_config: Some("d".into()), docker_auth_config, ..environment() };
    shown(docker::lookup(&environment, Some(file), registry, &ask)).replace("d/config.json", "c")
}

fn podman_finds(files: &[Value], name: &str) -> String {
    podman_finds_with(&[], files, name)
}

fn podman_finds_with(helpers: &[&str], files: &[Value], name: &str) -> String {
    let texts: Vec<String> = files.iter().map(Value::to_string).collect();
    let names: Vec<PathBuf> = (0..files.len()).map(|number| PathBuf::from(number.to_string())).collect();
    let files = names.iter().zip(&texts).map(|(name, text)| (name.as_path(), text.as_bytes()));
    let credential_helpers = helpers.iter().map(|name| (*name).to_owned()).collect();
    shown(podman::lookup(&Environment { credential_helpers, ..environment() }, files, name, &ask))
}

fn environment() -> Environment {
    Environment {
        home: "/home/me".into(),
        docker_config: None,
        registry_auth_file: None,
        xdg_runtime_dir: Some("/run/user/1000".into()),
        xdg_config_home: None,
        uid: 1000,
        docker_auth_config: None,
        credential_helpers: Vec::new(),
    }
}

#[test]
fn a_new_file_looks_as_docker_writes_it() {
    let expected = "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"bWU6cHc=\"\n\t\t}\n\t}\n}";
    for empty in ["", " \n", "{}", "{\n}"] {
        assert_eq!(set(empty, "ghcr.io").unwrap(), expected);
    }
    assert_eq!(set("{\n\t\"auths\": {}\n}", "ghcr.io").unwrap(), expected);
    assert_eq!(remove(expected, &["ghcr.io"]), "{\n\t\"auths\": {}\n}");
}

#[test]
fn an_entry_is_written_in_the_files_own_layout_and_nothing_else_moves() {
    let entry = "\"ghcr.io\": {\n      \"auth\": \"bWU6cHc=\"\n    }";
    let file = |entries: &str| {
        format!("{{\n  \"z\" : [1,2 ,3],\n  \"auths\": {{{entries}}},\n  \"HttpHeaders\": {{\"X\":\"\\u00e9\"}}\n}}\n")
    };
    assert_eq!(
        set(&file(""), "ghcr.io").unwrap().replace(" : ", ": "),
        file(&format!("\n    {entry}\n  ")).replace(" : ", ": ")
    );
    let others = "\n    \"a.io\": { \"email\" : \"x\", \"auth\":\"eDp5\" }";
    let with = |value: &str| file(&format!("{others},\n    \"ghcr.io\" : {value}\n  "));
    assert_eq!(set(&with("{\"auth\": \"eDp5\"}"), "ghcr.io").unwrap(), with("{\n      \"auth\" : \"bWU6cHc=\"\n    }"));
    assert_eq!(remove(&with("{}"), &["ghcr.io"]), file(&format!("{others}\n  ")));
    assert_eq!(remove(&with("{}"), &["a.io"]), file("\n    \"ghcr.io\" : {}\n  "));

    let one_line = r#"{"auths":{"a.io":{}},"credsStore":""}"#;
    let added = r#"{"auths":{"a.io":{},"ghcr.io":{"auth":"bWU6cHc="}},"credsStore":""}"#;
    assert_eq!(set(one_line, "ghcr.io").unwrap(), added);
    assert_eq!(remove(added, &["ghcr.io"]), one_line);
    assert_eq!(set(r#"{ "a": 1 }"#, "k").unwrap(), r#"{ "a": 1, "auths": { "k": { "auth": "bWU6cHc=" } } }"#);
    assert_eq!(set(r#"{"Auths":null}"#, "k").unwrap(), r#"{"Auths":{"k":{"auth":"bWU6cHc="}}}"#);
    let crlf = set("{\r\n  \"a\": 1\r\n}", "k").unwrap();
    assert_eq!(crlf.matches('\n').count(), crlf.matches("\r\n").count());
}

#[test]
fn what_is_there_already_is_not_written_again() {
    for file in [
        r#"{"auths": {"ghcr.io": {"auth": "bWU6cHc=", "email": "x"}}}"#,
        " {\"auths\" :{\"ghcr.io\":{ \"auth\":\"bWU6cHc=\"}}}\n\n",
    ] {
        assert_eq!(set(file, "ghcr.io").unwrap(), file);
        assert_eq!(remove(file, &["other.io"]), file);
    }
    assert_eq!(remove("", &["ghcr.io"]), "");
    // A token from another login would win over the new secret.
    let stale = r#"{"auths": {"ghcr.io": {"auth": "bWU6cHc=", "identitytoken": "old"}}}"#;
    assert!(!set(stale, "ghcr.io").unwrap().contains("old"));
}

#[test]
fn files_that_cannot_be_edited_safely_are_refused() {
    let malformed = |line, column| StoreError::Malformed { line, column };
    for (file, error) in [
        ("{\n  \"auths\": {,}\n}", malformed(2, 13)),
        ("{} {}", malformed(1, 4)),
        ("{\"auths\": {}", malformed(1, 12)),
        ("[]", StoreError::NotAnObject("the file")),
        ("{\"auths\": []}", StoreError::NotAnObject("`auths`")),
        ("{\"auths\": {}, \"Auths\": {}}", StoreError::Duplicate("Auths".to_owned())),
        ("{\"auths\": {\"k\": {}, \"k\": {}}}", StoreError::Duplicate("k".to_owned())),
    ] {
        assert_eq!(set(file, "k"), Err(error), "{file}");
    }
    let latin = store::set(b"{\n\"a\": \"\xe9\"}", "k", "me", &secret("pw"));
    assert_eq!(latin, Err(malformed(2, 7)));
    for user in ["", "a:b"] {
        assert_eq!(store::set(b"", "k", user, &secret("pw")), Err(StoreError::User));
    }
    assert_eq!(remove("{\"auths\": {\"k\": {}, \"l\": {}, \"\\u006b\": {}}}", &["k"]), "{\"auths\": {\"l\": {}}}");
}

#[test]
fn every_kind_of_entry_is_told_and_a_bad_one_hides_no_other() {
    let text = json!({ "AUTHS": {
        "good": { "auth": auth("me:a:b") }, "zero": { "Auth": auth("me:pw\0") }, "marker": {},
        "plain": { "username": "me", "password": "pw" }, "token": { "identitytoken": "t", "auth": auth("me:") },
        "unpadded": { "auth": "bWU6cHc" }, "no colon": { "auth": auth("me") }, "no user": { "auth": auth(":pw") },
        "latin": { "auth": STANDARD.encode(b"me:\xe9") }, "list": [], "number": { "auth": 1 }, "last": { "auth": auth("x:y") },
    }});
    let file = AuthFile::parse(text.to_string().as_bytes()).unwrap();
    let kinds: Vec<(&str, String)> = file
        .entries()
        .iter()
        .map(|(key, entry)| {
            let kind = match entry {
                Entry::Credential(found) => format!("{} {}", found.user, found.secret.reveal()),
                Entry::Plain(found) => format!("plain {} {}", found.user, found.secret.reveal()),
                Entry::IdentityToken { token, has_auth } => format!("token {} {has_auth}", token.reveal()),
                Entry::Marker => "marker".to_owned(),
                Entry::Bad(reason) => format!("{reason:?}"),
            };
            (key.as_str(), kind)
        })
        .collect();
    let expected = [
        ("good", "me a:b"),
        ("zero", "me pw"),
        ("marker", "marker"),
        ("plain", "plain me pw"),
        ("token", "token t true"),
        ("unpadded", "Base64"),
        ("no colon", "Colon"),
        ("no user", "Colon"),
        ("latin", "Text"),
        ("list", "Shape"),
        ("number", "Shape"),
        ("last", "x y"),
    ];
    assert_eq!(kinds, expected.map(|(key, kind)| (key, kind.to_owned())));
    assert_eq!(BadEntry::Base64.to_string(), "its `auth` is not base64");
    // Logging in elsewhere leaves the bad ones alone.
    let edited = set(&text.to_string(), "new").unwrap();
    assert!(edited.contains(r#""unpadded":{"auth":"bWU6cHc"}"#) && edited.contains(r#""list":[]"#));
}

#[test]
fn docker_looks_where_docker_looks() {
    let file = json!({ "auths": { "ghcr.io": { "auth": auth("me:1") }, "https://old.io/v1/": { "auth": auth("me:2") },
        "https://index.docker.io/v1/": { "auth": auth("me:3") }, "marked.io": {}, "broken.io": { "auth": "?" },
        "plain.io": { "username": "me", "password": "4" }, "path.io/owner": { "auth": auth("me:5") } } });
    for (registry, found) in [
        ("ghcr.io", "c ghcr.io me:1"),
        ("https://ghcr.io/v2/", "c ghcr.io me:1"),
        ("old.io", "c https://old.io/v1/ me:2"),
        ("docker.io", "c https://index.docker.io/v1/ me:3"),
        ("index.docker.io", "c https://index.docker.io/v1/ me:3"),
        ("marked.io", "none"),
        ("unknown.io", "none"),
        ("plain.io", "c plain.io me:4"),
        ("path.io", "c path.io/owner me:5"),
        ("broken.io", "c broken: the entry for `broken.io`: its `auth` is not base64"),
    ] {
        assert_eq!(docker_finds(&file, registry), found);
    }
    assert_eq!(docker_finds_in(b"{\n?", "ghcr.io", None), "c broken: malformed JSON at line 2, column 1");
    assert_eq!(docker_finds_in(b"", "ghcr.io", None), "none");
}

#[test]
fn docker_asks_the_helper_that_its_file_names_and_never_the_file_then() {
    let helpers = json!({ "auths": { "ghcr.io": { "auth": auth("me:1") }, "empty.io": { "auth": auth("me:2") } },
        "credSstore": "pass", "credHelpers": { "own.io": "own", "ghcr.io": "", "hangs.io": "broken", "id.io": "token" } });
    for (registry, found) in [
        ("own.io", "c helper own own.io me:helped"),
        ("other.io", "c helper pass other.io me:helped"),
        ("docker.io", "c helper pass https://index.docker.io/v1/ me:helped"),
        ("ghcr.io", "c ghcr.io me:1"),
        ("empty.io", "none"),
        ("hangs.io", "c helper broken broken: it hangs"),
        ("id.io", "c helper token id.io token helped"),
    ] {
        assert_eq!(docker_finds(&helpers, registry), found);
    }
}

#[test]
fn docker_takes_its_variable_first_and_as_a_whole_or_not_at_all() {
    let file = json!({ "auths": { "ghcr.io": { "auth": auth("me:1") } }, "credsStore": "pass" });
    let finds = |variable: &str| docker_finds_in(file.to_string().as_bytes(), "ghcr.io", Some(variable));
    let entry = |more: &str| format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"{more}}}}}}}"#, auth("ci:2"));
    assert_eq!(finds(&entry("")), "DOCKER_AUTH_CONFIG ghcr.io ci:2");
    let fallback = "c helper pass ghcr.io me:helped";
    assert_eq!(finds(r#"{"auths":{}}"#), fallback);
    for unused in [
        entry(r#","email":"a@example.org""#),
        entry("").replace("auths\":", "credsStore\":\"x\",\"auths\":"),
        entry("") + "{}",
        entry("").replace("ghcr.io", "https://ghcr.io"),
        r#"{"auths":{"ghcr.io":{"auth":"?"}}}"#.to_owned(),
        r#"{"auths":{"ghcr.io":{}}}"#.to_owned(),
        "[]".to_owned(),
    ] {
        assert_eq!(finds(&unused), fallback, "{unused}");
    }
}

#[test]
fn podman_looks_where_podman_looks() {
    let one = json!({ "credsStore": "ignored", "auths": { "ghcr.io/owner": { "auth": auth("me:1") },
        "plain.io": { "username": "me", "password": "2" }, "bare.io": { "identitytoken": "t" }, "broken.io": { "auth": "?" },
        "docker.io": { "auth": auth("me:3") } }, "credHelpers": { "own.io": "own" } });
    let two = json!({ "auths": { "ghcr.io": { "auth": auth("me:4") }, "https://old.io/v1/": { "auth": auth("me:5") },
        "plain.io": { "auth": auth("me:6") }, "broken.io": { "auth": auth("me:7") }, "bare.io": { "auth": auth("me:8") } } });
    for (name, found) in [
        ("ghcr.io/owner/name/more", "0 ghcr.io/owner me:1"),
        ("ghcr.io/ownership/name", "1 ghcr.io me:4"),
        ("ghcr.io", "1 ghcr.io me:4"),
        ("old.io/a/b", "1 https://old.io/v1/ me:5"),
        ("plain.io/a", "1 plain.io me:6"),
        ("bare.io/a", "1 bare.io me:8"),
        ("broken.io/a", "0 broken: the entry for `broken.io`: its `auth` is not base64"),
        ("own.io/a", "0 helper own own.io me:helped"),
        ("registry-1.docker.io/library/alpine", "0 docker.io me:3"),
        ("unknown.io/a", "none"),
    ] {
        assert_eq!(podman_finds(&[one.clone(), two.clone()], name), found);
    }
}

#[test]
fn podman_goes_on_to_the_next_file_when_a_helper_has_nothing_but_not_when_it_fails() {
    let one = json!({ "credHelpers": { "ghcr.io": "nothing", "hangs.io": "broken" } });
    let two = json!({ "auths": { "ghcr.io": { "auth": auth("me:1") }, "hangs.io": { "auth": auth("me:2") } } });
    assert_eq!(podman_finds(&[one.clone(), two.clone()], "ghcr.io/a"), "1 ghcr.io me:1");
    assert_eq!(podman_finds(&[one, two], "hangs.io/a"), "0 helper broken broken: it hangs");
}

#[test]
fn podman_asks_the_helpers_of_registries_conf_in_their_order() {
    let file = json!({ "auths": { "ghcr.io/a": { "auth": auth("me:1") } } });
    for (helpers, found) in [
        (&["pass", podman::AUTH_FILES][..], "the credential helper `pass` ghcr.io me:helped"),
        (&[podman::AUTH_FILES, "pass"], "0 ghcr.io/a me:1"),
        (&["broken", "nothing", podman::AUTH_FILES], "0 ghcr.io/a me:1"),
        (&["nothing", "broken"], "the credential helper `broken` broken: it hangs"),
        (&["nothing"], "none"),
    ] {
        assert_eq!(podman_finds_with(helpers, std::slice::from_ref(&file), "ghcr.io/a/b"), found, "{helpers:?}");
    }
}

#[test]
fn podman_reads_the_old_file_of_docker_last() {
    let old =
        json!({ "https://ghcr.io/v1/": { "auth": auth("me:1") }, "quay.io": { "auth": auth("me:2") } }).to_string();
    let finds = |name: &str| {
        let files = [(Path::new("/home/me/.dockercfg"), old.as_bytes())];
        shown(podman::lookup(&environment(), files, name, &ask))
    };
    assert_eq!(finds("ghcr.io/a"), "/home/me/.dockercfg https://ghcr.io/v1/ me:1");
    assert_eq!(finds("quay.io/a/b"), "/home/me/.dockercfg quay.io me:2");
    assert_eq!(finds("other.io/a"), "none");
}

#[test]
fn the_name_of_a_helper_is_no_path() {
    for name in ["pass", "ecr-login", "a_b.c"] {
        assert!(store::is_helper_name(name), "{name}");
    }
    for name in ["", "../evil", "a/b", "a b", "a;b", "é", "a\0"] {
        assert!(!store::is_helper_name(name), "{name}");
    }
}

#[test]
fn what_the_engines_stumble_over_is_told_from_what_they_pass_over() {
    let with = |entry: Value| json!({ "auths": { "ghcr.io": { "auth": auth("me:1") }, "bad.io": entry } });
    for (file, docker, podman) in [
        (with(Value::Null), "c ghcr.io me:1", "0 ghcr.io me:1"),
        (
            with(json!([])),
            "c broken: the entry for `bad.io`: it is not an object of texts",
            "0 broken: the entry for `bad.io`: it is not an object of texts",
        ),
        (json!({ "auths": { "ghcr.io": { "auth": auth("me:") } } }), "none", "0 ghcr.io me:"),
        (
            json!({ "auths": { "ghcr.io": { "auth": auth("me:1") } }, "credHelpers": { "ghcr.io": "" } }),
            "c ghcr.io me:1",
            "0 broken: it names a credential helper without a name",
        ),
        (
            json!({ "auths": { "ghcr.io": { "auth": auth("me:1") } }, "credHelpers": { "ghcr.io": "broken" } }),
            "c ghcr.io me:1",
            "0 helper broken broken: it hangs",
        ),
    ] {
        assert_eq!(docker_finds(&file, "ghcr.io"), docker, "{file}");
        assert_eq!(podman_finds(std::slice::from_ref(&file), "ghcr.io/a/b"), podman, "{file}");
    }
    let twice = format!("{} more", with(json!({})));
    assert_eq!(docker_finds_in(twice.as_bytes(), "ghcr.io", None), "c ghcr.io me:1");
    assert_eq!(
        shown(podman::lookup(&environment(), [(Path::new("0"), b" \n".as_slice())], "ghcr.io", &ask)),
        "0 broken: it is empty, which is no JSON"
    );
}

#[test]
fn logout_finds_every_spelling_of_a_registry() {
    let file =
        json!({ "auths": { "https://ghcr.io/v1/": {}, "ghcr.io": {}, "ghcr.io/owner": {}, "ghcr.io.evil": {} } });
    let file = AuthFile::parse(file.to_string().as_bytes()).unwrap();
    let erased = ["ghcr.io", "http://ghcr.io", "https://ghcr.io", "https://ghcr.io/v1/", "ghcr.io/owner"];
    assert_eq!(docker::twins(&file, "https://ghcr.io"), erased);
    assert_eq!(podman::twins(&file, "ghcr.io"), ["ghcr.io", "https://ghcr.io/v1/"]);
    assert_eq!(docker::twins(&AuthFile::default(), "docker.io"), [docker::HUB_KEY]);
}

#[test]
fn paths_are_those_of_the_engines() {
    let path = |text: &str| PathBuf::from(text);
    let usual = environment();
    assert_eq!(docker::config_path(&usual), path("/home/me/.docker/config.json"));
    assert_eq!(podman::login_path(&usual, false), path("/run/user/1000/containers/auth.json"));
    assert_eq!(podman::login_path(&usual, true), path("/home/me/.config/containers/auth.json"));
    assert_eq!(
        podman::read_paths(&usual),
        [
            "/run/user/1000/containers/auth.json",
            "/home/me/.config/containers/auth.json",
            "/home/me/.docker/config.json",
            "/home/me/.dockercfg"
        ]
        .map(path)
    );
    let bare = Environment { xdg_runtime_dir: None, xdg_config_home: Some("/c".into()), ..environment() };
    assert_eq!(podman::login_path(&bare, false), path("/run/containers/1000/auth.json"));
    assert_eq!(podman::login_path(&bare, true), path("/c/containers/auth.json"));
    let docker_set = Environment { docker_config: Some("/d".into()), ..environment() };
    assert_eq!(docker::config_path(&docker_set), path("/d/config.json"));
    assert_eq!(podman::read_paths(&docker_set), [path("/d/config.json")]);
    let explicit = Environment { registry_auth_file: Some("/a.json".into()), ..docker_set };
    assert_eq!(podman::login_path(&explicit, true), path("/a.json"));
    assert_eq!(podman::read_paths(&explicit), [path("/a.json")]);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_or_the_editor_panic(text in "[ {}\\[\\]:,\"\\\\a-cths0n\n]{0,60}", bytes: Vec<u8>) {
        let _ = set(&text, "k");
        let _ = AuthFile::parse(text.as_bytes());
        let _ = store::remove(&bytes, &["k"]);
        let _ = AuthFile::parse(&bytes);
    }
}

fn set_helper(file: &str, registry: Option<&str>) -> Result<String, StoreError> {
    let edited = store::set_helper(file.as_bytes(), registry, "pullpass")?;
    Ok(String::from_utf8(edited).expect("UTF-8"))
}

fn remove_helper(file: &str, registry: Option<&str>) -> Result<String, StoreError> {
    let edited = store::remove_helper(file.as_bytes(), registry)?;
    Ok(String::from_utf8(edited).expect("UTF-8"))
}

#[test]
fn a_helper_is_named_in_the_layout_of_the_file_and_taken_out_again() {
    let new = "{\n\t\"credHelpers\": {\n\t\t\"ghcr.io\": \"pullpass\"\n\t}\n}";
    assert_eq!(set_helper("", Some("ghcr.io")).unwrap(), new);
    assert_eq!(set_helper("", None).unwrap(), "{\n\t\"credsStore\": \"pullpass\"\n}");
    assert_eq!(set_helper(new, Some("ghcr.io")).unwrap(), new);
    let file =
        "{ \"x\" : 1.0, \"CredHelpers\" : { \"gcr.io\" : \"gcloud\" }, \"auths\" : {\"h\":{\"more\":\"\\u0041\"}} }\n";
    let with = set_helper(file, Some("ghcr.io")).unwrap();
    assert_eq!(with, file.replace("\"gcloud\"", "\"gcloud\", \"ghcr.io\" : \"pullpass\""));
    assert_eq!(remove_helper(&with, Some("ghcr.io")).unwrap(), file);
    let with = set_helper(file, None).unwrap();
    assert_eq!(with, file.replace("}} }", "}}, \"credsStore\" : \"pullpass\" }"));
    assert_eq!(remove_helper(&with, None).unwrap(), file);
    assert_eq!(set_helper("{\"credsstore\":\"pass\"}", None).unwrap(), "{\"credsstore\":\"pullpass\"}");
    assert_eq!(set_helper("{\"credHelpers\":null}", Some("h")).unwrap(), "{\"credHelpers\":{\"h\":\"pullpass\"}}");
    for nothing in ["", "{}", "{\"credHelpers\":{}}", "{\"credHelpers\":null}", file] {
        assert_eq!(remove_helper(nothing, Some("ghcr.io")).unwrap(), nothing);
        assert_eq!(remove_helper(nothing, None).unwrap(), nothing);
    }
}

#[test]
fn a_helper_is_not_named_in_a_file_that_engines_read_differently() {
    let twice = "{\"credHelpers\":{\"h\":\"a\",\"h\":\"b\"}}";
    assert_eq!(set_helper(twice, Some("h")), Err(StoreError::Duplicate("h".to_owned())));
    let twice = "{\"credsStore\":\"a\",\"credsstore\":\"b\"}";
    for result in [set_helper(twice, None), remove_helper(twice, None)] {
        assert_eq!(result, Err(StoreError::Duplicate("credsstore".to_owned())));
    }
    assert!(matches!(set_helper("{\"credHelpers\":[]}", Some("h")), Err(StoreError::NotAnObject(_))));
    assert!(matches!(set_helper("{", None), Err(StoreError::Malformed { .. })));
}
