//! A secret that another program reads once, from a path, with nothing of it on a disk.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use zeroize::Zeroizing;

use crate::failure::{Failure, OrFail};

/// A named pipe with a thread that waits for its reader.
pub(super) struct Pipe {
    path: PathBuf,
    writer: Option<JoinHandle<()>>,
}

impl Pipe {
    /// In a directory that nobody else may enter.
    pub(super) fn new(path: &Path, secret: &[u8]) -> Result<Pipe, Failure> {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).or_unknown()?;
        let (place, secret) = (path.to_owned(), Zeroizing::new(secret.to_vec()));
        let writer = thread::spawn(move || {
            // A reader that goes away has what it wanted.
            let _ = OpenOptions::new().write(true).open(place).and_then(|mut pipe| pipe.write_all(&secret));
        });
        Ok(Pipe { path: path.to_owned(), writer: Some(writer) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Pipe {
    /// The writer may still wait for a reader, which is us then.
    fn drop(&mut self) {
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&self.path);
        if let (Ok(_reader), Some(writer)) = (reader, self.writer.take()) {
            let _ = writer.join();
        }
    }
}
