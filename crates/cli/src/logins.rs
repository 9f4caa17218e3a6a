//! Every login of this host: where it is, who reads it, and which one a program uses.

pub(crate) mod kubelet;
pub(crate) mod name;
pub(crate) mod rancher;
pub(crate) mod readers;
pub(crate) mod report;
pub(crate) mod sources;
pub(crate) mod winner;
