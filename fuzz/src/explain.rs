//! The reader of what clients print. In the input, the byte 1 stands for a token.

use pullpass_client::diagnosis::explain;
use pullpass_secrets::token;

const BODY: &str = "PULLPASSfakeTokenForTests00000";

pub fn run(bytes: &[u8]) {
    let secret = format!("{BODY}{}", token::checksum(BODY));
    let text = String::from_utf8_lossy(bytes).replace('\u{1}', &format!("ghp_{secret}"));
    let found = explain(&text);
    let below_others = explain(&format!("a line of a build that went well\n{text}"));
    assert!(found == below_others, "another line in front makes it {below_others:?}");
    let Some(found) = found else { return };
    assert!((1..=3).contains(&found.causes.len()), "{:?}", found.causes);
    let is_new = |(at, cause)| !found.causes[..at].contains(cause);
    assert!(found.causes.iter().enumerate().all(is_new), "{:?}", found.causes);
    assert!(
        found.decide.starts_with("pullpass ") && !found.decide.contains(['\n', '\'', '$', '`']),
        "{}",
        found.decide
    );
    assert!(!format!("{found:?}").contains(&secret), "the token is repeated");
}
