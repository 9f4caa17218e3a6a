//! Payloads that editors and formatters have damaged, in ways that Ansible refuses and that can be undone.

use crate::vault;

/// What was done to a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// By an editor, or by copying.
    #[error("line {0} of the payload has blanks at its ends, which Ansible refuses")]
    Blanks(
        /// The header is line 1.
        usize,
    ),
    /// By a formatter that turned `|` into `>`.
    #[error("its lines were folded into one, which Ansible refuses: the block must begin with `|`, not `>`")]
    Folded,
}

/// The payload without its damage, and what that was.
pub(super) fn mended(text: &str) -> (String, Option<Damage>) {
    let is_blank = |character: char| matches!(character, ' ' | '\t');
    if let Some(lines) = unfolded(text) {
        return (lines, Some(Damage::Folded));
    }
    match text.lines().position(|line| line.starts_with(is_blank) || line.ends_with(is_blank)) {
        // Blanks behind the header do not matter.
        Some(_) if vault::is_encrypted(text.trim_start().as_bytes()) => {
            let lines: Vec<&str> = text.lines().map(|line| line.trim_matches(is_blank)).collect();
            let damaged = |(at, line): (usize, &str)| {
                (line.starts_with(is_blank) || at > 0 && line.ends_with(is_blank)).then_some(Damage::Blanks(at + 1))
            };
            (lines.join("\n") + "\n", text.lines().enumerate().find_map(damaged))
        }
        _ => (text.to_owned(), None),
    }
}

/// One line that has header and digits, as the lines it was before.
fn unfolded(text: &str) -> Option<String> {
    let mut lines = text.trim_end().lines();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    if !vault::is_encrypted(line.as_bytes()) {
        return None;
    }
    let mut header = line.trim_end();
    let mut digits = Vec::new();
    while let Some((before, word)) = header.rsplit_once(' ')
        && !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        digits.push(word);
        header = before.trim_end();
    }
    digits.push(header);
    digits.reverse();
    (digits.len() > 1).then(|| digits.join("\n") + "\n")
}
