//! What it costs to enter a room: TLS, Hello, the code and its proof, both ends together.
//!
//! Members join a room in this process, each over a TLS connection in memory and with a key of its own: some whose key
//! comes in by itself, some who prove the code, some with a wrong one. Processor time of the whole process is divided by
//! their number. Goal: 5 ms for an entry with a code, and that of 10,000 wrong codes none gets in.
//! `cargo bench --bench entry`; `-- --joins N` (500) and `-- --wrong N` (10,000) change the numbers.

mod support;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pchat::{
    code::Code,
    gauge::{Gauge, Gauged},
    net,
    room::{self, Guests, LogLimits, Peer, RoomConfig, RoomHandle, Via},
    session::{self, Dial, DialError, Dialed, Ending, SessionConfig, SessionEvent, Wish},
    trust::Identity,
    wire::{EXPORTER, Epoch, Instance, PublicKey, Refusal},
};
use rustls::pki_types::ServerName;
use tokio::{io::DuplexStream, runtime::Builder, sync::mpsc};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use tokio_util::task::TaskTracker;

fn main() {
    let smoke = support::is_smoke();
    let joins = if smoke { 2 } else { support::option("--joins").unwrap_or(500) };
    let wrong = if smoke { 2 } else { support::option("--wrong").unwrap_or(10_000) };
    let runtime = Builder::new_multi_thread().enable_all().build().expect("the system has a runtime");
    runtime.block_on(async {
        let house = House::new();
        house.measure("key that comes in by itself", joins, Kind::Listed).await;
        house.measure("right code", joins, Kind::Right).await;
        house.measure("wrong code", wrong, Kind::Wrong).await;
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Listed,
    Right,
    Wrong,
}

struct House {
    identity: Identity,
    code: Arc<Code>,
    tasks: TaskTracker,
}

impl House {
    fn new() -> Self {
        let code = Code::typed("zoo abandon lens").expect("a code");
        Self { identity: Identity::generate().expect("a key"), code: Arc::new(code), tasks: TaskTracker::new() }
    }

    /// A new room, so that those of one kind do not meet those of another.
    fn room(&self, kind: Kind) -> RoomHandle {
        let config = RoomConfig {
            owner: self.identity.public_key(),
            open: kind == Kind::Listed,
            max_members: 10_000,
            max_streams: 256,
            rate: None,
            log: LogLimits::default(),
            backlog: 0,
            reserved: Vec::new(),
            guests: Arc::new(Forgetful),
            bans: Vec::new(),
            code: Some(self.code.clone()),
            port: 5000,
            addresses: Vec::new(),
            mover: mpsc::channel(1).0,
            timing: room::Timing::default(),
        };
        room::start(config, Epoch([7; 16]), &self.tasks)
    }

    async fn measure(&self, name: &str, joins: u32, kind: Kind) {
        let room = self.room(kind);
        let identities: Vec<_> = (0..joins).map(|_| Identity::generate().expect("a key")).collect();
        let server = TlsAcceptor::from(net::server_config(&self.identity));
        let (cpu, start) = (support::cpu("self"), Instant::now());
        let (mut entered, mut members) = (0, Vec::new());
        for (number, identity) in identities.iter().enumerate() {
            let dial = Memory {
                room: room.clone(),
                server: server.clone(),
                client: TlsConnector::from(net::client_config(identity)),
                host: self.identity.public_key(),
                // A source of its own, or all but the first few would only hear that they have to wait.
                address: Ipv4Addr::from_bits(0x0a00_0000 + number as u32).into(),
                kind,
                asked: 0,
            };
            let config = SessionConfig {
                key: identity.public_key(),
                instance: Instance([1; 16]),
                name: format!("m{number}"),
                features: 0,
                timing: session::Timing::default(),
            };
            let (handle, mut events) = session::start(config, dial, &self.tasks);
            loop {
                match events.recv().await.expect("it enters or not") {
                    SessionEvent::Entered { .. } => {
                        entered += 1;
                        break members.push((handle, events));
                    }
                    SessionEvent::Ended(Ending::Left) if kind == Kind::Wrong => break,
                    SessionEvent::Ended(ending) => panic!("{ending:?}"),
                    _ => {}
                }
            }
        }
        let (spent, took) = (support::cpu("self") - cpu, start.elapsed());
        let each = |span: Duration| span.as_secs_f64() * 1e3 / f64::from(joins.max(1));
        println!(
            "{name:<28} {joins:>6} came, {entered:>6} got in   {:>6.2} ms CPU each, both ends   {:>6.2} ms each",
            each(spent),
            each(took)
        );
        assert_eq!(entered, if kind == Kind::Wrong { 0 } else { joins }, "{name}");
        room.close().await;
    }
}

/// The way into the room: TLS in memory.
struct Memory {
    room: RoomHandle,
    server: TlsAcceptor,
    client: TlsConnector,
    host: PublicKey,
    address: IpAddr,
    kind: Kind,
    asked: u32,
}

#[async_trait]
impl Dial for Memory {
    type Stream = TlsStream<DuplexStream>;

    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (room, server, address) = (self.room.clone(), self.server.clone(), Some(self.address));
        tokio::spawn(async move {
            let far = Gauged::new(far);
            let gauge = far.gauge();
            let stream = server.accept(far).await.expect("an honest client");
            let connection = stream.get_ref().1;
            let key = net::peer_key(connection).expect("a proved key");
            let exporter = connection.export_keying_material([0; 32], EXPORTER, None).expect("it is there");
            let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
            let peer = Peer { key, address, gauge, via: Via::Port, exporter, deadline, turn: None };
            room.serve(stream, peer).await;
        });
        let name = ServerName::try_from("pchat.invalid").expect("a name");
        let stream = self.client.connect(name, near).await.expect("an honest server");
        let exporter = stream.get_ref().1.export_keying_material([0; 32], EXPORTER, None).expect("it is there");
        Ok(Dialed { stream, gauge: Gauge::new(), exporter, host: self.host, known: false })
    }

    async fn wish(&mut self, _: &Refusal) -> Result<Wish, String> {
        self.asked += 1;
        Ok(match self.kind {
            Kind::Right if self.asked == 1 => Wish::Code(Code::typed("zoo abandon lens").expect("a code")),
            Kind::Wrong if self.asked == 1 => Wish::Code(Code::generate().expect("a code")),
            _ => Wish::Leave,
        })
    }
}

/// A list that forgets: it is not what is measured.
struct Forgetful;

impl Guests for Forgetful {
    fn name_of(&self, _: &PublicKey) -> anyhow::Result<Option<String>> {
        Ok(None)
    }

    fn key_of(&self, _: &str) -> anyhow::Result<Option<PublicKey>> {
        Ok(None)
    }

    fn let_in(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn put_out(&self, _: &PublicKey) -> anyhow::Result<()> {
        Ok(())
    }

    fn ban(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn unban(&self, _: &PublicKey) -> anyhow::Result<()> {
        Ok(())
    }
}
