//! What a person may have meant by a name that is not there.

use std::{fs, path::Path};

use pullpass_secrets::inventory::{KeyPath, Step};
use strsim::{damerau_levenshtein, normalized_damerau_levenshtein};

/// As many are shown.
const MAX_SHOWN: usize = 3;
/// How alike two names must be, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Hints that name the paths most like `wanted`: the same last key elsewhere, or a slip of the finger.
pub(super) fn paths<'a>(wanted: &KeyPath, known: impl Iterator<Item = &'a KeyPath>) -> Vec<String> {
    let text = wanted.to_string();
    let scored = known.map(|path| {
        let shown = path.to_string();
        // A person may leave out the keys in front.
        let tail = &path.steps()[path.steps().len().saturating_sub(wanted.steps().len())..];
        let tail = KeyPath::new(tail.to_vec()).map_or_else(String::new, |tail| tail.to_string());
        let score = normalized_damerau_levenshtein(&text, &shown).max(normalized_damerau_levenshtein(&text, &tail));
        (score + f64::from(u8::from(path.steps().last() == wanted.steps().last())), shown)
    });
    best(scored)
}

/// Hints that name what a new path may have been meant to be. Keys side by side are often alike (`db1`, `db2`), so those
/// are named for a slip of the finger only.
pub(super) fn slips<'a>(new: &KeyPath, known: impl Iterator<Item = &'a KeyPath>) -> Vec<String> {
    let (_, parents) = parts(new);
    paths(new, known.filter(|path| parts(path).1 != parents || is_slip(parts(new).0, parts(path).0)))
}

/// Hints that name the files beside a path that is not there.
pub(super) fn files(path: &Path) -> Vec<String> {
    let (Some(name), parent) = (path.file_name().map(|name| name.to_string_lossy()), path.parent()) else {
        return Vec::new();
    };
    let parent = parent.unwrap_or(Path::new(""));
    let directory = if parent == Path::new("") { Path::new(".") } else { parent };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    best(entries.map(|known| {
        let score = normalized_damerau_levenshtein(&name, &known.to_string_lossy());
        (score, parent.join(known).display().to_string())
    }))
}

fn best(scored: impl Iterator<Item = (f64, String)>) -> Vec<String> {
    let mut alike: Vec<(f64, String)> = scored.filter(|(score, _)| *score >= ALIKE).collect();
    alike.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    alike.dedup_by(|a, b| a.1 == b.1);
    alike.into_iter().take(MAX_SHOWN).map(|(_, name)| format!("there is `{name}`")).collect()
}

/// The last step of a path, and those before it.
fn parts(path: &KeyPath) -> (Option<&Step>, &[Step]) {
    path.steps().split_last().map_or((None, &[]), |(last, parents)| (Some(last), parents))
}

/// Whether two keys differ by one letter, left out, added, mistyped or swapped, that is neither the first nor a digit.
fn is_slip(new: Option<&Step>, known: Option<&Step>) -> bool {
    let (Some(Step::Key(new)), Some(Step::Key(known))) = (new, known) else { return false };
    let letters = |key: &str| key.chars().filter(|character| !character.is_ascii_digit()).collect::<String>();
    new.chars().next() == known.chars().next() && damerau_levenshtein(new, known) == 1 && letters(new) != letters(known)
}
