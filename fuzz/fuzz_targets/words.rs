//! See [`pchat_fuzz::words`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::words(data));
