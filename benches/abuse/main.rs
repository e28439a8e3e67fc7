//! What those in a room notice while strangers try to keep it from working.
//!
//! The room is the program itself, `pchat host`, in a process of its own; it lets in members that it knows and
//! nobody else. All that follows comes from this process, on the same cores, over loopback, at the same time:
//!
//! * 1,000 new connections a second from 16 addresses: a fifth of them each closes at once, says nothing, sends
//!   garbage, stops after its ClientHello, or proves a fresh key and is not let in
//! * 32 handshakes that never go on, four from each of eight addresses, renewed whenever the room closes one; an
//!   address that the room turns away is exchanged for a new one
//! * a member that never reads, and one that says the largest lines as fast as it may
//! * honest members, who say 10 lines a second between them, and measure how long each takes to all of them
//! * every second somebody who is known comes in from an address that the room has not seen, and a member comes back
//!   from one that it has; what is measured is the time from dialling to Welcome
//!
//! `cargo bench --bench abuse` does so for 60 s and says whether the goals are met, which is its exit code too;
//! `-- --secs N` changes the time, `--rate N` the connections a second, `--program PATH` measures another build. Linux
//! only: it has all of 127.0.0.0/8, and memory and processor time are read from /proc.

#[cfg(target_os = "linux")]
mod attack;
#[cfg(target_os = "linux")]
mod member;
#[cfg(target_os = "linux")]
mod room;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    // A tenth of a minute of this says nothing, and less is no test.
    if support::is_smoke() {
        println!("abuse: only as a bench");
        return std::process::ExitCode::SUCCESS;
    }
    match room::run() {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this bench runs on Linux only");
}
