//! Compose files in which a program watches for new images: it asks the registry by itself, and not with the logins of this
//! host. Compose itself pulls as Docker.

use std::path::{Path, PathBuf};

use pullpass_client::diagnosis::{Cause, Fix};
use pullpass_secrets::{
    Secret,
    store::{Credential, Environment, Lookup, Source},
    token::Kind,
};
use zeroize::Zeroizing;

use super::{Access, Place, Search, Service, entries, text};
use crate::{engines::Engine, environment, stores, yaml::Yaml};

/// What Compose takes when no file is named.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
/// Where people keep them, one directory each.
const PLACES: [&str; 2] = ["/opt", "/srv"];
/// By the last part of the image's name. Portainer keeps registries in a database of its own, which cannot be looked into.
const WATCHERS: [&str; 7] = ["watchtower", "diun", "whats-up-docker", "wud", "keel", "ouroboros", "shepherd"];
/// Variables that give one of them a login, as they begin.
const VARIABLES: [&str; 6] = [
    "REPO_PASS",
    "WUD_REGISTRY_",
    "DIUN_REGOPTS_",
    "DIUN_PROVIDERS_DOCKER_REG",
    "DOCKER_REGISTRY_CFG",
    "REGISTRY_PASS",
];

/// A Compose file.
struct Project {
    path: PathBuf,
    document: Yaml,
}

impl Project {
    fn read(path: &Path) -> Option<Project> {
        let document = Yaml::parse(&text(path)?).into_iter().next()?;
        Some(Project { path: path.to_owned(), document })
    }

    fn in_directory(directory: &Path) -> Option<Project> {
        NAMES.iter().find_map(|name| Project::read(&directory.join(name)))
    }

    fn services(&self) -> impl Iterator<Item = (&str, &Yaml)> {
        self.document.get("services").into_iter().flat_map(Yaml::entries)
    }

    fn images(&self) -> impl Iterator<Item = String> {
        self.services().filter_map(|(_, service)| Some(interpolated(service.get("image")?.text()?)))
    }
}

/// The images of a Compose file, of the one in a directory when none is named.
pub(super) fn images(directory: &Path, file: Option<&Path>) -> Vec<String> {
    let project = match file {
        Some(file) => Project::read(&directory.join(file)),
        None => Project::in_directory(directory),
    };
    project.iter().flat_map(Project::images).collect()
}

pub(super) fn collect(search: &mut Search<'_>) -> Vec<Service> {
    let mut directories: Vec<PathBuf> = environment::current_directory().into_iter().collect();
    for place in PLACES {
        directories.push(PathBuf::from(place));
        directories.extend(entries(Path::new(place)).into_iter().filter(|path| path.is_dir()));
    }
    directories.sort();
    directories.dedup();
    let projects: Vec<Project> = directories.iter().filter_map(|path| Project::in_directory(path)).collect();
    let Some(image) = projects.iter().flat_map(Project::images).find(|image| search.concerns(image)) else {
        return Vec::new();
    };
    let mut services = Vec::new();
    for project in &projects {
        for (name, service) in project.services() {
            services.extend(watcher(search, project, name, service, &image));
        }
    }
    services
}

fn watcher(search: &mut Search<'_>, project: &Project, name: &str, service: &Yaml, image: &str) -> Option<Service> {
    let its = interpolated(service.get("image")?.text()?);
    let program = its.split(['@', ':']).next()?.rsplit('/').next()?.to_owned();
    if !WATCHERS.contains(&program.as_str()) {
        return None;
    }
    let access = access(search, project, &program, service)?;
    let config = search.environment.home.join(".docker/config.json");
    let mount = match program.as_str() {
        "watchtower" => format!("mount a file with the login into `{name}`: `{}:/config.json:ro`", config.display()),
        _ => format!("give `{name}` a login as the manual of {program} says"),
    };
    Some(Service {
        cause: Cause::Watcher,
        file: project.path.clone(),
        who: format!("{program} (`{name}` in {})", project.path.display()),
        image: image.to_owned(),
        access,
        fixes: vec![
            Fix::Words(mount),
            Fix::Command(format!("docker compose -f {} up -d --force-recreate {name}", project.path.display())),
        ],
        is_likely: false,
    })
}

/// None when there is a login that cannot be told from here.
fn access(search: &mut Search<'_>, project: &Project, program: &str, service: &Yaml) -> Option<Access> {
    let variables = variables(project, service);
    let given = variables.iter().find(|(name, _)| VARIABLES.iter().any(|begin| name.starts_with(begin)));
    if let Some((name, value)) = given {
        return of_variable(search, project, name, value, &variables);
    }
    let has = |key: &str| service.get(key).is_some_and(|value| !value.items().is_empty());
    if has("secrets") || has("configs") {
        return None;
    }
    let mounts: Vec<(PathBuf, String)> = mounts(search, project, service);
    let is_config = |(source, target): &&(PathBuf, String)| {
        let ends = ["config.json", "auth.json", ".docker", ".docker/"];
        ends.iter().any(|end| target.ends_with(end)) || source.ends_with("config.json") || source.ends_with("auth.json")
    };
    if let Some((source, _)) = mounts.iter().find(is_config) {
        let path = if source.is_dir() { source.join("config.json") } else { source.clone() };
        return Some(in_file(search, &path));
    }
    let mentions = |(source, _): &(PathBuf, String)| text(source).is_some_and(|text| text.contains(search.registry()));
    if mounts.iter().any(mentions) {
        return None;
    }
    Some(Access::None(format!("{program} asks by itself, and neither a file nor a variable gives it a login")))
}

