//! Why a pull or a push does not work: causes, the evidence for each, and what ends it. Pure: what was found out goes in,
//! findings come out.

mod catalogue;
mod cause;
mod explain;
mod finding;
pub mod judge;

pub use catalogue::{Entry, THEMES, Theme, entries, entry};
pub use cause::Cause;
pub use explain::{Explanation, Stage, explain};
pub use finding::{Certainty, Finding, Fix, rank};
