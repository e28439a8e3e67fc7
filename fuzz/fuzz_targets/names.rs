//! See [`pchat_fuzz::names`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::names(data));
