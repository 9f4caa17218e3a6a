//! `pullpass completions`

use clap::Args;
use clap_complete::Shell;

use crate::{
    arguments,
    failure::{Failure, OrFail},
    output,
};

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass completions bash > ~/.local/share/bash-completion/completions/pullpass")]
pub(crate) struct Completions {
    /// The shell to complete in
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut arguments::definition(), "pullpass", &mut script);
        output::bytes(&script).or_unknown()
    }
}
