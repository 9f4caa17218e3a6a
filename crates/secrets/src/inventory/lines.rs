//! The lines of a text, by number.

/// Where lines begin. As YAML and editors count, `\n`, `\r\n` and `\r` end one.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &[u8]) -> Lines {
        let breaks = text.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => text.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Lines([0].into_iter().chain(breaks.map(|(at, _)| at + 1)).collect())
    }

    /// The number, from 1, of the line that a byte is on.
    pub(super) fn number(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }

    /// Where the line begins that a byte is on.
    pub(super) fn start(&self, at: usize) -> usize {
        self.0[self.number(at) - 1]
    }
}
