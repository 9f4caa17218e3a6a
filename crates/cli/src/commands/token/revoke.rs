//! `pullpass token revoke`: the end of a server's token.

use clap::Args;
use pullpass_server::admin::Request;

use crate::{commands::admin::Data, failure::Failure, output};

/// End the life of a server's token, at once, also on a running server
#[derive(Args)]
#[command(after_help = "Example:\n  pullpass token revoke 3 --data /srv/pullpass")]
pub(super) struct Revoke {
    /// Its number in `pullpass token list`
    id: i64,
    #[command(flatten)]
    data: Data,
}

impl Revoke {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.data.call(&Request::TokenRevoke { id: self.id })?;
        output::say(format_args!("token {} is revoked", self.id));
        Ok(())
    }
}
