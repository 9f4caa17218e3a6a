//! `pullpass fleet rotate`.

mod git;
mod needle;
mod occurrences;
mod sealed;
mod staged;
