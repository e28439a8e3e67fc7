//! TLS over a real socket, driven by hand.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, Connection};
use socket2::{Domain, Socket, Type};

use crate::support::PATIENCE;

/// How the other side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// With close_notify, as it should.
    Closed,
    /// The connection ended, or was reset.
    Cut,
    /// TLS broke, or the other side says so in an alert.
    Broken,
}

/// A TLS connection, driven by hand.
pub struct Wire {
    tls: Connection,
    pub socket: TcpStream,
}

impl Wire {
    pub fn new(tls: impl Into<Connection>, socket: TcpStream) -> Self {
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&socket, Some(PATIENCE)).expect("a socket");
        }
        socket.set_nodelay(true).expect("a socket");
        Self { tls: tls.into(), socket }
    }

    /// Runs the handshake to its end, whichever that is.
    pub fn shake_hands(&mut self) -> Result<(), Over> {
        while self.tls.is_handshaking() {
            self.flush()?;
            if self.tls.is_handshaking() {
                self.fetch()?;
            }
        }
        self.flush()
    }

    /// Sends bytes, as long as the other side takes them.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        for chunk in bytes.chunks(16 * 1024) {
            self.tls.writer().write_all(chunk).map_err(|_| Over::Broken)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Changes the key of what is sent, and says so.
    pub fn change_key(&mut self) -> Result<(), Over> {
        self.tls.refresh_traffic_keys().map_err(|_| Over::Broken)?;
        self.flush()
    }

    /// Says that nothing more comes, in TLS or without a word.
    pub fn finish(&mut self, with_notice: bool) {
        if with_notice {
            self.tls.send_close_notify();
        }
        let _ = self.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// What came, once something did.
    pub fn receive(&mut self, into: &mut [u8]) -> Result<usize, Over> {
        loop {
            match self.tls.reader().read(into) {
                Ok(0) => return Err(Over::Closed),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.fetch()?,
                Err(_) => return Err(Over::Cut),
            }
        }
    }

    pub fn tls(&self) -> &Connection {
        &self.tls
    }

    pub fn into_parts(self) -> (Connection, TcpStream) {
        (self.tls, self.socket)
    }

    fn flush(&mut self) -> Result<(), Over> {
        while self.tls.wants_write() {
            retried(|| self.tls.write_tls(&mut self.socket)).map_err(|error| cut("take anything", &error))?;
        }
        Ok(())
    }

    fn fetch(&mut self) -> Result<(), Over> {
        let read = retried(|| self.tls.read_tls(&mut self.socket)).map_err(|error| cut("say anything", &error))?;
        let processed = self.tls.process_new_packets();
        let _ = self.flush();
        match processed {
            Err(_) => Err(Over::Broken),
            // What came before the end is read first.
            Ok(state) if read == 0 && state.plaintext_bytes_to_read() == 0 => Err(Over::Cut),
            Ok(_) => Ok(()),
        }
    }
}

/// Does this again if it was interrupted, as reads and writes with a timeout are when the whole process was stopped.
fn retried<T>(mut what: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match what() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn cut(what: &str, error: &std::io::Error) -> Over {
    let late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!late, "the other side does not {what}, nor does it close");
    // For whoever reads why a test failed.
    eprintln!("the connection is gone: {error}");
    Over::Cut
}

/// A TLS connection to a room that has yet to shake hands.
pub fn dial(config: Arc<ClientConfig>, port: u16) -> Wire {
    let name = "pchat.invalid".try_into().expect("a name");
    let tls = ClientConnection::new(config, name).expect("a configuration");
    Wire::new(tls, TcpStream::connect(("127.0.0.1", port)).expect("the room listens"))
}

/// A TCP connection from an address that the honest do not have, where the system has more than one of its own.
pub fn call_from_elsewhere(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    if cfg!(target_os = "linux") {
        socket.bind(&SocketAddr::from(([127, 0, 0, 7], 0)).into()).expect("all of 127.0.0.0/8 is this machine");
    }
    let connected = socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into());
    // Who calls too often is reset, which may be known already.
    assert!(connected.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |()| true), "the room listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}
