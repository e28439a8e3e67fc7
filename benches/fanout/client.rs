//! A member reduced to what a load needs: TLS, frames walked by their heads, and a check that nothing is lost.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use pchat::wire::{
    Body, Envelope, Event, FromRoom, Hello, Instance, Otherwise, Said, To, ToRoom, decode, encode, encode_into,
};
use rustls::{
    ClientConfig,
    client::UnbufferedClientConnection,
    pki_types::ServerName,
    unbuffered::{ConnectionState, UnbufferedStatus},
};
use socket2::{Domain, Protocol, Socket, Type};

/// The variant of [`FromRoom::Event`] on the wire.
const EVENT: u8 = 4;

/// Bytes of text in a line.
pub const TEXT_LEN: usize = 64;

/// What a load does with a line that arrives: the text, if it wants to look.
pub type OnLine<'a> = &'a mut dyn FnMut(&[u8]);

/// A member of the room.
pub struct Client {
    tcp: TcpStream,
    tls: UnbufferedClientConnection,
    hello: Option<ToRoom>,
    /// Received and no whole record yet.
    raw: Vec<u8>,
    /// Encrypted and not taken by the socket yet.
    unsent: Vec<u8>,
    inbox: Inbox,
    /// Lines said.
    pub sent: u64,
}

/// What has arrived.
#[derive(Default)]
pub struct Inbox {
    /// Decrypted and no whole frame yet.
    part: Vec<u8>,
    number: Option<u32>,
    /// Number of the last event.
    seq: u64,
    /// Lines that arrived.
    pub lines: u64,
    /// Own lines among them, which acknowledges them.
    pub own: u64,
    pong: Option<u64>,
    /// Whether texts are looked at.
    pub looks: bool,
}

