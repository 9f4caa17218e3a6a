//! A disk that is full: what was there stays, what could not be stored leaves nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pullpass_testing::{
    home::{Home, listing},
    run::{run, run_with_input},
    serve::Server,
};

use crate::program::{over_http, program, pullpass};

/// A file system of its own, of one megabyte.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(path: PathBuf) -> SmallDisk {
        let mut mount = Command::new("mount");
        run(mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"]).arg(&path)).expect_success();
        SmallDisk(path)
    }

    /// Takes the space that is left.
    fn fill(&self) {
        let filled = fs::write(self.0.join("filler"), vec![0; 2 << 20]);
        assert!(filled.is_err(), "two megabytes do not fit into one");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

#[test]
fn a_login_that_does_not_fit_leaves_the_store_as_it_was() {
    let (serving, home) = (Home::new(), Home::new());
    let server = over_http(&serving);
    let disk = SmallDisk::at(home.side_dir("docker"));
    let config = disk.0.join("config.json");
    let before = r#"{"auths":{"quay.io":{"auth":"YTpi"}}}"#;
    fs::write(&config, before).expect("a small file fits");
    disk.fill();
    let listed = listing(&disk.0);
    let mut login = pullpass(&home);
    login
        .args(["login", &server.registry, "-u", "alice", "--password-stdin", "--docker"])
        .env("DOCKER_CONFIG", &disk.0);
    let ran = run_with_input(&mut login, &server.token("read:packages"));
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stderr.contains("config.json") && ran.stderr.contains("No space left"), "{ran}");
    assert_eq!(fs::read_to_string(&config).expect("the store"), before);
    assert_eq!(listing(&disk.0), listed, "nothing is left beside it");
}

#[test]
fn a_value_that_does_not_fit_leaves_the_inventory_as_it_was() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let disk = SmallDisk::at(home.side_dir("ansible"));
    let inventory = disk.0.join("inventory.yml");
    fs::write(&inventory, "all: {}\n").expect("a small file fits");
    disk.fill();
    let listed = listing(&disk.0);
    let mut set = pullpass(&home);
    set.args(["inventory", "set"]).arg(&inventory).args(["token", "--vault-password-file", "pw"]);
    let ran = run_with_input(&mut set, "a secret");
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stderr.contains("No space left"), "{ran}");
    assert_eq!(listing(&disk.0), listed);
}

#[test]
fn a_push_that_does_not_fit_frees_what_it_took() {
    let home = Home::new();
    let disk = SmallDisk::at(home.side_dir("data"));
    let server = Server::start(&home, program(), &[]);
    let token = server.token("write:packages");
    let blob = home.write("blob", vec![7; 4 << 20]);
    assert_eq!(push(&server, &token, &blob), "500");
    assert_eq!(fs::read_dir(disk.0.join("uploads")).expect("a directory").count(), 0, "the disk is free again");
    let small = home.write("small", "fits");
    assert_eq!(push(&server, &token, &small), "201");
    assert!(server.administer(&["admin", "check", "--json"]).contains("\"problems\": []"));
}

/// Pushes a file in one request, and gives the status.
fn push(server: &Server<'_>, token: &str, file: &Path) -> String {
    let digest = pullpass_oci::Digest::sha256(&fs::read(file).expect("a blob"));
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--max-time",
        "60",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "--config",
        "-",
    ]);
    let url = format!("http://{}/v2/alice/app/blobs/uploads/?digest={digest}", server.registry);
    let header = "header = \"Content-Type: application/octet-stream\"";
    let body = file.display();
    let config = format!("url = \"{url}\"\nuser = \"alice:{token}\"\n{header}\ndata-binary = \"@{body}\"\n");
    run_with_input(&mut curl, &config).stdout
}
