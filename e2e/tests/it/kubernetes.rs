//! `docs/guide/kubernetes.md`, word for word: root of a node runs its commands. There is no kubelet: its request goes to the
//! provider as the guide configures it. `kubectl` is a stand-in that keeps what it is given.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::ghcr::{Ghcr, Token, Visibility};
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::run::{Ran, run};
use serde_json::Value;

use crate::program::program;
use crate::sample;
use crate::site::Site;

const GUIDE: &str = include_str!("../../../docs/guide/kubernetes.md");

const KUBECTL: &str = "#!/bin/sh\nprintf '%s\\n' \"$*\" >> kubectl.log\ncase $1 in apply) cat > applied.yaml ;; esac\n";

/// The blocks of a language below a heading.
fn blocks(heading: &str, language: &str) -> Vec<&'static str> {
    let section = GUIDE.split("\n## ").find(|section| section.starts_with(heading)).expect("a section");
    let fence = format!("\n```{language}\n");
    let found: Vec<_> = section.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    assert!(!found.is_empty(), "`{heading}` has blocks of {language}");
    found
}

/// A node with the program, and a ghcr.io with the image of the guide.
struct Node {
    site: Site,
    home: Home,
}

impl Node {
    fn new() -> Node {
        let ghcr = Ghcr::new().account("octocat").organization("owner", &["octocat"]);
        let package = ghcr.package("owner/app", Visibility::Private, &["octocat"]).image("v1", &sample::image());
        let site = Site::new(package);
        let home = site.home();
        let bin = home.side_dir("bin");
        symlink(program(), bin.join("pullpass")).expect("a link");
        fs::write(bin.join("kubectl"), KUBECTL).expect("a script");
        fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o755)).expect("own file");
        // What would go into the machine's own directory.
        home.side_dir("lib");
        Node { site, home }
    }

    /// A fresh token that can pull, in a file.
    fn token(&self, file: &str) -> String {
        let token = self.site.ghcr().token("octocat", Token::classic(&["read:packages"]));
        self.home.write(file, format!("{token}\n"));
        token
    }

    /// Runs lines of bash up to the first that fails.
    fn bash(&self, script: &str) -> Ran {
        let furnish = r#"set -e; mount --bind "$1" /usr/local/lib; exec bash -euo pipefail -c "$2""#;
        let mut command = self.home.command("unshare");
        command.env("PATH", format!("{}:{SEARCH_PATH}", self.home.side_dir("bin").display()));
        command.args(["--mount", "--propagation", "private", "sh", "-c", furnish, "furnish"]);
        run(command.arg(self.home.side_dir("lib")).arg(script))
    }

    /// What the kubelet does for an image of the guide, as it is configured: the password that it gets.
    fn pulls_with(&self) -> String {
        let ran = self.bash(
            "test -x /usr/local/lib/kubelet-providers/pullpass; sed -n 's/^  - \"\\(.*\\)\"$/\\1/p' \
             /etc/kubernetes/credential-provider-config.yaml | sed -n '/^kubelet$/,$p' > args; \
             echo '{\"apiVersion\":\"credentialprovider.kubelet.k8s.io/v1\",\"kind\":\"CredentialProviderRequest\",\
             \"image\":\"ghcr.io/owner/app\"}' | xargs -a args -d '\\n' /usr/local/lib/kubelet-providers/pullpass",
        );
        let answer: Value = serde_json::from_str(&ran.expect_success()).expect("JSON");
        // The kubelet tries the longest key first.
        let logins = answer["auth"].as_object().expect("logins");
        let (_, login) = logins.iter().max_by_key(|(key, _)| key.len()).expect("a login");
        login["password"].as_str().expect("a text").to_owned()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.home.path().join(name)).expect("a file of the node")
    }
}

fn applied(node: &Node) -> String {
    let secret = node.file("applied.yaml");
    assert!(secret.contains("name: \"ghcr\"\n  namespace: \"production\"\ntype: kubernetes.io/dockerconfigjson"));
    let data = secret.split_once(".dockerconfigjson: ").expect("the data").1.trim();
    let config: Value = serde_json::from_slice(&STANDARD.decode(data).expect("base64")).expect("JSON");
    config["auths"]["ghcr.io"]["password"].as_str().expect("a text").to_owned()
}

#[test]
fn a_provider_is_installed_answers_and_is_rotated_as_the_guide_says() {
    let node = Node::new();
    let (token, owner) = (node.token("token.txt"), node.token("owner-token.txt"));
    let provider = blocks("A provider on every node", "sh");
    let [install, prove, organisation] = provider.as_slice() else { panic!("three blocks: {provider:?}") };
    node.bash(install).expect_success();
    let mode = |path: &str| node.bash(&format!("stat --format %a {path}")).expect_success();
    assert_eq!(mode("/etc/pullpass/auth.json"), "600\n");
    assert_eq!(node.pulls_with(), token);
    let shown = node.bash(prove).expect_success();
    assert!(shown.contains("podman will pull") && shown.contains("\"password\":\"…\""), "{shown}");
    assert!(!shown.contains(&token), "the password is left out");
    node.bash(organisation).expect_success();
    assert_eq!(node.pulls_with(), owner, "the key of the organisation goes first");

    // Back to one key for all of the registry.
    node.bash(&format!("rm /etc/pullpass/auth.json\n{install}")).expect_success();
    let new = node.token("new-token.txt");
    let rotated = node.bash(blocks("Rotation", "sh")[0]);
    assert!(rotated.code == 0 && rotated.stdout.contains("podman will pull"), "{rotated}");
    assert_eq!(node.pulls_with(), new);
    node.site.ghcr().revoke(&token);
    let config = "/etc/kubernetes/credential-provider-config.yaml";
    assert!(node.bash(&format!("cat {config}")).expect_success().contains("matchImages:\n  - \"ghcr.io\"\n"));
}

#[test]
fn a_secret_is_applied_and_rotated_as_the_guide_says() {
    let node = Node::new();
    let token = node.token("token.txt");
    node.bash(blocks("A Secret in a namespace", "sh")[0]).expect_success();
    assert_eq!(applied(&node), token);
    let patch = r#"patch serviceaccount default --namespace production --patch {"imagePullSecrets":[{"name":"ghcr"}]}"#;
    assert_eq!(node.file("kubectl.log"), format!("apply --filename -\n{patch}\n"));

    let new = node.token("new-token.txt");
    node.bash(blocks("Rotation", "sh")[1]).expect_success();
    assert_eq!(applied(&node), new);
}

#[test]
fn a_dead_token_in_registries_yaml_is_found_as_the_guide_says() {
    let node = Node::new();
    let (live, dead) = (node.token("token.txt"), node.token("dead.txt"));
    node.site.ghcr().revoke(&dead);
    let [yaml] = blocks("registries.yaml", "yaml")[..] else { panic!("one block") };
    let [doctor] = blocks("registries.yaml", "sh")[..] else { panic!("one block") };
    let path = Path::new("/etc/rancher/k3s/registries.yaml");
    for (token, is_dead) in [(&dead, true), (&live, false)] {
        node.home.write("registries.yaml", yaml.replace("TOKEN", token));
        node.bash(&format!("install -D --mode 600 registries.yaml {}", path.display())).expect_success();
        let ran = node.bash(doctor);
        let finding = format!("in {}: the stored token is dead", path.display());
        assert_eq!(ran.stdout.contains(&finding), is_dead, "{ran}");
    }
}
