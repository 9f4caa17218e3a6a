//! What `scripts/package` makes. The program that is packed is a script that starts the one under test: it is the packages that
//! are looked at here. `scripts/soak package` has the real thing, on several systems.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pullpass_testing::engines::docker::{Engine, clients};
use pullpass_testing::engines::find;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::{Entry, Home, listing};
use pullpass_testing::run::{Ran, run};
use serde_json::Value;

use crate::program::program;

/// One line of a package database, so that dpkg finds what the package depends on.
const CERTIFICATES: &str = "Package: ca-certificates\nStatus: install ok installed\nMaintainer: somebody\n\
                            Architecture: all\nVersion: 1\nDescription: certificates\n";
const UNITS: [&str; 3] = ["pullpass-serve.service", "pullpass-check.service", "pullpass-check.timer"];

/// `scripts/package`, with cargo as it is found here.
fn package(home: &Home, out: &Path) -> Command {
    let stand_in = home.write("stand-in", format!("#!/bin/sh\nexec '{}' \"$@\"\n", program().display()));
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("an executable");
    let mut command = Command::new(root().join("scripts/package"));
    command.arg("--binary").arg(stand_in).arg("--out").arg(out);
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace above e2e").to_owned()
}

/// The packages, made into a directory of `home`.
fn packages(home: &Home) -> PathBuf {
    let out = home.side_dir("packages");
    run(&mut package(home, &out)).expect_success();
    out
}

/// The one file in `directory` whose name ends so.
fn ending(directory: &Path, end: &str) -> PathBuf {
    let files = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let found: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{} has {found:?} of {end}", directory.display());
    found[0].clone()
}

/// A file system with nothing but an empty package database, below which dpkg installs.
struct System<'home> {
    home: &'home Home,
    root: PathBuf,
}

impl<'home> System<'home> {
    fn new(home: &'home Home) -> System<'home> {
        let root = home.side_dir("system");
        for directory in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc/systemd/system"] {
            fs::create_dir_all(root.join(directory)).expect("a directory");
        }
        fs::write(root.join("var/lib/dpkg/status"), CERTIFICATES).expect("a package database");
        System { home, root }
    }

    fn dpkg(&self, words: &[&str]) -> Ran {
        let mut dpkg = self.home.command(find("dpkg"));
        dpkg.arg(format!("--root={}", self.root.display())).args(["--force-script-chrootless", "--log=/dev/null"]);
        run(dpkg.args(words))
    }

    fn systemctl(&self, words: &[&str]) -> Ran {
        run(self.home.command(find("systemctl")).arg(format!("--root={}", self.root.display())).args(words))
    }

