//! Members by the hundred on one thread: an epoll loop.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use pchat::{net, trust::Identity};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustls::ClientConfig;

use crate::client::{Client, OnLine};

/// What one read takes at the most.
const BUFFER_LEN: usize = 256 * 1024;

/// How many join at the same time.
const DIALS: usize = 16;

/// How many members have one key.
const MEMBERS_A_KEY: usize = 8;

/// After how long without news a load gives up.
const STUCK: Duration = Duration::from_secs(60);

/// Some members of a room.
pub struct Load {
    epoll: OwnedFd,
    tls: Arc<ClientConfig>,
    port: u16,
    /// They are numbered from here.
    first: usize,
    /// The members.
    pub clients: Vec<Client>,
    buffer: Vec<u8>,
    events: Vec<MaybeUninit<epoll::Event>>,
    last_news: Instant,
}

impl Load {
    /// No member yet.
    pub fn new(port: u16, first: usize) -> io::Result<Self> {
        let identity = Identity::generate().map_err(io::Error::other)?;
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            tls: net::client_config(&identity),
            port,
            first,
            clients: Vec::new(),
            buffer: vec![0; BUFFER_LEN],
            events: vec![MaybeUninit::uninit(); 1024],
            last_news: Instant::now(),
        })
    }

    /// Lets `members` more join.
    pub fn join(&mut self, members: usize) -> io::Result<()> {
        let end = self.clients.len() + members;
        let mut joining: Vec<usize> = Vec::new();
        while self.clients.len() < end || !joining.is_empty() {
            while joining.len() < DIALS && self.clients.len() < end {
                let index = self.clients.len();
                // One person may be in a room a few times only.
                if index.is_multiple_of(MEMBERS_A_KEY) {
                    self.tls = net::client_config(&Identity::generate().map_err(io::Error::other)?);
                }
                let client = Client::dial(self.port, self.first + index, &self.tls)?;
                let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
                epoll::add(&self.epoll, client.socket(), EventData::new_u64(index as u64), flags)?;
                self.clients.push(client);
                joining.push(index);
            }
            self.turn(Duration::from_secs(1), &mut |_| {})?;
            joining.retain(|index| !self.clients[*index].is_in());
        }
        Ok(())
    }

    /// Waits for news at most so long and takes it.
    pub fn turn(&mut self, wait: Duration, on_line: OnLine) -> io::Result<()> {
        let wait = rustix::event::Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
        let (ready, _) = epoll::wait(&self.epoll, &mut self.events[..], Some(&wait))?;
        if !ready.is_empty() {
            self.last_news = Instant::now();
        } else if self.last_news.elapsed() > STUCK {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for event in ready.iter() {
            self.clients[event.data.u64() as usize].turn(&mut self.buffer, on_line)?;
        }
        Ok(())
    }

    /// Lines that arrived at all of these members together.
    pub fn lines(&mut self) -> u64 {
        self.clients.iter_mut().map(|client| client.inbox().lines).sum()
    }

    /// Takes news until each of these members has got so many lines.
    pub fn until(&mut self, lines: u64, on_line: OnLine) -> io::Result<()> {
        while self.clients.iter_mut().any(|client| client.inbox().lines < lines) {
            self.turn(Duration::from_millis(100), on_line)?;
        }
        Ok(())
    }
}
