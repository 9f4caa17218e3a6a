//! The namespaces by themselves: what happens in there stays in there.

use std::fs;
use std::path::Path;

use pullpass_testing::home::listing;
use pullpass_testing::namespace::{Namespace, processes_in};
use pullpass_testing::run::run;

#[test]
fn a_namespace_has_a_network_and_an_etc_of_its_own_and_leaves_nothing_behind() {
    let certificates = [Path::new("/etc/docker"), Path::new("/etc/containers")];
    let before = certificates.map(|dir| dir.exists().then(|| listing(dir)));
    let namespace = Namespace::new("127.0.0.1 localhost only-in-here.test\n");
    let network = namespace.network();
    namespace.trust("only-in-here.test", "an authority");

    let home = namespace.home();
    let inside = |script: &str| run(home.command("sh").args(["-c", script]));
    assert!(inside("getent hosts only-in-here.test").expect_success().starts_with("127.0.0.1 "));
    assert_eq!(inside("cat /etc/docker/certs.d/only-in-here.test/ca.crt").expect_success(), "an authority");
    assert_eq!(inside("ls /sys/class/net; pwd").expect_success().lines().last(), home.path().to_str());
    assert_eq!(inside("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").expect_success(), "lo\n");
    inside("touch /etc/only-in-here").expect_success();

    let served = namespace.serve(|| async { std::net::TcpListener::bind("127.0.0.1:443").expect("a free port") });
    assert_eq!(served.local_addr().expect("an address").port(), 443);
    assert_eq!(processes_in(&network), 1, "the holder");
    drop(served);
    drop(namespace);

    assert_eq!(before, certificates.map(|dir| dir.exists().then(|| listing(dir))));
    assert!(!Path::new("/etc/only-in-here").exists());
    assert!(!fs::read_to_string("/proc/mounts").expect("the mounts").contains("pullpass-test"));
    assert_eq!(processes_in(&network), 0, "no process is left in the network");
}
