//! `docs/guide/troubleshooting.md`, which is made from the catalogue. `UPDATE_DOCS=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use pullpass_client::diagnosis::Cause::{self, *};
use pullpass_client::diagnosis::{Entry, THEMES, entries, entry, explain};

const WIDTH: usize = 120;

const INTRODUCTION: &str = "\
# When an image does not pull

<!-- Made from the catalogue of crates/client/src/diagnosis; CONTRIBUTING.md says how. -->

This says which of the causes below it is, with the evidence and the command that ends it:

```bash
pullpass doctor ghcr.io/OWNER/NAME:TAG
```

And this says what a message can mean, without asking anybody:

```bash
pullpass doctor --explain 'Error response from daemon: Head \"https://ghcr.io/v2/octocat/app/manifests/v1\": denied: denied'
```

In what follows, REGISTRY is mostly `ghcr.io`, OWNER/NAME:TAG the image, and USER your account. `…` stands for what is
different each time.
";

/// The troubles of the guide, in its words: heading, what to know, and the causes.
const TROUBLES: [(&str, &str, &[Cause]); 3] = [
    (
        "\"unauthorized: authentication required\" Error",
        "The registry was not given a login. With ghcr.io this is not what a wrong or expired token looks like: that one is \
         `denied`. So the question is why the engine found no login, and the answer is one of these:",
        &[
            NoLogin,
            OtherUser,
            RuntimeFile,
            Snap,
            WrongRegistry,
            KeySpelling,
            HelperShadows,
            Service,
            Watcher,
            PullSecret,
        ],
    ),
    (
        "\"denied: permission denied\" Error",
        "One word for three things. `denied: denied`, and a 403 of the request for a token, is a dead login. `denied` behind the \
         address of a manifest is no login, and no such package. `denied` alone is a login that is alive and has no right to this:",
        &[
            DeadLogin,
            DeadLoginOnPublic,
            NoSuchPackage,
            NoRole,
            NoReadScope,
            FineGrained,
            Installation,
            Workflow,
            Sso,
            NoWriteScope,
            NotLinked,
        ],
    ),
    (
        "Token Not Working After Creation",
        "Waiting seldom helps. Mostly the token was not copied whole, is of a kind that ghcr.io does not take, or is not the one that \
         the engine uses:",
        &[Mangled, FineGrained, NoReadScope, ShadowedLogin, Sso, TokenPolicy, NotActiveYet, Lockout],
    ),
];

#[test]
fn the_page_about_troubles_is_made_from_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/troubleshooting.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let found = std::fs::read_to_string(&path).expect("the page is there");
    let difference = found.lines().zip(page.lines()).find(|(found, made)| found != made);
    assert!(found == page, "UPDATE_DOCS=1 writes it anew; the first line that differs: {difference:?}");
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (heading, text, causes) in TROUBLES {
        page += &format!("\n## {heading}\n\n{}\n", wrapped(text, ""));
        for cause in causes {
            page += &format!("- {}\n", link(entry(*cause)));
        }
    }
    page += "\n## By what was printed\n\nThe likeliest cause first.\n\n| text | causes |\n|---|---|\n";
    for text in texts() {
        let causes: Vec<String> = causes_of(text).into_iter().map(|cause| link(entry(cause))).collect();
        page += &format!("| {} | {} |\n", cell(text), causes.join("; "));
    }
    for theme in THEMES {
        page += &format!("\n## {}\n", theme.title);
        theme.entries.iter().for_each(|entry| section(&mut page, entry));
    }
    page
}

fn section(page: &mut String, entry: &Entry) {
    let Entry { slug, meaning, texts, told_by, fixes, .. } = entry;
    writeln!(page, "\n<a id=\"{slug}\"></a>\n\n### {}\n\n{}", heading(entry), wrapped(meaning, "")).expect("memory");
    if !texts.is_empty() {
        writeln!(page, "\nWhat is printed:\n\n```text\n{}\n```", texts.join("\n")).expect("memory");
    }
    writeln!(page, "\n{}\n\nWhat to do:\n", wrapped(&format!("How `doctor` tells: {}", lowered(told_by)), ""))
        .expect("memory");
    for fix in *fixes {
        writeln!(page, "- {}", wrapped(&linked(fix), "  ")).expect("memory");
    }
}

/// Every text once, in the order of the sections.
fn texts() -> Vec<&'static str> {
    let mut texts = Vec::new();
    for text in entries().flat_map(|entry| entry.texts) {
        if !texts.contains(text) {
            texts.push(*text);
        }
    }
    texts
}

/// What `explain` says, then whatever else shows this text.
fn causes_of(text: &str) -> Vec<Cause> {
    let mut causes = explain(text).map(|found| found.causes).unwrap_or_default();
    for entry in entries().filter(|entry| entry.texts.contains(&text)) {
        if !causes.contains(&entry.cause) {
            causes.push(entry.cause);
        }
    }
    causes
}

fn link(entry: &Entry) -> String {
    format!("[{}](#{})", entry.title, entry.slug)
}

fn heading(entry: &Entry) -> String {
    let mut rest = entry.title.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// A sentence behind a colon.
fn lowered(sentence: &str) -> String {
    let is_name = ["GitHub", "Podman", "Docker"].iter().any(|name| sentence.starts_with(name));
    let mut rest = sentence.chars();
    match rest.next().filter(|_| !is_name) {
        Some(first) => first.to_lowercase().chain(rest).collect(),
        None => sentence.to_owned(),
    }
}

/// A text as code in a cell of a table, a line break as one.
fn cell(text: &str) -> String {
    let fence = if text.contains('`') { "`` " } else { "`" };
    let end: String = fence.chars().rev().collect();
    let line = |line: &str| format!("{fence}{}{end}", line.replace('|', "\\|"));
    text.lines().map(line).collect::<Vec<_>>().join("<br>")
}

/// Addresses that can be opened as they are become links.
fn linked(fix: &str) -> String {
    let mut linked = String::new();
    for (at, part) in fix.split('`').enumerate() {
        let is_code = at % 2 == 1;
        let is_address =
            part.starts_with("https://") && !["OWNER", "REGISTRY", " "].iter().any(|word| part.contains(word));
        match (is_code, is_address) {
            (true, true) => linked += &format!("<{part}>"),
            (true, false) => linked += &format!("`{part}`"),
            (false, _) => linked += part,
        }
    }
    linked
}

/// In lines of no more than [`WIDTH`] characters; a break in code is a blank.
fn wrapped(text: &str, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut length = indent.chars().count();
    for word in text.split(' ') {
        let more = word.chars().count();
        if !wrapped.is_empty() {
            if length + 1 + more > WIDTH {
                write!(wrapped, "\n{indent}").expect("memory");
                length = indent.chars().count();
            } else {
                wrapped.push(' ');
                length += 1;
            }
        }
        wrapped.push_str(word);
        length += more;
    }
    wrapped
}