impl Client {
    /// Dials the room on loopback. `index` tells the members apart.
    pub fn dial(port: u16, index: usize, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // The door serves each source a few at a time.
        let source = Ipv4Addr::new(127, 0, 0, 1 + (index % 16) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        let name = ServerName::try_from("pchat.invalid").expect("this is a DNS name");
        let tls = UnbufferedClientConnection::new(tls.clone(), name).map_err(io::Error::other)?;
        let mut instance = [0; 16];
        instance[..8].copy_from_slice(&(index as u64).to_le_bytes());
        let name = format!("m{index}");
        let (instance, otherwise) = (Instance(instance), Otherwise::Knock);
        let hello = Hello { features: 0, name, instance, next: 1, resume: None, otherwise };
        let mut client = Self {
            tcp: socket.into(),
            tls,
            hello: Some(ToRoom::Hello(hello)),
            raw: Vec::new(),
            unsent: Vec::new(),
            inbox: Inbox::default(),
            sent: 0,
        };
        client.open(&mut [], &mut |_| {})?;
        Ok(client)
    }

    /// The socket, to wait for.
    pub fn socket(&self) -> &TcpStream {
        &self.tcp
    }

    /// What has arrived.
    pub fn inbox(&mut self) -> &mut Inbox {
        &mut self.inbox
    }

    /// Whether the room has let it in.
    pub fn is_in(&self) -> bool {
        self.inbox.number.is_some()
    }

    /// Takes what the socket has, through `buffer`, and gives it what it takes.
    pub fn turn(&mut self, buffer: &mut [u8], on_line: OnLine) -> io::Result<()> {
        loop {
            let kept = self.raw.len();
            buffer[..kept].copy_from_slice(&self.raw);
            let got = match (&self.tcp).read(&mut buffer[kept..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.flush(),
                Err(error) => return Err(error),
            };
            let filled = kept + got;
            let used = self.open(&mut buffer[..filled], on_line)?;
            self.raw.clear();
            self.raw.extend_from_slice(&buffer[used..filled]);
            if let Some(number) = self.inbox.pong.take() {
                let pong = encode(&ToRoom::Pong(number)).expect("a pong fits");
                self.seal(&pong)?;
            }
            // A short read has emptied the socket: the next bytes are an edge of their own.
            if filled < buffer.len() {
                return self.flush();
            }
        }
    }

    /// Says lines until `window` of them are unacknowledged.
    pub fn fill(&mut self, window: u64, text: &[u8]) -> io::Result<()> {
        let due = (self.inbox.own + window).saturating_sub(self.sent);
        // In a few larger writes, as a member does that has much to say.
        if due == 0 || (due < window / 4 && due != window) {
            return Ok(());
        }
        let mut plain = BytesMut::new();
        for _ in 0..due {
            self.sent += 1;
            let said = Said { command: "text".to_owned(), payload: Bytes::copy_from_slice(text) };
            let body = Body::Remember(said);
            let envelope = Envelope { n: self.sent, prev: self.sent - 1, to: To::Everyone, body };
            encode_into(&ToRoom::Envelope(envelope), &mut plain).expect("a line fits");
        }
        self.seal(&plain)?;
        self.flush()
    }

    /// Encrypts.
    fn seal(&mut self, plain: &[u8]) -> io::Result<()> {
        let UnbufferedStatus { state, .. } = self.tls.process_tls_records(&mut []);
        let ConnectionState::WriteTraffic(mut traffic) = state.map_err(io::Error::other)? else {
            return Err(io::Error::other("the handshake is not over"));
        };
        seal(&mut traffic, plain, &mut self.unsent)
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match (&self.tcp).write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Decrypts whole records and returns how many bytes they took.
    fn open(&mut self, records: &mut [u8], on_line: OnLine) -> io::Result<usize> {
        let mut used = 0;
        loop {
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(&mut records[used..]);
            let mut idle = false;
            match state.map_err(io::Error::other)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        discard += record.discard;
                        self.inbox.take(record.payload, on_line)?;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    let at = self.unsent.len();
                    self.unsent.resize(at + 8 * 1024, 0);
                    let len = data.encode(&mut self.unsent[at..]).map_err(io::Error::other)?;
                    self.unsent.truncate(at + len);
                }
                // The bytes are in order in `unsent`.
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(mut traffic) => {
                    if let Some(hello) = self.hello.take() {
                        let hello = encode(&hello).expect("a hello fits");
                        seal(&mut traffic, &hello, &mut self.unsent)?;
                    }
                    idle = true;
                }
                ConnectionState::BlockedHandshake => idle = true,
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            used += discard;
            if idle {
                self.flush()?;
                return Ok(used);
            }
        }
    }
}

fn seal(
    traffic: &mut rustls::unbuffered::WriteTraffic<'_, rustls::client::ClientConnectionData>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let at = out.len();
    // A record of up to 16 KiB adds 22 bytes.
    out.resize(at + plain.len() + (plain.len() / 16_384 + 1) * 64, 0);
    let len = traffic.encrypt(plain, &mut out[at..]).map_err(io::Error::other)?;
    out.truncate(at + len);
    Ok(())
}

impl Inbox {
    /// Takes decrypted bytes.
    fn take(&mut self, mut bytes: &[u8], on_line: OnLine) -> io::Result<()> {
        while !self.part.is_empty() {
            let wanted = match self.part.first_chunk() {
                Some(head) => 4 + u32::from_be_bytes(*head) as usize,
                None => 4,
            };
            let missing = (wanted - self.part.len()).min(bytes.len());
            self.part.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.part.len() < wanted {
                return Ok(());
            }
            if wanted > 4 {
                let whole = std::mem::take(&mut self.part);
                self.frame(&whole[4..], on_line)?;
                self.part = whole;
                self.part.clear();
            }
        }
        while let Some(head) = bytes.first_chunk() {
            let end = 4 + u32::from_be_bytes(*head) as usize;
            let Some(body) = bytes.get(4..end) else { break };
            self.frame(body, on_line)?;
            bytes = &bytes[end..];
        }
        self.part.extend_from_slice(bytes);
        Ok(())
    }

    fn frame(&mut self, body: &[u8], on_line: OnLine) -> io::Result<()> {
        if body[0] == EVENT {
            let mut rest = &body[1..];
            let seq = varint(&mut rest);
            if seq != self.seq + 1 {
                return Err(io::Error::other(format!("event {seq} after {}", self.seq)));
            }
            self.seq = seq;
            // Event::Said, whose first field is who says it.
            if rest[0] == 0 {
                rest = &rest[1..];
                self.lines += 1;
                self.own += u64::from(self.number == Some(varint(&mut rest) as u32));
                if self.looks {
                    let frame = decode::<FromRoom>(body).map_err(io::Error::other)?;
                    if let FromRoom::Event { event: Event::Said { said, .. }, .. } = frame {
                        on_line(&said.payload);
                    }
                }
            }
            return Ok(());
        }
        match decode(body).map_err(io::Error::other)? {
            FromRoom::Welcome(welcome) => {
                self.number = Some(welcome.number);
                self.seq = welcome.seq;
            }
            FromRoom::Ping(number) => self.pong = Some(number),
            FromRoom::Member(_) => {}
            other => return Err(io::Error::other(format!("unexpected: {other:?}"))),
        }
        Ok(())
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
