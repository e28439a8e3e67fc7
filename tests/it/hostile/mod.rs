//! Hostile callers, members and rooms, who speak the protocol by hand so that they can break it, against the real
//! program.

mod door;
mod entry;
mod excess;
mod files;
mod floods;
mod forge;
mod frames;
mod handshake;
mod lies;
mod long;
mod network;
mod past;
mod peer;
mod power;
mod room;
mod text;
mod typed;
mod wire;

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use peer::Peer;
use wire::call_from_elsewhere;

use crate::support::{Home, Pchat};

/// An open room with a member in it, neither of whom must notice anything.
struct Scene {
    home: Home,
    host: Pchat,
    witness: Peer,
    port: u16,
}

impl Scene {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Self {
        let home = Home::new();
        let host = Pchat::host(&home, "alice", &[&["--open"], more].concat());
        let port = host.port();
        let witness = Peer::enter(port, "witness");
        host.out.expect("* witness joined");
        Self { home, host, witness, port }
    }

    /// A connection of somebody hostile.
    fn call(&self) -> TcpStream {
        call_from_elsewhere(self.port)
    }

    /// Sends this and waits until the room has closed. Gives what it answered.
    fn closed_after(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.call();
        // It may close before it has everything.
        let _ = stream.write_all(bytes);
        closed(stream)
    }

    /// Another member.
    fn enter(&self, name: &str) -> Peer {
        let peer = Peer::enter(self.port, name);
        self.host.out.expect(&format!("* {} joined", peer.welcome.name));
        peer
    }

    /// The members talk, an honest caller comes in, and the host's user has read of nothing else.
    fn still_works(&mut self) {
        let mut honest = self.enter("honest");
        let name = honest.welcome.name.clone();
        for peer in [&mut self.witness, &mut honest] {
            peer.text("undisturbed");
            peer.expect_line("undisturbed");
        }
        self.host.out.expect("witness: undisturbed");
        self.host.out.expect(&format!("{name}: undisturbed"));
        self.witness.expect_line("undisturbed");
        honest.say(&pchat::wire::ToRoom::Leave);
        assert!(!honest.rest().iter().any(|frame| matches!(frame, pchat::wire::FromRoom::Ended(_))));
        self.host.out.expect(&format!("* {name} left"));
        assert_eq!(self.host.err.so_far(), [""; 0], "nothing went wrong, and nobody is told of it");
    }
}

/// What comes until the other side has closed.
fn closed(mut stream: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("it does not close: {error}"),
    }
    answer
}

impl Drop for Scene {
    /// Tells what the room's own program said, if a test fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the host has written:\n{}", self.host.out.so_far().join("\n"));
            eprintln!("and as errors:\n{}", self.host.err.so_far().join("\n"));
        }
    }
}
