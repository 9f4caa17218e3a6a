//! Causes that lie in the package, in its organization, and in how the image is called.

use super::Entry;
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::NoSuchPackage,
        slug: "no-such-package",
        title: "there is no such package",
        meaning: "The owner or the name is mistyped, was renamed, or the package was never pushed or is deleted. ghcr.io does not \
                  say `not found`: without a login the answer is `denied`, and with one it looks like a missing right.",
        texts: &[
            "Error response from daemon: Head \"https://ghcr.io/v2/…/manifests/…\": denied",
            "error from registry: denied\ndenied",
            "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?…: 403 Forbidden",
            "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
            "requested access to the resource is denied",
        ],
        told_by: "A token request without a credential is answered 403 (a private package is answered 401), or GitHub's API \
                  knows no such owner.",
        fixes: &[
            "compare the name with what is there: `https://github.com/OWNER?tab=packages` or `https://github.com/orgs/OWNER/packages`",
            "if the name is right and it was pushed, ask its owner whether it was deleted or renamed",
        ],
    },
    Entry {
        cause: Cause::NoSuchTag,
        slug: "no-such-tag",
        title: "the package has no such tag",
        meaning: "The login is right and may read the package. It holds nothing under this tag or digest: the tag is mistyped, was \
                  deleted, or was not pushed yet. An image without a tag means `latest`, which need not exist.",
        texts: &[
            "manifest unknown",
            "manifest for … not found: manifest unknown: manifest unknown",
            "reading manifest … in ghcr.io/…: manifest unknown",
        ],
        told_by: "The manifest is answered 404, and the list of tags is given.",
        fixes: &["list the tags: `skopeo list-tags docker://REGISTRY/OWNER/NAME`"],
    },
    Entry {
        cause: Cause::NoRole,
        slug: "no-role",
        title: "the account has no read role on the package",
        meaning: "The token is alive and has the right scope, and its account is not among those who may read this package. A \
                  package has its own list of them, or has that of the repository to which it is linked. ghcr.io answers the same \
                  when there is no package of this name.",
        texts: &[
            "Error response from daemon: denied",
            "Error response from daemon: denied: requested access to the resource is denied",
            "unknown: failed to resolve reference \"…\": unexpected status from HEAD request to https://ghcr.io/v2/…: 403 Forbidden",
            "reading manifest … in ghcr.io/…: denied",
        ],
        told_by: "The token request succeeds, the manifest is denied, GitHub's API shows the account and the scope, and without a \
                  credential the answer is 401: so the package exists.",
        fixes: &[
            "let its owner give the account or a team the role Read: `https://github.com/orgs/OWNER/packages/container/NAME/settings`",
            "or use a token of an account that has it: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::Sso,
        slug: "sso",
        title: "the token is not authorised for the organization's single sign-on",
        meaning: "The organization lets a classic token in only after its owner has authorised it for the organization. The token \
                  opens everything else, which makes this look like a missing right.",
        texts: &[
            "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
            "Error response from daemon: denied",
            "unauthorized",
        ],
        told_by: "GitHub's API answers the organization's package with 403 and the header `X-GitHub-SSO`, which has the address to open.",
        fixes: &[
            "`Configure SSO` beside the token: `https://github.com/settings/tokens`",
            "nothing has to be stored anew: the token stays the same",
        ],
    },
    Entry {
        cause: Cause::TokenPolicy,
        slug: "token-policy",
        title: "the organization forbids this kind of token, or so long a life",
        meaning: "An organization or its enterprise can shut classic tokens out, or those that live longer than so many days. The \
                  token goes on working everywhere else.",
        texts: &[
            "`OWNER` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access \
             token with fine-grained permissions.",
            "The 'OWNER' enterprise forbids access via a personal access tokens (classic) if the token's lifetime is greater than \
             … days.",
            "The 'OWNER' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater \
             than … days.",
        ],
        told_by: "GitHub's API answers the organization's package with 403 and this sentence.",
        fixes: &[
            "when it is the lifetime: shorten it, or make a token with a shorter one: `https://github.com/settings/tokens`",
            "when it is the kind: an OAuth token may open it: `gh auth refresh -h github.com -s read:packages`, then \
             `gh auth token | pullpass login REGISTRY -u USER --password-stdin`",
        ],
    },
    Entry {
        cause: Cause::OauthApp,
        slug: "oauth-app-not-approved",
        title: "the organization has not approved the OAuth app of this token",
        meaning: "A token that begins with `gho_` was made by an OAuth app, such as `gh`. It opens your own packages, and those of an \
                  organization only when the organization has approved that app.",
        texts: &["Error response from daemon: denied"],
        told_by: "The prefix `gho_`, scopes that are right, and GitHub's API answers 403 or 404 for this organization's package alone.",
        fixes: &[
            "ask an owner of the organization to approve the app: `https://github.com/organizations/OWNER/settings/oauth_application_policy`",
            "or use a classic token: `https://github.com/settings/tokens/new?scopes=read:packages`",
        ],
    },
    Entry {
        cause: Cause::IpAllowList,
        slug: "ip-allow-list",
        title: "the organization does not let this address in",
        meaning: "The organization has a list of the addresses from which its private packages may be read, and this host, or the \
                  proxy behind which it is, is not on it. The same token works elsewhere.",
        texts: &[
            "Although you appear to have the correct authorization credentials, the `OWNER` organization has an IP allow list \
             enabled, and your IP address is not permitted to access this resource.",
            "Error response from daemon: denied",
        ],
        told_by: "GitHub's API answers the organization's package with 403 and this sentence.",
        fixes: &[
            "let an owner add the address with which this host goes out: `https://github.com/organizations/OWNER/settings/security`",
        ],
    },
    Entry {
        cause: Cause::NotLinked,
        slug: "package-not-linked",
        title: "no right to write to this package",
        meaning: "A push takes the role Write. A workflow has it on packages that its own repository made or that let it in; one \
                  that was first pushed by hand, or whose repository was made anew, does not know the repository.",
        texts: &[
            "denied: permission_denied: write_package",
            "denied: installation not allowed to Write organization package",
            "denied: requested access to the resource is denied",
        ],
        told_by: "The token may write packages, and opening an upload is denied. GitHub's API says to which repository the package is linked.",
        fixes: &[
            "let the repository write: package settings, Manage Actions access, at \
             `https://github.com/orgs/OWNER/packages/container/NAME/settings`",
            "in the workflow: `permissions: packages: write`",
            "link new images to their repository: `LABEL org.opencontainers.image.source=https://github.com/OWNER/REPOSITORY`",
        ],
    },
    Entry {
        cause: Cause::NoCreation,
        slug: "creation-disabled",
        title: "no right to create packages in this organization",
        meaning: "The first push of a name creates a package, and the organization keeps that from its members, or this account from \
                  being one. Pushes to packages that are there already succeed.",
        texts: &[
            "denied: permission_denied: create_package",
            "denied: installation not allowed to Create organization package",
        ],
        told_by: "There is no package of this name yet, and opening an upload is denied with this text.",
        fixes: &[
            "let an owner allow it: Packages, Package Creation, at `https://github.com/organizations/OWNER/settings/packages`",
            "or let an owner push the first image and give you the role Write",
        ],
    },
    Entry {
        cause: Cause::UpperCase,
        slug: "upper-case",
        title: "the name of the image is not in lower case",
        meaning: "GitHub's owners and repositories may have capitals, names of images may not. The client refuses the name before it \
                  asks any registry.",
        texts: &[
            "invalid reference format: repository name (…) must be lowercase",
            "repository name must be lowercase",
        ],
        told_by: "The reference itself. Nothing is sent.",
        fixes: &[
            "write it in lower case; to GitHub it is the same owner",
            "in a workflow: `echo \"IMAGE=${IMAGE,,}\" >> \"$GITHUB_ENV\"`",
        ],
    },
    Entry {
        cause: Cause::BadReference,
        slug: "bad-reference",
        title: "no reference of an image",
        meaning: "A reference is REGISTRY/OWNER/NAME:TAG, without `https://` and blanks. An empty variable in a compose file or a \
                  script, as in `ghcr.io/owner/app:`, is the usual reason.",
        texts: &["invalid reference format", "could not parse reference: …"],
        told_by: "The reference itself. Nothing is sent.",
        fixes: &[
            "write it as `REGISTRY/OWNER/NAME:TAG`",
            "see what a compose file makes of its variables: `docker compose config --images`",
        ],
    },
    Entry {
        cause: Cause::OldClient,
        slug: "old-client",
        title: "the client does not know this format of image",
        meaning: "The image is there, and is stored in a format that came after this client. A registry then answers that it is not \
                  there, or the client says that it does not know what it was given.",
        texts: &[
            "OCI index found, but Accept header does not support OCI indexes",
            "unsupported manifest media type and no default available: …",
            "missing signature key",
        ],
        told_by: "The manifest is there when all formats are asked for, and is none that this engine's version knows.",
        fixes: &["update the client: `docker version` and `podman version` say which one it is"],
    },
    Entry {
        cause: Cause::NoPlatform,
        slug: "no-platform",
        title: "there is no image for this platform",
        meaning: "A tag can stand for several images, one for each platform, and none of them is for this machine. The login has \
                  nothing to do with it.",
        texts: &[
            "no matching manifest for … in the manifest list entries",
            "no image found in image index for architecture …, variant …, OS …",
            "no match for platform in manifest: not found",
        ],
        told_by: "The index is given, and lists no image for this operating system and processor.",
        fixes: &[
            "see which there are: `pullpass verify REGISTRY/OWNER/NAME:TAG`",
            "take another one, if this machine can run it: `docker pull --platform linux/amd64 REGISTRY/OWNER/NAME:TAG`",
        ],
    },
];
