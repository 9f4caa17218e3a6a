//! `/v2/NAME/referrers/DIGEST`, which ghcr.io does not have.

use http::Method;
use pullpass_oci::RepositoryName;

use super::{
    Call,
    answer::{Answer, Refusal, not_found},
};
use crate::canned::response;

pub(super) fn answer(call: &Call, name: &RepositoryName) -> Answer {
    if call.request.method != Method::GET {
        return Err(Refusal::UNSUPPORTED);
    }
    call.read(name)?;
    if !call.world.switches.redirects_referrers {
        return Ok(not_found());
    }
    let path = format!("{name}/referrers/sha256").replace('/', "%2F");
    let location = format!("https://github.com/-/v2/packages/container/package/{path}");
    Ok(response(303, &[("location", &location)], ""))
}
