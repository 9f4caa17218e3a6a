//! Causes that lie in the registry, in what answers in its place, and on the way to it.

use super::Entry;
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::LookAlike,
        slug: "look-alike-host",
        title: "a host that only looks like ghcr.io",
        meaning: "`ghrc.io` and its like are a slip of the finger away from `ghcr.io`, belong to others, and answer in a way that \
                  makes a client send its token. Whoever runs them has it then.",
        texts: &["WWW-Authenticate: Bearer realm=\"https://ghrc.io/token\""],
        told_by: "The host of the reference, and the keys of this host's logins. Nothing is sent there.",
        fixes: &[
            "if a token was ever stored for that host, revoke it now: `https://github.com/settings/tokens`",
            "remove the login: `pullpass logout HOST`",
            "write `ghcr.io`",
        ],
    },
    Entry {
        cause: Cause::LegacyHost,
        slug: "legacy-host",
        title: "the host of GitHub's old registry",
        meaning: "Images were once at `docker.pkg.github.com/OWNER/REPOSITORY/NAME`. GitHub's images are at `ghcr.io/OWNER/NAME` now, \
                  and a login for the old host is none for the new one.",
        texts: &[],
        told_by: "The host of the reference, and the keys of this host's logins. Nothing is sent.",
        fixes: &["log in to the new one: `pullpass login ghcr.io -u USER`", "and write `ghcr.io/OWNER/NAME`"],
    },
    Entry {
        cause: Cause::Tls,
        slug: "untrusted-tls",
        title: "what answers cannot be trusted",
        meaning: "The certificate is of an authority that this host does not know, or of another name. A company's proxy that opens \
                  TLS does that, and so does somebody who wants the token; a registry of your own does it until its authority is known.",
        texts: &[
            "x509: certificate signed by unknown authority",
            "x509: certificate is valid for …, not …",
            "x509: certificate has expired or is not yet valid: current time … is after …",
            "x509: cannot validate certificate for … because it doesn't contain any IP SANs",
        ],
        told_by: "The issuer of the certificate that is shown, and whether the answer has GitHub's `X-GitHub-Request-Id`.",
        fixes: &[
            "for the system: put the authority's certificate in `/usr/local/share/ca-certificates/authority.crt` and run `sudo update-ca-certificates`, \
             then `sudo systemctl restart docker`",
            "for this registry alone: Docker `/etc/docker/certs.d/REGISTRY/ca.crt`, Podman `/etc/containers/certs.d/REGISTRY/ca.crt`",
            "do not switch the check off for ghcr.io: the token goes to whoever answers",
        ],
    },
    Entry {
        cause: Cause::StorageBlocked,
        slug: "storage-blocked",
        title: "the host of the layers does not answer",
        meaning: "ghcr.io gives the manifest itself and sends clients on to `pkg-containers.githubusercontent.com` for the layers. A \
                  firewall or a proxy that lets only the first through makes the pull hang or fail in the middle.",
        texts: &[
            "Get \"https://pkg-containers.githubusercontent.com/…\": dial tcp …: i/o timeout",
            "Get \"https://pkg-containers.githubusercontent.com/…\": net/http: TLS handshake timeout",
        ],
        told_by: "The manifest is given, and the address to which its layer leads does not answer.",
        fixes: &["let `pkg-containers.githubusercontent.com:443` through beside `ghcr.io:443`"],
    },
    Entry {
        cause: Cause::NoAddress,
        slug: "no-address",
        title: "the name of the registry has no address",
        meaning: "The name is mistyped, or this host's resolver does not answer or does not know it. No registry was asked.",
        texts: &[
            "dial tcp: lookup … on …: no such host",
            "dial tcp: lookup …: Temporary failure in name resolution",
            "dial tcp: lookup …: server misbehaving",
        ],
        told_by: "The name is looked up as programs of this host look it up.",
        fixes: &["see what this host makes of it: `getent ahosts REGISTRY`", "see its resolvers: `resolvectl status`"],
    },
    Entry {
        cause: Cause::Unreachable,
        slug: "unreachable",
        title: "the registry cannot be reached",
        meaning: "The name has an address, and nothing there answers: a firewall, no route, a host that is down, or a connection that \
                  ends in the middle. It says nothing about the login.",
        texts: &[
            "dial tcp …:443: connect: connection refused",
            "dial tcp …:443: i/o timeout",
            "dial tcp …:443: connect: no route to host",
            "read: connection reset by peer",
            "EOF",
        ],
        told_by: "A connection to each address of the registry, and whether another host of GitHub's answers.",
        fixes: &["try it from this host: `curl -v https://REGISTRY/v2/`", "let this host out to `REGISTRY:443`"],
    },
    Entry {
        cause: Cause::NotARegistry,
        slug: "not-a-registry",
        title: "what answers is no registry",
        meaning: "The name leads to a web server, a portal that wants a click, or a proxy's own page. The client expected JSON and was \
                  given HTML, or a page that is not there.",
        texts: &[
            "invalid character '<' looking for beginning of value",
            "error parsing HTTP 404 response body: …",
            "invalid status code from registry 404 (Not Found)",
        ],
        told_by: "`GET /v2/` is answered by something other than 200 or a 401 with a challenge.",
        fixes: &[
            "look at it: `curl -i https://REGISTRY/v2/`",
            "if it is a portal or a proxy, pass it or let `REGISTRY` through",
        ],
    },
    Entry {
        cause: Cause::ForeignRealm,
        slug: "foreign-realm",
        title: "the registry sends logins to a foreign host",
        meaning: "A registry tells clients where to fetch tokens. This one names a host that is not its own, and a client that does as \
                  it is told sends the login there. pullpass does not.",
        texts: &[],
        told_by: "The realm of the challenge that the registry gives. Nothing is sent there.",
        fixes: &[
            "do not log in to it before you know whose that host is",
            "if you did, revoke the token: `https://github.com/settings/tokens`",
        ],
    },
    Entry {
        cause: Cause::BadAnswer,
        slug: "bad-answer",
        title: "the registry gave an answer that cannot be right",
        meaning: "A length, a digest or a format is not what was promised, or a redirect leads in a circle. Something on the way changes \
                  answers, or the registry has a fault.",
        texts: &[
            "unexpected EOF",
            "failed size validation: … != …: failed precondition",
            "manifest verification failed for digest …",
            "stopped after 10 redirects",
        ],
        told_by: "The same request again, and with no proxy if there is one.",
        fixes: &[
            "try once more: `pullpass verify REGISTRY/OWNER/NAME:TAG`",
            "if it stays, tell those who run the registry or the proxy",
        ],
    },
    Entry {
        cause: Cause::RateLimit,
        slug: "rate-limit",
        title: "too many requests",
        meaning: "The registry counts the requests of an address or of an account, and this one had too many. It is no matter of rights, \
                  and mostly over in a moment: ghcr.io even names waits of a millionth of a second.",
        texts: &["toomanyrequests: retry-after: …µs, allowed: 44000/minute", "429 Too Many Requests"],
        told_by: "The answer is 429, whatever credential is sent.",
        fixes: &[
            "try again after a short wait, and not all hosts at the same second",
            "log in, since requests without a login share one limit: `pullpass login REGISTRY -u USER`",
        ],
    },
    Entry {
        cause: Cause::Outage,
        slug: "outage",
        title: "the registry is out of order",
        meaning: "The answer is an error of the server's own. Nothing on this host is the reason, and nothing here ends it.",
        texts: &[
            "received unexpected HTTP status: 503 Service Unavailable",
            "unexpected status from GET request to https://ghcr.io/token?…: 500 Internal Server Error",
            "502 Bad Gateway",
        ],
        told_by: "The answer is 500, 502, 503 or 504 to every request, with and without a credential.",
        fixes: &["look at `https://www.githubstatus.com`, Packages, and wait", "leave logins and tokens as they are"],
    },
];
