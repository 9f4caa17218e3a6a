#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pullpass_fuzz::explain::run(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    pullpass_fuzz::replay(pullpass_fuzz::explain::run)
}
