//! Causes that lie in the token.

use super::Entry;
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::Mangled,
        slug: "mangled-token",
        title: "the token was not copied whole",
        meaning: "A character is missing, or something came along: a blank, quotes, `Bearer `, a line break of `echo` or of base64. \
                  GitHub's tokens end in a checksum, so this can be told without asking anybody. To the registry it is a dead token.",
        texts: &[
            "Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied",
            "net/http: invalid header field value for \"Authorization\"",
        ],
        told_by: "Prefix, length and checksum of the token. Nothing is sent.",
        fixes: &[
            "copy it again; it cannot be looked up, so make a new one if it is gone: `https://github.com/settings/tokens`",
            "look at what you have: `pullpass token inspect`",
        ],
    },
    Entry {
        cause: Cause::Password,
        slug: "account-password",
        title: "a password where a token belongs",
        meaning: "ghcr.io takes no passwords of accounts. It answers them as it answers a dead token.",
        texts: &[
            "Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied",
            "authenticating creds for \"ghcr.io\": Requesting bearer token: invalid status code from registry 403 (Forbidden)",
        ],
        told_by: "What is stored has none of the prefixes of GitHub's tokens, and the registry refuses it.",
        fixes: &[
            "make a token: `https://github.com/settings/tokens/new?scopes=read:packages`",
            "log in with it: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::FineGrained,
        slug: "fine-grained-token",
        title: "a fine-grained token, which ghcr.io does not take",
        meaning: "Tokens that begin with `github_pat_` open no packages of ghcr.io, whatever permissions they have. The login may \
                  succeed all the same; it is the pull that is denied.",
        texts: &[
            "denied: permission_denied: The token provided does not match expected scopes.",
            "Error response from daemon: denied",
        ],
        told_by: "The prefix of the token. Nothing is sent.",
        fixes: &[
            "make a classic token: `https://github.com/settings/tokens/new?scopes=read:packages`",
            "log in with it: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::WrongKind,
        slug: "wrong-kind",
        title: "a token of a kind that is no registry password",
        meaning: "A refresh token (`ghr_`) only serves to get other tokens, and a token of a pullpass server (`ppt_`) opens no \
                  packages of GitHub's. The registry refuses both as it refuses a dead one.",
        texts: &["Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied"],
        told_by: "The prefix of the token, and the registry for which it is stored. Nothing is sent.",
        fixes: &["make a token for this registry, and log in with it: `pullpass login REGISTRY -u USER`"],
    },
    Entry {
        cause: Cause::NoReadScope,
        slug: "no-read-scope",
        title: "the token lacks the scope `read:packages`",
        meaning: "The token is alive, so the login succeeds, but it may not download packages. The tokens that `gh auth login` \
                  makes have no scope for packages unless they are asked for it.",
        texts: &[
            "denied: permission_denied: The token provided does not match expected scopes.",
            "denied: permission_denied: read_package",
            "Error response from daemon: denied",
        ],
        told_by: "GitHub's API lists the scopes of a token (`X-OAuth-Scopes`); neither `read:packages` nor `write:packages` is among them.",
        fixes: &[
            "tick `read:packages` at `https://github.com/settings/tokens`: the token stays the same",
            "or make a new one at `https://github.com/settings/tokens/new?scopes=read:packages`, and log in with it",
            "for the token of `gh`: `gh auth refresh -h github.com -s read:packages`",
        ],
    },
    Entry {
        cause: Cause::NoWriteScope,
        slug: "no-write-scope",
        title: "the token lacks the scope `write:packages`",
        meaning: "The token may download packages and not upload them. Pulls succeed; the push is denied at its first layer.",
        texts: &[
            "denied: permission_denied: The token provided does not match expected scopes.",
            "denied: permission_denied: write_package",
        ],
        told_by: "GitHub's API lists the scopes of the token; `write:packages` is not among them.",
        fixes: &[
            "tick `write:packages` at `https://github.com/settings/tokens`: the token stays the same",
            "or make a new one: `https://github.com/settings/tokens/new?scopes=write:packages`",
        ],
    },
    Entry {
        cause: Cause::Installation,
        slug: "installation-token",
        title: "a token of a GitHub App, which opens no package",
        meaning: "A token that begins with `ghs_` speaks for the installation of a GitHub App. The login succeeds, but ghcr.io lets \
                  no app but GitHub's own Actions read packages, whatever permissions it has.",
        texts: &[
            "denied: installation not allowed to Read organization package",
            "denied: installation not allowed to Write organization package",
            "denied: permission_denied: The requested installation does not exist.",
        ],
        told_by: "The prefix `ghs_`, a token request that succeeds, and a manifest that is denied.",
        fixes: &[
            "use a classic token of an account of its own: `https://github.com/settings/tokens/new?scopes=read:packages`",
            "or pull through a registry of your own: `pullpass serve`",
        ],
    },
    Entry {
        cause: Cause::Workflow,
        slug: "workflow-token",
        title: "a workflow's token, used on another package or after its job",
        meaning: "`GITHUB_TOKEN` ends with the job that it was made for, and opens the packages of its own repository and those that \
                  let that repository in. On a server it is dead minutes after it was stored.",
        texts: &[
            "denied: installation not allowed to Read organization package",
            "denied: installation not allowed to Write organization package",
            "denied: permission_denied: The requested installation does not exist.",
            "denied: permission_denied: read_package",
        ],
        told_by: "The prefix `ghs_`. When the token request is refused, its job is over; when only the manifest is denied, the package does \
                  not let its repository in.",
        fixes: &[
            "let the repository in: package settings, Manage Actions access, at \
             `https://github.com/orgs/OWNER/packages/container/NAME/settings`",
            "in the workflow: `permissions: packages: read`",
            "on a host: log in with a classic token: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::NotActiveYet,
        slug: "not-active-yet",
        title: "the token is too new",
        meaning: "A token works at once most of the time, but it can take minutes until every part of GitHub knows it. Until then it \
                  is answered like a dead one.",
        texts: &["Error response from daemon: Get \"https://ghcr.io/v2/\": denied: denied"],
        told_by: "The checksum is right and GitHub's API knows the token, but the registry refuses it.",
        fixes: &[
            "try until it works, at most five minutes: `pullpass login REGISTRY -u USER --wait 5m`",
            "do not try in quick succession: GitHub locks an account out for a while after many refused logins",
        ],
    },
    Entry {
        cause: Cause::Expiring,
        slug: "expires-soon",
        title: "the token ends soon",
        meaning: "GitHub revokes the token at the end of its life, and from that moment every pull with it fails, of public images \
                  too. Nothing fails yet.",
        texts: &[],
        told_by: "GitHub's API says when the token ends (`github-authentication-token-expiration`).",
        fixes: &[
            "make the next one now: `https://github.com/settings/tokens`, and `pullpass login REGISTRY -u USER` on every host",
            "be told in time: `pullpass status --all-users --github --warn-days 14` from cron or a timer",
        ],
    },
    Entry {
        cause: Cause::Lockout,
        slug: "lockout",
        title: "GitHub refuses every login of this account for a while",
        meaning: "After several refused logins in a short time GitHub answers every login of that account with 403, right ones too. \
                  A host that tries a dead token again and again does this to all other hosts.",
        texts: &[],
        told_by: "The checksum of the token is right, and GitHub's API answers 403 in place of `Bad credentials` or of the account.",
        fixes: &[
            "wait, and stop what tries again and again: `pullpass status --all-users` shows every copy of the token",
            "then try once: `pullpass verify REGISTRY/OWNER/NAME`",
        ],
    },
];
