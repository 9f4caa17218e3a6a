//! Ways in which a registry can be broken, or not be ghcr.io at all.

use bytes::Bytes;
use http::{Response, header};

use super::answer::{Refusal, challenge, origin, request_id, set};
use crate::canned::{Reply, Request, response};

/// How the answers to some paths go wrong. A wrong certificate is one for other names, see
/// [`crate::canned::Certificates::for_names`].
#[derive(Clone, Debug)]
pub enum Failing {
    /// No answer, ever.
    Hang,
    /// The connection ends without an answer.
    HangUp,
    /// 200 and a page for people, as captive portals and proxies answer.
    Html,
    /// The right answer with other bytes in its body: manifests and blobs no longer have their digest.
    WrongDigest,
    /// The right answer, which says that it has one byte more and ends without it.
    BrokenOff,
    /// The same, but nothing more comes and the connection stays.
    Stalled,
    /// The right answer with one byte more in its body than there should be.
    TooLong,
    /// The right answer and blanks behind it that never end, without a length. JSON stays JSON.
    Endless,
    /// A redirect to this address, such as one of a private network.
    Redirect(String),
    /// A redirect to the same address.
    RedirectLoop,
    /// Challenges name the token service of this origin (`https://evil.example`).
    ForeignRealm(String),
    /// An answer with this status and no error body, as an outage has it (500, 502, 503).
    Status(u16),
    /// 429 with ghcr.io's own text, and of api.github.com its 403.
    RateLimited,
}

/// Which requests fail how, and how many still will.
#[derive(Default)]
pub(crate) struct Rules(Vec<Rule>);

struct Rule {
    prefix: String,
    failing: Failing,
    left: usize,
}

impl Rules {
    pub(crate) fn add(&mut self, times: usize, prefix: &str, failing: Failing) {
        self.0.push(Rule { prefix: prefix.to_owned(), failing, left: times });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The failure for `path`: that of the newest rule that has one left.
    pub(crate) fn next(&mut self, path: &str) -> Option<Failing> {
        let rule = self.0.iter_mut().rev().find(|rule| rule.left > 0 && path.starts_with(&rule.prefix))?;
        rule.left -= 1;
        Some(rule.failing.clone())
    }
}

impl Failing {
    /// What becomes of the `right` answer.
    pub(crate) fn instead(self, request: &Request, mut right: Response<Bytes>) -> Reply {
        let html = |status| {
            let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in</body></html>\n";
            response(status, &[("content-type", "text/html; charset=utf-8")], page)
        };
        match self {
            Failing::Hang => return Reply::Hang,
            Failing::BrokenOff => return Reply::BrokenOff(right),
            Failing::Stalled => return Reply::Stalled(right),
            Failing::Endless => return Reply::Endless(right),
            Failing::HangUp => return Reply::HangUp,
            Failing::Html => html(200),
            Failing::Status(status) => html(status),
            Failing::WrongDigest => right.map(spoilt),
            Failing::TooLong => right.map(|body| [&body[..], b"\n"].concat().into()),
            Failing::Redirect(location) => response(307, &[("location", &location)], ""),
            Failing::RedirectLoop => {
                response(307, &[("location", &format!("{}{}", origin(request), request.target))], "")
            }
            Failing::ForeignRealm(origin) => {
                if right.headers().contains_key(header::WWW_AUTHENTICATE) {
                    set(&mut right, header::WWW_AUTHENTICATE.as_str(), &challenge(request, &origin));
                }
                right
            }
            Failing::RateLimited => {
                let mut limited = Refusal::RATE_LIMITED.into_response(request);
                set(&mut limited, "x-github-request-id", &request_id());
                limited
            }
        }
        .into()
    }
}

/// Other bytes that only their digest gives away: JSON stays JSON, anything else keeps its length.
fn spoilt(body: Bytes) -> Bytes {
    let mut body = body.to_vec();
    if body.first() == Some(&b'{') {
        body.push(b'\n');
    } else if let Some(last) = body.last_mut() {
        *last ^= 1;
    }
    body.into()
}
