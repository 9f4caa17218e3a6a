use pullpass_oci::{Action, Scope};

#[test]
fn scopes_are_read_repeated_and_joined_by_blanks() {
    let scopes = Scope::parse_all(["repository:a/b:push,pull repository:c:pull", "repository:localhost:5000/d:*"]);
    let texts: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["repository:a/b:pull,push", "repository:c:pull"]);
}

#[test]
fn what_is_no_repository_scope_grants_nothing() {
    for text in [
        "",
        "registry:catalog:*",
        "repository:a",
        "repository:a:",
        "repository:../x:pull",
        "repository:*:pull",
        "repository(plugin):a:pull",
        "repository:a:PULL",
    ] {
        assert!(Scope::parse_all([text]).is_empty(), "{text}");
    }
}

#[test]
fn unknown_actions_are_dropped_and_known_ones_kept_once() {
    let scope: Scope = "repository:a:pull,frob,pull".parse().unwrap();
    assert_eq!(scope.actions, [Action::Pull]);
    let all: Scope = "repository:a:*".parse().unwrap();
    assert_eq!(all.actions, [Action::Pull, Action::Push, Action::Delete]);
}
