//! `derive N`: derives twice N vault keys on all processors, to open N payloads and to make N others, and prints the
//! seconds: what a rekey of N values cannot take less than. For `scripts/bench vault`.

use std::{
    env,
    error::Error,
    io::{self, Write},
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use pullpass_secrets::vault::{self, Password, VaultError};

fn main() -> Result<(), Box<dyn Error>> {
    let values: usize = env::args().nth(1).ok_or("how many values?")?.parse()?;
    let (old, new) = (Password::from_file(b"the old password")?, Password::from_file(b"the new password")?);
    let payload = vault::encrypt(b"a secret", &old, None)?;
    let started = Instant::now();
    let taken = AtomicUsize::new(0);
    let work = || -> Result<(), VaultError> {
        while taken.fetch_add(1, Ordering::Relaxed) < values {
            let plaintext = vault::decrypt(payload.as_bytes(), &old)?;
            vault::encrypt(&plaintext, &new, None)?;
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?.map_err(|error| error.to_string()))
    })?;
    writeln!(io::stdout(), "{}", started.elapsed().as_secs_f64())?;
    Ok(())
}
