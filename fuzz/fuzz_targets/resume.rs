//! See [`pchat_fuzz::resume`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::resume(data));
