//! See [`pchat_fuzz::received_name`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::received_name(data));
