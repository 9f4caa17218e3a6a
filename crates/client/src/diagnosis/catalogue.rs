//! What every cause is, for people: what `pullpass doctor` prints, what it makes of the messages of clients, and
//! `docs/guide/troubleshooting.md`.

use super::Cause;

/// A cause in words. Lines of text are Markdown, without a line break at the end.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which.
    pub cause: Cause,
    /// Its name in JSON and in the address of its section.
    pub slug: &'static str,
    /// A lowercase fragment.
    pub title: &'static str,
}

/// Every cause, in the order of the guide.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The entry of a cause.
///
/// # Panics
/// Never: a test holds that every cause has one.
pub fn entry(cause: Cause) -> &'static Entry {
    ENTRIES.iter().find(|entry| entry.cause == cause).expect("every cause has an entry")
}

const ENTRIES: [Entry; Cause::ALL.len()] = [
    Entry { cause: Cause::NoLogin, slug: "no-login", title: "there is no login, and the image is private" },
    Entry { cause: Cause::DeadLogin, slug: "dead-login", title: "the stored token is dead" },
    Entry {
        cause: Cause::DeadLoginOnPublic,
        slug: "dead-login-on-public",
        title: "a dead token keeps a public image shut",
    },
    Entry { cause: Cause::NoRole, slug: "no-role", title: "the account has no read role on the package" },
    Entry { cause: Cause::NoSuchPackage, slug: "no-such-package", title: "there is no such package" },
    Entry { cause: Cause::NoSuchTag, slug: "no-such-tag", title: "the package has no such tag" },
    Entry { cause: Cause::NoReadScope, slug: "no-read-scope", title: "the token lacks the scope `read:packages`" },
    Entry { cause: Cause::NoWriteScope, slug: "no-write-scope", title: "the token lacks the scope `write:packages`" },
    Entry {
        cause: Cause::FineGrained,
        slug: "fine-grained-token",
        title: "a fine-grained token, which ghcr.io does not take",
    },
    Entry {
        cause: Cause::Installation,
        slug: "installation-token",
        title: "a token of a GitHub App, which opens no package",
    },
    Entry {
        cause: Cause::Workflow,
        slug: "workflow-token",
        title: "a workflow's token, used on another package or after its job",
    },
    Entry { cause: Cause::WrongKind, slug: "wrong-kind", title: "a token of a kind that is no registry password" },
    Entry {
        cause: Cause::Sso,
        slug: "sso",
        title: "the token is not authorised for the organization's single sign-on",
    },
    Entry {
        cause: Cause::TokenPolicy,
        slug: "token-policy",
        title: "the organization forbids this kind of token, or so long a life",
    },
    Entry {
        cause: Cause::OauthApp,
        slug: "oauth-app-not-approved",
        title: "the organization has not approved the OAuth app of this token",
    },
    Entry { cause: Cause::IpAllowList, slug: "ip-allow-list", title: "the organization does not let this address in" },
    Entry { cause: Cause::NotLinked, slug: "package-not-linked", title: "no right to write to this package" },
    Entry {
        cause: Cause::NoCreation,
        slug: "creation-disabled",
        title: "no right to create packages in this organization",
    },
    Entry { cause: Cause::Password, slug: "account-password", title: "a password where a token belongs" },
    Entry { cause: Cause::Mangled, slug: "mangled-token", title: "the token was not copied whole" },
    Entry {
        cause: Cause::RawAuth,
        slug: "raw-token-in-auth",
        title: "`auth` holds the bare token in place of base64 of `user:token`",
    },
    Entry { cause: Cause::BrokenStore, slug: "broken-store", title: "a store of logins cannot be read" },
    Entry { cause: Cause::WrongRegistry, slug: "login-at-docker-hub", title: "the token is stored for Docker Hub" },
    Entry {
        cause: Cause::KeySpelling,
        slug: "key-spelling",
        title: "the login is under a key that is not looked under",
    },
    Entry { cause: Cause::TwoIdentities, slug: "two-identities", title: "the engine uses another account's login" },
    Entry { cause: Cause::HelperShadows, slug: "helper-shadows", title: "a credential helper goes before the file" },
    Entry { cause: Cause::HelperBroken, slug: "helper-broken", title: "the credential helper is missing or fails" },
    Entry { cause: Cause::OtherUser, slug: "other-user", title: "the login is another user's of this host" },
    Entry { cause: Cause::Snap, slug: "snap-docker", title: "Docker is a snap, which has a home of its own" },
    Entry {
        cause: Cause::RuntimeFile,
        slug: "login-lost-at-reboot",
        title: "Podman's login was kept in memory, which is empty now",
    },
    Entry { cause: Cause::DockerFallback, slug: "dockers-dead-login", title: "Podman uses a dead login of Docker's" },
    Entry { cause: Cause::Service, slug: "service-without-login", title: "a service pulls without a login" },
    Entry {
        cause: Cause::Watcher,
        slug: "watcher-without-login",
        title: "a program that watches for new images has no login",
    },
    Entry { cause: Cause::PullSecret, slug: "kubernetes-login", title: "the login that Kubernetes has does not work" },
    Entry { cause: Cause::UpperCase, slug: "upper-case", title: "the name of the image is not in lower case" },
    Entry { cause: Cause::LookAlike, slug: "look-alike-host", title: "a host that only looks like ghcr.io" },
    Entry { cause: Cause::LegacyHost, slug: "legacy-host", title: "the host of GitHub's old registry" },
    Entry { cause: Cause::Tls, slug: "untrusted-tls", title: "what answers cannot be trusted" },
    Entry { cause: Cause::ClockSkew, slug: "clock-skew", title: "this host's clock is wrong" },
    Entry { cause: Cause::Proxy, slug: "proxy", title: "the proxy is missing, or in the way" },
    Entry { cause: Cause::StorageBlocked, slug: "storage-blocked", title: "the host of the layers does not answer" },
    Entry { cause: Cause::Ipv6Only, slug: "ipv6-only", title: "this host has no IPv4, and the registry no IPv6" },
    Entry { cause: Cause::NoAddress, slug: "no-address", title: "the name of the registry has no address" },
    Entry { cause: Cause::Unreachable, slug: "unreachable", title: "the registry cannot be reached" },
    Entry { cause: Cause::NotARegistry, slug: "not-a-registry", title: "what answers is no registry" },
    Entry { cause: Cause::ForeignRealm, slug: "foreign-realm", title: "the registry sends logins to a foreign host" },
    Entry { cause: Cause::BadAnswer, slug: "bad-answer", title: "the registry gave an answer that cannot be right" },
    Entry { cause: Cause::RateLimit, slug: "rate-limit", title: "too many requests" },
    Entry { cause: Cause::Outage, slug: "outage", title: "the registry is out of order" },
    Entry { cause: Cause::Lockout, slug: "lockout", title: "GitHub refuses every login of this account for a while" },
    Entry { cause: Cause::OldClient, slug: "old-client", title: "the client does not know this format of image" },
    Entry { cause: Cause::NoPlatform, slug: "no-platform", title: "there is no image for this platform" },
    Entry { cause: Cause::ShadowedLogin, slug: "shadowed-login", title: "an older login goes before the new one" },
    Entry { cause: Cause::NotActiveYet, slug: "not-active-yet", title: "the token is too new" },
    Entry { cause: Cause::Expiring, slug: "expires-soon", title: "the token ends soon" },
    Entry {
        cause: Cause::ReadableByOthers,
        slug: "readable-by-others",
        title: "others on this host can read the login",
    },
    Entry { cause: Cause::PlainHttp, slug: "plain-http", title: "the registry speaks plain HTTP" },
    Entry { cause: Cause::NoEngine, slug: "no-engine", title: "the engine is not installed" },
    Entry { cause: Cause::EngineDown, slug: "engine-down", title: "the engine's daemon does not answer" },
    Entry { cause: Cause::BadReference, slug: "bad-reference", title: "no reference of an image" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_one_entry_and_a_name_of_its_own() {
        for cause in Cause::ALL {
            assert_eq!(ENTRIES.iter().filter(|entry| entry.cause == cause).count(), 1, "{cause:?}");
            let slug = entry(cause).slug;
            assert_eq!(ENTRIES.iter().filter(|entry| entry.slug == slug).count(), 1, "{slug}");
        }
    }
}
