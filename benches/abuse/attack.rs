//! Strangers at the door.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use pchat::{net, trust::Identity};
use rustls::ClientConnection;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use crate::member::{dial, encrypt, hello, loopback, say};

/// Connections of the flood that are open at once at the most, so that this process stays bounded too.
const OPEN: usize = 4_096;

/// How long one of them stays if the room does not close it.
const STAY: Duration = Duration::from_secs(15);

/// Addresses of the flood, 127.0.0.3 to .18.
const SOURCES: u64 = 16;

/// Sources of half-open handshakes at a time, and handshakes of each.
const HOLDERS: usize = 8;
const HELD: usize = 4;

/// A connection that ends sooner than this without a byte was turned away.
const AT_ONCE: Duration = Duration::from_millis(200);

/// What a connection of the flood does.
pub const KINDS: [&str; 5] = ["close at once", "silent", "garbage", "half a handshake", "not let in"];

/// How many connections there were.
#[derive(Default)]
pub struct Counts {
    /// Of the flood, by kind.
    pub flood: [AtomicU64; KINDS.len()],
    /// Those of the flood that were not made: too many were open here, or the room's system did not answer.
    pub left_out: AtomicU64,
    /// Handshakes held half open.
    pub held: AtomicU64,
    /// Addresses used up for that.
    pub used_up: AtomicU32,
}

/// Makes so many connections a second.
pub async fn flood(port: u16, a_second: u32, counts: Arc<Counts>) {
    let mut pace = interval(Duration::from_millis(5));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (open, start, mut made) = (Arc::new(Semaphore::new(OPEN)), Instant::now(), 0);
    loop {
        pace.tick().await;
        let due = (start.elapsed().as_secs_f64() * f64::from(a_second)) as u64;
        while made < due {
            made += 1;
            let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
                counts.left_out.fetch_add(1, Relaxed);
                continue;
            };
            // Every kind from every address: the two numbers have no common factor.
            let (kind, source) = ((made % KINDS.len() as u64) as usize, loopback(0, 3 + (made % SOURCES) as u8));
            let counts = counts.clone();
            tokio::spawn(async move {
                let dialled = timeout(STAY, dial(source, port, None)).await;
                let count = match &dialled {
                    // One that is reset at once may be so before the system says that it was there.
                    Ok(Err(error)) if error.kind() != io::ErrorKind::ConnectionReset => &counts.left_out,
                    Err(_) => &counts.left_out,
                    Ok(_) => &counts.flood[kind],
                };
                count.fetch_add(1, Relaxed);
                if let Ok(Ok(stream)) = dialled {
                    let _ = timeout(STAY, annoy(kind, stream, made)).await;
                }
                drop(permit);
            });
        }
    }
}

/// What a connection of one kind does until the room closes it.
async fn annoy(kind: usize, mut stream: TcpStream, number: u64) -> io::Result<()> {
    match kind {
        0 => return Ok(()),
        1 => {}
        2 => {
            let mut garbage = [0; 512];
            aws_lc_rs::rand::fill(&mut garbage).map_err(io::Error::other)?;
            // Half of it begins like TLS.
            garbage[0] = if number.is_multiple_of(2) { 22 } else { 0 };
            stream.write_all(&garbage).await?;
        }
        3 => stream.write_all(&client_hello()?).await?,
        _ => {
            let identity = Identity::generate().map_err(io::Error::other)?;
            let mut stream = encrypt(stream, &identity).await?;
            say(&mut stream, &hello("mallory")).await?;
            return until_closed(&mut stream).await;
        }
    }
    until_closed(&mut stream).await
}

async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut answer = [0; 4096];
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}

/// Holds handshakes half open, and renews them at all times.
pub async fn hold(port: u16, counts: Arc<Counts>) {
    let next = Arc::new(AtomicU32::new(0));
    let holders = (0..HOLDERS).map(|_| {
        let (next, counts) = (next.clone(), counts.clone());
        async move {
            loop {
                let source = fresh(next.fetch_add(1, Relaxed));
                let each = (0..HELD).map(|_| hold_from(source, port, &counts));
                futures_util::future::join_all(each).await;
                counts.used_up.fetch_add(1, Relaxed);
            }
        }
    });
    futures_util::future::join_all(holders).await;
}

/// An address of 127.1.0.0/16 that was not used before.
fn fresh(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, (number / 250) as u8, (1 + number % 250) as u8)
}

/// Holds one handshake after the other, until the room turns its source away.
async fn hold_from(source: Ipv4Addr, port: u16, counts: &Counts) {
    loop {
        let start = Instant::now();
        let held: io::Result<usize> = async {
            let mut stream = dial(source, port, None).await?;
            stream.write_all(&client_hello()?).await?;
            let mut answer = [0; 4096];
            let mut got = 0;
            while let Ok(more @ 1..) = stream.read(&mut answer).await {
                got += more;
            }
            Ok(got)
        }
        .await;
        counts.held.fetch_add(1, Relaxed);
        match held {
            Ok(0) | Err(_) if start.elapsed() < AT_ONCE => return,
            Ok(_) => {}
            // The system has no connection to give.
            Err(_) => sleep(AT_ONCE).await,
        }
    }
}

/// The first record of an honest client.
fn client_hello() -> io::Result<Vec<u8>> {
    static CONFIG: std::sync::OnceLock<Arc<rustls::ClientConfig>> = std::sync::OnceLock::new();
    let config = CONFIG.get_or_init(|| net::client_config(&Identity::generate().expect("random numbers")));
    let name = "pchat.invalid".try_into().expect("this is a DNS name");
    let mut connection = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}
