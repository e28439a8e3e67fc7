//! How fast a room passes lines on, and what its members cost it.
//!
//! The room is the program itself, `pchat host`, in a process of its own, its own user among the members; the
//! load is this process, on the same cores: lean members that speak TLS and the wire protocol over loopback and
//! check that each of them gets every line once and in order. Lines carry 64 bytes of text.
//!
//! * `saturated`: ten members keep 256 unacknowledged lines each; lines that arrive at members, a second, and what
//!   a million of them costs the room in processor time
//! * `single`: a line is said when everybody has the last one; beside it, what plain TCP without a room gives
//! * `paced`: ten lines a second; the delay from saying a line to its text, over all members
//! * `joins`: how long it takes until all are in, and the room's memory for each once they have been idle for 2 s
//!
//! `cargo bench --bench fanout` runs all of them. `-- CASE [MEMBERS]` runs one; `--threads N` holds the members on
//! N threads (2), `--window N` and `--senders N` change the load, `--repeat N` runs each case N times, `--program
//! PATH` measures another build, `--journal FOLDER` a room that keeps a journal there. Linux only: it reads processor time and memory from /proc.

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    use std::time::Duration;

    use cases::{Times, floor, joins, paced, saturated, single};

    let smoke = support::is_smoke();
    let words = support::words();
    let chosen = |case: &str| !smoke && words.first().is_none_or(|word| word == case);
    let members = words.get(1).and_then(|members| members.parse().ok());
    let sizes = |defaults: &[usize]| members.map_or(defaults.to_vec(), |members| vec![members]);
    let times = match smoke {
        true => {
            Times { warm_up: Duration::from_millis(10), measured: Duration::from_millis(100), idle: Duration::ZERO }
        }
        false => Times {
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(support::option("--secs").unwrap_or(5)),
            idle: Duration::from_secs(2),
        },
    };
    if let Err(error) = pchat::net::raise_descriptor_limit() {
        eprintln!("the descriptor limit stays as it is: {error}");
    }
    if smoke {
        saturated(20, (6.0, 0.2), times)?;
        single(5, 280.0, times)?;
        paced(5, "smoke run", times)?;
        return joins(20, "smoke run", times);
    }
    for _ in 0..support::option("--repeat").unwrap_or(1) {
        for members in sizes(&[100, 1000]).into_iter().filter(|_| chosen("saturated")) {
            saturated(members, if members <= 100 { (6.0, 0.2) } else { (3.0, 0.35) }, times)?;
        }
        for members in sizes(&[100]).into_iter().filter(|_| chosen("single")) {
            floor(members, times)?;
            single(members, 280.0, times)?;
        }
        for members in sizes(&[100, 1000]).into_iter().filter(|_| chosen("paced")) {
            paced(members, if members <= 100 { "goals 0.7 and 2" } else { "goal of p50: 4" }, times)?;
        }
        for members in sizes(&[1000, 5000]).into_iter().filter(|_| chosen("joins")) {
            joins(members, "goal of 5,000: 15", times)?;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this bench runs on Linux only");
}
