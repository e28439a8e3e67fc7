//! What the fuzz targets check, one function a target, in one place: the targets of `fuzz/fuzz_targets` call
//! them with what the fuzzer makes up, and a test of pchat includes this file and calls them with every file
//! of `fuzz/corpus`.

mod code;
mod files;
mod filter;
mod frame;
mod handshake;
mod manifest;
mod names;
mod offer;
mod received_name;
mod records;
mod resume;
mod words;

pub use code::code;
pub use files::files;
pub use filter::filter;
pub use frame::frame;
pub use handshake::handshake;
pub use manifest::manifest;
pub use names::names;
pub use offer::offer;
pub use received_name::received_name;
pub use records::records;
pub use resume::resume;
pub use words::words;

/// A check of one input, which panics if something is wrong.
pub type Check = fn(&[u8]);

/// All checks, by the names of their targets.
pub const TARGETS: &[(&str, Check)] = &[
    ("code", code),
    ("files", files),
    ("filter", filter),
    ("frame", frame),
    ("handshake", handshake),
    ("manifest", manifest),
    ("names", names),
    ("received_name", received_name),
    ("offer", offer),
    ("records", records),
    ("resume", resume),
    ("words", words),
];

/// The next byte of an input, 0 at its end.
fn take(data: &mut &[u8]) -> u8 {
    let Some((first, rest)) = data.split_first() else { return 0 };
    *data = rest;
    *first
}
