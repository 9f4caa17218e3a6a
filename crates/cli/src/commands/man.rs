//! `pullpass man`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    arguments,
    failure::{Failure, OrFail},
    output,
};

/// Print the manual page, or write the pages of all commands into a directory
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass man | man -l -
  pullpass man --directory ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write one page a command into this directory
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.directory {
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(arguments::definition()).render(&mut page).or_unknown()?;
                output::bytes(&page).or_unknown()
            }
            Some(directory) => write_pages(&directory).map_err(|error| {
                Failure::unknown(format!("cannot write manual pages to `{}`: {error}", directory.display()))
            }),
        }
    }
}

fn write_pages(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(arguments::definition(), directory)
}
