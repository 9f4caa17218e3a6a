//! What a person can type, one file a command.

use clap::Subcommand;

use crate::failure::Failure;

#[cfg(feature = "serve")]
mod admin;
mod completions;
#[cfg(feature = "serve")]
mod demo;
mod doctor;
mod fleet;
pub(crate) mod helper;
mod inventory;
pub(crate) mod kubelet;
mod login;
mod logout;
mod man;
mod rekey;
mod scan;
#[cfg(feature = "serve")]
mod serve;
mod setup;
mod status;
mod token;
mod vault;
mod verify;

pub(crate) use vault::wrong_vault;

#[derive(Subcommand)]
pub(crate) enum Command {
    Setup(Box<setup::Setup>),
    Login(login::Login),
    Logout(logout::Logout),
    Status(status::Status),
    Verify(verify::Verify),
    Doctor(doctor::Doctor),
    Inventory(inventory::Inventory),
    Vault(vault::Vault),
    Scan(scan::Scan),
    Fleet(fleet::Fleet),
    Helper(helper::Helper),
    Kubelet(kubelet::Kubelet),
    Token(token::Token),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
    #[cfg(feature = "serve")]
    Admin(admin::Admin),
    #[cfg(feature = "serve")]
    Demo(demo::Demo),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Setup(setup) => setup.run(),
        Command::Login(login) => login.run(),
        Command::Logout(logout) => logout.run(),
        Command::Status(status) => status.run(),
        Command::Verify(verify) => verify.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Inventory(inventory) => inventory.run(),
        Command::Vault(vault) => vault.run(),
        Command::Scan(scan) => scan.run(),
        Command::Fleet(fleet) => fleet.run(),
        Command::Helper(helper) => helper.run(),
        Command::Kubelet(kubelet) => kubelet.run(),
        Command::Token(token) => token.run(),
        #[cfg(feature = "serve")]
        Command::Serve(serve) => serve.run(),
        #[cfg(feature = "serve")]
        Command::Admin(admin) => admin.run(),
        #[cfg(feature = "serve")]
        Command::Demo(demo) => demo.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}
