//! Tokens that are made and revoked with `pullpass token` while the server is killed.

use std::process::Command;

use pullpass_testing::run::{Ran, run};
use reqwest::Method;
use serde_json::Value;

use super::http::Http;
use super::model::Fate;
use crate::program::USER;
use crate::random::Random;

/// How many live tokens there are before some are revoked.
const LIVE: usize = 8;

/// How many revoked ones are still tried.
const REVOKED: usize = 12;

pub(crate) struct Token {
    pub(crate) id: i64,
    pub(crate) secret: String,
    /// Gone is revoked.
    pub(crate) fate: Fate,
}

pub(crate) struct Tokens {
    random: Random,
    pub(crate) tokens: Vec<Token>,
    /// Whether one may have been made that nobody was told.
    was_cut: bool,
}

impl Tokens {
    pub(crate) fn new(random: Random) -> Tokens {
        Tokens { random, tokens: Vec::new(), was_cut: false }
    }

    /// Makes and revokes tokens until the server is gone, and says how many times that was acknowledged. `admin` makes a
    /// command for its data directory.
    pub(crate) async fn work(&mut self, http: &Http, admin: impl Fn(&[&str]) -> Command) -> usize {
        let mut acknowledged = 0;
        while !http.is_silent() {
            let live = self.tokens.iter().filter(|token| token.fate == Fate::Present).count();
            let done = if live > LIVE || (live > 0 && self.random.below(3) == 0) {
                self.revoke(&admin).await
            } else {
                self.make(&admin).await
            };
            // The directory may be free already, so that the command did its work on it: also an acknowledgement.
            if done.code != 0 {
                assert!(http.is_silent() && done.code == 3, "{done}");
                break;
            }
            acknowledged += 1;
        }
        acknowledged
    }

    async fn make(&mut self, admin: &impl Fn(&[&str]) -> Command) -> Ran {
        self.was_cut = true;
        let words = ["token", "new", "--user", USER, "--note", "crash", "--scope", "read:packages", "--json"];
        let ran = ran(admin(&words)).await;
        if ran.code == 0 {
            let made: Value = serde_json::from_str(&ran.stdout).expect("JSON");
            let (id, secret) = (made["id"].as_i64().expect("an id"), made["token"].as_str().expect("a token"));
            self.tokens.push(Token { id, secret: secret.to_owned(), fate: Fate::Present });
            self.was_cut = false;
        }
        ran
    }

    async fn revoke(&mut self, admin: &impl Fn(&[&str]) -> Command) -> Ran {
        let live: Vec<usize> = (0..self.tokens.len()).filter(|at| self.tokens[*at].fate == Fate::Present).collect();
        let token = &mut self.tokens[*self.random.choose(&live).expect("a live token")];
        token.fate = Fate::Unknown;
        let ran = ran(admin(&["token", "revoke", &token.id.to_string()])).await;
        if ran.code == 0 {
            token.fate = Fate::Gone;
        }
        ran
    }

    pub(crate) fn is_unsettled(&self) -> bool {
        self.was_cut || self.tokens.iter().any(|token| token.fate == Fate::Unknown)
    }

    /// Presents every token to the server.
    pub(crate) async fn settle(&mut self, http: &Http) {
        self.was_cut = false;
        for token in &mut self.tokens {
            let answer = http.send_as(&token.secret, Method::GET, "/v2/", "", Vec::new()).await;
            let found = match answer.map(|answer| answer.status) {
                Ok(200) => Fate::Present,
                Ok(401) => Fate::Gone,
                other => panic!("token {} is answered {:?}", token.id, other.ok()),
            };
            let known = token.fate;
            assert!(known == found || known == Fate::Unknown, "token {} is {found:?}, was {known:?}", token.id);
            token.fate = found;
        }
        let mut revoked = self.tokens.iter().filter(|token| token.fate == Fate::Gone).count();
        // The oldest first.
        self.tokens.retain(|token| {
            let forget = token.fate == Fate::Gone && revoked > REVOKED;
            revoked -= usize::from(forget);
            !forget
        });
    }
}

/// Runs a command where it may block.
async fn ran(mut command: Command) -> Ran {
    tokio::task::spawn_blocking(move || run(&mut command)).await.expect("the command ends")
}
