//! What has to hold of the parsers for any bytes. A target panics where it does not.

use std::panic;
use std::sync::Once;

pub mod explain;
pub mod inventory;
mod libyaml;
pub mod payloads;
pub mod scan;
pub mod vault;

/// Of libyaml's port to Rust, which the editor asks, some panics are expected and caught. libFuzzer would end at them.
pub(crate) fn ignore_panics_of_libyaml() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.location().is_some_and(|place| place.file().contains("libyaml-safer")) {
                hook(info);
            }
        }));
    });
}

/// A carriage return alone is a line break to YAML and none to the editor.
pub(crate) fn has_lone_returns(file: &[u8]) -> bool {
    String::from_utf8_lossy(file).replace("\r\n", "").contains('\r')
}

/// Runs a target on the files that are named on the command line: on what a fuzzer has found.
pub fn replay(target: fn(&[u8])) -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        target(&std::fs::read(path)?);
    }
    Ok(())
}
