//! See [`pchat_fuzz::records`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::records(data));