    /// Everything but dpkg's own books.
    fn files(&self) -> BTreeSet<PathBuf> {
        let paths = listing(&self.root).into_keys();
        paths.filter(|path| !path.to_string_lossy().contains("var/lib/dpkg")).collect()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// What is in the directory `out`.
fn bytes(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(out).expect("a directory").map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.map(|path| (name(&path), fs::read(&path).expect("a package"))).collect()
}

#[test]
fn the_deb_installs_program_helper_manual_completions_and_units_and_a_purge_leaves_nothing() {
    let home = Home::new();
    let deb = ending(&packages(&home), ".deb");
    let system = System::new(&home);
    let before = system.files();
    system.dpkg(&["--install", &deb.to_string_lossy()]).expect_success();

    let version = run(home.command(system.path("usr/bin/pullpass")).arg("--version")).expect_success();
    assert_eq!(version.trim(), format!("pullpass {}", env!("CARGO_PKG_VERSION")));
    let link = fs::read_link(system.path("usr/bin/docker-credential-pullpass")).expect("the helper");
    assert_eq!(link, Path::new("pullpass"));

    let page = system.path("usr/share/man/man1/pullpass-login.1.gz");
    let page = run(home.command("/usr/bin/gzip").arg("-dc").arg(page)).expect_success();
    assert!(page.contains(".TH pullpass-login 1"), "{page}");
    let bash = format!(
        ". '{}'; complete -p pullpass",
        system.path("usr/share/bash-completion/completions/pullpass").display()
    );
    run(home.command("/bin/bash").args(["-c", &bash])).expect_success();
    for place in ["usr/share/zsh/vendor-completions/_pullpass", "usr/share/fish/vendor_completions.d/pullpass.fish"] {
        assert!(fs::read_to_string(system.path(place)).expect(place).contains("inventory"), "{place}");
    }

    system.systemctl(&["enable", "pullpass-serve.service", "pullpass-check.timer"]).expect_success();
    fs::create_dir_all(system.path("var/lib/pullpass/blobs")).expect("what a registry keeps");
    system.dpkg(&["--remove", "pullpass"]).expect_success();
    assert!(system.path("etc/pullpass/serve.toml").exists(), "a removal keeps the configuration");
    assert!(system.path("var/lib/pullpass/blobs").exists(), "a removal keeps the images");
    system.dpkg(&["--purge", "pullpass"]).expect_success();
    assert_eq!(system.files(), before);
}

#[test]
fn the_rpm_installs_the_files_of_the_deb_and_a_removal_leaves_none() {
    let home = Home::new();
    let out = packages(&home);
    let (from_deb, from_rpm) = (home.side_dir("deb"), home.side_dir("rpm"));
    run(home.command(find("dpkg-deb")).arg("--extract").arg(ending(&out, ".deb")).arg(&from_deb)).expect_success();
    let rpm = |words: &[&str]| {
        let mut rpm = home.command(find("rpm"));
        // What it depends on is of no package database here, and its scripts want a shell below this root.
        rpm.arg("--root").arg(&from_rpm).args(["--dbpath=/var/lib/rpm", "--nodeps"]).args(words);
        run(&mut rpm).expect_success()
    };
    let files = |root: &Path| -> BTreeMap<PathBuf, Entry> {
        let found = listing(root)
            .into_iter()
            .filter(|(path, _)| root.join(path).symlink_metadata().is_ok_and(|it| !it.is_dir()));
        found.filter(|(path, _)| !path.starts_with("var/lib/rpm")).collect()
    };
    rpm(&["--install", "--noscripts", &ending(&out, ".rpm").to_string_lossy()]);
    let mut wanted = files(&from_deb);
    let completions =
        wanted.remove(Path::new("usr/share/zsh/vendor-completions/_pullpass")).expect("zsh's completions");
    wanted.insert("usr/share/zsh/site-functions/_pullpass".into(), completions);
    assert!(files(&from_rpm) == wanted, "{:?}", files(&from_rpm).keys());
    rpm(&["--erase", "--noscripts", "pullpass"]);
    assert_eq!(files(&from_rpm).len(), 0);
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units_and_little_that_they_may() {
    let home = Home::new();
    let units = home.side_dir("units");
    for unit in UNITS {
        // systemd looks whether the program is there.
        let text = fs::read_to_string(root().join("packaging/systemd").join(unit)).expect(unit);
        let text = text.replace("/usr/bin/pullpass", &program().to_string_lossy());
        fs::write(units.join(unit), text).expect(unit);
    }
    let verified =
        run(home.command(find("systemd-analyze")).args(["verify", "--man=no"]).args(UNITS).current_dir(&units));
    assert!(verified.code == 0 && verified.said().is_empty(), "{verified}");
    // In tenths; what systemd calls `OK` ends at 50. The check is root's, to become each user of the host.
    for (unit, threshold) in [(UNITS[0], 20), (UNITS[1], 40)] {
        let mut security = home.command(find("systemd-analyze"));
        security.args(["security", "--offline=true", &format!("--threshold={threshold}")]).arg(units.join(unit));
        run(&mut security).expect_success();
    }
}

#[test]
fn the_same_sources_make_the_same_bytes_at_another_time_in_another_place_for_another_person() {
    let (home, other) = (Home::new(), Home::new());
    let out = packages(&home);
    let again = other.side_dir("elsewhere");
    let later = package(&other, &again);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 077; sleep 1; exec \"$@\"", "sh"]).arg(later.get_program()).args(later.get_args());
    command.env("TZ", "Asia/Tokyo").env("LC_ALL", "C.UTF-8").env("DPKG_DEB_THREADS_MAX", "2");
    run(&mut command).expect_success();
    let (first, second) = (bytes(&out), bytes(&again));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, packed) in &first {
        assert!(second[name] == *packed, "{name} differs");
    }
    run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&out)).expect_success();
}

