//! What a person reads of a report.

use pullpass_client::diagnosis::{Certainty, Finding, Fix, entry};
use pullpass_secrets::token;

use super::report::Report;
use crate::output;

/// Prints it as data.
pub(super) fn report(report: &Report) {
    for line in lines(report) {
        output::data(output::printable(&line));
    }
}

/// The report as lines of text. What came from files or from outside has lost what looks like a token.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.subject.iter().cloned().collect();
    for outlook in &report.engines {
        let word = match outlook.pulls {
            Some(true) => "will pull",
            Some(false) => "will not pull",
            None => "cannot be told",
        };
        lines.push(format!("  {}: {word} ({})", outlook.engine, outlook.login));
    }
    for found in &report.findings {
        lines.push(String::new());
        lines.extend(finding(&found.finding));
    }
    if report.findings.is_empty() {
        lines.push(String::new());
        lines.push("nothing is in the way".to_owned());
    }
    if !report.notes.is_empty() {
        lines.push(String::new());
        lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    }
    let asked = report.asked().into_iter().map(|(host, count)| format!("{host} {count}")).collect::<Vec<_>>();
    if !asked.is_empty() {
        lines.push(String::new());
        lines.push(format!("requests: {}", asked.join(", ")));
    }
    lines.into_iter().map(|line| token::mask(&line)).collect()
}

fn finding(finding: &Finding) -> Vec<String> {
    let weight = if finding.blocks { "blocks" } else { "warning" };
    let sure = match finding.certainty {
        Certainty::Sure => "",
        Certainty::Likely => "likely ",
        Certainty::CannotTell => "perhaps ",
    };
    let mut lines = vec![format!("{weight}: {sure}{}", finding.title())];
    if !finding.about.is_empty() {
        lines.push(format!("  {}", finding.about));
    }
    lines.extend(finding.evidence.iter().map(|line| format!("  seen: {line}")));
    lines.extend(finding.or.iter().map(|cause| format!("  or: {}", entry(*cause).title)));
    lines.extend(finding.decide.iter().map(|probe| format!("  what would tell: {probe}")));
    lines.extend(finding.ruled_out.iter().map(|line| format!("  not: {line}")));
    for fix in &finding.fixes {
        lines.push(match fix {
            Fix::Command(command) => format!("  run: {command}"),
            Fix::Page(page) => format!("  open: {page}"),
            Fix::Words(words) => format!("  do: {words}"),
        });
    }
    lines
}
