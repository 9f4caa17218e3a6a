//! What clients print, and what it means.

use pullpass_client::diagnosis::Cause::{self, *};
use pullpass_client::diagnosis::{Explanation, Stage, entries, explain};

mod samples;

use samples::SAMPLES;

fn explained(text: &str) -> Explanation {
    explain(text).unwrap_or_else(|| panic!("nothing is said about:\n{text}"))
}

#[test]
fn every_text_that_clients_are_known_to_print_is_explained() {
    let mut wrong = Vec::new();
    for (text, causes) in SAMPLES {
        let found = explain(text).map(|found| found.causes).unwrap_or_default();
        if found != *causes {
            wrong.push(format!("{text}\n  expected {causes:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_texts_of_the_guide_are_explained_with_the_cause_under_which_they_are() {
    // What nothing about a registry is said in; behind other words they mean what these say.
    const TOO_LITTLE: [&str; 2] = ["EOF", "unexpected EOF"];
    let mut wrong = Vec::new();
    for entry in entries() {
        for text in entry.texts.iter().filter(|text| !TOO_LITTLE.contains(text)) {
            let of_ghcr = format!("{text} (ghcr.io)");
            let found = explain(text).or_else(|| explain(&of_ghcr)).map(|found| found.causes).unwrap_or_default();
            if !found.contains(&entry.cause) && !needs_context(entry.cause) {
                wrong.push(format!("{text}\n  expected {:?}\n  found    {found:?}", entry.cause));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Causes of which the guide shows texts that have a likelier cause; only `doctor` tells them apart.
fn needs_context(cause: Cause) -> bool {
    matches!(
        cause,
        Mangled | Password | FineGrained | WrongKind | NotActiveYet | Sso | OauthApp | IpAllowList | DockerFallback
    ) || matches!(cause, Workflow | Installation | NotLinked | RuntimeFile)
}

#[test]
fn what_is_no_error_of_a_registry_is_not_explained() {
    for text in [
        "",
        " \n\t\n",
        "hello",
        "Login Succeeded!",
        "Removing login credentials for ghcr.io",
        "bash: ./run.sh: Permission denied",
        "git@github.com: Permission denied (publickey).",
        "access denied, the cat sits on the keyboard",
        "ssh: connect to host example.com port 22: Connection refused",
        "Unable to connect to the server: x509: certificate signed by unknown authority",
        "Get \"https://10.0.0.1:6443/api?timeout=32s\": dial tcp 10.0.0.1:6443: i/o timeout",
        "the conductor was unauthorized to drive and the appeal denied: see page 4",
        // Names decide nothing.
        "denied: Pulling from octocat/unauthorized\nStatus: Image is up to date for ghcr.io/octocat/unauthorized:denied",
        "Trying to pull ghcr.io/denied/denied:denied...",
        "Using default tag: latest\nunauthorized: Pulling from denied/denied\nDigest: sha256:00",
    ] {
        assert_eq!(explain(text), None, "{text}");
    }
}

#[test]
fn an_image_that_is_called_denied_decides_nothing() {
    let names =
        ["octocat/app", "denied/unauthorized", "unauthorized/denied", "manifest/unknown", "toomanyrequests/x509"];
    for (template, cause) in [
        ("Error response from daemon: Head \"https://ghcr.io/v2/NAME/manifests/denied\": unauthorized", NoLogin),
        ("Error response from daemon: Head \"https://ghcr.io/v2/NAME/manifests/unauthorized\": denied", NoSuchPackage),
        ("Error response from daemon: Head \"https://ghcr.io/v2/NAME/manifests/denied\": denied: denied", DeadLogin),
        (
            "Error: initializing source docker://ghcr.io/NAME:denied: reading manifest denied in ghcr.io/NAME: manifest unknown",
            NoSuchTag,
        ),
        (
            "Error: initializing source docker://ghcr.io/NAME:unauthorized: reading manifest unauthorized in ghcr.io/NAME: denied",
            NoRole,
        ),
        (
            "Failed to pull image \"ghcr.io/NAME:denied\": failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3ANAME%3Apull&service=ghcr.io: 403 Forbidden",
            NoSuchPackage,
        ),
        (
            "Unable to find image 'ghcr.io/NAME:denied' locally\ndocker: Error response from daemon: manifest unknown.",
            NoSuchTag,
        ),
    ] {
        for name in names {
            let text = template.replace("NAME", name);
            let found = explained(&text);
            assert_eq!(found.causes[0], cause, "{text}");
            let reference = found.reference.unwrap_or_default();
            assert!(reference.starts_with(&format!("ghcr.io/{name}")), "{reference} in {text}");
        }
    }
}

#[test]
fn the_same_message_means_the_same_however_it_was_copied() {
    let bare = r#"Error response from daemon: Head "https://ghcr.io/v2/octocat/app/manifests/v1": denied: denied"#;
    let expected = explained(bare);
    assert_eq!(expected.reference.as_deref(), Some("ghcr.io/octocat/app:v1"));
    assert_eq!((expected.client, expected.stage), (Some("Docker"), Stage::Token));
    assert_eq!(expected.decide, "pullpass doctor ghcr.io/octocat/app:v1");
    for text in [
        format!("docker: {bare}.\nSee 'docker run --help'."),
        format!("\u{1b}[31m{bare}\u{1b}[0m\n"),
        format!("  > {bare}  "),
        bare.replace('"', "\u{201c}"),
        bare.replace('"', "\\\""),
        bare.replace('"', ""),
        format!("{{\"message\":\"{}\"}}", bare.replace('"', "\\\"")),
        format!("time=\"2026-01-02T03:04:05Z\" level=error msg=\"{}\"", bare.replace('"', "\\\"")),
        format!("$ docker pull ghcr.io/octocat/app:v1\n{bare}\n$ echo $?\n1\n"),
        format!("{}{bare}", "noise of a build that went well\n".repeat(4000)),
    ] {
        let found = explained(&text);
        let shown = text.get(text.len().saturating_sub(400)..).unwrap_or(&text);
        assert_eq!((&found.causes, &found.reference), (&expected.causes, &expected.reference), "{shown}");
    }
}

#[test]
fn the_image_is_named_as_it_was_written() {
    for (text, reference) in [
        ("Error: reading manifest v2 in ghcr.io/octocat/app: denied", "ghcr.io/octocat/app:v2"),
        (
            "unauthorized: ghcr.io/octocat/app@sha256:0123: unauthorized: authentication required",
            "ghcr.io/octocat/app@sha256:0123",
        ),
        (
            "failed to fetch oauth token: unexpected status from GET request to \
             https://ghcr.io/token?scope=repository%3Aoctocat%2Fapp%3Apull&service=ghcr.io: 403 Forbidden",
            "ghcr.io/octocat/app",
        ),
        (
            "docker: invalid reference format: repository name (ghcr.io/Octocat/App) must be lowercase",
            "ghcr.io/Octocat/App",
        ),
        (
            "Head \"https://127.0.0.1:5000/v2/o/n/manifests/1\": dial tcp 127.0.0.1:5000: connect: connection refused",
            "127.0.0.1:5000/o/n:1",
        ),
        (
            "Failed to pull image \"octocat/app:v1\": rpc error: code = NotFound desc = manifest unknown",
            "octocat/app:v1",
        ),
    ] {
        let found = explained(text);
        assert_eq!(found.reference.as_deref(), Some(reference), "{text}");
        assert!(found.decide.ends_with(reference), "{}", found.decide);
    }
    let found = explained("denied: permission_denied: write_package");
    assert_eq!(found.decide, "pullpass verify REGISTRY/OWNER/NAME:TAG --push");
    assert_eq!(
        explained("Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied").decide,
        "pullpass doctor ghcr.io/OWNER/NAME:TAG"
    );
    assert_eq!(explained("error getting credentials - err: exit status 1, out: ``").decide, "pullpass doctor");
}

#[test]
fn a_token_that_was_pasted_along_is_not_repeated() {
    let token = format!("{}{}", "ghp_", "A1b2C3d4E5".repeat(3) + "0uCPlr");
    for text in [
        format!("Error: reading manifest {token} in ghcr.io/octocat/app: denied"),
        format!("Error response from daemon: Head \"https://ghcr.io/v2/octocat/{token}/manifests/v1\": denied: denied"),
        format!(
            "echo {token} | docker login ghcr.io\nError response from daemon: Get \"https://ghcr.io/v2/\": denied: denied"
        ),
        format!(
            "GET https://octocat:{token}@ghcr.io/token?service=ghcr.io&scope=repository:{token}:pull: DENIED: denied"
        ),
        format!("Failed to pull image \"octocat/{token}:v1\": denied"),
        format!("https://octocat:hunter2-secret@ghcr.io/v2/octocat/app/manifests/v1: denied: denied {token}"),
    ] {
        let shown = format!("{:?}", explained(&text));
        assert!(!shown.contains(&token[4..]) && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn there_are_one_to_three_causes_a_reason_and_a_command() {
    for (text, _) in SAMPLES {
        let Some(found) = explain(text) else { continue };
        assert!((1..=3).contains(&found.causes.len()), "{text}: {:?}", found.causes);
        let distinct: std::collections::HashSet<&Cause> = found.causes.iter().collect();
        assert_eq!(distinct.len(), found.causes.len(), "{text}");
        assert!(found.why.ends_with('.') && !found.why.contains("  "), "{}", found.why);
        assert!(found.decide.starts_with("pullpass "), "{}", found.decide);
    }
}

#[test]
fn every_part_of_every_text_is_read_without_a_panic() {
    for (text, _) in SAMPLES {
        for at in 0..=text.len() {
            let (before, after) = (text.get(..at), text.get(at..));
            drop(before.map(explain));
            drop(after.map(explain));
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC*|[\\x00-\\x7f]{0,200}") {
        drop(explain(&text));
    }

    #[test]
    fn pieces_of_messages_in_any_order_are_read_without_a_panic(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..30)
    ) {
        if let Some(found) = explain(&pieces.concat()) {
            assert!((1..=3).contains(&found.causes.len()));
        }
    }
}

/// What the reader makes decisions by.
const PIECES: [&str; 34] = [
    "\\",
    "\\u00e9",
    "\\u",
    "\\n",
    "\n",
    "\r",
    "\"",
    "'",
    "’",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "/",
    "=",
    "\u{1b}[",
    "\u{1b}]",
    "m",
    "é",
    "https://",
    "docker://",
    "ghcr.io",
    "/v2/",
    "/token?scope=repository%3A",
    "manifests/",
    "blobs/uploads/",
    "denied",
    "unauthorized",
    "sha256:0",
    "in",
    "@",
];
