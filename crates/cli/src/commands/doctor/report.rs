//! What `pullpass doctor` has found: as it is printed, and as JSON.

use std::path::PathBuf;

use pullpass_client::{
    Step,
    diagnosis::{Cause, Certainty, Finding, Fix, entry},
};
use serde_json::{Value, json};

use super::Exit;

#[derive(Default)]
pub(super) struct Report {
    /// The image, or what was typed in place of one.
    pub(super) subject: Option<String>,
    /// In the order in which they have to be put right.
    pub(super) findings: Vec<Found>,
    /// What each engine would do.
    pub(super) engines: Vec<EngineOutlook>,
    /// What is worth knowing and is nothing wrong.
    pub(super) notes: Vec<String>,
    /// Every request that was sent.
    pub(super) steps: Vec<Step>,
}

/// A finding, and what `--fix` can do about it.
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) remedy: Option<Remedy>,
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Found {
        Found { finding, remedy: None }
    }
}

/// A change that is safe: it takes away nothing that works, and can be made again by hand.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Remove the login under a key of a file.
    Remove { path: PathBuf, key: String },
    /// Put the login under another key.
    Rename { path: PathBuf, from: String, to: String },
    /// Take the rights of others away.
    Tighten { path: PathBuf },
}

/// What an engine would do.
pub(super) struct EngineOutlook {
    pub(super) engine: String,
    /// None when it cannot be told.
    pub(super) pulls: Option<bool>,
    /// With which login, in words.
    pub(super) login: String,
}

impl Report {
    pub(super) fn remedies(&self) -> impl Iterator<Item = &Remedy> {
        self.findings.iter().filter_map(|found| found.remedy.as_ref())
    }

    /// Nothing is in the way, or the answer is no, or the registry could not be asked.
    pub(super) fn exit(&self) -> Option<Exit> {
        let blocking = || self.findings.iter().map(|found| &found.finding).filter(|finding| finding.blocks);
        let is_unknown = |finding: &Finding| {
            use Cause::{NoAddress, Outage, Proxy, RateLimit, Unreachable};
            // What is about an engine alone kept nobody from asking.
            finding.about.is_empty() && matches!(finding.cause, NoAddress | Outage | Proxy | RateLimit | Unreachable)
        };
        blocking().next()?;
        Some(if blocking().all(is_unknown) { Exit::Unknown } else { Exit::No })
    }

    /// How many requests went to each host.
    pub(super) fn asked(&self) -> Vec<(String, usize)> {
        let mut hosts: Vec<(String, usize)> = Vec::new();
        for step in &self.steps {
            let host = step.url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
            match hosts.iter_mut().find(|(known, _)| known == host) {
                Some((_, count)) => *count += 1,
                None => hosts.push((host.to_owned(), 1)),
            }
        }
        hosts
    }

    pub(super) fn to_json(&self) -> Value {
        let step = |step: &Step| {
            json!({
                "stage": step.stage.to_string(), "method": step.method, "url": step.url, "status": step.status,
                "milliseconds": step.took.as_secs_f64() * 1000.0,
            })
        };
        let engine = |outlook: &EngineOutlook| json!({ "engine": outlook.engine, "will_pull": outlook.pulls, "login": outlook.login });
        json!({
            "reference": self.subject,
            "findings": self.findings.iter().map(Found::to_json).collect::<Vec<_>>(),
            "engines": self.engines.iter().map(engine).collect::<Vec<_>>(),
            "notes": self.notes,
            "requests": self.steps.iter().map(step).collect::<Vec<_>>(),
        })
    }
}

impl Found {
    fn to_json(&self) -> Value {
        let finding = &self.finding;
        let fix = |fix: &Fix| match fix {
            Fix::Command(command) => json!({ "command": command }),
            Fix::Page(page) => json!({ "page": page }),
            Fix::Words(words) => json!({ "words": words }),
        };
        let sure = match finding.certainty {
            Certainty::Sure => "sure",
            Certainty::Likely => "likely",
            Certainty::CannotTell => "cannot tell",
        };
        json!({
            "cause": entry(finding.cause).slug,
            "title": finding.title(),
            "or": finding.or.iter().map(|cause| entry(*cause).slug).collect::<Vec<_>>(),
            "certainty": sure,
            "blocks": finding.blocks,
            "about": finding.about,
            "evidence": finding.evidence,
            "fixes": finding.fixes.iter().map(fix).collect::<Vec<_>>(),
            "ruled_out": finding.ruled_out,
            "decide": finding.decide,
            "can_be_fixed": self.remedy.is_some(),
        })
    }
}
