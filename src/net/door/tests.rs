use std::net::Ipv4Addr;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::super::hostile::client_hello;
use super::super::tally::Counts;
use super::super::{DialTiming, bind, client_config, connect, server_config};
use super::*;
use crate::trust::{HostAddr, Identity};

#[cfg(target_os = "linux")]
mod crowd;

/// A door on a port of its own.
struct Open {
    door: Door,
    key: PublicKey,
    address: SocketAddr,
    incoming: mpsc::Receiver<Incoming>,
    ends: mpsc::Receiver<End>,
    closed: CancellationToken,
    serving: JoinHandle<()>,
}

fn open(config: DoorConfig) -> Open {
    let host = Identity::generate().unwrap();
    let listener = bind(&[Ipv4Addr::LOCALHOST.into()], 0).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let (sender, incoming) = mpsc::channel(8);
    let (ends_sender, ends) = mpsc::channel(8);
    let door = Door::new(server_config(&host).into(), config, sender, ends_sender, Stop::default());
    let closed = CancellationToken::new();
    let serving = tokio::spawn({
        let (door, closed) = (door.clone(), closed.clone());
        async move { door.serve(listener, closed).await }
    });
    Open { door, key: host.public_key(), address, incoming, ends, closed, serving }
}

impl Open {
    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Whether a caller from there is closed at once, without a word.
    async fn turns_away(&self, source: Ipv4Addr) -> bool {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        match socket.connect(self.address).await {
            Ok(stream) => until_closed(stream).await.is_empty(),
            // It was closed before the system said that it is there.
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Sends bytes and waits until the other side has closed; what it sent.
    async fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.dial().await;
        // The other side may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        until_closed(stream).await
    }

    /// An honest member gets in.
    async fn admits(&mut self) -> Incoming {
        let guest = Identity::generate().unwrap();
        let addr = HostAddr::from_ip(self.address.ip(), self.address.port());
        let tls = client_config(&guest);
        let timing = DialTiming::default();
        let (connected, incoming) = tokio::join!(connect(&addr, &tls, &timing), self.incoming.recv());
        let (connected, incoming) = (connected.unwrap(), incoming.unwrap());
        assert_eq!((connected.key, connected.address), (self.key, self.address));
        assert_eq!((incoming.key, incoming.address), (guest.public_key(), self.address.ip()));
        assert_eq!(incoming.port, self.address.port());
        incoming
    }

    /// What is counted for the next line in the log, once every connection has ended.
    async fn counts(&self) -> Counts {
        self.door.stop.tracker.close();
        self.door.stop.tracker.wait().await;
        self.door.tally.take()
    }

    /// Nothing is left of any connection, and none came through.
    async fn ends_idle(mut self) {
        self.closed.cancel();
        self.serving.await.unwrap();
        self.door.stop.tracker.close();
        self.door.stop.tracker.wait().await;
        assert!(self.incoming.try_recv().is_err());
        assert!(self.ends.try_recv().is_err());
        assert!(self.door.shares.is_idle());
    }
}

async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    // A reset closes as well as anything.
    let _ = stream.read_to_end(&mut received).await;
    received
}

#[tokio::test]
async fn a_member_comes_through_with_its_key_and_address() {
    let mut open = open(DoorConfig::default());
    let mut incoming = open.admits().await;
    assert!(incoming.deadline > Instant::now());
    incoming.stream.write_all(b"hello").await.unwrap();
    incoming.stream.flush().await.unwrap();
    assert!(incoming.gauge.marked_within(Duration::from_secs(60)));
    assert!(incoming.stream.get_ref().0.get_ref().nodelay().unwrap());
    drop(incoming);
    open.ends_idle().await;
}

