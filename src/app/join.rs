//! `pchat join`: the way into somebody's room.

use std::{
    io,
    net::IpAddr,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use tokio_rustls::rustls::ClientConfig;
use tokio_util::task::TaskTracker;

use super::{
    Screen,
    doorstep::Doorstep,
    file_settings, host, identity, person,
    talk::{self, AtEnd, Errand, Lines, Talk},
};
use crate::{
    cli,
    code::Code,
    net::{self, Connected, DialTiming, Stream},
    session::{self, Dial, DialError, Dialed, SessionConfig, Wish},
    settings::Settings,
    stream::{Reach, Reached, Streams},
    transfer,
    trust::{Fingerprint, Home, HostAddr, Hosts, LastRoom, People, Pin},
    view::{Event, Line, View},
    wire::{FEATURE_ASKABLE, FEATURE_BACKLOG, FEATURE_STREAMS, Instance, PublicKey, Refusal, Token},
};

/// A visit to a room.
pub(super) struct Visit {
    pub(super) addr: HostAddr,
    pub(super) name: String,
    pub(super) settings: Arc<Settings>,
    pub(super) files: transfer::settings::Settings,
    pub(super) screen: Screen,
    pub(super) lines: Option<Lines>,
    pub(super) errand: Option<Box<dyn Errand>>,
    /// Where it is remembered as the last room, if it is to be.
    pub(super) last: Option<LastRoom>,
    /// Whether it is well if the room ends it.
    pub(super) may_end: bool,
}

/// Enters a room and talks in it.
pub(super) async fn run(home: &Home, settings: Arc<Settings>, options: cli::Join) -> Result<ExitCode> {
    let last = LastRoom::at(home.last());
    let addr = match &options.address {
        Some(address) => person::address(address)?,
        None => last.get()?.context("no room was entered yet; say which one: pchat join ADDR")?,
    };
    let at_end = if options.stay { AtEnd::Stay } else { AtEnd::Leave(Duration::from_secs(options.wait)) };
    let visit = Visit {
        addr,
        name: person::name(options.common.name.as_deref())?,
        files: file_settings(&options.common)?,
        screen: Screen::open(&options.common, &settings)?,
        settings,
        lines: Some(Lines { text: options.common.text, json: options.common.json, at_end }),
        errand: None,
        last: Some(last),
        may_end: true,
    };
    self::visit(home, visit).await
}

/// Enters a room, does there what is to be done, and leaves it.
pub(super) async fn visit(home: &Home, visit: Visit) -> Result<ExitCode> {
    let Visit { addr, name, settings, files, screen, lines, errand, last, may_end } = visit;
    let identity = identity(home)?;
    let people = People::open(home.people())?;
    let tasks = TaskTracker::new();
    let askable = if screen.has_person() { FEATURE_ASKABLE } else { 0 };
    // A script hears what happens, not what did.
    let backlog = if screen.terminal.is_some() { FEATURE_BACKLOG } else { 0 };
    let person = askable | backlog;
    let instance = Instance(host::random()?);
    let config = SessionConfig {
        key: identity.public_key(),
        instance,
        name,
        features: person | FEATURE_STREAMS,
        timing: session::Timing::default(),
    };
    let (doorstep, asked) = Doorstep::new(screen.has_person());
    let way: SharedWay = Arc::new(Mutex::new(Way { at_first: addr.clone(), addr, room: None }));
    let hosts = Arc::new(Hosts::at(home.hosts()));
    let tls = net::client_config(&identity);
    let dial = Outside {
        known_at: lock(&way).addr.clone(),
        way: way.clone(),
        tls: tls.clone(),
        hosts: hosts.clone(),
        own: identity.public_key(),
        met: false,
        entered: false,
        view: screen.view.clone(),
        doorstep,
        last,
        from: None,
    };
    let (session, events) = session::start(config, dial, &tasks);
    let on_moved = {
        let (way, tasks) = (way.clone(), tasks.clone());
        move |port| {
            tasks.spawn(remember_moved(way.clone(), tls.clone(), hosts.clone(), port));
        }
    };
    let talk = Talk {
        screen,
        session,
        events,
        on_moved: Some(Box::new(on_moved)),
        on_stopped: None,
        streams: Streams::new(&identity, instance, Outward(way)),
        people,
        settings,
        lines,
        errand,
        may_end,
        files,
        history: home.history(),
        doorstep: asked,
    };
    talk::run(talk).await
}

/// Where the room is, as all who dial it share it.
struct Way {
    addr: HostAddr,
    /// Where it was before it moved.
    at_first: HostAddr,
    /// The key of the room that we are in: a redial insists on it, whatever the address.
    room: Option<PublicKey>,
}

type SharedWay = Arc<Mutex<Way>>;

fn lock(way: &SharedWay) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Goes after a room that moved to another port: the next dial goes there.
fn follow(way: &SharedWay, port: u16) -> HostAddr {
    let mut way = lock(way);
    way.addr = way.addr.with_port(port);
    way.addr.clone()
}

/// Remembers the key of the room we are in for the port that it moved to, once it has proved it there: that it says so is
/// not enough, or a room could have its key remembered for whatever else is at its address.
async fn remember_moved(way: SharedWay, tls: Arc<ClientConfig>, hosts: Arc<Hosts>, port: u16) {
    let from = lock(&way).addr.clone();
    let to = follow(&way, port);
    let Some(room) = lock(&way).room.filter(|_| from != to) else { return };
    let proved = net::connect(&to, &tls, &DialTiming::default()).await.is_ok_and(|connected| connected.key == room);
    let copied = tokio::task::spawn_blocking(move || if proved { hosts.copy(&from, &to).is_ok() } else { false }).await;
    if !matches!(copied, Ok(true)) {
        tracing::warn!(port, proved, "the key of the host is not remembered for its new port");
    }
}

/// The way to a room over the network.
struct Outside {
    way: SharedWay,
    tls: Arc<ClientConfig>,
    hosts: Arc<Hosts>,
    own: PublicKey,
    /// Whether the room's key is not remembered, or was not before this program met it.
    met: bool,
    /// Where the room's key is remembered, or is to be.
    known_at: HostAddr,
    /// Whether we have been in.
    entered: bool,
    view: Arc<dyn View>,
    doorstep: Doorstep,
    /// Where the room is remembered as the last one.
    last: Option<LastRoom>,
    /// The address of this machine that the present connection was made from, until it is gone.
    from: Option<IpAddr>,
}

#[async_trait]
impl Dial for Outside {
    type Stream = Stream;

    async fn dial(&mut self) -> Result<Dialed<Stream>, DialError> {
        let (addr, at_first, room) = {
            let way = lock(&self.way);
            (way.addr.clone(), way.at_first.clone(), way.room)
        };
        match self.reach(&addr, room).await {
            // A room that has moved is where it was at first when it is started again.
            Err(DialError::Temporary(reason)) if self.entered && at_first != addr => {
                let Ok(dialed) = self.reach(&at_first, room).await else { return Err(DialError::Temporary(reason)) };
                lock(&self.way).addr = at_first;
                Ok(dialed)
            }
            dialed => dialed,
        }
    }

    async fn wish(&mut self, refusal: &Refusal) -> Result<Wish, String> {
        self.doorstep.wish(refusal).await
    }

    async fn code(&mut self) -> Result<Option<Code>, String> {
        self.doorstep.code()
    }

    async fn entered(&mut self, proved: bool) -> Result<(), String> {
        let (addr, room) = {
            let way = lock(&self.way);
            (way.addr.clone(), way.room)
        };
        self.remember_last(&addr).await;
        let first = !std::mem::replace(&mut self.entered, true);
        // One's own key needs no pin: nobody else can prove it.
        let Some(key) = room.filter(|key| *key != self.own) else { return Ok(()) };
        if !self.met && addr == self.known_at {
            return Ok(());
        }
        let (hosts, at) = (self.hosts.clone(), addr.clone());
        let saved = tokio::task::spawn_blocking(move || hosts.remember(&at, &key));
        match saved.await.map_err(anyhow::Error::from).and_then(|saved| saved.map_err(anyhow::Error::from)) {
            // What cannot be saved is not believed, where it is not known already.
            Err(error) if first && self.met => return Err(super::told(&error)),
            Err(error) => tracing::warn!(%error, "the key of the host is not remembered for this address"),
            Ok(()) if !first || !self.met => self.known_at = addr,
            Ok(()) => {
                let hint = "; that it is the right one is for you to compare with its host";
                let text = format!("its key is remembered for {addr} from now on{}", if proved { "" } else { hint });
                self.tell(Event::new("pinned", text).with("proved", proved), &addr, &key);
            }
        }
        Ok(())
    }

    async fn uprooted(&mut self) {
        let Some(from) = self.from else { return std::future::pending().await };
        net::uprooted(from).await;
        // It is gone for good as far as this connection goes: once is enough.
        self.from = None;
    }

    async fn moved(&mut self, port: u16) {
        follow(&self.way, port);
    }
}

/// The way to the ends of streams: wherever the room is at the moment.
struct Outward(SharedWay);

#[async_trait]
impl Reach for Outward {
    async fn reach(&self, token: Token) -> io::Result<Reached> {
        let addr = lock(&self.0).addr.clone();
        let socket = net::connect_end(&addr, &token, &DialTiming::default()).await.map_err(io::Error::other)?;
        Reached::new(socket)
    }
}

impl Outside {
    /// Dials the room at one address; insists on its key, if it is known which one it is.
    async fn reach(&mut self, addr: &HostAddr, room: Option<PublicKey>) -> Result<Dialed<Stream>, DialError> {
        let connected = match net::connect(addr, &self.tls, &DialTiming::default()).await {
            Ok(connected) => connected,
            // At an address where the room has been, nonsense is a fault of the way there, and faults pass.
            Err(error @ net::DialError::NotPchat { .. }) if room.is_some() => {
                return Err(DialError::Temporary(error.to_string()));
            }
            // It is the right one, so it is its program or its machine that stands still.
            Err(net::DialError::Silent(_)) if room.is_some() => {
                return Err(DialError::Temporary("its machine is there, but the room says nothing".to_owned()));
            }
            Err(error) if error.is_temporary() => return Err(DialError::Temporary(error.to_string())),
            Err(error) => return Err(DialError::Final(error.to_string())),
        };
        match room {
            Some(room) if room == connected.key => {}
            Some(room) => {
                return Err(DialError::Final(format!(
                    "another host answers at {addr} now: its fingerprint is {}, that of the room was {}",
                    Fingerprint::of(&connected.key),
                    Fingerprint::of(&room)
                )));
            }
            None => {
                self.met = self.meet(addr, connected.key).await? == Pin::New;
                self.known_at = addr.clone();
            }
        }
        lock(&self.way).room = Some(connected.key);
        let Connected { stream, gauge, key: host, exporter, from, .. } = connected;
        self.from = from;
        Ok(Dialed { stream, gauge, exporter, host, known: !self.met })
    }

    fn tell(&self, event: Event, addr: &HostAddr, key: &PublicKey) {
        let event = event.with("address", addr.to_string()).with("key", Fingerprint::of(key).to_string());
        self.view.show(Line::Event(event));
    }

    /// Remembers the room as the one that was entered last, which is a convenience: it may fail.
    async fn remember_last(&self, addr: &HostAddr) {
        let Some(last) = self.last.clone() else { return };
        let addr = addr.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || last.set(&addr)).await {
            tracing::warn!(%error, "the room is not remembered as the last one");
        }
    }

    /// Compares the key of a host with the one remembered for it. It is remembered once the host has let us in.
    async fn meet(&self, addr: &HostAddr, key: PublicKey) -> Result<Pin, DialError> {
        // One's own key needs no pin: nobody else can prove it.
        if key == self.own {
            return Ok(Pin::Known);
        }
        let (hosts, at) = (self.hosts.clone(), addr.clone());
        let pin = tokio::task::spawn_blocking(move || {
            let pin = hosts.check(&at, &key)?;
            if pin == Pin::New {
                // Better known before the room sees us than after.
                hosts.can_remember()?;
            }
            anyhow::Ok(pin)
        });
        let pin = pin.await.map_err(anyhow::Error::from).flatten();
        let pin = pin.map_err(|error| DialError::Final(super::told(&error)))?;
        if pin == Pin::New {
            let text = format!("the fingerprint of {addr} is {}", Fingerprint::of(&key));
            self.tell(Event::new("fingerprint", text), addr, &key);
        }
        Ok(pin)
    }
}
