//! See [`pchat_fuzz::offer`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::offer(data));
