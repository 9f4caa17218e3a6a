//! Tokens as GitHub makes them.

use pullpass_secrets::{
    Secret,
    token::{Kind, check},
};
use pullpass_testing::ghcr::Token;

use super::Site;

// 2.1
#[tokio::test]
async fn tokens_have_githubs_shapes() {
    let site = Site::new().await;
    let shapes = [
        (Token::classic(&[]), Kind::GithubClassic, 40),
        (Token::oauth(&[]), Kind::GithubOauth, 40),
        (Token::fine_grained(), Kind::GithubFineGrained, 93),
        (Token::installation(), Kind::GithubInstallation, 514),
    ];
    for (token, kind, length) in shapes {
        let text = site.ghcr.token("octocat", token);
        assert_eq!(text.len(), length);
        assert_eq!(check(&Secret::new(text)), Ok(kind));
    }
}
