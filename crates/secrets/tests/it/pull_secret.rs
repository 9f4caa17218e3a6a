//! The Secret is compared with what kubectl writes.

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_secrets::{
    Secret,
    store::{
        AuthFile, Credential,
        pull_secret::{Notation, PullSecretError, Unusable, pull_secret, unusable, usable},
    },
};
use serde_json::{Value, json};

fn credential(user: &str, secret: &str) -> Credential {
    Credential { user: user.to_owned(), secret: Secret::new(secret.to_owned()) }
}

/// What is inside the one value.
fn config(data: &str) -> Value {
    let decoded = STANDARD.decode(data).expect("base64");
    serde_json::from_slice(&decoded).expect("JSON")
}

#[test]
fn a_pull_secret_holds_what_kubectl_puts_into_it() {
    let (login, hub) = (credential("octocat", "p\"w<"), credential("hub", "a:b"));
    let logins = [("ghcr.io/org", &login), ("https://index.docker.io/v1/", &hub)];
    let text = pull_secret("ghcr", Some("prod"), &logins, Notation::Json).unwrap();
    let secret: Value = serde_json::from_str(text.reveal()).unwrap();
    let data = secret["data"][".dockerconfigjson"].as_str().unwrap();
    assert_eq!(
        secret,
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "ghcr", "namespace": "prod" },
            "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": data },
        })
    );
    // `kubectl create secret docker-registry ghcr --docker-server=ghcr.io/org … --dry-run=client` has this entry.
    assert_eq!(
        config(data),
        json!({ "auths": {
            "ghcr.io/org": { "username": "octocat", "password": "p\"w<", "auth": "b2N0b2NhdDpwInc8" },
            "https://index.docker.io/v1/": { "username": "hub", "password": "a:b", "auth": "aHViOmE6Yg==" },
        } })
    );
}

#[test]
fn yaml_says_the_same_and_every_name_stays_a_text() {
    let login = credential("octocat", "secret");
    let text = pull_secret("123", None, &[("ghcr.io", &login)], Notation::Yaml).unwrap();
    let (head, data) = text.reveal().trim_end().rsplit_once(' ').unwrap();
    assert_eq!(
        head,
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"123\"\ntype: kubernetes.io/dockerconfigjson\ndata:\n  \
         .dockerconfigjson:"
    );
    assert_eq!(config(data)["auths"]["ghcr.io"]["password"], "secret");
    let text = pull_secret("a.b-c", Some("true"), &[("ghcr.io", &login)], Notation::Yaml).unwrap();
    assert!(text.reveal().contains("  name: \"a.b-c\"\n  namespace: \"true\"\ntype:"));
}

#[test]
fn what_the_api_server_would_refuse_is_refused() {
    let (login, nameless, colon) = (credential("u", "p"), credential("", "p"), credential("u:v", "p"));
    let large = credential("u", &"x".repeat(800_000));
    let long = "a".repeat(64);
    let make = |name: &str, namespace, logins: &[(&str, &Credential)]| {
        pull_secret(name, namespace, logins, Notation::Yaml).err().unwrap()
    };
    let one = [("ghcr.io", &login)];
    for name in ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a\nb", "ä", &"a".repeat(254)] {
        assert_eq!(make(name, None, &one), PullSecretError::Name, "{name}");
    }
    for namespace in ["", "a.b", "a\"b", &long] {
        assert_eq!(make("a", Some(namespace), &one), PullSecretError::Namespace, "{namespace}");
    }
    assert_eq!(make("a", None, &[]), PullSecretError::Empty);
    assert_eq!(make("a", None, &[("h", &login), ("h", &colon)]), PullSecretError::Duplicate("h".to_owned()));
    assert_eq!(make("a", None, &[("h", &nameless)]), PullSecretError::User("h".to_owned()));
    assert_eq!(make("a", None, &[("h", &colon)]), PullSecretError::User("h".to_owned()));
    assert_eq!(make("a", None, &[("h", &large)]), PullSecretError::TooLarge);
}

#[test]
fn logins_that_the_kubelet_cannot_use_are_named() {
    let text = r#"{
        "auths": {
            "ghcr.io": { "auth": "b2N0b2NhdDpzZWNyZXQ=" },
            "clear.example": { "username": "u", "password": "p" },
            "id.example": { "auth": "dTo=", "identitytoken": "t" },
            "bad.example": { "auth": "?" },
            "marker.example": {}
        },
        "credHelpers": { "marker.example": "pass" },
        "credsStore": "secretservice"
    }"#;
    let file = AuthFile::parse(text.as_bytes()).unwrap();
    assert_eq!(usable(&file).map(|(key, _)| key).collect::<Vec<_>>(), ["ghcr.io", "clear.example"]);
    let unusable = unusable(&file);
    let named: Vec<String> = unusable.iter().map(|(key, reason)| format!("{key}: {reason}")).collect();
    assert_eq!(
        named,
        [
            "id.example: it is an identity token, and the kubelet uses passwords only",
            "bad.example: its `auth` is not base64",
            "marker.example: the credential helper `pass` has it, and the kubelet asks no helpers",
            "credsStore: the credential helper `secretservice` has it, and the kubelet asks no helpers",
        ]
    );
    assert!(unusable.iter().any(|(_, reason)| matches!(reason, Unusable::IdentityToken)));
}
