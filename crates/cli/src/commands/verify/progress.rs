//! How far it is, on a terminal; nothing in a pipe.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::AsyncWrite;

/// A line on standard error.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    counts_bytes: bool,
}

impl Progress {
    /// Counts `images`, or the bytes of their layers.
    pub(super) fn new(images: usize, counts_bytes: bool) -> Progress {
        let bar = match (counts_bytes, images) {
            (true, _) => ProgressBar::new(0).with_style(style("{bar:30} {bytes} of {total_bytes}")),
            // Over before anybody has read it.
            (false, 1) => ProgressBar::hidden(),
            (false, _) => ProgressBar::new(images as u64).with_style(style("{bar:30} {pos} of {len} images")),
        };
        Progress { bar, counts_bytes }
    }

    /// So many images more were answered for.
    pub(super) fn images(&self, count: usize) {
        if !self.counts_bytes {
            self.bar.inc(count as u64);
        }
    }

    /// So many bytes more will come.
    pub(super) fn expect_bytes(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    /// So many bytes more are verified.
    pub(super) fn bytes(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Counts what is written, and keeps nothing of it.
    pub(super) fn sink(&self) -> Sink {
        Sink(self.clone())
    }

    /// Leaves the terminal as it was.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// See [`Progress::sink`].
pub(super) struct Sink(Progress);

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.bytes(bytes.len() as u64);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
