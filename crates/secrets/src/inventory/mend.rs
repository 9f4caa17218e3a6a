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
    let payload = text.trim_start_matches(['\n', '\r']);
    let is_damaged = |line: &str| line.starts_with(is_blank) || line.ends_with(is_blank);
    let is_whole = payload.len() == text.len() && !text.lines().any(is_damaged);
    if is_whole || !vault::is_encrypted(payload.trim_start().as_bytes()) {
        return (text.to_owned(), None);
    }
    let lines: Vec<&str> = payload.lines().map(|line| line.trim_matches(is_blank)).collect();
    // Blanks behind the header do not matter.
    let first =
        payload.lines().enumerate().find(|(at, line)| line.starts_with(is_blank) || *at > 0 && is_damaged(line));
    let first = if payload.len() < text.len() { Some(0) } else { first.map(|(at, _)| at) };
    (lines.join("\n") + "\n", first.map(|at| Damage::Blanks(at + 1)))
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
