//! See [`pchat_fuzz::code`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::code(data));
