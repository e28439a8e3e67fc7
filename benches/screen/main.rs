//! How soon a person at a terminal sees what is said and what is typed, and what that costs.
//!
//! The program runs in processes of its own, two of them at pseudo-terminals, over loopback: alice keeps the room, carol
//! is a member, and bob talks into a pipe. What counts is what stands in the cells of a model of a terminal, which runs on
//! the same cores.
//!
//! * `arrive`: from writing a line to bob's input until it stands in carol's and in alice's window, at 20 lines a second
//! * `type`: bob says 1,000 lines a second, and carol types ten keys a second: from writing a key to her terminal until
//!   it stands behind her prompt, and the processor time that she and the room take
//! * `stay`: bob says 100 lines a second for `--minutes N` (1): the memory of carol's and alice's programs over that time
//!
//! `cargo bench --bench screen` runs all, and its exit code says whether the goals are met. `-- CASE...` runs some;
//! `--lines N` is how many lines are timed, `--secs N` how long is typed, `--program PATH` measures another build. Linux
//! only: it reads processor time and memory from /proc.

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod room;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
/// The terminal of the tests.
#[cfg(target_os = "linux")]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/it/support/mod.rs"]
mod terminal;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let smoke = support::is_smoke();
    let words = support::words();
    let chosen = |case: &str| words.is_empty() || words.iter().any(|word| word == case);
    let or = |name, smoked, full| support::option(name).unwrap_or(if smoke { smoked } else { full });
    let mut met = true;
    if chosen("arrive") {
        met &= cases::arrive(or("--lines", 20.0, 1_000.0) as u32);
    }
    if chosen("type") {
        met &= cases::typing(or("--secs", 1.0, 30.0));
    }
    if chosen("stay") {
        met &= cases::stay(or("--minutes", 0.05, 1.0));
    }
    // A few lines on a busy machine say nothing about the goals.
    if met || smoke { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this bench runs on Linux only");
}
