//! `pullpass fleet`: every host of an inventory, through the Ansible that is installed.

mod check;
mod gather;
mod login;
mod logout;
mod metrics;
mod print;
mod pulls;
mod rotate;
mod row;
mod tokens;

use clap::{Args, Subcommand};

use crate::failure::Failure;

/// Log a fleet in and out, and tell who has which token
#[derive(Args)]
#[command(after_help = "\
Ansible reaches the hosts, with its own configuration, vault passwords and connections. Each host runs `pullpass`, which
`pullpass fleet login --install` puts there.

Examples:
  pullpass fleet login -i inventory.yml --image ghcr.io/octo-org/app:v1
  pullpass fleet check -i inventory.yml --warn-days 14
  pullpass fleet rotate -i inventory.yml --dry-run
  pullpass fleet logout -i inventory.yml --limit old-hosts")]
pub(crate) struct Fleet {
    #[command(subcommand)]
    command: FleetCommand,
}

#[derive(Subcommand)]
enum FleetCommand {
    Check(Box<check::Check>),
    Login(Box<login::Login>),
    Logout(Box<logout::Logout>),
    Rotate(Box<rotate::Rotate>),
}

impl Fleet {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            FleetCommand::Check(check) => check.run(),
            FleetCommand::Login(login) => login.run(),
            FleetCommand::Logout(logout) => logout.run(),
            FleetCommand::Rotate(rotate) => rotate.run(),
        }
    }
}
