//! What every cause is, for people: what `pullpass doctor` prints, what it makes of the messages of clients, and
//! `docs/guide/troubleshooting.md`.

mod host;
mod login;
mod network;
mod package;
mod token;

use super::Cause;

/// A cause in words. Lines of text are Markdown, without a line break at the end. REGISTRY, OWNER, NAME, TAG and USER stand for
/// what is the reader's own.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which.
    pub cause: Cause,
    /// Its name in JSON and in the address of its section.
    pub slug: &'static str,
    /// A lowercase fragment.
    pub title: &'static str,
    /// What is the case, and why clients print what they print.
    pub meaning: &'static str,
    /// What clients print, with `…` for what varies; empty when nothing is printed that would tell.
    pub texts: &'static [&'static str],
    /// What tells it apart from its neighbours.
    pub told_by: &'static str,
    /// What ends it, the first thing first: words, with commands and addresses in backticks.
    pub fixes: &'static [&'static str],
}

/// Causes that lie in the same place.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// A heading.
    pub title: &'static str,
    /// The causes, in the order of the guide.
    pub entries: &'static [Entry],
}

/// Every cause by the place where it lies, in the order of the guide.
pub const THEMES: [Theme; 5] = [
    Theme { title: "Logins on this host", entries: login::ENTRIES },
    Theme { title: "The token", entries: token::ENTRIES },
    Theme { title: "The package and its organization", entries: package::ENTRIES },
    Theme { title: "This host and its engines", entries: host::ENTRIES },
    Theme { title: "The registry and the way to it", entries: network::ENTRIES },
];

/// Every cause, in the order of the guide.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    THEMES.iter().flat_map(|theme| theme.entries)
}

/// The entry of a cause.
///
/// # Panics
/// Never: a test holds that every cause has one.
pub fn entry(cause: Cause) -> &'static Entry {
    entries().find(|entry| entry.cause == cause).expect("every cause has an entry")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_one_entry_and_a_name_of_its_own() {
        for cause in Cause::ALL {
            assert_eq!(entries().filter(|entry| entry.cause == cause).count(), 1, "{cause:?}");
            let slug = entry(cause).slug;
            assert_eq!(entries().filter(|entry| entry.slug == slug).count(), 1, "{slug}");
        }
    }

    #[test]
    fn every_entry_says_what_to_do_and_its_markdown_is_whole() {
        for entry in entries() {
            let slug = entry.slug;
            assert!(!entry.fixes.is_empty(), "{slug}");
            assert!(!entry.title.ends_with('.'), "{slug}");
            for sentence in [entry.meaning, entry.told_by] {
                assert!(sentence.ends_with('.'), "{slug}: {sentence}");
            }
            let all = [entry.meaning, entry.told_by, entry.title].into_iter().chain(entry.fixes.iter().copied());
            for text in all {
                assert!(text.matches('`').count() % 2 == 0, "{slug}: a backtick is missing in {text}");
                assert!(!text.contains("  ") && text.trim() == text, "{slug}: {text}");
            }
        }
    }
}
