//! That a person asked us to stop.

use std::sync::{Arc, OnceLock, atomic::AtomicBool};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Failure, OrFail};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Set when the person presses Ctrl-C or goes away, or the system asks us to end. From the first call on, these signals do
/// nothing else.
pub(crate) fn flag() -> Result<Arc<AtomicBool>, Failure> {
    if let Some(flag) = FLAG.get() {
        return Ok(Arc::clone(flag));
    }
    let flag = Arc::clone(FLAG.get_or_init(Arc::default));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).or_unknown()?;
    }
    Ok(flag)
}
