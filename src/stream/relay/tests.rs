use std::{io::ErrorKind, net::Ipv4Addr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Both ends of a connection.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let dialled = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(dialled, listener.accept());
    (near.unwrap(), far.unwrap().0)
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

/// Sends `bytes` and says that nothing more follows, while all that comes is read.
async fn talk(socket: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = socket.into_split();
    let mut heard = Vec::new();
    let send = async {
        write.write_all(bytes).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let (_, read) = tokio::join!(send, read.read_to_end(&mut heard));
    read.unwrap();
    heard
}

#[tokio::test]
async fn bytes_pass_both_ways_whole_and_in_order() {
    let ((alice, one), (other, bob)) = (connection().await, connection().await);
    let (from_alice, from_bob) = (noise(5 * 1024 * 1024 + 1), noise(3 * 1024 * 1024 + 7));
    let relay = tokio::spawn(relay(one, other, Arc::default()));
    let (at_alice, at_bob) = tokio::join!(talk(alice, &from_alice), talk(bob, &from_bob));
    assert!(at_alice == from_bob && at_bob == from_alice);
    relay.await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_pass_through_the_buffer_as_well() {
    let ((mut alice, one), (other, mut bob)) = (connection().await, connection().await);
    let bytes = noise(2 * 1024 * 1024 + 3);
    let sent = async {
        alice.write_all(&bytes).await.unwrap();
        alice.shutdown().await.unwrap();
    };
    let mut heard = vec![0; bytes.len()];
    let carried = AtomicU64::default();
    let mut turn = Turn::new(&carried);
    let (_, copied, read) = tokio::join!(sent, copy(&one, &other, &mut turn), bob.read_exact(&mut heard));
    copied.unwrap();
    read.unwrap();
    assert!(heard == bytes);
}

#[tokio::test]
async fn many_small_writes_pass_whole_and_in_order() {
    // Each takes a place of its own in the pipe, which is then full of few bytes.
    let ((mut alice, one), (other, mut bob)) = (connection().await, connection().await);
    alice.set_nodelay(true).unwrap();
    let relay = tokio::spawn(relay(one, other, Arc::default()));
    let bytes = noise(200_000);
    let expected = bytes.clone();
    let sending = tokio::spawn(async move {
        for chunk in bytes.chunk_by(|a, b| a ^ b > 32) {
            alice.write_all(chunk).await.unwrap();
        }
        alice
    });
    let mut heard = vec![0; expected.len()];
    bob.read_exact(&mut heard).await.unwrap();
    assert!(heard == expected);
    drop((sending.await.unwrap(), bob));
    relay.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_end_of_one_direction_is_passed_on_and_the_other_lives() {
    let ((mut alice, one), (other, mut bob)) = (connection().await, connection().await);
    let relay = tokio::spawn(relay(one, other, Arc::default()));
    alice.write_all(b"question").await.unwrap();
    alice.shutdown().await.unwrap();
    let mut heard = Vec::new();
    bob.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"question");
    bob.write_all(b"answer").await.unwrap();
    drop(bob);
    heard.clear();
    alice.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"answer");
    relay.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reset_of_one_end_ends_the_other() {
    let ((mut alice, one), (other, bob)) = (connection().await, connection().await);
    let relay = tokio::spawn(relay(one, other, Arc::default()));
    SockRef::from(&bob).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(bob);
    // A reset or an end, as the sockets are closed.
    let ended = alice.read(&mut [0]).await;
    assert!(matches!(&ended, Ok(0)) || ended.is_err());
    assert!(relay.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_end_that_takes_nothing_is_given_up_and_an_idle_one_is_not() {
    let ((mut alice, one), (other, bob)) = (connection().await, connection().await);
    let relay = tokio::spawn(relay(one, other, Arc::default()));
    tokio::time::advance(STALL * 100).await;
    let chunk = vec![0; 1024 * 1024];
    // What nobody takes fills all buffers on the way. Then the time runs by itself.
    while alice.write_all(&chunk).await.is_ok() {}
    assert_eq!(relay.await.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
    drop(bob);
}

/// How fast bytes pass on this machine, and what that costs: `cargo test --release --lib relay -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure() {
    use std::{
        io::{Read, Write},
        time::Instant,
    };
    const BYTES: usize = 4 << 30;
    type Way = fn(TcpStream, TcpStream) -> std::pin::Pin<Box<dyn Future<Output = io::Result<()>>>>;
    let ways: [(&str, Way); 2] = [
        ("relay", |one, other| Box::pin(relay(one, other, Arc::default()))),
        ("buffer", |one, other| {
            Box::pin(async move { copy(&one, &other, &mut Turn::new(&AtomicU64::default())).await })
        }),
    ];
    for (name, way) in [ways, ways].concat() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ((alice, one), (other, bob)) = (connection().await, connection().await);
            let [mut alice, mut bob] = [alice, bob].map(|socket| {
                let socket = socket.into_std().unwrap();
                socket.set_nonblocking(false).unwrap();
                socket
            });
            std::thread::spawn(move || {
                let chunk = vec![7; 256 * 1024];
                (0..BYTES / chunk.len()).for_each(|_| alice.write_all(&chunk).unwrap());
            });
            let reader = std::thread::spawn(move || {
                let mut chunk = vec![0; 256 * 1024];
                let mut left = BYTES;
                while left > 0 {
                    left -= bob.read(&mut chunk).unwrap();
                }
            });
            let spent = || {
                let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
                stat.split(' ').next().unwrap().parse::<u64>().unwrap() as f64 / 1e9
            };
            let (start, before) = (Instant::now(), spent());
            way(one, other).await.unwrap();
            let (time, cpu) = (start.elapsed().as_secs_f64(), spent() - before);
            reader.join().unwrap();
            let gib = BYTES as f64 / (1u64 << 30) as f64;
            println!("{name}: {:.2} GB/s, {:.3} CPU-s a GiB", BYTES as f64 / time / 1e9, cpu / gib);
        });
    }
}