#[test]
fn the_image_is_one_program_for_a_user_without_rights_in_docker_and_in_podman() {
    let home = Home::new();
    let image = ending(&packages(&home), ".oci.tar");
    let name = format!("localhost/pullpass:{}", env!("CARGO_PKG_VERSION"));
    let podman = Podman::new(&home);
    run(podman.podman().args(["load", "--input"]).arg(&image)).expect_success();
    let engine = Engine::start();
    let docker = &clients()[0];
    run(engine.command(docker, &home).args(["load", "--input"]).arg(&image)).expect_success();
    for mut inspect in [podman.podman(), engine.command(docker, &home)] {
        let said = run(inspect.args(["image", "inspect", &name])).expect_success();
        let found: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(found[0]["Config"]["User"], "65532:65532");
        assert_eq!(found[0]["Config"]["Entrypoint"], serde_json::json!(["/usr/bin/pullpass"]));
        assert_eq!(found[0]["RootFS"]["Layers"].as_array().expect("layers").len(), 1);
    }
}

#[test]
fn the_list_of_contents_has_every_library_with_licence_and_checksum_and_none_of_the_tests() {
    let home = Home::new();
    let bill = fs::read_to_string(ending(&packages(&home), ".cdx.json")).expect("the list");
    let bill: Value = serde_json::from_str(&bill).expect("JSON");
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&Value::from("CycloneDX"), &Value::from("1.5")));
    let components = bill["components"].as_array().expect("components");
    let named = |name: &str| components.iter().find(|component| component["name"] == name);
    for component in components {
        let ours = component["name"].as_str().is_some_and(|name| name.starts_with("pullpass-"));
        let licence = &component["licenses"][0];
        assert!(licence["expression"].is_string() || licence["license"]["text"]["content"].is_string(), "{component}");
        assert!(ours || component["hashes"][0]["content"].as_str().is_some_and(|hash| hash.len() == 64), "{component}");
    }
    assert!(named("rustls").is_some() && named("pullpass-server").is_some());
    for name in ["insta", "proptest", "pullpass-testing", "pullpass-e2e"] {
        assert!(named(name).is_none(), "{name} is for tests");
    }
}

#[test]
fn compose_file_and_quadlet_serve_this_version_in_the_same_way() {
    let read = |name: &str| fs::read_to_string(root().join("packaging").join(name)).expect(name);
    let (compose, quadlet) = (read("compose.yaml"), read("pullpass-serve.container"));
    let after = |text: &str, key: &str| -> String {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).expect(key);
        line.trim().trim_matches(|edge| edge == '[' || edge == ']').replace(['"', ','], "")
    };
    assert_eq!(after(&compose, "command:"), after(&quadlet, "Exec="));
    assert_eq!(after(&compose, "ports:"), after(&quadlet, "PublishPort="));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(after(&compose, "image:"), format!("localhost/pullpass:${{PULLPASS_VERSION:-{version}}}"));
    assert_eq!(after(&quadlet, "Image="), format!("localhost/pullpass:{version}"));
}

#[test]
fn an_output_directory_with_other_files_is_left_alone() {
    let home = Home::new();
    let out = home.side_dir("mine");
    fs::write(out.join("letter.txt"), "dear").expect("a file");
    let refused = run(&mut package(&home, &out));
    assert_ne!(refused.code, 0, "{refused}");
    assert!(refused.stderr.contains("letter.txt"), "{refused}");
    assert_eq!(fs::read_to_string(out.join("letter.txt")).expect("the file"), "dear");
}
