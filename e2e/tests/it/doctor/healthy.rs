//! Hosts on which nothing is wrong.

use super::scenario::{IMAGE, Scenario, USUAL, good_login};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "healthy: private image, login for both engines",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token)]);
                host.podman(&[("ghcr.io", &token)]);
            },
            ..USUAL
        },
        Scenario { name: "healthy: public image, no login", words: &["ghcr.io/midokura/public:v1"], ..USUAL },
        Scenario {
            name: "healthy: public image, living login",
            host: good_login,
            words: &["ghcr.io/midokura/public:v1"],
            ..USUAL
        },
        Scenario {
            name: "healthy: login through a helper",
            host: |host| {
                let token = host.good();
                host.helper_with("box", &token);
                host.home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credHelpers":{"ghcr.io":"box"}}"#);
            },
            ..USUAL
        },
        Scenario { name: "healthy: all logins, no image named", host: good_login, words: &[], ..USUAL },
        Scenario {
            name: "healthy: only podman, its own login",
            host: |host| {
                let token = host.good();
                host.persistent(&[("ghcr.io/midokura", &token)]);
            },
            words: &[IMAGE, "--podman"],
            ..USUAL
        },
    ]
}
