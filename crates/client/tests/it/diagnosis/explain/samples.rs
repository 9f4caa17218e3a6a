//! Texts as clients print them, and their causes, the likeliest first.

use pullpass_client::diagnosis::Cause::{self, *};

/// Two of them as often as not, since the same word is printed for both.
const DEAD: &[Cause] = &[DeadLogin, DeadLoginOnPublic];
const NO_RIGHT: &[Cause] = &[NoRole, NoReadScope, NoSuchPackage];
const NO_LOGIN: &[Cause] = &[NoLogin, OtherUser];
const PODMAN_NO_LOGIN: &[Cause] = &[NoLogin, RuntimeFile, OtherUser];
const REFUSED_LOGIN: &[Cause] = &[DeadLogin, Mangled, Password];

pub(super) const SAMPLES: &[(&str, &[Cause])] = &[
    // Docker up to 28, and 29 without containerd's store.
    (r#"Error response from daemon: Head "https://ghcr.io/v2/o/n/manifests/1": unauthorized"#, NO_LOGIN),
    (r#"Error response from daemon: Head "https://ghcr.io/v2/o/n/manifests/1": denied"#, &[NoSuchPackage]),
    (r#"Error response from daemon: Head "https://ghcr.io/v2/o/n/manifests/1": denied: denied"#, DEAD),
    ("Error response from daemon: Head https://ghcr.io/v2/o/n/manifests/1: unauthorized", NO_LOGIN),
    (r#"Error response from daemon: Get "https://ghcr.io/v2/o/n/manifests/sha256:00": denied: denied"#, DEAD),
    ("Error response from daemon: denied", NO_RIGHT),
    ("docker: Error response from daemon: denied.\nSee 'docker run --help'.", NO_RIGHT),
    ("Error response from daemon: denied: requested access to the resource is denied", NO_RIGHT),
    ("Error response from daemon: unauthorized", &[NoLogin, DeadLogin, Sso]),
    (
        "Error response from daemon: pull access denied for ghcr.io/o/n, repository does not exist or may require 'docker login': \
         denied: permission_denied: The token provided does not match expected scopes.",
        &[NoReadScope, FineGrained, NoWriteScope],
    ),
    (
        "Error response from daemon: pull access denied for denied, repository does not exist or may require 'docker login': \
         denied: requested access to the resource is denied",
        &[NoSuchPackage, NoLogin, NoRole],
    ),
    ("Error response from daemon: manifest unknown", &[NoSuchTag]),
    (
        "Error response from daemon: manifest for ghcr.io/o/n:2 not found: manifest unknown: manifest unknown",
        &[NoSuchTag],
    ),
    ("Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries", &[NoPlatform]),
    ("Error response from daemon: missing signature key", &[OldClient]),
    ("Error response from daemon: received unexpected HTTP status: 503 Service Unavailable", &[Outage]),
    ("Error response from daemon: toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute", &[RateLimit]),
    (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        &[EngineDown],
    ),
    (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \
         \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version\": dial unix /var/run/docker.sock: connect: permission denied",
        &[EngineDown],
    ),
    // Docker's login.
    (r#"Error response from daemon: Get "https://ghcr.io/v2/": denied: denied"#, REFUSED_LOGIN),
    (r#"Error response from daemon: Get "https://ghcr.io/v2/": unauthorized"#, REFUSED_LOGIN),
    ("Error: login attempt to https://registry.example/v2/ failed with status: 401 Unauthorized", REFUSED_LOGIN),
    (
        "Error saving credentials: error storing credentials - err: exec: \"docker-credential-missing\": executable file not found in \
         $PATH, out: ``",
        &[HelperBroken],
    ),
    (
        "Error saving credentials: error storing credentials - err: exit status 1, out: `Cannot autolaunch D-Bus without X11 $DISPLAY`",
        &[HelperBroken],
    ),
    (
        "error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``",
        &[HelperBroken],
    ),
    ("The name org.freedesktop.secrets was not provided by any .service files", &[HelperBroken]),
    ("error getting credentials - err: exit status 1, out: ``", &[HelperBroken]),
    ("credentials not found in native keychain", &[HelperShadows, NoLogin]),
    ("Removing login credentials for https://index.docker.io/v1/", &[WrongRegistry]),
    (
        "WARNING: Error loading config file: /home/o/.docker/config.json: open /home/o/.docker/config.json: permission denied",
        &[OtherUser, BrokenStore],
    ),
    (
        "WARNING: Error loading config file: /home/o/.docker/config.json: invalid character 'x' looking for beginning of value",
        &[BrokenStore],
    ),
    ("error: invalid auth configuration file", &[RawAuth, BrokenStore]),
    // Docker 29 with containerd's store.
    ("Error response from daemon: error from registry: unauthorized\nunauthorized", NO_LOGIN),
    ("Error response from daemon: error from registry: denied\ndenied", &[NoSuchPackage]),
    (r#"{"message":"error from registry: denied\ndenied"}"#, &[NoSuchPackage]),
    ("Error response from daemon: error from registry: denied", DEAD),
    (
        "Error response from daemon: unknown: failed to resolve reference \"ghcr.io/o/n:latest\": unexpected status from HEAD request \
         to https://ghcr.io/v2/o/n/manifests/latest: 403 Forbidden",
        NO_RIGHT,
    ),
    (
        "Error response from daemon: failed to resolve reference \"ghcr.io/o/n:2\": ghcr.io/o/n:2: not found",
        &[NoSuchTag, NoSuchPackage],
    ),
    // containerd, BuildKit, Helm, nerdctl.
    (
        "ctr: failed to resolve reference \"ghcr.io/o/n:1\": failed to authorize: failed to fetch anonymous token: unexpected status \
         from GET request to https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io: 401 Unauthorized",
        NO_LOGIN,
    ),
    (
        "ERROR: failed to solve: ghcr.io/o/n:1: failed to resolve source metadata for ghcr.io/o/n:1: failed to authorize: failed to \
         fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io: \
         403 Forbidden",
        DEAD,
    ),
    ("ERROR: failed to solve: failed to fetch oauth token: denied: denied", DEAD),
    (
        "Error: INSTALLATION FAILED: failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden",
        &[NoSuchPackage],
    ),
    (
        "time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"failed to resolve reference \\\"ghcr.io/o/n:1\\\": failed to authorize: failed \
         to fetch oauth token: unexpected status: 403 Forbidden\"",
        DEAD,
    ),
    (
        "ERROR: failed to push ghcr.io/o/n:1: unexpected status from POST request to https://ghcr.io/v2/o/n/blobs/uploads/: 403 Forbidden",
        &[NoWriteScope, NotLinked, NoLogin],
    ),
    ("no match for platform in manifest: not found", &[NoPlatform]),
    (
        "failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://pkg-containers.githubusercontent.com/ghcr1/blobs/sha256:00?se=1\": dial tcp 185.199.108.154:443: i/o timeout",
        &[StorageBlocked, Proxy],
    ),
    // Kubernetes.
    (
        "Failed to pull image \"ghcr.io/o/n:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"ghcr.io/o/n:1\": \
         failed to resolve reference \"ghcr.io/o/n:1\": failed to authorize: failed to fetch anonymous token: unexpected status from GET \
         request to https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io: 401 Unauthorized",
        &[PullSecret, NoLogin],
    ),
    (
        "Warning  Failed     3s (x2 over 17s)   kubelet  Failed to pull image \"ghcr.io/o/n:1\": failed to pull and unpack image: failed to \
         authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?service=ghcr.io: 403 \
         Forbidden\n  Warning  Failed  3s  kubelet  Error: ErrImagePull\n  Normal  BackOff  2s  kubelet  Back-off pulling image \"ghcr.io/o/n:1\"\n\
         Warning  Failed  2s  kubelet  Error: ImagePullBackOff",
        &[PullSecret, DeadLogin, DeadLoginOnPublic],
    ),
    (
        "Failed to pull image \"ghcr.io/o/n:1\": rpc error: code = Unknown desc = unable to retrieve auth token: invalid \
         username/password: unauthorized: authentication required",
        &[PullSecret, NoLogin],
    ),
    (
        "Failed to pull image \"ghcr.io/o/n:1\": rpc error: code = Unknown desc = reading manifest 1 in ghcr.io/o/n: manifest unknown",
        &[NoSuchTag],
    ),
    ("Back-off pulling image \"ghcr.io/o/n:1\"", &[PullSecret, NoSuchTag, NoSuchPackage]),
    (
        "FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (ghcr); attempting to pull the image may not succeed.",
        &[PullSecret],
    ),
    (
        "Failed to apply default image tag \"ghcr.io/O/n\": couldn't parse image name \"ghcr.io/O/n\": invalid reference format: \
         repository name (O/n) must be lowercase",
        &[UpperCase],
    ),
    (
        "time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"pulling image: rpc error: code = Unknown desc = failed to pull and unpack image \
         \\\"ghcr.io/o/n:1\\\": failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized\"",
        NO_LOGIN,
    ),
    // Podman, Skopeo, Buildah.
    (
        "Error: initializing source docker://ghcr.io/o/n:1: Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        &[DeadLogin, DeadLoginOnPublic, NoSuchPackage],
    ),
    (
        "Error: Error initializing source docker://ghcr.io/o/n:1: Requesting bear token: invalid status code from registry 403 (Forbidden)",
        &[DeadLogin, DeadLoginOnPublic, NoSuchPackage],
    ),
    (
        "Error: unable to copy from source docker://ghcr.io/o/n:1: initializing source docker://ghcr.io/o/n:1: requesting bearer token: \
         received unexpected HTTP status: 403 Forbidden",
        &[DeadLogin, DeadLoginOnPublic, NoSuchPackage],
    ),
    (
        "Error: initializing source docker://ghcr.io/o/n:1: unable to retrieve auth token: invalid username/password: unauthorized: \
         authentication required",
        PODMAN_NO_LOGIN,
    ),
    ("Error: initializing source docker://ghcr.io/o/n:1: reading manifest 1 in ghcr.io/o/n: denied", NO_RIGHT),
    (
        "time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"Error parsing image name \\\"docker://ghcr.io/o/n:1\\\": reading manifest 1 in \
         ghcr.io/o/n: denied: requested access to the resource is denied\"",
        NO_RIGHT,
    ),
    ("reading manifest 2 in ghcr.io/o/n: manifest unknown", &[NoSuchTag]),
    ("Error: reading manifest 1 in registry.example/o/n: unauthorized", &[NoLogin, DeadLogin, Sso]),
    (
        "Error: 1 error occurred:\n\t* checking image updates for container 0123: initializing source docker://ghcr.io/o/n:1: unable to \
         retrieve auth token: invalid username/password: unauthorized: authentication required",
        &[Service, NoLogin, RuntimeFile],
    ),
    ("Error: logging into \"ghcr.io\": invalid username/password", REFUSED_LOGIN),
    (
        "Error: authenticating creds for \"ghcr.io\": Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        REFUSED_LOGIN,
    ),
    ("Error: not logged into ghcr.io", PODMAN_NO_LOGIN),
    (
        "Not logged into ghcr.io with current tool. Existing credentials were established via docker login. Please use docker logout \
         instead.",
        &[DockerFallback],
    ),
    ("Error: credential file is not accessible: faccessat /x/auth.json: no such file or directory", &[BrokenStore]),
    ("Error: currently logged in, auth file contains an Identity token", &[ShadowedLogin]),
    ("Error: getting username and password: illegal base64 data at input byte 4", &[RawAuth, BrokenStore]),
    (
        "Error: pinging container registry ghcr.io: Get \"https://ghcr.io/v2/\": x509: certificate signed by unknown authority",
        &[Tls],
    ),
    (
        "Error: writing blob: initiating layer upload to /v2/o/n/blobs/uploads/ in ghcr.io: denied: permission_denied: The token provided \
         does not match expected scopes.",
        &[NoWriteScope, FineGrained],
    ),
    (
        "Error: choosing an image from manifest list docker://ghcr.io/o/n:1: no image found in image index for architecture arm64, variant \"v8\", OS linux",
        &[NoPlatform],
    ),
    // Pushes.
    (
        "The push refers to repository [ghcr.io/o/n]\ndenied: permission_denied: write_package",
        &[NotLinked, NoWriteScope, Workflow],
    ),
    ("The push refers to repository [ghcr.io/o/n]\ndenied: denied", &[DeadLogin]),
    ("The push refers to repository [ghcr.io/o/n]\nunauthorized: authentication required", &[NoLogin, DeadLogin]),
    (
        "The push refers to repository [ghcr.io/o/n]\ndenied: requested access to the resource is denied",
        &[NoWriteScope, NotLinked, NoLogin],
    ),
    ("unauthorized: unauthenticated: User cannot be authenticated with the token provided.", &[DeadLogin, Mangled]),
    ("denied: permission_denied: create_package", &[NoCreation]),
    ("denied: permission_denied: read_package", &[NoReadScope, Workflow, NoRole]),
    (
        "denied: permission_denied: The token provided does not match expected scopes.",
        &[NoReadScope, FineGrained, NoWriteScope],
    ),
    ("denied: permission_denied: The requested installation does not exist.", &[Workflow, Installation]),
    ("denied: installation not allowed to Create organization package", &[NoCreation, Workflow, Installation]),
    ("denied: installation not allowed to Write organization package", &[Workflow, NotLinked, Installation]),
    ("denied: installation not allowed to Read organization package", &[Workflow, Installation]),
    // crane, ORAS, Helm since 3.18, kaniko.
    (
        "Error: fetching manifest ghcr.io/o/n:1: GET https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io: DENIED: denied",
        DEAD,
    ),
    ("GET https://ghcr.io/token?service=ghcr.io: DENIED: denied", DEAD),
    (
        "Error: fetching manifest ghcr.io/o/n:1: GET https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io: UNAUTHORIZED: \
         authentication required",
        NO_LOGIN,
    ),
    (
        "Error: GET https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io: DENIED: requested access to the resource is denied",
        &[NoSuchPackage],
    ),
    (
        "HEAD https://ghcr.io/v2/o/n/manifests/1: unexpected status code 403 Forbidden (HEAD responses have no body, use GET for details)",
        NO_RIGHT,
    ),
    ("GET https://ghcr.io/v2/o/n/manifests/2: MANIFEST_UNKNOWN: manifest unknown", &[NoSuchTag]),
    (
        "Error: GET \"https://ghcr.io/v2/o/n/tags/list\": GET \"https://ghcr.io/token?scope=repository%3Ao%2Fn%3Apull&service=ghcr.io\": \
         response status code 403: denied: denied",
        DEAD,
    ),
    (
        "Error response from registry: HEAD \"https://ghcr.io/v2/o/n/manifests/1\": response status code 403: Forbidden",
        NO_RIGHT,
    ),
    ("Error: pulling from host ghcr.io failed with status code [manifests 1.0.0]: 403 Forbidden", NO_RIGHT),
    (
        "error checking push permissions -- make sure you entered the correct tag name, and that you are authenticated correctly, and try \
         again: checking push permission for \"ghcr.io/o/n\": POST https://ghcr.io/v2/o/n/blobs/uploads/: UNAUTHORIZED: authentication required",
        &[NoLogin, DeadLogin],
    ),
    // As the real clients printed them: docker 20.10 and 28.2, podman 4.3, skopeo 1.9, ctr 1.6.
    (
        "Trying to pull ghcr.io/midokura/private:v1...\nError: initializing source docker://ghcr.io/midokura/private:v1: unable to retrieve \
         auth token: invalid username/password: unauthorized",
        PODMAN_NO_LOGIN,
    ),
    (
        "time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"Error parsing image name \\\"docker://ghcr.io/midokura/private:v1\\\": Requesting bearer \
         token: invalid status code from registry 403 (Forbidden)\"",
        &[DeadLogin, DeadLoginOnPublic, NoSuchPackage],
    ),
    (
        "ctr: failed to resolve reference \"ghcr.io/midokura/private:v1\": failed to authorize: failed to fetch anonymous token: unexpected \
         status: 401 Unauthorized",
        NO_LOGIN,
    ),
    (
        "ctr: failed to resolve reference \"ghcr.io/midokura/private:v1\": failed to authorize: failed to fetch oauth token: unexpected status: \
         403 Forbidden",
        DEAD,
    ),
    (
        "ctr: failed to resolve reference \"ghcr.io/midokura/private:v1\": pulling from host ghcr.io failed with status code [manifests v1]: 403 \
         Forbidden",
        NO_RIGHT,
    ),
    (
        "ctr: failed to resolve reference \"ghcr.io/midokura/private:v2\": ghcr.io/midokura/private:v2: not found",
        &[NoSuchTag, NoSuchPackage],
    ),
    (
        "time=\"2026-01-02T03:04:05Z\" level=info msg=\"trying next host - response was http.StatusNotFound\" host=ghcr.io\nctr: failed to resolve \
         reference \"ghcr.io/Midokura/Private:v1\": ghcr.io/Midokura/Private:v1: not found",
        &[UpperCase, NoSuchTag, NoSuchPackage],
    ),
    ("Error: repository name must be lowercase", &[UpperCase]),
    (
        "ctr: failed to resolve reference \"ghcr.io/midokura/public:v1\": failed to do request: Head \
         \"https://ghcr.io/v2/midokura/public/manifests/v1\": EOF",
        &[Unreachable, Proxy],
    ),
    (
        "Error: initializing source docker://ghcr.io/midokura/public:v1: pinging container registry ghcr.io: too many requests to registry",
        &[RateLimit],
    ),
    (
        "Error: initializing source docker://ghcr.io/midokura/public:v1: pinging container registry ghcr.io: invalid status code from registry 503 \
         (Service Unavailable)",
        &[Outage],
    ),
    (
        "time=\"2026-01-02T03:04:05Z\" level=fatal msg=\"Error parsing manifest for image: invalid character '<' looking for beginning of value\"",
        &[NotARegistry, Proxy],
    ),
    (
        "unpacking linux/amd64 sha256:b6b9...\nctr: unexpected media type text/html for sha256:b6b9: not found",
        &[NotARegistry, Proxy],
    ),
    (
        "Error response from daemon: error unmarshalling content: invalid character '<' looking for beginning of value",
        &[NotARegistry, Proxy],
    ),
    (
        "Error: initializing source docker://registry.example/midokura/public:v1: pinging container registry registry.example: Get \
         \"https://registry.example/v2/\": dial tcp: lookup registry.example on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is \
         unreachable",
        &[NoAddress],
    ),
    (
        "The push refers to repository [ghcr.io/midokura/private]\nad1684ed47c5: Preparing\nad1684ed47c5: Retrying in 5 seconds\ndenied",
        &[NoWriteScope, NotLinked, NoLogin],
    ),
    (
        "Copying blob sha256:ad16\ntime=\"2026-01-02T03:04:05Z\" level=fatal msg=\"trying to reuse blob sha256:ad16 at destination: Requesting bearer \
         token: invalid status code from registry 403 (Forbidden)\"",
        &[DeadLogin, NoLogin],
    ),
    (
        "Error: initializing source docker://ghcr.io/midokura/public:v1: getting username and password: 1 error occurred:\n\t* error getting \
         credentials - err: docker-credential-missing resolves to executable in current directory (./docker-credential-missing), out: ``",
        &[HelperBroken],
    ),
    (
        "Error: initializing source docker://ghcr.io/midokura/public:v1: getting username and password: 1 error occurred:\n\t* reading JSON file \
         \"/home/o/.docker/config.json\": unmarshaling JSON at \"/home/o/.docker/config.json\": invalid character 'n' looking for beginning of \
         object key string",
        &[BrokenStore],
    ),
    // Programs that watch, and programs around the engines.
    (r#"{"errors":[{"code":"DENIED","message":"invalid token"}]}"#, &[Watcher, DeadLogin]),
    (
        "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"Could not do a head request for \\\"ghcr.io/o/n:1\\\", falling back to regular \
         pull.\"\nReason: registry responded to head request with \"401 Unauthorized\", auth: \"not present\"",
        &[Watcher, NoLogin],
    ),
    (
        "fatal: [host]: FAILED! => {\"changed\": false, \"msg\": \"Logging into ghcr.io for user octocat failed - 500 Server Error for \
         http+docker://localhost/v1.41/auth: Internal Server Error (\\\"Get \\\"https://ghcr.io/v2/\\\": denied: denied\\\")\"}",
        REFUSED_LOGIN,
    ),
    (
        "Unable to gather info for ghcr.io: Error: authenticating creds for \"ghcr.io\": Requesting bearer token: invalid status code from \
         registry 403 (Forbidden)",
        REFUSED_LOGIN,
    ),
    (" ✘ app Error Head \"https://ghcr.io/v2/o/n/manifests/1\": denied          1.2s", &[NoSuchPackage]),
    // The registry itself.
    ("{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}\n", NO_LOGIN),
    (
        "{\n  \"errors\": [\n    {\n      \"code\": \"DENIED\",\n      \"message\": \"requested access to the resource is denied\"\n    }\n  ]\n}",
        NO_RIGHT,
    ),
    (r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#, &[DeadLogin, DeadLoginOnPublic, Mangled]),
    (r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication token not provided"}]}"#, &[NoLogin, Watcher]),
    (
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but Accept header does not support OCI indexes"}]}"#,
        &[OldClient],
    ),
    (r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#, &[BadAnswer]),
    (r#"{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}"#, &[BadAnswer]),
    (
        r#"{"errors":[{"code":"REQUESTED_RANGE_NOT_SATISFIABLE","message":"the request body is too large and exceeds the maximum permissible limit of 4.00MiB"}]}"#,
        &[OldClient],
    ),
    (
        r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 985.86µs, allowed: 44000/minute"}]}"#,
        &[RateLimit],
    ),
    (r#"WWW-Authenticate: Bearer realm="https://ghrc.io/token",service="ghrc.io""#, &[LookAlike]),
    (
        r#"Error response from daemon: Head "https://ghrc.io/v2/o/n/manifests/1": unauthorized"#,
        &[LookAlike, NoLogin, DeadLogin],
    ),
    (
        "Error response from daemon: Head \"https://docker.pkg.github.com/v2/o/r/n/manifests/1\": unauthorized",
        &[LegacyHost, NoLogin, DeadLogin],
    ),
    // GitHub's API.
    (
        r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#,
        &[DeadLogin, Mangled],
    ),
    (
        "{\"message\":\"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this \
         organization.\"}",
        &[Sso],
    ),
    ("X-GitHub-SSO: required; url=https://github.com/orgs/o/sso?authorization_request=A", &[Sso]),
    (
        "`o` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with \
         fine-grained permissions.",
        &[TokenPolicy],
    ),
    (
        "The 'o' enterprise forbids access via a personal access tokens (classic) if the token's lifetime is greater than 365 days. Please \
         adjust your token's lifetime at the following URL: https://github.com/settings/tokens/1",
        &[TokenPolicy],
    ),
    (
        "The 'o' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 366 days.",
        &[TokenPolicy, FineGrained],
    ),
    (
        "Although you appear to have the correct authorization credentials, the `o` organization has an IP allow list enabled, and your IP \
         address is not permitted to access this resource.",
        &[IpAllowList],
    ),
    ("Resource not accessible by integration", &[Workflow, Installation]),
    // The name, and the way.
    ("invalid reference format: repository name (o/App) must be lowercase", &[UpperCase]),
    ("docker: invalid reference format.", &[BadReference, UpperCase]),
    ("bash: docker: command not found", &[NoEngine]),
    ("x509: certificate signed by unknown authority", &[Tls]),
    (
        "Get \"https://ghcr.io/v2/\": x509: certificate has expired or is not yet valid: current time 2019-01-01T00:00:00Z is before \
         2026-01-01T00:00:00Z",
        &[ClockSkew, Tls],
    ),
    (
        "Get \"https://ghcr.io/v2/\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time \
         2031-01-01T00:00:00Z is after 2027-01-01T00:00:00Z",
        &[Tls, ClockSkew],
    ),
    (
        "Error response from daemon: Get \"https://ghcr.io/v2/\": net/http: request canceled while waiting for connection (Client.Timeout \
         exceeded while awaiting headers)",
        &[Proxy, Unreachable],
    ),
    (
        "Error response from daemon: Get \"https://ghcr.io/v2/\": proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused",
        &[Proxy],
    ),
    ("dial tcp 140.82.121.33:443: connect: network is unreachable", &[Ipv6Only, Unreachable]),
    ("dial tcp [2606:50c0:8000::154]:443: connect: network is unreachable", &[Unreachable]),
    (
        "Error response from daemon: Get \"https://ghcr.io/v2/\": dial tcp: lookup ghcr.io on 127.0.0.53:53: no such host",
        &[NoAddress],
    ),
    ("curl: (6) Could not resolve host: ghcr.io", &[NoAddress]),
    (
        "Error response from daemon: Get \"https://ghcr.io/v2/\": dial tcp 140.82.121.33:443: i/o timeout",
        &[Unreachable, Proxy],
    ),
    ("Error response from daemon: Get \"https://ghcr.io/v2/\": EOF", &[Unreachable, Proxy]),
    ("Get \"https://192.0.2.1:5000/v2/\": http: server gave HTTP response to HTTPS client", &[PlainHttp]),
    (
        "Error response from daemon: error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: \"<html>\"",
        &[NotARegistry, Proxy],
    ),
    // Bare words.
    ("denied: denied", &[DeadLogin, DeadLoginOnPublic, Mangled]),
    ("denied", NO_RIGHT),
    ("denied: permission denied", NO_RIGHT),
    ("unauthorized", PODMAN_BARE),
    ("unauthorized: authentication required", PODMAN_BARE),
    ("DENIED: requested access to the resource is denied", NO_RIGHT),
];

const PODMAN_BARE: &[Cause] = &[NoLogin, OtherUser, RuntimeFile];
