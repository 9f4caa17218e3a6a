//! `pullpass inventory`: secrets inside inventories, in place.

mod check;
pub(crate) mod diff;
mod near;
pub(crate) mod payloads;
mod place;
pub(crate) mod set;
mod show;
pub(crate) mod tree;
mod unset;
mod write;

use clap::{Args, Subcommand};

use super::rekey::Rekey;
use crate::failure::Failure;

/// Keep secrets encrypted inside inventories, in place
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory set inventory.yml all.vars.iaas_console.ghcr_pat < token.txt
  pullpass inventory show .")]
pub(crate) struct Inventory {
    #[command(subcommand)]
    command: InventoryCommand,
}

#[derive(Subcommand)]
enum InventoryCommand {
    Show(show::Show),
    Check(check::Check),
    Rekey(Rekey),
    Set(set::Set),
    Unset(unset::Unset),
}

impl Inventory {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            InventoryCommand::Show(show) => show.run(),
            InventoryCommand::Check(check) => check.run(),
            InventoryCommand::Rekey(rekey) => rekey.run(),
            InventoryCommand::Set(set) => set.run(),
            InventoryCommand::Unset(unset) => unset.run(),
        }
    }
}
