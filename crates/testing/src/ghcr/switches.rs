//! Where the public evidence about ghcr.io is missing, old or contradicts itself.

use std::time::Duration;

use super::policies::PolicyRefusal;

/// What ghcr.io does where nobody is sure. The defaults follow the newest evidence; each field names it.
#[derive(Clone, Debug)]
pub struct Switches {
    /// The status of `POST /token`. containerd always tries it first and goes on with `GET` after 400, 401, 404 or 405;
    /// every failure that was reported names the `GET`, so it is one of the four. Which one is unknown. Default 405.
    pub post_token: u16,
    /// Whether `/token` refuses a living token without a packages scope, and fine-grained ones, as one public script
    /// claims. Default no: "login works; says nothing about pull right" (jikig-ai/soleur#6073, 2026-07).
    pub token_checks_scopes: bool,
    /// Whether the bearer token for a credential is just the credential in base64, which is accepted as well. Default
    /// no: opaque (radius-project/radius#12623, 2026-08).
    pub bearer_is_the_credential: bool,
    /// How long a bearer token lives. Nothing is announced, and clients assume 60 seconds. Default `None`: for ever.
    pub bearer_lifetime: Option<Duration>,
    /// Whether `Authorization: Basic` on `/v2/` itself gets the challenge, as one public script says. Default no: 403
    /// `invalid token`, as on every other path (argoproj-labs/argocd-image-updater#303, 2021-11).
    pub basic_on_root_is_challenged: bool,
    /// Whether any base64 that is no credential reads public content, such as `Bearer QQ==`. Default yes
    /// (Homebrew/brew#11066, 2021-04; nothing newer).
    pub any_base64_reads_public: bool,
    /// Whether a token without a packages scope is refused for public packages too. Default yes: community discussion
    /// 25426 (2020; nothing newer).
    pub public_needs_scope: bool,
    /// Whether `/v2/_catalog` lists what a credential may read, as a page of HarborGuard says. Default no: not
    /// implemented (Octopus #6567).
    pub lists_catalog: bool,
    /// Whether the referrers API leads to a page of github.com with a cut digest (artifacthub/hub#4785, 2026-04). Default
    /// no: 404 without `OCI-Subject` (actions/attest-build-provenance#71, 2024), because a stand-in must not lead
    /// programs to the real github.com unless a test is about just that.
    pub redirects_referrers: bool,
    /// How long the signed address of a blob works. Default 300 seconds (containerd/stargz-snapshotter#167, 2020, when
    /// the storage was another).
    pub signed_url_lifetime: Duration,
    /// Whether api.github.com answers `GET /user` to an installation token. Default no: 403 "Resource not accessible by
    /// integration", from memory.
    pub installations_have_a_user: bool,
    /// After how many bad tries GitHub refuses every credential of an account. Default 10: its documentation
    /// ("Authenticating to the REST API") only says "several".
    pub login_attempts: usize,
    /// For how long. Default 15 minutes: its documentation only says "temporarily".
    pub lockout: Duration,
    /// Whether ghcr.io's `/token` takes the credentials of such an account for dead. Default no: nothing was reported.
    pub lockout_reaches_registry: bool,
    /// How ghcr.io refuses what an organization's policy forbids. Default: as without a role; for single sign-on a bare
    /// `unauthorized` was reported as well (cli/cli#5174), for the others nothing was found.
    pub policy_refusal: PolicyRefusal,
    /// Whether ghcr.io serves public packages to a token that a policy of their organization forbids. Default no: the
    /// policies of api.github.com hold for public data (NixOS/org#247, 2026-05).
    pub public_ignores_policies: bool,
    /// Whether api.github.com says 404 instead of 403 where single sign-on or the approval of an OAuth app is missing.
    /// Its documentation names both. Default no.
    pub policies_hide: bool,
    /// Whether `GET /user` names the organizations whose single sign-on keeps a token out. Default no: its documentation
    /// has that header on lists that span organizations.
    pub user_names_single_sign_on: bool,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            post_token: 405,
            token_checks_scopes: false,
            bearer_is_the_credential: false,
            bearer_lifetime: None,
            basic_on_root_is_challenged: false,
            any_base64_reads_public: true,
            public_needs_scope: true,
            lists_catalog: false,
            redirects_referrers: false,
            signed_url_lifetime: Duration::from_secs(300),
            installations_have_a_user: false,
            login_attempts: 10,
            lockout: Duration::from_secs(15 * 60),
            lockout_reaches_registry: false,
            policy_refusal: PolicyRefusal::NoAccess,
            public_ignores_policies: false,
            policies_hide: false,
            user_names_single_sign_on: false,
        }
    }
}
