//! How fast files pass between members, and what that costs.
//!
//! Everything is done by the program itself, in processes of its own over pipes and loopback, with files in a folder
//! in memory where there is one. A time is that from the line that offers to the line that says `saved`. What arrives
//! is compared with what was sent.
//!
//! * `large`: one file of 1 GiB, member to host, host to member, and member to member through the host; beside it
//!   socat, if it is installed, and a plain copy over TCP by two threads, which take their turns with it
//! * `small`: a folder of 2,000 files of 4 KiB; beside it the same bytes over plain TCP into as many files
//! * `many`: a folder of 100,000 files of 100 bytes, and the memory that it takes; the same with as many files and as
//!   long names as an offer can have
//! * `memory`: four files at once, and the memory that they take
//! * `chat`: the delay of a line between two members while a file passes between them, and while a plain copy
//!   takes the machine
//! * `huge`: a file of 20 GiB without content, and the memory that it takes; only if it is named, since the receiver
//!   writes all of it
//!
//! `cargo bench --bench files` runs all but the last. `-- CASE...` runs some; `--rounds N` takes the median of N, `--mib
//! N` is the size of the large file, `--gib N` that of the huge one, `--dir PATH` is where the files are, `--program
//! PATH` measures another build. Linux only: it reads processor time and memory from /proc.

#[cfg(target_os = "linux")]
mod bulk;
#[cfg(target_os = "linux")]
mod chat;
#[cfg(target_os = "linux")]
mod data;
#[cfg(target_os = "linux")]
mod member;
#[cfg(target_os = "linux")]
mod plain;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    use bulk::{huge, large, many, memory, small};

    let smoke = support::is_smoke();
    let words = support::words();
    let chosen = |case: &str| smoke || words.is_empty() || words.iter().any(|word| word == case);
    let or = |name, smoked, full| support::option(name).unwrap_or(if smoke { smoked } else { full });
    let rounds = or("--rounds", 1, 5);
    let mib = or("--mib", 16, 1024);
    if chosen("large") {
        large(mib, rounds)?;
    }
    if chosen("small") {
        small(if smoke { 50 } else { 2_000 }, rounds)?;
    }
    if chosen("many") {
        many(if smoke { 100 } else { 100_000 }, 10)?;
        many(if smoke { 100 } else { 249_999 }, 50)?;
    }
    if chosen("memory") {
        memory(mib / 4)?;
    }
    if chosen("chat") {
        chat::chat(mib, if smoke { 20 } else { 1_000 })?;
    }
    if words.iter().any(|word| word == "huge") {
        huge(or("--gib", 1, 20))?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this bench runs on Linux only");
}
