//! See [`pchat_fuzz::handshake`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pchat_fuzz::handshake(data));
