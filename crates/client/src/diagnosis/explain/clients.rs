//! Who printed a text.

use super::text::Text;

const KUBERNETES: &str = "Kubernetes";
const PODMAN: &str = "Podman";
const SKOPEO: &str = "Skopeo";
const BUILDAH: &str = "Buildah";

/// What only this client prints, the most telling first: programs pass on what those below them say.
const MARKS: [(&str, &[&str]); 20] = [
    ("crictl", &["remote_image.go", "pulling image: rpc error", "pulling image failed: rpc error"]),
    (
        KUBERNETES,
        &[
            "failed to pull image",
            "errimagepull",
            "imagepullbackoff",
            "back-off pulling image",
            "image pull secret",
            "failedtoretrieveimagepullsecret",
            "invalidimagename",
            "rpc error: code =",
        ],
    ),
    (
        "Ansible",
        &[
            "fatal: * failed! =>",
            "unable to gather info for",
            "logging into * for user * failed",
            "error pulling image",
        ],
    ),
    ("Watchtower", &["falling back to regular pull", "registry responded to head request"]),
    ("ctr", &["^ctr:"]),
    ("nerdctl", &["level=fatal msg=failed to resolve reference", "fata0000 failed to resolve reference"]),
    (
        SKOPEO,
        &[
            "level=fatal msg=error parsing",
            "level=fatal msg=initializing",
            "level=fatal msg=error initializing",
            "level=fatal msg=reading manifest",
            "level=fatal msg=error reading manifest",
            "level=fatal msg=requesting bear",
            "level=fatal msg=logging into",
            "level=fatal msg=authenticating creds",
            "level=fatal msg=error authenticating creds",
            "level=fatal msg=getting username",
            "level=fatal msg=error determining",
            "level=fatal msg=invalid",
            "level=fatal msg=pinging",
            "level=fatal msg=trying to reuse blob",
            "level=fatal msg=error trying to reuse blob",
            "level=fatal msg=writing blob",
            "level=fatal msg=copying",
        ],
    ),
    (BUILDAH, &["level=error msg=exit status 125", "error creating build container", "creating build container"]),
    (
        "Docker BuildKit",
        &["failed to solve", "failed to load metadata for", "resolve image config for", "load metadata for"],
    ),
    ("Helm", &["helm", "chart", "pulling from host", "failed to download"]),
    (
        "Docker 29 or later, with containerd's store",
        &[
            "error from registry: ",
            "unknown: failed to resolve reference",
            "error response from daemon: failed to resolve reference",
        ],
    ),
    (
        "Docker",
        &[
            "error response from daemon",
            "docker daemon",
            "docker api at",
            "pull access denied for",
            "the push refers to repository",
            "error saving credentials",
            "error getting credentials - err",
            "docker-credential-",
            "error loading config file",
            "error parsing config file",
            "removing login credentials for",
            "docker: invalid reference format",
            "docker.sock",
        ],
    ),
    ("kaniko", &["checking push permission"]),
    ("ORAS", &["error response from registry", "response status code"]),
    (
        PODMAN,
        &[
            "checking image updates",
            "podman",
            "trying to pull",
            "requesting bear",
            "unable to retrieve auth token",
            "initializing source",
            "reading manifest * in <image>",
            "authenticating creds for",
            "logging into <registry>",
            "with current tool",
            "pinging container registry",
            "trying to reuse blob",
            "initiating layer upload",
            "writing blob",
            "short-name",
            "credential file is not accessible",
            "image not known",
        ],
    ),
    (
        "containerd, or Helm or BuildKit with its library",
        &[
            "failed to authorize: failed to fetch",
            "failed to fetch oauth token",
            "failed to fetch anonymous token",
            "failed to resolve reference",
        ],
    ),
    (
        "crane",
        &[
            "^fetching manifest",
            "<token>: denied: ",
            "<token>: unauthorized: ",
            "<manifest>: manifest_unknown",
            "unexpected status code * head responses have no body",
        ],
    ),
    ("GitHub's API", &["documentation_url", "<api>", "bad credentials", "x-github-sso", "saml enforcement"]),
    ("Docker", &["head <manifest>: ", "get <ping>: ", "get <manifest>: "]),
    ("the registry itself", &["^errors: "]),
];

/// Who printed `text`, if it shows.
pub(super) fn of(text: &Text) -> Option<&'static str> {
    MARKS.iter().find(|(_, marks)| marks.iter().any(|mark| text.has(mark))).map(|(name, _)| *name)
}

/// Whether a node of Kubernetes printed it.
pub(super) fn is_kubernetes(client: Option<&str>) -> bool {
    client == Some(KUBERNETES)
}

/// Whether it is a program that keeps its logins where Podman does.
pub(super) fn is_podmans(client: Option<&str>) -> bool {
    matches!(client, Some(PODMAN | SKOPEO | BUILDAH))
}
