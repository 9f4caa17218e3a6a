//! `pullpass admin check`

use clap::Args;
use pullpass_server::admin::{Request, Response, check::Report};

use super::{Data, other_version};
use crate::{failure::Failure, output};

/// Check that everything stored is there and whole
///
/// Reads every blob and every manifest, compares them with their digests and with each other, and has the database check
/// itself. Works while the server runs. Exits with 1 when something is wrong.
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass admin check --data /srv/pullpass")]
pub(super) struct Check {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Response::Checked(report) = self.data.call(&Request::Check)? else { return Err(other_version()) };
        if self.json {
            output::json(&serde_json::to_value(&report).unwrap_or_default());
        } else {
            print(&report);
        }
        let wrong = match report.problems.len() {
            0 => return Ok(()),
            1 => "1 thing is wrong".to_owned(),
            many => format!("{many} things are wrong"),
        };
        Err(Failure::no(wrong).hint(
            "push again or restore what is damaged; a restart of the server removes files that belong to nothing",
        ))
    }
}

fn print(report: &Report) {
    let Report { packages, blobs, bytes, manifests, tags, uploads, problems } = report;
    let contents = format!("{blobs} blobs ({bytes} bytes), {manifests} manifests, {tags} tags");
    output::say(format_args!("checked {packages} packages: {contents}; {uploads} uploads are under way"));
    problems.iter().for_each(output::data);
    if problems.is_empty() {
        output::say("nothing is wrong");
    }
}
