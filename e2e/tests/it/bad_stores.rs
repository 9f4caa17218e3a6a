//! Logins into files that are in a bad way, or in a bad place: all or nothing, and nobody else's login is lost.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::{Home, listing};
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::serve::Server;

use crate::program::{USER, over_http, pullpass};

/// A mount that ends with the test.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], at: &Path) -> Mount {
        run(Command::new("mount").args(arguments).arg(at)).expect_success();
        Mount(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn log_in(home: &Home, server: &Server, engine: &str) -> Ran {
    let mut login = pullpass(home);
    login.args(["login", &server.registry, "--username", USER, "--password-stdin", engine]);
    run_with_input(&mut login, &server.token("read:packages"))
}

#[test]
fn what_cannot_be_edited_safely_is_refused_and_stays_as_it_is() {
    let serving = Home::new();
    let server = over_http(&serving);
    type Make = fn(&Path);
    let cases: [(&str, Make); 9] = [
        ("malformed JSON at line 1, column 12", |path| fs::write(path, "{\"auths\": {,}}").expect("a file")),
        ("malformed JSON", |path| fs::write(path, b"{\"auths\": {\"\xff\": {}}}").expect("a file")),
        ("`auths` is not an object", |path| fs::write(path, "{\"auths\": [1]}").expect("a file")),
        ("the file is not an object", |path| fs::write(path, "[]").expect("a file")),
        ("the key `auths` is there more than once", |path| {
            fs::write(path, "{\"auths\": {\"a.io\": {}}, \"auths\": {}}").expect("a file");
        }),
        ("too large to hold credentials", |path| {
            File::create(path).expect("a file").set_len(100 << 20).expect("a hundred megabytes");
        }),
        ("is not a regular file", |path| fs::create_dir(path).expect("a directory")),
        ("everybody may write to", |path| {
            fs::write(path, "{}").expect("a file");
            fs::set_permissions(path, Permissions::from_mode(0o666)).expect("chmod");
        }),
        ("Too many levels of symbolic links", |path| symlink("config.json", path).expect("a link")),
    ];
    for (said, make) in cases {
        let home = Home::new();
        let directory = home.path().join(".docker");
        fs::create_dir(&directory).expect("a directory");
        make(&directory.join("config.json"));
        let before = listing(&directory);
        let ran = log_in(&home, &server, "--docker");
        assert!(ran.code == 2 || said.starts_with("Too many") && ran.code == 3, "{said}: {ran}");
        assert!(ran.stderr.contains(said) && ran.stderr.contains("config.json"), "{said}: {ran}");
        assert_eq!(listing(&directory), before, "{said}");
    }
}

#[test]
fn a_bad_entry_keeps_nobody_from_logging_in_elsewhere() {
    let (home, serving) = (Home::new(), Home::new());
    let server = over_http(&serving);
    let podman = Podman::new(&home);
    podman.allow_http(&server.registry);
    let before = "{\n \"auths\": {\n  \"a.io\": {\"auth\": \"?\"}, \"b.io\": {\"auth\": \"bWU6cHc\"},\n  \"c.io\": {\"auth\": \"bWU6cHc=\"}\n }\n}";
    let files = [home.path().join(".docker/config.json"), home.runtime_dir().join("containers/auth.json")];
    for (engine, path) in ["--docker", "--podman"].iter().zip(&files) {
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, before).expect("a file");
        log_in(&home, &server, engine).expect_success();
        let after = fs::read(path).expect("a file");
        assert!(after.len() > before.len());
        let without = pullpass_secrets::store::remove(&after, &[&server.registry]).expect("a sound file");
        assert_eq!(String::from_utf8(without).expect("UTF-8"), before);
    }
    let words = ["login", "--get-login", &server.registry];
    assert_eq!(run(podman.podman().args(words)).expect_success(), format!("{USER}\n"));
}

#[test]
fn a_file_that_is_mounted_by_itself_gets_the_login() {
    let (home, serving) = (Home::new(), Home::new());
    let server = over_http(&serving);
    let (outside, inside) = (home.side_dir("outside").join("config.json"), home.write(".docker/config.json", ""));
    fs::write(&outside, "{\"auths\": {\"a.io\": {}}}").expect("a file");
    let inode = fs::metadata(&outside).expect("a file").ino();
    let _mount = Mount::new(&["--bind", &outside.display().to_string()], &inside);
    log_in(&home, &server, "--docker").expect_success();
    let text = fs::read_to_string(&outside).expect("a file");
    assert!(text.contains("\"a.io\": {}") && text.contains(&server.registry), "{text}");
    assert_eq!(fs::metadata(&outside).expect("a file").ino(), inode);
    run(pullpass(&home).args(["logout", &server.registry])).expect_success();
    assert_eq!(fs::read_to_string(&outside).expect("a file"), "{\"auths\": {\"a.io\": {}}}");
}

#[test]
fn a_read_only_file_system_keeps_its_file_and_the_error_names_it() {
    let (home, serving) = (Home::new(), Home::new());
    let server = over_http(&serving);
    let directory = home.path().join(".docker");
    fs::create_dir(&directory).expect("a directory");
    let _disk = Mount::new(&["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"], &directory);
    let path = directory.join("config.json");
    fs::write(&path, "{}").expect("a file");
    run(Command::new("mount").args(["-o", "remount,ro"]).arg(&directory)).expect_success();
    let ran = log_in(&home, &server, "--docker");
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stderr.contains(&path.display().to_string()) && ran.stderr.contains("Read-only file system"), "{ran}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "{}");
}
