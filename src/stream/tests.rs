use std::{io::ErrorKind, sync::Mutex};

use super::*;
use crate::{
    net::{client_config, server_config},
    wire::{MAX_STREAM_HELLO_LEN, PublicKey},
};

fn member(of: u8, key: PublicKey) -> Member {
    Member { number: of.into(), key, instance: Instance([of; 16]), name: format!("member-{of}") }
}

fn stranger(of: u8) -> Member {
    member(of, PublicKey([of; 32]))
}

fn two() -> (Stream, Stream) {
    pair(stranger(1), stranger(2)).unwrap()
}

#[test]
fn bytes_pass_both_ways_and_both_ends_know_that_they_are_all() {
    let (mut opener, mut target) = two();
    assert_eq!((opener.peer().number, target.peer().number), (2, 1));
    let bytes: Vec<u8> = (0..5_000_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let expected = bytes.clone();
    let sending = thread::spawn(move || {
        opener.write_all(&bytes).unwrap();
        opener.finish()
    });
    let mut heard = Vec::new();
    target.read_to_end(&mut heard).unwrap();
    assert!(heard == expected);
    assert_eq!(target.read(&mut [0; 8]).unwrap(), 0, "the end stays the end");
    target.finish().unwrap();
    sending.join().unwrap().unwrap();
}

#[test]
fn an_end_that_finishes_may_still_be_answered() {
    let (opener, mut target) = two();
    let finishing = thread::spawn(move || opener.finish());
    assert_eq!(target.read(&mut [0; 8]).unwrap(), 0);
    target.write_all(b"too late to be read, but no harm").unwrap();
    target.finish().unwrap();
    finishing.join().unwrap().unwrap();
}

#[test]
fn a_stream_that_is_dropped_is_no_stream_that_ended() {
    let (mut opener, mut target) = two();
    opener.write_all(b"half of").unwrap();
    drop(opener);
    let mut heard = Vec::new();
    let error = target.read_to_end(&mut heard).unwrap_err();
    assert_eq!((heard, error.kind()), (b"half of".to_vec(), ErrorKind::UnexpectedEof));
}

#[test]
fn an_end_that_is_not_finished_lets_the_other_not_finish() {
    let (mut opener, target) = two();
    opener.write_all(b"something").unwrap();
    drop(target);
    assert!(opener.finish().is_err());
}

#[test]
fn a_closer_wakes_whoever_waits_and_does_not_keep_the_stream() {
    let (mut opener, mut target) = two();
    let closer = opener.closer();
    let reading = thread::spawn(move || opener.read(&mut [0; 8]).map(drop));
    closer.close();
    assert!(reading.join().unwrap().is_err());
    closer.close();
    assert!(target.read(&mut [0; 8]).is_err());
    let (opener, mut target) = two();
    let _closer = opener.closer();
    drop(opener);
    assert_eq!(target.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn patience_ends_and_what_was_not_read_is_read_later() {
    let (mut opener, mut target) = two();
    opener.set_patience(Duration::from_millis(1)).unwrap();
    assert_eq!(opener.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
    opener.set_patience(Duration::from_secs(60)).unwrap();
    target.write_all(b"here").unwrap();
    let mut heard = [0; 4];
    opener.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"here");
    opener.set_patience(Duration::from_millis(1)).unwrap();
    let chunk = [0; 64 * 1024];
    let error = loop {
        if let Err(error) = opener.write(&chunk) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(opener.finish().unwrap_err().kind(), ErrorKind::TimedOut);
    drop(target);
}

#[test]
fn reading_without_a_copy_gives_the_same() {
    let (mut opener, mut target) = two();
    let sending = thread::spawn(move || {
        opener.write_all(&[7; 100_000]).unwrap();
        opener.finish()
    });
    let mut read = 0;
    loop {
        let chunk = target.fill_buf().unwrap();
        assert!(chunk.iter().all(|byte| *byte == 7) && chunk.len() <= 16 * 1024);
        let len = chunk.len();
        if len == 0 {
            break;
        }
        read += len;
        target.consume(len);
    }
    assert_eq!(read, 100_000);
    target.finish().unwrap();
    sending.join().unwrap().unwrap();
}

#[test]
fn bytes_that_were_changed_on_the_way_are_an_error() {
    let ((near, one), (other, far)) = (sockets().unwrap(), sockets().unwrap());
    let back = (other.clone(), one.clone());
    thread::spawn(move || io::copy(&mut &*back.0, &mut &*back.1));
    thread::spawn(move || {
        let mut forged = false;
        let mut chunk = vec![0; 256 * 1024];
        while let Ok(len @ 1..) = (&*one).read(&mut chunk) {
            // Of the handshake, nothing is as long as this.
            if len > 8 * 1024 && !forged {
                // More than the head of a record, whose first byte means nothing and may be changed.
                chunk[len / 2..][..64].iter_mut().for_each(|byte| *byte ^= 1);
                forged = true;
            }
            if (&*other).write_all(&chunk[..len]).is_err() {
                return;
            }
        }
    });
    let (mut opener, mut target) = over((near, far), stranger(1), stranger(2)).unwrap();
    thread::spawn(move || (0..1024).try_for_each(|_| opener.write_all(&[0; 64 * 1024])));
    let error = io::copy(&mut target, &mut io::sink()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

/// Gives one connection.
struct Gives(Mutex<Option<Arc<TcpStream>>>);

#[async_trait]
impl Reach for Gives {
    async fn reach(&self, _: Token) -> io::Result<Reached> {
        let socket = self.0.lock().unwrap().take().expect("asked once");
        Ok(Reached { socket, held: None })
    }
}

/// The two members of a stream and the sockets that lead to each other.
struct Ends {
    ours: Identity,
    theirs: Identity,
    near: Option<Arc<TcpStream>>,
    far: Option<Arc<TcpStream>>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Ends {
    fn new() -> Self {
        let (near, far) = sockets().unwrap();
        let identity = || Identity::generate().unwrap();
        let (tasks, cancel) = (TaskTracker::new(), CancellationToken::new());
        Self { ours: identity(), theirs: identity(), near: Some(near), far: Some(far), tasks, cancel }
    }

    fn scope(&self) -> Scope<'_> {
        Scope { tasks: &self.tasks, cancel: &self.cancel }
    }

    fn opener(&self) -> Member {
        member(1, self.ours.public_key())
    }

    fn target(&self) -> Member {
        member(2, self.theirs.public_key())
    }

    fn streams(identity: &Identity, of: u8, socket: &mut Option<Arc<TcpStream>>) -> Streams {
        Streams::new(identity, Instance([of; 16]), Gives(Mutex::new(socket.take())))
    }

    /// Opens and accepts with what each end believes of the other.
    async fn meet(
        mut self,
        opener: &Identity,
        target: &Member,
        from: Member,
    ) -> (Result<Stream, StreamError>, io::Result<(Opened, String)>, Self) {
        let opening = Self::streams(opener, 1, &mut self.near);
        let accepting = Self::streams(&self.theirs, 2, &mut self.far);
        let met = {
            let opened = opening.open(target.clone(), Token([1; 32]), ("send", "why".into()), self.scope());
            let accepted = accepting.accept(from, Token([2; 32]), self.scope());
            tokio::join!(opened, accepted)
        };
        (met.0, met.1, self)
    }
}

#[tokio::test]
async fn both_ends_learn_who_and_what_for() {
    let ends = Ends::new();
    let (ours, target, from) = (ends.ours.clone(), ends.target(), ends.opener());
    let (opened, accepted, ends) = ends.meet(&ours, &target, from).await;
    let (opened, (Opened { stream, purpose }, command)) = (opened.unwrap(), accepted.unwrap());
    assert_eq!((opened.peer(), stream.peer()), (&ends.target(), &ends.opener()));
    assert_eq!((command.as_str(), &purpose[..]), ("send", &b"why"[..]));
}

#[tokio::test]
async fn an_end_that_proves_another_key_than_the_room_names_is_refused_by_the_other() {
    // A host that poses as the target: the opener expects somebody else.
    let ends = Ends::new();
    let (ours, from) = (ends.ours.clone(), ends.opener());
    let target = member(2, Identity::generate().unwrap().public_key());
    let (opened, accepted, _) = ends.meet(&ours, &target, from).await;
    assert!(matches!(opened, Err(StreamError::Final(reason)) if reason.contains("another key")));
    assert!(accepted.is_err(), "no first frame came");
    // One that poses as the opener.
    let ends = Ends::new();
    let (other, target, from) = (Identity::generate().unwrap(), ends.target(), ends.opener());
    let (_, accepted, _) = ends.meet(&other, &target, from).await;
    assert!(accepted.is_err());
}

#[tokio::test]
async fn an_instance_that_is_not_meant_is_refused() {
    let ends = Ends::new();
    let (ours, from) = (ends.ours.clone(), ends.opener());
    let other = Member { instance: Instance([9; 16]), ..ends.target() };
    let (_, accepted, _) = ends.meet(&ours, &other, from).await;
    assert!(accepted.is_err(), "another target is meant");
    let ends = Ends::new();
    let (ours, target) = (ends.ours.clone(), ends.target());
    let from = Member { instance: Instance([9; 16]), ..ends.opener() };
    let (_, accepted, _) = ends.meet(&ours, &target, from).await;
    assert!(accepted.is_err(), "another opener is announced");
}

/// What an accepting end makes of a first frame, which `say` writes.
async fn accepts(say: impl FnOnce(&mut Pipe) -> io::Result<()> + Send + 'static) -> bool {
    let mut ends = Ends::new();
    let client = ClientConnection::new(stream_client_config(&ends.ours), server_name()).unwrap();
    let (near, theirs) = (ends.near.take().unwrap(), ends.theirs.public_key());
    let saying = thread::spawn(move || {
        let mut pipe = Pipe::secure(near, client.into(), &theirs, Instant::now() + HANDSHAKE).unwrap();
        say(&mut pipe).unwrap();
        pipe
    });
    let accepting = Ends::streams(&ends.theirs, 2, &mut ends.far);
    let accepted = accepting.accept(ends.opener(), Token([2; 32]), ends.scope()).await;
    drop(saying.join().unwrap());
    accepted.is_ok()
}

#[tokio::test]
async fn a_first_frame_that_makes_no_sense_is_refused_before_anything_is_allocated() {
    let hello = || StreamHello {
        opener: Instance([1; 16]),
        target: Instance([2; 16]),
        command: "send".into(),
        purpose: vec![0; MAX_PURPOSE_LEN].into(),
    };
    assert!(accepts(move |pipe| pipe.say_hello(&hello())).await, "the longest purpose fits");
    assert!(!accepts(move |pipe| pipe.say_hello(&StreamHello { command: "Se nd".into(), ..hello() })).await);
    let long = vec![0; MAX_PURPOSE_LEN + 1].into();
    assert!(!accepts(move |pipe| pipe.say_hello(&StreamHello { purpose: long, ..hello() })).await);
    for len in [0, MAX_STREAM_HELLO_LEN as u32 + 1, u32::MAX] {
        let said = move |pipe: &mut Pipe| {
            pipe.write_all(&len.to_be_bytes())?;
            pipe.flush()
        };
        assert!(!accepts(said).await, "{len}");
    }
}

#[tokio::test]
async fn a_link_is_never_taken_for_a_stream() {
    // The right key, but the protocol of a link.
    let mut ends = Ends::new();
    let server = ServerConnection::new(server_config(&ends.theirs)).unwrap();
    let far = ends.far.take().unwrap();
    let ours = ends.ours.public_key();
    let accepting = thread::spawn(move || Pipe::secure(far, server.into(), &ours, Instant::now() + HANDSHAKE).is_err());
    let opening = Ends::streams(&ends.ours, 1, &mut ends.near);
    let opened = opening.open(ends.target(), Token([1; 32]), ("send", Bytes::new()), ends.scope()).await;
    assert!(opened.is_err() && accepting.join().unwrap());
    let mut nameless = ClientConfig::clone(&client_config(&ends.ours));
    nameless.alpn_protocols.clear();
    let (near, far) = sockets().unwrap();
    let client = ClientConnection::new(Arc::new(nameless), server_name()).unwrap();
    let key = ends.theirs.public_key();
    thread::spawn(move || Pipe::secure(near, client.into(), &key, Instant::now() + HANDSHAKE).map(drop));
    let accepting = Ends::streams(&ends.theirs, 2, &mut Some(far));
    assert!(accepting.accept(ends.opener(), Token([2; 32]), ends.scope()).await.is_err());
}

#[tokio::test]
async fn the_end_of_the_session_closes_its_streams_and_nothing_stays_behind() {
    let ends = Ends::new();
    let (ours, target, from) = (ends.ours.clone(), ends.target(), ends.opener());
    let (opened, accepted, ends) = ends.meet(&ours, &target, from).await;
    let mut opened = opened.unwrap();
    let waiting = tokio::task::spawn_blocking(move || opened.read(&mut [0; 8]).map(drop));
    ends.cancel.cancel();
    assert!(waiting.await.unwrap().is_err());
    ends.tasks.close();
    ends.tasks.wait().await;
    drop(accepted);
}

#[tokio::test]
async fn a_stream_that_is_gone_leaves_no_task() {
    let ends = Ends::new();
    let (ours, target, from) = (ends.ours.clone(), ends.target(), ends.opener());
    let (opened, accepted, ends) = ends.meet(&ours, &target, from).await;
    drop((opened, accepted));
    ends.tasks.close();
    ends.tasks.wait().await;
}

/// How fast a stream is here: `cargo test --release --lib stream:: -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure() {
    const BYTES: usize = 2 << 30;
    fn spent() -> f64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap() as f64 / 1e9
    }
    let gib = BYTES as f64 / (1u64 << 30) as f64;
    for _ in 0..3 {
        let (mut opener, mut target) = two();
        let (start, before) = (Instant::now(), spent());
        let sending = thread::spawn(move || {
            let chunk = vec![7; 256 * 1024];
            (0..BYTES / chunk.len()).for_each(|_| opener.write_all(&chunk).unwrap());
            opener.finish().unwrap();
            spent()
        });
        let (mut chunk, mut read) = (vec![0; 256 * 1024], 0);
        while let Ok(len @ 1..) = target.read(&mut chunk) {
            read += len;
        }
        assert_eq!(read, BYTES);
        target.finish().unwrap();
        let (sent, received) = (sending.join().unwrap() / gib, (spent() - before) / gib);
        let speed = BYTES as f64 / start.elapsed().as_secs_f64() / 1e9;
        println!("{speed:.2} GB/s; {sent:.3} CPU-s a GiB to send, {received:.3} to receive");
    }
}
