//! What can be wrong. The comments are what distinguishes one from its neighbours; words for people are in
//! [`super::catalogue`].

/// A cause of "unauthorized", "denied", or of a pull that fails otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Nothing is presented, and the image is private.
    NoLogin,
    /// The stored token is dead, and the image needs one.
    DeadLogin,
    /// The stored token is dead, and keeps shut an image that everybody may pull.
    DeadLoginOnPublic,
    /// The token is alive and may read packages; its account has no role on this one.
    NoRole,
    /// There is no package of this name.
    NoSuchPackage,
    /// The package has no such tag or digest.
    NoSuchTag,
    /// The token lacks `read:packages`.
    NoReadScope,
    /// The token lacks `write:packages`, which a push takes.
    NoWriteScope,
    /// A `github_pat_` token.
    FineGrained,
    /// A token of a GitHub App's installation.
    Installation,
    /// A workflow's `GITHUB_TOKEN`, on another repository's package or after its job.
    Workflow,
    /// A refresh token, or another kind that is no registry password.
    WrongKind,
    /// The organization enforces SAML single sign-on, and the token is not authorised for it.
    Sso,
    /// The organization or its enterprise forbids this kind of token, or so long a life.
    TokenPolicy,
    /// The organization has not approved the OAuth app whose token this is.
    OauthApp,
    /// The organization lets only some addresses in.
    IpAllowList,
    /// A push: the package is not linked to the repository whose workflow pushes, or the account has no write role.
    NotLinked,
    /// A push: the organization does not let its members create packages.
    NoCreation,
    /// A password of an account in place of a token.
    Password,
    /// A token that was not copied whole, or with something around it.
    Mangled,
    /// `auth` is the token itself and not `base64(user:token)`.
    RawAuth,
    /// An entry or a file that the engine cannot read.
    BrokenStore,
    /// The token is stored for Docker Hub, where `docker login` without a registry puts it.
    WrongRegistry,
    /// The login is kept under a key that this engine does not look under.
    KeySpelling,
    /// The host has logins of several accounts, and the engine uses the one that does not open this.
    TwoIdentities,
    /// A credential helper goes before the file, and has another login or none.
    HelperShadows,
    /// The credential helper is missing or fails.
    HelperBroken,
    /// The login is another user's of this host: `sudo`, a service, another home.
    OtherUser,
    /// Docker is a snap, which has a home of its own.
    Snap,
    /// Podman's login was in memory, and a reboot or the end of the session emptied it.
    RuntimeFile,
    /// Podman uses a login of Docker's that is dead.
    DockerFallback,
    /// A unit, quadlet or timer pulls as a user, or from files, without a login.
    Service,
    /// A program that watches for new images has its own configuration, without a login.
    Watcher,
    /// The login that Kubernetes has is missing or dead.
    PullSecret,
    /// The repository is not in lower case.
    UpperCase,
    /// A host that is one typo away from ghcr.io, and collects what is sent to it.
    LookAlike,
    /// `docker.pkg.github.com`, whose logins are none for ghcr.io.
    LegacyHost,
    /// What answers has no certificate to be trusted, or is not who it should be.
    Tls,
    /// This host's clock is wrong.
    ClockSkew,
    /// A proxy that is missing, wrong, or known to the command line and not to the daemon.
    Proxy,
    /// The registry answers, but not the host from which layers come.
    StorageBlocked,
    /// The host has no IPv4, and the registry no IPv6.
    Ipv6Only,
    /// The name of the registry has no address.
    NoAddress,
    /// The registry cannot be reached, or does not answer.
    Unreachable,
    /// What answers is no registry.
    NotARegistry,
    /// The registry sends logins to a host that is not its own.
    ForeignRealm,
    /// The registry gave an answer that no registry should.
    BadAnswer,
    /// Too many requests.
    RateLimit,
    /// The registry or GitHub is out of order.
    Outage,
    /// Too many refused logins: GitHub refuses even good ones for a while.
    Lockout,
    /// The client does not know the format of this image.
    OldClient,
    /// The image is not for this machine's platform.
    NoPlatform,
    /// A new token is stored, but an older login goes before it.
    ShadowedLogin,
    /// The token is so new that not every part of GitHub knows it.
    NotActiveYet,
    /// The token ends soon.
    Expiring,
    /// Others on this host can read the login.
    ReadableByOthers,
    /// The registry speaks plain HTTP, and the engine was not told that it may.
    PlainHttp,
    /// The engine is not installed.
    NoEngine,
    /// The engine's daemon does not answer.
    EngineDown,
    /// What was asked for is no reference.
    BadReference,
}

impl Cause {
    /// Every cause, in the order in which findings that block are shown: what keeps the registry from being asked at all
    /// goes before what it answers.
    pub const ALL: [Cause; 60] = {
        use Cause::*;
        [
            LookAlike,
            LegacyHost,
            UpperCase,
            BadReference,
            NoAddress,
            Ipv6Only,
            ClockSkew,
            Tls,
            Proxy,
            Unreachable,
            NotARegistry,
            ForeignRealm,
            BadAnswer,
            Outage,
            RateLimit,
            PlainHttp,
            NoEngine,
            EngineDown,
            BrokenStore,
            RawAuth,
            HelperBroken,
            Mangled,
            Password,
            FineGrained,
            WrongKind,
            ShadowedLogin,
            HelperShadows,
            DockerFallback,
            DeadLoginOnPublic,
            DeadLogin,
            Lockout,
            NotActiveYet,
            WrongRegistry,
            KeySpelling,
            OtherUser,
            Snap,
            RuntimeFile,
            NoLogin,
            NoReadScope,
            Installation,
            Workflow,
            Sso,
            TokenPolicy,
            OauthApp,
            IpAllowList,
            NoSuchPackage,
            TwoIdentities,
            NoRole,
            NoSuchTag,
            NoPlatform,
            OldClient,
            StorageBlocked,
            NoWriteScope,
            NotLinked,
            NoCreation,
            Service,
            Watcher,
            PullSecret,
            Expiring,
            ReadableByOthers,
        ]
    };
}
