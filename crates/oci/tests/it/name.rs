use pullpass_oci::{RepositoryName, Tag, name::InvalidName};

#[test]
fn names_of_the_grammar_are_names() {
    for good in ["a", "owner/name", "a.b/c_d/e__f/g-h/i---j", "0/1", &"a".repeat(255)] {
        assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
    }
    assert_eq!("owner/name/more".parse::<RepositoryName>().unwrap().owner(), "owner");
}

#[test]
fn everything_else_is_refused_with_the_reason() {
    for bad in [
        "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a..b", "a___b", "a._b", "-a", "a-", "a b", "a%2fb",
        "a\\b", "a;b", "ä", "a:b", "a@b", "a\0",
    ] {
        assert_eq!(bad.parse::<RepositoryName>(), Err(InvalidName::Grammar), "{bad}");
    }
    assert_eq!("Owner/name".parse::<RepositoryName>(), Err(InvalidName::UpperCase));
    assert_eq!("".parse::<RepositoryName>(), Err(InvalidName::Length));
    assert_eq!("a".repeat(256).parse::<RepositoryName>(), Err(InvalidName::Length));
}

#[test]
fn tags_follow_their_grammar() {
    for good in ["latest", "v0.1", "_x", "A-b.c_9", &"t".repeat(128)] {
        assert!(good.parse::<Tag>().is_ok(), "{good}");
    }
    for bad in ["", ".a", "-a", "a b", "a/b", "a:b", "é", &"t".repeat(129)] {
        assert!(bad.parse::<Tag>().is_err(), "{bad}");
    }
}
