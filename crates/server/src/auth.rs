//! Who is asking, and what they may do.

pub(crate) mod bearer;
pub(crate) mod credential;
pub(crate) mod decision;
pub(crate) mod pat;
pub(crate) mod token;
