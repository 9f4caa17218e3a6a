//! Units of systemd that run Docker or Podman.

use std::path::{Path, PathBuf};

use pullpass_client::diagnosis::Cause;

use super::{
    Search, Service, compose, entries, file_name, has_extension,
    runner::{Runner, Who},
    unit_file::{UnitFile, words},
};
use crate::engines::Engine;

/// Where an administrator's are.
const SYSTEM: &str = "/etc/systemd/system";
/// Where those are that an administrator has written for every user.
const USERS: &str = "/etc/systemd/user";

pub(super) fn collect(search: &mut Search<'_>) -> Vec<Service> {
    let own = search.environment.xdg_config_home.clone();
    let own = own.unwrap_or_else(|| search.environment.home.join(".config")).join("systemd/user");
    let mut services = Vec::new();
    for (directory, is_system) in [(Path::new(SYSTEM), true), (Path::new(USERS), false), (&own, false)] {
        for path in entries(directory) {
            // A link is another name of a unit that is elsewhere.
            let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            if is_file && has_extension(&path, &["service"]) {
                services.extend(service(search, &path, is_system));
            }
        }
    }
    services
}

fn service(search: &mut Search<'_>, path: &Path, is_system: bool) -> Option<Service> {
    let unit = UnitFile::read(path)?;
    let variables = unit.environment();
    let directory = unit.last("Service", "WorkingDirectory").map(PathBuf::from);
    let (pull, image) = unit.commands().find_map(|line| {
        let pull = Pull::read(&expanded(line, &variables), directory.as_deref())?;
        let image = pull.images.iter().find(|image| search.concerns(image))?.clone();
        Some((pull, image))
    })?;
    let who = match unit.last("Service", "User") {
        Some(user) if is_system => Who::User(user.to_owned()),
        None if is_system => Who::User("root".to_owned()),
        _ => Who::Me,
    };
    let runner = Runner { engine: pull.engine, who, variables: &variables, file: pull.file };
    Some(Service {
        cause: Cause::Service,
        file: path.to_owned(),
        who: runner.about(&file_name(path)),
        image,
        access: runner.access(search),
        fixes: runner.fixes(search.registry()),
        is_likely: false,
    })
}

/// A command line that pulls.
struct Pull {
    engine: Engine,
    /// The one that it names for logins.
    file: Option<PathBuf>,
    images: Vec<String>,
}

impl Pull {
    fn read(line: &str, directory: Option<&Path>) -> Option<Pull> {
        // What a shell is given is a line of its own.
        let words: Vec<String> =
            words(line).iter().flat_map(|word| word.split([' ', '\t', ';', '&', '|'])).map(str::to_owned).collect();
        let (at, engine) = words.iter().enumerate().find_map(|(at, word)| Some((at, engine(word)?)))?;
        let words = &words[at..];
        let is_compose = |word: &String| word.ends_with("-compose") || word == "compose";
        let does = |verbs: &[&str]| words.iter().any(|word| verbs.contains(&word.as_str()));
        let images = if words.iter().take(4).any(is_compose) {
            let file = option(words, "-f").or_else(|| option(words, "--file"));
            let directory = directory.unwrap_or(Path::new("/"));
            compose::images(directory, file.as_deref())
        } else if does(&["run", "pull", "create"]) {
            words.to_vec()
        } else {
            return None;
        };
        let file = match engine {
            Engine::Docker => option(words, "--config").map(|directory| directory.join("config.json")),
            Engine::Podman => option(words, "--authfile"),
        };
        Some(Pull { engine, file, images })
    }
}

fn engine(word: &str) -> Option<Engine> {
    // In front of a program systemd takes signs for how to run it.
    match word.trim_start_matches(['-', '@', '+', '!', ':']).rsplit('/').next()? {
        "docker" | "docker-compose" => Some(Engine::Docker),
        "podman" | "podman-compose" => Some(Engine::Podman),
        _ => None,
    }
}

/// The value of an option, as a word of its own or behind `=`.
pub(super) fn option(words: &[String], name: &str) -> Option<PathBuf> {
    let at = words.iter().position(|word| word == name || word.split_once('=').is_some_and(|(its, _)| its == name))?;
    let value = match words[at].split_once('=') {
        Some((_, value)) => value,
        None => words.get(at + 1)?,
    };
    Some(PathBuf::from(value))
}

/// A line with the unit's own variables in it.
fn expanded(line: &str, variables: &[(String, String)]) -> String {
    let mut line = line.to_owned();
    for (name, value) in variables {
        line = line.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_that_pulls_is_known_with_its_engine_file_and_image() {
        for (line, engine, file) in [
            ("/usr/bin/docker run --rm ghcr.io/a/b:1", Engine::Docker, None),
            ("-/usr/bin/docker --config /etc/app pull ghcr.io/a/b:1", Engine::Docker, Some("/etc/app/config.json")),
            (
                "/bin/sh -c 'cd /x && podman pull --authfile=/etc/a.json ghcr.io/a/b:1; true'",
                Engine::Podman,
                Some("/etc/a.json"),
            ),
            ("podman create --authfile /etc/a.json ghcr.io/a/b:1", Engine::Podman, Some("/etc/a.json")),
        ] {
            let pull = Pull::read(line, None).unwrap();
            assert!(pull.engine == engine && pull.file == file.map(PathBuf::from), "{line}");
            assert!(pull.images.contains(&"ghcr.io/a/b:1".to_owned()), "{line}");
        }
        for line in ["/usr/bin/docker stop app", "/usr/bin/echo run ghcr.io/a/b:1", ""] {
            assert!(Pull::read(line, None).is_none(), "{line}");
        }
    }
}
