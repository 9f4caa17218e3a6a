//! Podman's quadlets: podman-systemd.unit(5).

use std::path::{Path, PathBuf};

use pullpass_client::diagnosis::{Cause, Fix};

use super::{
    Search, Service, entries, file_name, has_extension,
    runner::{Runner, Who},
    text,
    unit_file::{UnitFile, words},
};
use crate::{engines::Engine, yaml::Yaml};

/// Where root's are.
const ROOTS: [&str; 3] = ["/etc/containers/systemd", "/usr/share/containers/systemd", "/run/containers/systemd"];
/// Where users' are that root has written; those of a single user in a directory of its number.
const USERS: &str = "/etc/containers/systemd/users";
/// What pulls.
const KINDS: [&str; 3] = ["container", "image", "kube"];
/// By which `podman auto-update` knows what to pull, and with which file (podman-auto-update(1)).
const AUTO_UPDATE: &str = "io.containers.autoupdate";
const AUTHFILE: &str = "io.containers.autoupdate.authfile";

pub(super) fn collect(search: &mut Search<'_>) -> Vec<Service> {
    let mut services = Vec::new();
    let mut add = |directory: &Path, who: &Who| {
        for path in files(directory) {
            services.extend(services_of(search, &path, who));
        }
    };
    for directory in ROOTS {
        add(Path::new(directory), &Who::User("root".to_owned()));
    }
    let is_number = |path: &PathBuf| file_name(path).bytes().all(|byte| byte.is_ascii_digit());
    for directory in entries(Path::new(USERS)).iter().filter(|path| is_number(path)) {
        add(directory, &Who::User(file_name(directory)));
    }
    let environment = search.environment.clone();
    let config = environment.xdg_config_home.unwrap_or_else(|| environment.home.join(".config"));
    let mut add = |directory: &Path| {
        for path in files(directory) {
            services.extend(services_of(search, &path, &Who::Me));
        }
    };
    if environment.uid != 0 {
        add(Path::new(USERS));
    }
    add(&config.join("containers/systemd"));
    services
}

/// The quadlets of a directory, and of those in it but the users'.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = entries(directory);
    let is_own = |path: &&PathBuf| path.is_dir() && *path != Path::new(USERS) && directory != Path::new(USERS);
    let within: Vec<PathBuf> = files.iter().filter(is_own).flat_map(|path| entries(path)).collect();
    files.extend(within);
    files.retain(|path| has_extension(path, &KINDS));
    files.truncate(super::MOST);
    files
}

fn services_of(search: &mut Search<'_>, path: &Path, who: &Who) -> Vec<Service> {
    let Some(unit) = UnitFile::read(path) else { return Vec::new() };
    let section = match path.extension().and_then(|end| end.to_str()) {
        Some("image") => "Image",
        Some("kube") => "Kube",
        _ => "Container",
    };
    let images = if section == "Kube" {
        pods(&unit, path)
    } else {
        unit.last(section, "Image").map(str::to_owned).into_iter().collect()
    };
    let Some(image) = images.into_iter().find(|image| search.concerns(image)) else { return Vec::new() };
    if unit.last(section, "Pull") == Some("never") {
        return Vec::new();
    }
    let service = |search: &mut Search<'_>, runner: &Runner<'_>, about: &str, hint: Option<String>| Service {
        cause: Cause::Service,
        file: path.to_owned(),
        who: runner.about(about),
        image: image.clone(),
        access: runner.access(search),
        fixes: runner.fixes(search.registry()).into_iter().chain(hint.map(Fix::Words)).collect(),
        is_likely: false,
    };
    let variables = unit.environment();
    let named = unit.last(section, "AuthFile").map(PathBuf::from).or_else(|| authfile(&unit, section));
    let name = file_name(path);
    let runner = Runner { engine: Engine::Podman, who: who.clone(), variables: &variables, file: named };
    let own = runner.explicit();
    let hint = (own.is_none() && runner.is_root()).then(|| {
        "or keep a login in /etc/containers/auth.json, and name it under `[Service]`: `Environment=REGISTRY_AUTH_FILE=/etc/containers/auth.json`".to_owned()
    });
    let mut services = vec![service(search, &runner, &name, hint)];
    // The timer of automatic updates has not the environment of the unit.
    let labels = labels(&unit);
    let label = |name: &str| labels.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str());
    let is_updated = unit.last(section, "AutoUpdate").or(label(AUTO_UPDATE)).is_some_and(|policy| policy == "registry");
    let file = label(AUTHFILE).map(PathBuf::from);
    if is_updated && file != own {
        let hint = own.map(|own| {
            format!("or name the file of the unit, under `[Container]`: `Label={AUTHFILE}={}`", own.display())
        });
        let runner = Runner { engine: Engine::Podman, who: who.clone(), variables: &[], file };
        services.push(service(search, &runner, &format!("podman-auto-update of {name}"), hint));
    }
    services
}

fn labels(unit: &UnitFile) -> Vec<(String, String)> {
    let pairs = unit.all("Container", "Label").flat_map(words);
    pairs.filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// `--authfile` among the arguments of Podman.
fn authfile(unit: &UnitFile, section: &str) -> Option<PathBuf> {
    let words: Vec<String> = unit.all(section, "PodmanArgs").flat_map(words).collect();
    super::unit::option(&words, "--authfile")
}

/// The images of the pods that a `.kube` names.
fn pods(unit: &UnitFile, path: &Path) -> Vec<String> {
    let Some(file) = unit.last("Kube", "Yaml") else { return Vec::new() };
    let file = path.with_file_name("").join(file);
    let documents = Yaml::parse(&text(&file).unwrap_or_default());
    documents.iter().flat_map(|document| document.all("image")).filter_map(Yaml::text).map(str::to_owned).collect()
}
