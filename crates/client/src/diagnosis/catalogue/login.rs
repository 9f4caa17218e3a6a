//! Causes that lie in the logins that this host keeps.

use super::Entry;
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::NoLogin,
        slug: "no-login",
        title: "there is no login, and the image is private",
        meaning: "The engine asked without a credential, and the registry says that this image takes one. Docker \
                  prints the bare word of the registry; Podman speaks of an invalid password although it sent none.",
        texts: &[
            "Error response from daemon: Head \"https://ghcr.io/v2/…/manifests/…\": unauthorized",
            "error from registry: unauthorized\nunauthorized",
            "unable to retrieve auth token: invalid username/password: unauthorized: authentication required",
            "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?…: 401 Unauthorized",
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}",
        ],
        told_by: "A token request without a credential is answered 401 (an image that does not exist is answered 403), and \
                  no store that the engine reads has a login for this registry.",
        fixes: &[
            "log in as the user who pulls: `pullpass login REGISTRY -u USER`",
            "or let the image's owner make it public, at `https://github.com/users/OWNER/packages/container/NAME/settings` or \
             `https://github.com/orgs/OWNER/packages/container/NAME/settings`",
        ],
    },
    Entry {
        cause: Cause::DeadLogin,
        slug: "dead-login",
        title: "the stored token is dead",
        meaning: "The token has expired, was revoked, or was never right. ghcr.io answers that with 403 and the one word \
                  `denied`, so clients print `denied: denied` and it looks like a missing right. No program can renew the \
                  token; somebody has to make a new one.",
        texts: &[
            "Error response from daemon: Head \"https://ghcr.io/v2/…/manifests/…\": denied: denied",
            "Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied",
            "error from registry: denied",
            "GET https://ghcr.io/token?service=ghcr.io: DENIED: denied",
            "failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?…: 403 Forbidden",
            "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
            "unauthenticated: User cannot be authenticated with the token provided.",
            "{\"message\":\"Bad credentials\"}",
        ],
        told_by: "The token request with the stored token is refused, and the one without a credential is answered 401. \
                  GitHub's API says `Bad credentials` to the same token.",
        fixes: &[
            "make a new token at `https://github.com/settings/tokens/new?scopes=read:packages`",
            "store it: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::DeadLoginOnPublic,
        slug: "dead-login-on-public",
        title: "a dead token keeps a public image shut",
        meaning: "Everybody may pull this image, but the engine sends the login that it has, and ghcr.io refuses a dead \
                  token before it looks at the image. With no login at all the pull would succeed.",
        texts: &[
            "Error response from daemon: Head \"https://ghcr.io/v2/…/manifests/…\": denied: denied",
            "failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?…: 403 Forbidden",
            "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        ],
        told_by: "The token request without a credential succeeds, and the one with the stored token is refused.",
        fixes: &[
            "remove the dead login: `pullpass logout REGISTRY`",
            "or put a new token in its place: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::ShadowedLogin,
        slug: "shadowed-login",
        title: "an older login goes before the new one",
        meaning: "There is a good login on this host, and an engine finds another one first: in a file, a helper or the \
                  variable `DOCKER_AUTH_CONFIG` that it reads earlier. The rotation of the token looks as if it had done nothing.",
        texts: &[],
        told_by: "The login that the engine uses and the other one have different fingerprints; the first is refused and the \
                  second accepted.",
        fixes: &[
            "see which login each engine uses, and why: `pullpass status REGISTRY`",
            "remove all of them and log in once: `pullpass logout REGISTRY`, then `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::WrongRegistry,
        slug: "login-at-docker-hub",
        title: "the token is stored for Docker Hub",
        meaning: "`docker login` without a registry logs in to Docker Hub, and `docker logout` without one logs out there. \
                  A GitHub token that is stored there is sent to Docker Hub and never to ghcr.io.",
        texts: &["Removing login credentials for https://index.docker.io/v1/"],
        told_by: "The entry `https://index.docker.io/v1/` holds a token with one of GitHub's prefixes, and there is none for \
                  the registry of the image.",
        fixes: &[
            "name the registry: `pullpass login REGISTRY -u USER`",
            "take the token away from Docker Hub's entry: `docker logout`",
        ],
    },
    Entry {
        cause: Cause::KeySpelling,
        slug: "key-spelling",
        title: "the login is under a key that is not looked under",
        meaning: "A file or a helper can hold a login for `https://ghcr.io`, `ghcr.io/OWNER` or `ghcr.io`, and not every \
                  engine looks under each of them. Docker knows one login for each host; Podman knows one for each path \
                  as well. A logout with another spelling reports success and removes nothing.",
        texts: &[],
        told_by: "A store has an entry that names this registry, and the engine's own rules do not lead to it.",
        fixes: &[
            "see every entry as it is spelled: `pullpass status REGISTRY`",
            "write it anew under the usual key: `pullpass logout REGISTRY`, then `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::TwoIdentities,
        slug: "two-identities",
        title: "the engine uses another account's login",
        meaning: "This host has logins of several accounts. Docker keeps one for each registry, so that the last login wins; \
                  Podman takes the entry with the longest path that fits. The one that is used is alive, but it is not the \
                  one that may read this package.",
        texts: &[],
        told_by: "The login that the engine uses is denied this image, and another login of this host opens it.",
        fixes: &[
            "Podman: keep both, each under its owner: `pullpass login REGISTRY/OWNER -u USER --podman`",
            "Docker: give each a directory of its own: `pullpass login REGISTRY -u USER --config DIR`, and run `docker --config DIR pull …`",
            "or give one account a read role on both packages",
        ],
    },
    Entry {
        cause: Cause::RawAuth,
        slug: "raw-token-in-auth",
        title: "`auth` holds the bare token in place of base64 of `user:token`",
        meaning: "The field `auth` of a login is base64 of the user, a colon and the token. Somebody wrote the token itself \
                  there, or base64 of the token alone, and clients either cannot decode it or send something else.",
        texts: &["invalid auth configuration file", "illegal base64 data at input byte …"],
        told_by: "The value of `auth` in the file is itself shaped like a token, or has no colon when it is decoded. Nothing \
                  is sent to find this out.",
        fixes: &[
            "write it anew: `pullpass logout REGISTRY`, then `pullpass login REGISTRY -u USER`",
            "revoke the token if others could read that file: `https://github.com/settings/tokens`",
        ],
    },
    Entry {
        cause: Cause::BrokenStore,
        slug: "broken-store",
        title: "a store of logins cannot be read",
        meaning: "The file is no JSON, an entry in it is damaged, or this user may not read it. Podman then refuses every \
                  pull; Docker warns and goes on without any login, and the next `docker login` writes the file anew.",
        texts: &[
            "WARNING: Error loading config file: …",
            "invalid auth configuration file",
            "illegal base64 data at input byte …",
            "credential file is not accessible: faccessat …: no such file or directory",
        ],
        told_by: "The file is read and decoded entry by entry, by the rules of each engine.",
        fixes: &[
            "put it aside and begin a new one: `pullpass login REGISTRY -u USER --repair`",
            "see what is in it: `pullpass status`",
        ],
    },
    Entry {
        cause: Cause::HelperShadows,
        slug: "helper-shadows",
        title: "a credential helper goes before the file",
        meaning: "`credHelpers` and `credsStore` of Docker's file name a program that keeps the logins. While it is named, a \
                  login in the file itself is not looked at, even if the program has an older one or none.",
        texts: &["credentials not found in native keychain"],
        told_by: "The helper that the file names is asked for this registry, and its answer is compared with the file's entry.",
        fixes: &[
            "store the login where the engine looks, in the helper: `pullpass login REGISTRY -u USER`",
            "or take the helper out of the file, if it is not wanted",
        ],
    },
    Entry {
        cause: Cause::HelperBroken,
        slug: "helper-broken",
        title: "the credential helper is missing or fails",
        meaning: "Docker's file names a program that keeps the logins, and this program is not installed, not on this user's \
                  path, or has no keyring to open, as on a host without a desktop. Every pull fails then, of public images too.",
        texts: &[
            "error getting credentials - err: exit status 1, out: `…`",
            "error getting credentials - err: exec: \"docker-credential-…\": executable file not found in $PATH, out: ``",
            "Error saving credentials: error storing credentials - err: …, out: `…`",
            "The name org.freedesktop.secrets was not provided by any .service files",
            "Cannot autolaunch D-Bus without X11 $DISPLAY",
        ],
        told_by: "The helper is run as the engine would run it, and its exit code and answer are looked at. No registry is asked.",
        fixes: &[
            "use an encrypted store that needs no desktop: `pullpass helper install`",
            "or remove `credsStore` or the registry's line in `credHelpers` from `~/.docker/config.json`, and log in again",
        ],
    },
    Entry {
        cause: Cause::OtherUser,
        slug: "other-user",
        title: "the login is another user's of this host",
        meaning: "A login belongs to the user who made it. `sudo docker pull` reads root's file, and a service reads that of \
                  the user as whom it runs; neither sees yours.",
        texts: &[],
        told_by: "The user who pulls has no login that works, and another user of this host has one.",
        fixes: &[
            "log in as the user who pulls: `sudo pullpass login REGISTRY -u USER`",
            "see everybody's logins: `sudo pullpass status REGISTRY --all-users`",
        ],
    },
    Entry {
        cause: Cause::Snap,
        slug: "snap-docker",
        title: "Docker is a snap, which has a home of its own",
        meaning: "Docker from the snap store reads `~/snap/docker/REVISION/.docker/config.json` and not `~/.docker/config.json`. \
                  An update of the snap may come with a new directory.",
        texts: &[],
        told_by: "`docker` is a program of `/snap`, and the login is in a file that it does not read.",
        fixes: &[
            "log in with the snap's own client: `docker login REGISTRY -u USER`",
            "or install Docker from its own packages: `https://docs.docker.com/engine/install/`",
        ],
    },
    Entry {
        cause: Cause::RuntimeFile,
        slug: "login-lost-at-reboot",
        title: "Podman's login was kept in memory, which is empty now",
        meaning: "Podman writes logins to `$XDG_RUNTIME_DIR/containers/auth.json`, which lies in memory. A reboot empties it, \
                  and so does the end of the user's last session. Then there is no login, and a private image is `unauthorized`.",
        texts: &["unable to retrieve auth token: invalid username/password: unauthorized"],
        told_by: "Podman's first file is missing or empty, and no later one has a login for this registry.",
        fixes: &[
            "log in to the file that stays: `pullpass login REGISTRY -u USER --podman --persistent`",
            "keep the user's session: `loginctl enable-linger`",
        ],
    },
    Entry {
        cause: Cause::DockerFallback,
        slug: "dockers-dead-login",
        title: "Podman uses a dead login of Docker's",
        meaning: "When Podman's own files have no login, Podman takes the one of `~/.docker/config.json`. `podman logout` leaves \
                  that alone, so a dead token there is sent although Podman is logged out.",
        texts: &[
            "Not logged into ghcr.io with current tool. Existing credentials were established via docker login. Please use docker \
             logout instead.",
            "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        ],
        told_by: "Of the files that Podman reads, Docker's is the first with a login for this registry, and its token is refused.",
        fixes: &[
            "remove it from every store: `pullpass logout REGISTRY`",
            "or log Podman in: `pullpass login REGISTRY -u USER --podman`",
        ],
    },
    Entry {
        cause: Cause::Service,
        slug: "service-without-login",
        title: "a service pulls without a login",
        meaning: "A unit, a quadlet or a timer runs as root or as a user of its own, mostly without `XDG_RUNTIME_DIR` and `HOME`. \
                  It does not read the files in which your own login is.",
        texts: &[
            "checking image updates for container …: unable to retrieve auth token: invalid username/password: unauthorized",
        ],
        told_by: "The unit names an image of this registry, and with its user and environment no store has a login that works.",
        fixes: &[
            "log in for it: `sudo pullpass login REGISTRY -u USER --authfile /etc/containers/auth.json`",
            "and name that file in the unit: `Environment=REGISTRY_AUTH_FILE=/etc/containers/auth.json`",
        ],
    },
    Entry {
        cause: Cause::Watcher,
        slug: "watcher-without-login",
        title: "a program that watches for new images has no login",
        meaning: "Watchtower, Diun, WUD, Keel, Portainer and their like ask the registry themselves. They have a configuration of \
                  their own, or a file that was mounted into their container, and do not use the login with which `docker pull` \
                  works. Some send the token in a way that ghcr.io does not take, and get `invalid token`.",
        texts: &["{\"errors\":[{\"code\":\"DENIED\",\"message\":\"invalid token\"}]}"],
        told_by: "The Compose files of this directory, and of those in `/opt` and `/srv`, start such a program and the image, and no \
                  variable or mounted file gives the program a login that works.",
        fixes: &[
            "mount the file with the login into its container: `-v ~/.docker/config.json:/config.json:ro`, at the path that its manual names",
            "and start it again after each new token",
        ],
    },
    Entry {
        cause: Cause::PullSecret,
        slug: "kubernetes-login",
        title: "the login that Kubernetes has does not work",
        meaning: "A pod's images are pulled with the secrets that its `imagePullSecrets` names, of its own namespace, and with \
                  what the node has. The word in the event tells which it is: `anonymous token` says that no secret was found \
                  for this registry, `oauth token` that one was sent and refused.",
        texts: &[
            "Failed to pull image \"…\": … failed to authorize: failed to fetch anonymous token: … 401 Unauthorized",
            "Failed to pull image \"…\": … failed to authorize: failed to fetch oauth token: … 403 Forbidden",
            "Back-off pulling image \"…\"",
            "FailedToRetrieveImagePullSecret",
        ],
        told_by: "The logins of the node are tried: those of k3s, RKE2, the kubelet and a credential provider. In an event, the word \
                  `anonymous` or `oauth` tells.",
        fixes: &[
            "write a secret from the login of this host, into the pod's namespace: `pullpass status REGISTRY --as-pull-secret | \
             kubectl apply -n default -f -`",
            "and name it there: `kubectl patch serviceaccount default -n default -p \
             '{\"imagePullSecrets\":[{\"name\":\"SECRET\"}]}'`",
        ],
    },
    Entry {
        cause: Cause::ReadableByOthers,
        slug: "readable-by-others",
        title: "others on this host can read the login",
        meaning: "The file holds the token in base64, which is no encryption, and its mode lets other users of this host read it. \
                  No pull fails because of it.",
        texts: &[],
        told_by: "The mode and the owner of the file and of its directory.",
        fixes: &["let nobody else read it: `chmod 600 FILE`", "or keep logins encrypted: `pullpass helper install`"],
    },
];