/// A token in a variable is asked about as every other.
fn of_variable(
    search: &mut Search<'_>,
    project: &Project,
    name: &str,
    value: &str,
    variables: &[(String, Zeroizing<String>)],
) -> Option<Access> {
    let secret = Secret::new(value.to_owned());
    if !Kind::of(&secret).is_github() {
        return None;
    }
    let is_user = |name: &str| ["REPO_USER", "REGISTRY_USER"].contains(&name) || name.ends_with("_USERNAME");
    let user = variables.iter().find(|(name, _)| is_user(name)).map_or("USER", |(_, value)| value.as_str());
    let credential = Credential { user: user.to_owned(), secret };
    let source = Source::File(project.path.clone());
    let index = (search.number)(&credential, Place { source: &source, key: name, reader: "watcher" });
    Some(Access::Login { index, source, is_emptied: false })
}

/// The program reads the file in its container, where there are no helpers.
fn in_file(search: &mut Search<'_>, path: &Path) -> Access {
    let environment = Environment { credential_helpers: Vec::new(), ..search.environment.clone() };
    let refuse = |helper: &str, _: &str| Err(format!("it names the helper `{helper}`, which the container has not"));
    let files = [path.to_owned()];
    if !path.exists() {
        return Access::None(format!("{} is mounted into it, and does not exist", path.display()));
    }
    match stores::lookup_in(&files, Engine::Docker, &environment, &search.name.registry, search.registry(), &refuse) {
        Ok(Lookup::Found { key, credential, .. }) => {
            let source = Source::File(path.to_owned());
            let index = (search.number)(&credential, Place { source: &source, key: &key, reader: "watcher" });
            Access::Login { index, source, is_emptied: false }
        }
        Ok(Lookup::IdentityToken { source, .. }) => Access::Elsewhere { source: source.to_string(), is_emptied: false },
        Ok(Lookup::Broken { reason, .. }) => Access::Broken(format!("{}: {reason}", path.display())),
        Ok(Lookup::None) => Access::None(format!("{}, which is mounted into it, has no login for it", path.display())),
        Err(_) => Access::Hidden,
    }
}

/// Of `environment` and `env_file`, which both may be a list.
fn variables(project: &Project, service: &Yaml) -> Vec<(String, Zeroizing<String>)> {
    let mut variables: Vec<(String, Zeroizing<String>)> = Vec::new();
    let variable = |name: &str, value: &str| (name.trim().to_owned(), Zeroizing::new(value.to_owned()));
    let assignment = |text: &str| text.split_once('=').map(|(name, value)| variable(name, value));
    if let Some(environment) = service.get("environment") {
        variables.extend(environment.entries().filter_map(|(name, value)| Some(variable(name, value.text()?))));
        variables.extend(environment.items().iter().filter_map(|item| assignment(item.text()?)));
    }
    let files = service.get("env_file").into_iter().flat_map(|file| {
        file.text()
            .into_iter()
            .chain(file.items().iter().filter_map(|item| item.text().or_else(|| item.get("path")?.text())))
    });
    for file in files {
        let text = text(&project.path.with_file_name("").join(file)).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(assignment);
        variables.extend(lines.map(|(name, value)| variable(&name, value.trim().trim_matches(['"', '\'']))));
    }
    variables
}

/// What of the host is in the container, and where.
fn mounts(search: &Search<'_>, project: &Project, service: &Yaml) -> Vec<(PathBuf, String)> {
    let volumes = service.get("volumes").map(Yaml::items).unwrap_or_default();
    let mount = |volume: &Yaml| {
        let (source, target) = match volume.text() {
            Some(text) => {
                let mut parts = text.split(':');
                (parts.next()?.to_owned(), parts.next()?.to_owned())
            }
            None => (volume.get("source")?.text()?.to_owned(), volume.get("target")?.text()?.to_owned()),
        };
        let home = search.environment.home.display().to_string();
        let source = source.replace("${HOME}", &home).replace("$HOME", &home);
        let source = if let Some(rest) = source.strip_prefix("~/") { format!("{home}/{rest}") } else { source };
        Some((project.path.with_file_name("").join(source), target))
    };
    volumes.iter().filter_map(mount).collect()
}

/// `${NAME:-DEFAULT}` as its default, and any other variable as a tag that names nothing in particular.
fn interpolated(text: &str) -> String {
    let mut left = text;
    let mut whole = String::new();
    while let Some((before, variable)) = left.split_once("${") {
        let (name, behind) = variable.split_once('}').unwrap_or((variable, ""));
        whole.push_str(before);
        whole.push_str(name.split_once('-').map_or("latest", |(_, default)| default));
        left = behind;
    }
    whole + left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_an_image_stand_for_their_defaults() {
        assert_eq!(interpolated("ghcr.io/a/b:${TAG:-v1}"), "ghcr.io/a/b:v1");
        assert_eq!(interpolated("ghcr.io/a/b:${TAG}"), "ghcr.io/a/b:latest");
        assert_eq!(interpolated("ghcr.io/a/b"), "ghcr.io/a/b");
    }
}
