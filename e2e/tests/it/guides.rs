//! README and the guides: the program knows every command that they show, and their links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pullpass_testing::home::Home;
use pullpass_testing::run::run;

use crate::program::pullpass;

/// Programs that are given a whole command line of ours.
const CARRIERS: [&str; 4] = ["sudo", "ssh", "docker", "podman"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace above e2e").to_owned()
}

/// The files below `directory` of the workspace whose names end with `.md`, and what is in them.
fn pages(directory: &str) -> Vec<(PathBuf, String)> {
    let files = fs::read_dir(root().join(directory)).expect("a directory").map(|entry| entry.expect("an entry").path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| (path.clone(), fs::read_to_string(path).expect("a page"))).collect()
}

/// What stands in the blocks that a person may paste into a shell, a whole command a line.
fn shell_lines(page: &str) -> Vec<String> {
    let (mut is_shell, mut found) = (false, Vec::new());
    for line in page.replace("\\\n", " ").lines() {
        match line.trim_start().strip_prefix("```") {
            Some(language) => is_shell = matches!(language, "sh" | "bash"),
            None if is_shell => found.push(line.trim_start().to_owned()),
            None => {}
        }
    }
    found
}

/// The simple commands of a line, as words. What a command reads and writes is left out; nothing is expanded.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut quote, mut is_file) = (None, false);
    for character in line.chars().chain([';']) {
        match quote {
            Some(end) if character == end => quote = None,
            Some(_) => word.push(character),
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if " |&;<>".contains(character) => {
                if !word.is_empty() && !std::mem::replace(&mut is_file, false) {
                    words.push(std::mem::take(&mut word));
                }
                word.clear();
                is_file = is_file || "<>".contains(character);
                if "|&;".contains(character) {
                    commands.push(std::mem::take(&mut words));
                    is_file = false;
                }
            }
            // A comment.
            None if character == '#' && word.is_empty() => {
                commands.push(words);
                return commands;
            }
            None => word.push(character),
        }
    }
    commands
}

/// What our program is given in this command, if it is one of ours.
fn ours(command: &[String]) -> Option<&[String]> {
    let is_ours = |word: &String| word == "pullpass" || word.ends_with("/bin/pullpass");
    let is_variable = |word: &&String| !word.starts_with('-') && word.contains('=');
    let command = &command[command.iter().take_while(is_variable).count()..];
    let first = command.first()?;
    let at = command.iter().position(is_ours).filter(|_| is_ours(first) || CARRIERS.contains(&first.as_str()))?;
    Some(&command[at + 1..])
}

#[test]
fn commands_are_told_from_what_is_around_them() {
    let found = commands("A=b sudo pullpass a 'b c' < in --d=\"e f\" > out | kubectl apply -f - && x # y");
    assert_eq!(found[0], ["A=b", "sudo", "pullpass", "a", "b c", "--d=e f"]);
    assert_eq!(ours(&found[0]).expect("ours"), ["a", "b c", "--d=e f"]);
    assert_eq!(found[1], ["kubectl", "apply", "-f", "-"]);
    assert_eq!(found.last().expect("the last"), &["x"]);
    assert!(ours(&commands("install pullpass /usr/local/bin/pullpass")[0]).is_none());
}

/// Help is printed only when the words before it could be placed. That none is missing is not seen, nor is what a shell makes
/// of a variable.
#[test]
fn the_program_knows_every_command_that_they_show() {
    let home = Home::new();
    let (mut read, mut unknown) = (0, Vec::new());
    for (path, page) in [".", "docs/guide", "docs/commands"].into_iter().flat_map(pages) {
        for line in shell_lines(&page) {
            for command in commands(&line) {
                let Some(words) = ours(&command).filter(|words| !words.iter().any(|word| word.contains('$'))) else {
                    continue;
                };
                let words: Vec<&str> = words.iter().map(String::as_str).take_while(|word| *word != "--").collect();
                let ran = run(pullpass(&home).args(words).arg("--help"));
                read += 1;
                if ran.code != 0 {
                    unknown.push(format!("{}: {line}\n{}", path.display(), ran.stderr));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(read > 30, "only {read} commands were found");
}

#[test]
fn the_program_has_every_command_that_their_texts_name() {
    let home = Home::new();
    let pages = [".", "docs", "docs/guide", "docs/commands"].into_iter().flat_map(pages);
    let mut named = BTreeSet::new();
    for (_, page) in pages {
        for rest in page.split("`pullpass ").skip(1) {
            let name = rest.split(|character: char| !character.is_ascii_lowercase()).next().unwrap_or_default();
            named.insert(name.to_owned());
        }
    }
    named.remove("");
    for name in &named {
        run(pullpass(&home).args([name, "--help"])).expect_success();
    }
    assert!(named.len() > 15, "only {named:?} were found");
}

#[test]
fn their_links_lead_to_files() {
    let mut broken = Vec::new();
    for directory in [".", "docs", "docs/guide", "docs/commands"] {
        for (path, page) in pages(directory) {
            for target in page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
                let file = target.split('#').next().unwrap_or_default();
                let is_ours = !file.is_empty() && !file.contains("://");
                if is_ours && !path.parent().expect("a directory").join(file).exists() {
                    broken.push(format!("{}: {target}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