#[tokio::test]
async fn case_1_a_port_scan_is_counted_and_otherwise_ignored() {
    let mut open = open(DoorConfig { waiting: 1000, waiting_a_source: 1000, tries: 1000, ..DoorConfig::default() });
    for _ in 0..200 {
        drop(open.dial().await);
    }
    // Connections are accepted in order: when this one is in, all those were seen.
    drop(open.admits().await);
    assert_eq!(open.counts().await, Counts { foreign: 200, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test(start_paused = true)]
async fn case_2_a_silent_connection_is_closed_at_the_deadline() {
    let open = open(DoorConfig::default());
    let stream = open.dial().await;
    let start = Instant::now();
    assert_eq!(until_closed(stream).await, [0_u8; 0]);
    let deadline = crate::limits::door::DEADLINE;
    assert!((deadline..deadline * 3 / 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    open.ends_idle().await;
}

#[tokio::test(start_paused = true)]
async fn case_3_a_byte_a_second_does_not_move_the_deadline() {
    let open = open(DoorConfig::default());
    let mut stream = open.dial().await;
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    let mut sent = 0;
    for byte in client_hello() {
        every_second.tick().await;
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        sent += 1;
    }
    assert!(sent <= 15, "{sent} bytes");
    open.ends_idle().await;
}

#[tokio::test]
async fn case_4_other_protocols_are_closed_without_a_word() {
    let mut open = open(DoorConfig::default());
    let greetings: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"EHLO example.org\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x01\0\x02",
        b"\0",
    ];
    for greeting in greetings {
        assert_eq!(open.send(greeting).await, [0_u8; 0], "{greeting:?}");
    }
    // What a PROXY header claims is not believed.
    let mut claimed = greetings[3].to_vec();
    claimed.extend(client_hello());
    assert_eq!(open.send(&claimed).await, [0_u8; 0]);
    drop(open.admits().await);
    open.ends_idle().await;
}

#[tokio::test]
async fn case_5_random_bytes_are_closed_at_the_first_bad_record() {
    let open = open(DoorConfig::default());
    let mut noise = vec![0; 10 * 1024 * 1024];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    let beginnings: [&[u8]; 4] = [&[0xff], &[22], &[22, 3, 1, 0, 5], &[22, 3, 1, 0x40, 0]];
    for beginning in beginnings {
        noise[..beginning.len()].copy_from_slice(beginning);
        open.send(&noise).await;
    }
    open.ends_idle().await;
}

#[tokio::test]
async fn case_6_resets_do_not_stop_the_door() {
    let mut open = open(DoorConfig { tries: 100, ..DoorConfig::default() });
    for _ in 0..50 {
        let stream = open.dial().await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
    }
    drop(open.admits().await);
    open.ends_idle().await;
}

/// Lets accept fail that often with `errno`, then never return; the time it took.
async fn failing_accepts(errno: Errno, times: u32) -> Duration {
    let (sender, _incoming) = mpsc::channel(1);
    let tls = server_config(&Identity::generate().unwrap()).into();
    let door = Door::new(tls, DoorConfig::default(), sender, mpsc::channel(1).0, Stop::default());
    let closed = CancellationToken::new();
    let (start, mut calls) = (Instant::now(), 0);
    let accept = |_: &mut Context<'_>| {
        if calls == times {
            closed.cancel();
            return Poll::Pending;
        }
        calls += 1;
        Poll::Ready(Err(errno.into()))
    };
    door.accept_from(accept, closed.clone()).await;
    assert!(door.shares.is_idle());
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn case_6_an_aborted_connection_is_passed_over_at_once() {
    assert_eq!(failing_accepts(Errno::CONNABORTED, 100).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn case_7_without_descriptors_the_door_pauses_longer_and_longer() {
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
        // 100, 200, 400, 800 ms, then 1 s each; the clock of the runtime counts in milliseconds.
        let took = failing_accepts(errno, 6).await;
        assert!((3500..3520).contains(&took.as_millis()), "{took:?}");
    }
}

#[tokio::test]
async fn case_8_a_source_that_holds_its_turns_does_not_keep_others_out() {
    let mut open = open(DoorConfig { handshakes_a_source: 2, ..DoorConfig::default() });
    let held = [open.admits().await, open.admits().await];
    // A third one has to wait until the room has let one of them through.
    let addr = HostAddr::from_ip(open.address.ip(), open.address.port());
    let tls = client_config(&Identity::generate().unwrap());
    let timing = DialTiming::default();
    let mut third = Box::pin(connect(&addr, &tls, &timing));
    if cfg!(target_os = "linux") {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
        let stream = socket.connect(open.address).await.unwrap();
        let other = TlsConnector::from(Arc::clone(&tls)).connect(tls::server_name(), stream);
        let incoming = tokio::select! {
            _ = &mut third => panic!("the source has no turn left"),
            (_, incoming) = async { tokio::join!(other, open.incoming.recv()) } => incoming.unwrap(),
        };
        assert_eq!(incoming.address, Ipv4Addr::new(127, 0, 0, 2));
    }
    drop(held);
    let (third, incoming) = tokio::join!(third, open.incoming.recv());
    drop((third.unwrap(), incoming));
    open.ends_idle().await;
}

#[tokio::test]
async fn case_8_a_source_that_waits_too_often_is_closed_at_once() {
    let open = open(DoorConfig { waiting: 4, waiting_a_source: 2, ..DoorConfig::default() });
    let held = [open.dial().await, open.dial().await];
    assert!(open.turns_away(Ipv4Addr::LOCALHOST).await);
    drop(held);
    assert_eq!(open.counts().await, Counts { excess: 1, foreign: 2, ..Counts::default() });
    open.ends_idle().await;
}

/// A ClientHello of TLS 1.2 with one cipher suite and no extension.
fn tls12_hello() -> Vec<u8> {
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    hello
}

#[tokio::test]
async fn case_11_older_versions_of_tls_get_an_alert() {
    const ALERT: u8 = 21;
    let open = open(DoorConfig::default());
    assert_eq!(open.send(&tls12_hello()).await.first(), Some(&ALERT));
    let sslv2 = [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10];
    assert_eq!(open.send(&sslv2).await, [0_u8; 0]);
    open.ends_idle().await;
}

#[tokio::test]
async fn case_12_a_hello_in_records_of_one_byte_does_no_harm() {
    let open = open(DoorConfig { tls: Duration::from_millis(500), ..DoorConfig::default() });
    let hello = client_hello();
    let split: Vec<u8> = hello[5..].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect();
    let answer = open.send(&split).await;
    assert!(matches!(answer.first(), None | Some(21 | 22)), "{answer:?}");
    open.ends_idle().await;
}

#[tokio::test]
async fn case_12_a_hello_of_64_kib_does_no_harm() {
    let open = open(DoorConfig { tls: Duration::from_millis(500), ..DoorConfig::default() });
    for len in [0xfffe_u32, 0xffff, 0x10000, 0xff_ffff] {
        let mut body = vec![1];
        body.extend(&len.to_be_bytes()[1..]);
        body.resize(4 + len.min(0x20000) as usize, 0);
        let records: Vec<u8> = body
            .chunks(0x4000)
            .flat_map(|part| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat())
            .collect();
        open.send(&records).await;
    }
    open.ends_idle().await;
}

#[tokio::test]
async fn case_13_a_close_notify_in_the_handshake_closes() {
    let open = open(DoorConfig { tls: Duration::from_millis(500), ..DoorConfig::default() });
    let close_notify = [21, 3, 3, 0, 2, 1, 0];
    open.send(&[client_hello().as_slice(), &close_notify].concat()).await;
    open.send(&[&client_hello()[..100], &close_notify].concat()).await;
    open.ends_idle().await;
}

#[tokio::test]
async fn a_peer_that_names_no_protocol_does_not_come_through() {
    let open = open(DoorConfig::default());
    let mut tls = ClientConfig::clone(&client_config(&Identity::generate().unwrap()));
    tls.alpn_protocols.clear();
    let connector = TlsConnector::from(Arc::new(tls));
    let mut stream = connector.connect(tls::server_name(), open.dial().await).await.unwrap();
    assert!(!matches!(stream.read(&mut [0; 1]).await, Ok(1..)));
    open.ends_idle().await;
}

#[tokio::test]
async fn closing_the_door_leaves_those_inside_it_alone() {
    let mut open = open(DoorConfig::default());
    let mut stream = open.dial().await;
    let hello = client_hello();
    stream.write_all(&hello[..1]).await.unwrap();
    // Accepted in order: the one above is inside when this one is through.
    drop(open.admits().await);
    open.closed.cancel();
    (&mut open.serving).await.unwrap();
    assert!(TcpStream::connect(open.address).await.is_err(), "the port is closed");
    stream.write_all(&hello[1..]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), TLS_HANDSHAKE, "the handshake goes on");
}

#[tokio::test]
async fn stopping_ends_every_connection_that_is_not_through() {
    let mut open = open(DoorConfig::default());
    let mut stream = open.dial().await;
    stream.write_all(&client_hello()[..1]).await.unwrap();
    drop(open.admits().await);
    open.door.stop.token.cancel();
    until_closed(stream).await;
    open.ends_idle().await;
}

/// What the end of a stream begins with.
fn head() -> Vec<u8> {
    [&STREAM_MAGIC[..], &[7; 32]].concat()
}

#[tokio::test]
async fn the_end_of_a_stream_comes_through_with_its_token_and_every_byte_after_it() {
    let mut open = open(DoorConfig::default());
    let mut near = open.dial().await;
    let all = [head(), b"what belongs to the members".to_vec()].concat();
    // In two pieces, the first of which ends within the token.
    near.write_all(&all[..20]).await.unwrap();
    near.write_all(&all[20..]).await.unwrap();
    let End { mut socket, token, attempt } = open.ends.recv().await.unwrap();
    assert_eq!(token, Token([7; 32]));
    attempt.succeed();
    assert!(socket.nodelay().unwrap());
    drop(near);
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"what belongs to the members");
    open.ends_idle().await;
}

#[tokio::test]
async fn a_wrong_magic_is_closed_and_counted() {
    let mut open = open(DoorConfig::default());
    let mut wrong = head();
    wrong[7] = b't';
    assert_eq!(open.send(&wrong).await, [0_u8; 0]);
    let mut cut = open.dial().await;
    cut.write_all(&head()[..39]).await.unwrap();
    cut.shutdown().await.unwrap();
    assert_eq!(until_closed(cut).await, [0_u8; 0]);
    drop(open.admits().await);
    assert_eq!(open.counts().await, Counts { foreign: 2, ..Counts::default() });
    open.ends_idle().await;
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_closed_at_the_deadline() {
    let open = open(DoorConfig::default());
    let mut stream = open.dial().await;
    stream.write_all(&head()[..20]).await.unwrap();
    let start = Instant::now();
    assert_eq!(until_closed(stream).await, [0_u8; 0]);
    let deadline = crate::limits::door::DEADLINE;
    assert!((deadline..deadline * 3 / 2).contains(&start.elapsed()), "{:?}", start.elapsed());
    open.ends_idle().await;
}

#[tokio::test]
async fn ends_of_streams_need_no_turn() {
    let mut open = open(DoorConfig { handshakes: 1, handshakes_a_source: 1, ..DoorConfig::default() });
    let turn = open.admits().await;
    let mut near = open.dial().await;
    near.write_all(&head()).await.unwrap();
    assert_eq!(open.ends.recv().await.unwrap().token, Token([7; 32]));
    drop(turn);
    open.ends_idle().await;
}
