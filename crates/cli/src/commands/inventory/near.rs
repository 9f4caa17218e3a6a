//! What a person may have meant by a key path that is not there.

use pullpass_secrets::inventory::KeyPath;

/// As many are shown.
const MAX_SHOWN: usize = 3;
/// How alike two paths must be, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Hints that name the paths most like `wanted`: the same last key elsewhere, or a slip of the finger.
pub(super) fn paths<'a>(wanted: &KeyPath, known: impl Iterator<Item = &'a KeyPath>) -> Vec<String> {
    let text = wanted.to_string();
    let mut alike: Vec<(f64, String)> = known
        .map(|path| {
            let shown = path.to_string();
            let is_same_key = path.steps().last() == wanted.steps().last();
            (strsim::normalized_damerau_levenshtein(&text, &shown) + f64::from(u8::from(is_same_key)), shown)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    alike.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    alike.dedup_by(|a, b| a.1 == b.1);
    alike.into_iter().take(MAX_SHOWN).map(|(_, path)| format!("there is `{path}`")).collect()
}
