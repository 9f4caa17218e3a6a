//! What has to hold of the parsers for any bytes. A target panics where it does not.

pub mod inventory;
mod libyaml;
pub mod scan;
pub mod vault;

/// Runs a target on the files that are named on the command line: on what a fuzzer has found.
pub fn replay(target: fn(&[u8])) -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        target(&std::fs::read(path)?);
    }
    Ok(())
}
