//! A room that lives for long, with people who talk, come, go, are cut off and send files: what it takes over time.
//!
//! Real programs on loopback: alice keeps the room, bob stays in it, and six others come and go. Each has a connection of
//! their own that breaks now and then. Everybody talks, offers small files and sometimes a large one, receives all of them,
//! and takes old offers back. Memory, descriptors, threads and processor time of alice's and bob's programs are read all the
//! while, and before and after it, when the two are alone.
//!
//! `cargo bench --bench soak -- --minutes N` (1). The exit code says whether all is well:
//!
//! * **descriptors** are as many after it as before, exactly, and **threads** not more
//! * **memory does not grow steadily**: cut into quarters, after the first tenth in which everything fills, the medians do
//!   not rise from each quarter to the next if the last one is also more than 1 MiB and an eighth above the first
//!
//! `--seed N` throws other dice, `--program PATH` takes another build. Linux only: it reads /proc.

#[cfg(target_os = "linux")]
mod people;
#[cfg(target_os = "linux")]
mod samples;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
/// Homes, connections that break and dice of the tests.
#[cfg(target_os = "linux")]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/it/support/mod.rs"]
mod tests;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::time::Duration;
    let smoke = support::is_smoke();
    let minutes: f64 = support::option("--minutes").unwrap_or(if smoke { 0.03 } else { 1.0 });
    let seed = support::option("--seed").unwrap_or(1);
    let well = people::soak(Duration::from_secs_f64(minutes * 60.0), seed, smoke);
    // In a second or two nothing is back to where it was.
    if well || smoke { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this bench runs on Linux only");
}
