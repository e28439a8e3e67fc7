//! A way between a member and its room on which things go wrong.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use super::PATIENCE;

/// What goes wrong.
#[derive(Default)]
struct Faults {
    target: u16,
    /// Where it dials from, loopback if nothing is said.
    source: Option<Ipv4Addr>,
    /// Nothing passes.
    stalled: bool,
    /// New connections are closed at once.
    closed: bool,
    /// So many of the next ones are.
    closes: usize,
    /// Most bytes in one segment.
    segment: Option<usize>,
    /// Most bytes a second, each way.
    rate: Option<u32>,
    /// After how many bytes, both ways together, each coming connection is cut.
    cuts: VecDeque<u64>,
    connections: Vec<(TcpStream, TcpStream)>,
    accepted: usize,
    /// Bytes that came in to be passed on, both ways together.
    passed: u64,
    /// The next bytes that pass get a wrong bit.
    spoil: bool,
    over: bool,
}

type Shared = Arc<(Mutex<Faults>, Condvar)>;

/// A proxy on loopback.
pub struct Proxy {
    pub port: u16,
    shared: Shared,
}

impl Proxy {
    /// A proxy to a port, on which nothing goes wrong yet.
    pub fn to(target: u16) -> Self {
        Self::start(target, None)
    }

    /// A proxy that dials from another address of loopback, 127.0.0.`last`.
    pub fn from(last: u8, target: u16) -> Self {
        Self::start(target, Some(Ipv4Addr::new(127, 0, 0, last)))
    }

    fn start(target: u16, source: Option<Ipv4Addr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has one").port();
        let shared: Shared = Arc::default();
        *shared.0.lock().unwrap() = Faults { target, source, ..Faults::default() };
        let accepting = shared.clone();
        thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { continue };
                let mut faults = accepting.0.lock().unwrap();
                if faults.over {
                    return;
                }
                faults.accepted += 1;
                accepting.1.notify_all();
                let closes = faults.closes;
                faults.closes = closes.saturating_sub(1);
                if faults.closed || closes > 0 {
                    continue;
                }
                let source = faults.source.unwrap_or(Ipv4Addr::LOCALHOST);
                let Ok(far) = dial(source.into(), faults.target) else { continue };
                let budget = Arc::new(Mutex::new(faults.cuts.pop_front()));
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    to.set_nodelay(true).expect("a socket");
                    let (shared, budget) = (accepting.clone(), budget.clone());
                    thread::spawn(move || carry(from, to, &shared, &budget));
                }
                faults.connections.push((near, far));
            }
        });
        Self { port, shared }
    }

    fn change(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        self.change(|faults| faults.connections.drain(..).for_each(|(near, far)| cut(&near, &far)));
    }

    /// Resets all connections: what is under way is lost.
    pub fn reset(&self) {
        self.change(|faults| {
            for (near, far) in faults.connections.drain(..) {
                // Connecting to nowhere is how a socket that others hold too is reset.
                let _ = rustix::net::connect_unspec(&near);
                let _ = rustix::net::connect_unspec(&far);
                cut(&near, &far);
            }
        });
    }

    /// Waits until so many connections have come in.
    pub fn expect_accepted(&self, count: usize) {
        let faults = self.shared.0.lock().unwrap();
        let (faults, waited) =
            self.shared.1.wait_timeout_while(faults, PATIENCE, |faults| faults.accepted < count).unwrap();
        let accepted = faults.accepted;
        drop(faults);
        assert!(!waited.timed_out(), "{accepted} of {count} connections");
    }

    /// Cuts the next connections, each after so many bytes.
    pub fn cut_after(&self, bytes: impl IntoIterator<Item = u64>) {
        self.change(|faults| faults.cuts.extend(bytes));
    }

    /// Neither cuts nor closes a connection that is still to come.
    pub fn forget_cuts(&self) {
        self.change(|faults| {
            faults.cuts.clear();
            faults.closes = 0;
        });
    }

    /// Lets nothing pass from now on, or everything again.
    pub fn stall(&self, stalled: bool) {
        self.change(|faults| faults.stalled = stalled);
    }

    /// Closes new connections at once, or lets them pass.
    pub fn close(&self, closed: bool) {
        self.change(|faults| faults.closed = closed);
    }

    /// Closes the next connection at once.
    pub fn close_next(&self) {
        self.change(|faults| faults.closes += 1);
    }

    /// Splits what passes.
    pub fn split(&self, segment: usize) {
        self.change(|faults| faults.segment = Some(segment));
    }

    /// Slows down what passes.
    pub fn throttle(&self, bytes_a_second: u32) {
        self.change(|faults| faults.rate = Some(bytes_a_second));
    }

    /// Puts one wrong bit into the next bytes that pass.
    pub fn spoil(&self) {
        self.change(|faults| faults.spoil = true);
    }

    /// Leads new connections elsewhere.
    pub fn lead_to(&self, target: u16) {
        self.change(|faults| faults.target = target);
    }

    /// How many connections came in.
    pub fn accepted(&self) -> usize {
        self.shared.0.lock().unwrap().accepted
    }

    /// How many bytes came in to be passed on, both ways together.
    pub fn passed(&self) -> u64 {
        self.shared.0.lock().unwrap().passed
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|faults| {
            faults.over = true;
            faults.stalled = false;
        });
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Connects to a port of loopback from one of its addresses.
pub fn dial(source: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket.into())
}

fn cut(near: &TcpStream, far: &TcpStream) {
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
}

fn carry(mut from: TcpStream, mut to: TcpStream, shared: &Shared, budget: &Mutex<Option<u64>>) {
    let mut bytes = [0; 16 * 1024];
    loop {
        let (segment, rate) = {
            let faults = shared.0.lock().unwrap();
            let faults = shared.1.wait_while(faults, |faults| faults.stalled).unwrap();
            (faults.segment.unwrap_or(bytes.len()), faults.rate)
        };
        let Ok(mut read) = from.read(&mut bytes[..segment]) else { break };
        // It may have begun to stall while this waited for bytes.
        let mut faults = shared.1.wait_while(shared.0.lock().unwrap(), |faults| faults.stalled).unwrap();
        if read > 0 && std::mem::take(&mut faults.spoil) {
            // The last byte belongs to a record's tag; one in a record's length would have the reader wait for more.
            bytes[read - 1] ^= 1;
        }
        faults.passed += read as u64;
        drop(faults);
        let mut spent = false;
        if let Some(left) = &mut *budget.lock().unwrap() {
            read = read.min(*left as usize);
            *left -= read as u64;
            spent = *left == 0;
        }
        if read == 0 || to.write_all(&bytes[..read]).is_err() || spent {
            break;
        }
        if let Some(rate) = rate {
            // Not to wait for something: this is what slow means.
            thread::sleep(Duration::from_secs_f64(read as f64 / f64::from(rate)));
        }
    }
    cut(&from, &to);
}
