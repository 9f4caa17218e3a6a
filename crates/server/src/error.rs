//! Why the server, or a command on its data directory, cannot do its work.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::config::InvalidConfig;

/// Everything that keeps a server from starting or running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration contradicts itself or is incomplete.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// Another process holds the lock.
    #[error("data directory `{0}` is in use by another process")]
    InUse(PathBuf),
    /// Anybody on the host could replace what is in it.
    #[error("data directory `{0}` is writable for everybody: `chmod 0700` it, or choose another")]
    WorldWritable(PathBuf),
    /// There is no server's data here.
    #[error("`{0}` is no data directory of a pullpass server")]
    NoDataDirectory(PathBuf),
    /// A file or directory could not be read or written.
    #[error("could not access `{path}`: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The port is taken, or the address is not this host's.
    #[error("could not listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A certificate or key that is none.
    #[error("`{path}` is no usable {what}: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database refused.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The database is of a newer version, or damaged.
    #[error("the database could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The system has no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

impl Error {
    /// For `map_err`: puts the path to an I/O error.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { path, source }
    }
}
