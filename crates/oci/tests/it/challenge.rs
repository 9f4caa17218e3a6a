use proptest::prelude::*;
use pullpass_oci::Challenge;

fn texts(header: &str) -> Vec<String> {
    Challenge::parse(header).iter().map(ToString::to_string).collect()
}

#[test]
fn the_challenge_of_ghcr_is_read() {
    let header = r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#;
    let challenges = Challenge::parse(header);
    assert_eq!(challenges.len(), 1);
    assert_eq!(challenges[0].scheme, "bearer");
    assert_eq!(challenges[0].parameter("realm"), Some("https://ghcr.io/token"));
    assert_eq!(challenges[0].parameter("scope"), Some("repository:user/image:pull"));
    assert_eq!(texts(header), [header]);
}

#[test]
fn several_challenges_on_one_line_are_told_apart() {
    assert_eq!(
        texts(r#"Basic realm="a, b", Negotiate, NTLM TlRMTVNTUAAC==, bearer REALM=x , service = "s""#),
        [r#"Basic realm="a, b""#, "Negotiate", "Ntlm", r#"Bearer realm="x",service="s""#]
    );
}

#[test]
fn quotes_and_backslashes_are_undone_and_written_again() {
    assert_eq!(Challenge::parse(r#"Basic realm="a \"b\" \\ c""#)[0].parameter("realm"), Some(r#"a "b" \ c"#));
    assert_eq!(texts(r#"Basic realm="a \"b\" \\ c""#), [r#"Basic realm="a \"b\" \\ c""#]);
}

#[test]
fn what_comes_before_a_syntax_error_is_kept() {
    assert_eq!(texts(r#"Bearer realm="https://x/token",service="unterminated"#).len(), 1);
    assert!(texts("").is_empty());
    assert!(texts("=,=").is_empty());
    assert_eq!(texts("Bearer"), ["Bearer"]);
}

proptest! {
    #[test]
    fn any_header_ends_and_what_we_write_reads_back(header in ".{0,200}", realm in "[ -~]{0,40}", service in "[ -~]{0,40}") {
        Challenge::parse(&header);
        let challenge = Challenge::bearer(&realm, &service);
        prop_assert_eq!(Challenge::parse(&challenge.to_string()), vec![challenge]);
    }
}
