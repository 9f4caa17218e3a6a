//! Where payloads are in any text, found without the code under test.

const HEADER: &str = "$ANSIBLE_VAULT;";

/// The text with `<digits>` in the place of every payload's digits, and the payloads.
pub(super) fn split(bytes: &[u8]) -> (String, Vec<String>) {
    let Ok(mut rest) = std::str::from_utf8(bytes) else { return (String::new(), Vec::new()) };
    let (mut skeleton, mut payloads) = (String::new(), Vec::new());
    while let Some(start) = rest.find(HEADER) {
        let header = rest[start..].find(['\r', '\n', '\\']).map_or(rest.len(), |end| start + end);
        skeleton.push_str(&rest[..header]);
        let mut payload = format!("{}\n", &rest[start..header]);
        rest = &rest[header..];
        while let Some((between, digits, behind)) = line(rest) {
            skeleton.push_str(between);
            skeleton.push_str("<digits>");
            payload.push_str(digits);
            payload.push('\n');
            rest = behind;
        }
        payloads.push(payload);
    }
    (skeleton + rest, payloads)
}

/// A line break as the form has it, with what the next line begins with; that line's digits; what follows.
fn line(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.strip_prefix("\\n").or_else(|| text.trim_start_matches('\r').strip_prefix('\n'))?;
    let start = start.trim_start_matches([' ', '#', '>']);
    let end = start.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(start.len());
    let is_line = end > 0 && start[end..].chars().next().is_none_or(|next| matches!(next, '\r' | '\n' | '\\' | '"'));
    is_line.then(|| (&text[..text.len() - start.len()], &start[..end], &start[end..]))
}
