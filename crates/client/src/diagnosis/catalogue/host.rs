//! Causes that lie in this host and its engines.

use super::Entry;
use crate::diagnosis::Cause;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        cause: Cause::NoEngine,
        slug: "no-engine",
        title: "the engine is not installed",
        meaning: "The program that was asked for is not on this user's path. Nothing was asked of any registry.",
        texts: &[
            "docker: command not found",
            "exec: \"docker\": executable file not found in $PATH",
            "bash: podman: command not found",
        ],
        told_by: "The directories of `PATH` are looked through.",
        fixes: &["install it: `https://docs.docker.com/engine/install/` or `https://podman.io/docs/installation`"],
    },
    Entry {
        cause: Cause::EngineDown,
        slug: "engine-down",
        title: "the engine's daemon does not answer",
        meaning: "The command line of Docker only passes on what is wanted; a daemon does it. The daemon does not run, or this user \
                  may not speak to it. The registry was not asked, and this `permission denied` is not the registry's.",
        texts: &[
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "Cannot connect to Podman. Please verify your connection to the Linux system using `podman system connection list`, or try \
             `podman machine init` and `podman machine start` to manage a new Linux VM",
        ],
        told_by: "The socket of the daemon is opened and asked for its version.",
        fixes: &[
            "start it: `sudo systemctl start docker`",
            "let this user speak to it: `sudo usermod -aG docker \"$USER\"`, then log in to this host again; it makes the user as mighty as root",
        ],
    },
    Entry {
        cause: Cause::ClockSkew,
        slug: "clock-skew",
        title: "this host's clock is wrong",
        meaning: "A certificate is good from one date to another. To a host whose clock is years behind or ahead, as after a flat \
                  battery or a restored virtual machine, a good one is not.",
        texts: &["x509: certificate has expired or is not yet valid: current time … is before …"],
        told_by: "The header `Date` of the registry's answer is compared with this host's clock.",
        fixes: &["see it: `timedatectl`", "let it be set: `sudo timedatectl set-ntp true`"],
    },
    Entry {
        cause: Cause::Proxy,
        slug: "proxy",
        title: "the proxy is missing, or in the way",
        meaning: "This network lets hosts out through a proxy only, or the one that is set does not answer. With Docker it is the \
                  daemon that speaks to registries, and it does not know the variables of your shell.",
        texts: &[
            "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
            "proxyconnect tcp: dial tcp …: connect: connection refused",
            "Proxy Authentication Required",
        ],
        told_by: "The variables of this user, the settings of the daemon and those of the engine's files are compared, and the registry \
                  is asked through the proxy and without it.",
        fixes: &[
            "tell the daemon: `\"proxies\": {\"http-proxy\": \"…\", \"https-proxy\": \"…\", \"no-proxy\": \"…\"}` in `/etc/docker/daemon.json`, \
             then `sudo systemctl restart docker`",
            "Podman and the command line: `export HTTPS_PROXY=http://PROXY:PORT`",
        ],
    },
    Entry {
        cause: Cause::Ipv6Only,
        slug: "ipv6-only",
        title: "this host has no IPv4, and the registry no IPv6",
        meaning: "ghcr.io has addresses of IPv4 only. A host without IPv4 cannot reach it, however well everything else works.",
        texts: &["dial tcp …:443: connect: network is unreachable"],
        told_by: "The name of the registry has no AAAA record, and this host has no route for IPv4.",
        fixes: &[
            "give the network NAT64 with DNS64, or an HTTP proxy that has IPv4",
            "or mirror the images to a registry that this host reaches: `pullpass serve`",
        ],
    },
    Entry {
        cause: Cause::PlainHttp,
        slug: "plain-http",
        title: "the registry speaks plain HTTP",
        meaning: "The engine speaks TLS to every registry but those on the host itself, and this one answers without. It has to be \
                  told that it may. A login over plain HTTP can be read by everybody on the way.",
        texts: &["http: server gave HTTP response to HTTPS client"],
        told_by: "The registry answers plain HTTP on the port at which TLS was tried.",
        fixes: &[
            "better, give the registry a certificate; `pullpass serve` takes one with `--tls-cert` and `--tls-key`",
            "Docker: `\"insecure-registries\": [\"REGISTRY\"]` in `/etc/docker/daemon.json`, then `sudo systemctl restart docker`",
            "Podman: `insecure = true` under `[[registry]]` with `location = \"REGISTRY\"` in `/etc/containers/registries.conf`",
        ],
    },
];
