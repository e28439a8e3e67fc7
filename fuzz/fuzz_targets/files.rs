//! See [`pchat_fuzz::files`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::files(data));
