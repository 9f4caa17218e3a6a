//! `pullpass admin`: the users and packages of a server, and its health.

mod check;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pullpass_oci::RepositoryName;
use pullpass_server::{
    Visibility,
    admin::{self, Request, Response},
};
use serde_json::json;

use super::serve;
use crate::{
    environment,
    failure::{Failure, OrFail},
    output, prompt,
};

/// Run a server: its users and packages, and whether all is well
///
/// Speaks to the server that runs on the data directory, or works on the directory itself when none does.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass admin user add octocat --data /srv/pullpass
  pullpass admin package list --data /srv/pullpass
  pullpass admin check --data /srv/pullpass")]
pub(crate) struct Admin {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// People
    #[command(subcommand, after_help = "Example:\n  pullpass admin user add octocat --data /srv/pullpass")]
    User(UserCommand),
    /// Packages, which are repositories with an owner
    #[command(subcommand, after_help = "Example:\n  pullpass admin package set-visibility octocat/app public")]
    Package(PackageCommand),
    Check(check::Check),
}

#[derive(Subcommand)]
enum UserCommand {
    Add(UserAdd),
}

#[derive(Subcommand)]
enum PackageCommand {
    List(PackageList),
    SetVisibility(SetVisibility),
}

impl Admin {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            AdminCommand::User(UserCommand::Add(add)) => add.run(),
            AdminCommand::Package(PackageCommand::List(list)) => list.run(),
            AdminCommand::Package(PackageCommand::SetVisibility(set)) => set.run(),
            AdminCommand::Check(check) => check.run(),
        }
    }
}

/// Which server.
#[derive(Args)]
pub(super) struct Data {
    /// The server's data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Data {
    /// That of a server that another command names.
    pub(super) fn of(data: PathBuf) -> Data {
        Data { data: Some(data) }
    }

    /// What names it in a command that is shown, behind other words.
    pub(super) fn option(&self) -> String {
        self.data.as_ref().map(|data| format!(" --data {}", data.display())).unwrap_or_default()
    }

    /// Has something done by the server, running or not.
    pub(super) fn call(&self, request: &Request) -> Result<Response, Failure> {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => environment::default_data_directory()?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_unknown()?;
        runtime.block_on(admin::call(&data, request, &serve::clock())).map_err(|error| match &error {
            admin::Error::Refused(why) => Failure::usage(why),
            admin::Error::Server(error) => serve::failure(error),
            admin::Error::NoAnswer { .. } => Failure::unknown(error.to_string()),
        })
    }
}

/// An answer that does not fit its question can only come from a server of another version.
pub(super) fn other_version() -> Failure {
    Failure::unknown("the running server gave an answer that this program does not know")
        .hint("run the `pullpass` that the server runs")
}

/// Add a person, who owns the packages `NAME/…`
///
/// The password is read from standard input with --password-stdin, or asked for twice. Registry clients never use it:
/// they use tokens.
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass admin user add octocat --data /srv/pullpass")]
struct UserAdd {
    /// Lower case, as it stands in references
    name: String,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    data: Data,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

impl UserAdd {
    fn run(self) -> Result<(), Failure> {
        prompt::refuse_arguments(&self.secret, "pullpass admin user add NAME --password-stdin")?;
        let password =
            if self.password_stdin { prompt::secret_from_standard_input()? } else { prompt::hidden_twice("password")? };
        self.data.call(&Request::UserAdd { name: self.name.clone(), password })?;
        output::say(format_args!("added `{}`", self.name));
        Ok(())
    }
}

/// List all packages
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass admin package list --json --data /srv/pullpass")]
struct PackageList {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

impl PackageList {
    fn run(self) -> Result<(), Failure> {
        let Response::Packages(packages) = self.data.call(&Request::PackageList)? else { return Err(other_version()) };
        if self.json {
            output::json(&json!({ "packages": packages }));
            return Ok(());
        }
        let row = |package: &admin::PackageInfo| {
            vec![package.name.clone(), package.owner.clone(), package.visibility.as_str().to_owned()]
        };
        let rows: Vec<Vec<String>> = packages.iter().map(row).collect();
        output::data(output::table(&["PACKAGE", "OWNER", "VISIBILITY"], &rows));
        Ok(())
    }
}

/// Say who may pull a package: `private` its owner, `public` everybody
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass admin package set-visibility octocat/app public --data /srv/pullpass")]
struct SetVisibility {
    /// `owner/name`
    package: RepositoryName,
    /// `private` or `public`
    visibility: Visibility,
    #[command(flatten)]
    data: Data,
}

impl SetVisibility {
    fn run(self) -> Result<(), Failure> {
        let name = self.package.to_string();
        self.data.call(&Request::PackageSetVisibility { name, visibility: self.visibility })?;
        output::say(format_args!("`{}` is {} now", self.package, self.visibility));
        Ok(())
    }
}
