//! `pchat host`: a room, the way into it, and its own user as a member.

use std::{io, net::IpAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_trait::async_trait;
use tokio::{
    io::DuplexStream,
    net::TcpListener,
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Screen,
    entrance::{Entrance, door_config, too_few},
    file_settings, identity, journal,
    oneshot::Offering,
    person,
    talk::{self, AtEnd, Errand, Lines, Talk},
};
use crate::{
    cli,
    code::Code,
    gauge::Gauged,
    net,
    registry::Registry,
    room::{self, Guests, LogLimits, Peer, RoomConfig, RoomHandle, Via},
    session::{self, Dial, DialError, Dialed, SessionConfig},
    settings::Settings,
    stream::{Reach, Reached, Streams},
    trust::{Fingerprint, Home, HostAddr, Members, People, RoomNames},
    view::{Event, Line},
    wire::{Epoch, FEATURE_ASKABLE, FEATURE_BACKLOG, FEATURE_STREAMS, Instance, PublicKey, Token},
};

/// Bytes under way between the room and its own user.
const MEMORY_LINK_BYTES: usize = 64 * 1024;

/// How long the links have to take the room's last words.
const CLOSING: Duration = Duration::from_millis(1_500);

/// Opens a room and talks in it.
pub(super) async fn run(home: &Home, settings: Arc<Settings>, options: cli::Host) -> Result<ExitCode> {
    let name = person::name(options.common.name.as_deref())?;
    let identity = identity(home)?;
    let people = People::open(home.people())?;
    // Each member takes a descriptor. A failure only means that fewer fit.
    let descriptors = net::raise_descriptor_limit().unwrap_or_else(|error| {
        tracing::warn!(%error, "the descriptor limit stays as it is");
        None
    });
    let listeners = net::bind(&options.bind, options.port)?;
    let files = file_settings(&options.common)?;
    let screen = Screen::open(&options.common, &settings)?;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let place = Place::of(&listeners)?;

    // A list that cannot be read might name those who are knocking right now.
    let bans = Members::bans_at(home.bans()).list()?.into_iter().map(|banned| (banned.key, banned.name)).collect();
    let code = Arc::new(Code::generate()?);
    let (mover, moves) = mpsc::channel(1);
    let config = RoomConfig {
        owner: identity.public_key(),
        open: options.open,
        max_members: options.limits.max_members,
        rate: options.limits.rate.0.map(Into::into),
        max_streams: options.limits.max_streams as usize,
        log: LogLimits { bytes: options.limits.hold.0 as usize, ..LogLimits::default() },
        backlog: options.limits.backlog as usize,
        reserved: Registry::new(crate::commands::ALL).reserved().into_iter().map(str::to_owned).collect(),
        guests: Arc::new(GuestList {
            members: Members::at(home.members()),
            bans: Members::bans_at(home.bans()),
            names: RoomNames::at(home.names()),
        }),
        bans,
        code: Some(code.clone()),
        port: place.port,
        addresses: place.addresses.clone(),
        mover,
        timing: room::Timing::default(),
    };
    let epoch = Epoch(random()?);
    let (room, found) = match &options.journal {
        None => (room::start(config, epoch, &tasks), None),
        Some(path) => {
            let saved = room::Saved::open(path, epoch, config.log, config.backlog)?;
            let found = saved.restored.clone();
            (room::restore(config, saved, &tasks).context("could not start to write the journal")?, Some(found))
        }
    };
    let door = door_config(&options.limits);
    let too_few = too_few(descriptors, &options.limits, &door);
    let tls = net::server_config(&identity);
    Entrance { tls, config: door, bind: options.bind, listeners, moves }.open(&room, &tasks, &stop);

    let ways: &[&str] = if options.send.is_empty() { &["join"] } else { &["get", "join"] };
    place.announce(&screen, &identity.public_key(), (!options.open).then_some(&*code), ways);
    // The room has it: changing it there is to leave no copy.
    drop(code);
    let found_room = found.as_ref().is_some_and(|found| found.found);
    if let Some((found, path)) = found.zip(options.journal.as_deref()) {
        journal::announce(&found, path, &screen);
        let (room, view, stop) = (room.clone(), screen.view.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                why = room.journal_lost() => view.show(Line::Error(why)),
                () = stop.cancelled() => {}
            }
        });
    }
    if let Some(told) = too_few {
        screen.view.show(Line::Notice(told));
    }
    // A program that reads what happens can answer, too.
    // Whoever opens a room again wants to see where they were.
    let backlog = if screen.terminal.is_some() && found_room { FEATURE_BACKLOG } else { 0 };
    let askable = if screen.has_person() || options.common.json { FEATURE_ASKABLE } else { 0 };
    let instance = Instance(random()?);
    let config = SessionConfig {
        key: identity.public_key(),
        instance,
        name,
        features: askable | backlog | FEATURE_STREAMS,
        timing: session::Timing::default(),
    };
    let dial = Inside { room: room.clone(), key: identity.public_key(), tasks: tasks.clone() };
    let (session, events) = session::start(config, dial, &tasks);
    let talk = Talk {
        screen,
        session,
        events,
        on_moved: None,
        on_stopped: Some(Box::new({
            let room = room.clone();
            move || room.may_return()
        })),
        streams: Streams::new(&identity, instance, Inward(room.clone())),
        people,
        settings,
        lines: Some(Lines { text: options.common.text, json: options.common.json, at_end: AtEnd::Stay }),
        errand: (!options.send.is_empty())
            .then(|| Box::new(Offering { paths: options.send, times: options.times }) as Box<dyn Errand>),
        may_end: true,
        files,
        history: home.history(),
        doorstep: None,
    };
    let code = talk::run(talk).await;
    room.close().await;
    tasks.close();
    stop.cancel();
    let _ = timeout(CLOSING, tasks.wait()).await;
    code
}

/// Where the room can be reached.
struct Place {
    port: u16,
    addresses: Vec<IpAddr>,
}

impl Place {
    fn of(listeners: &[TcpListener]) -> Result<Self> {
        let bound: Vec<_> =
            listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>().context("could not listen")?;
        let port = bound.first().context("nothing to listen on")?.port();
        let ips: Vec<IpAddr> = bound.iter().map(|address| address.ip()).collect();
        // Not knowing its addresses keeps nobody out of the room.
        let addresses = net::usable_addresses(&ips).unwrap_or_else(|error| {
            tracing::warn!(%error, "the addresses of this machine are not known");
            Vec::new()
        });
        Ok(Self { port, addresses })
    }

    /// Says how to get in, by these ways. Without a code the room is open.
    fn announce(&self, screen: &Screen, key: &PublicKey, code: Option<&Code>, ways: &[&str]) {
        let notice = |text: String| screen.view.show(Line::Notice(text));
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        let event = Event::new("open", format!("room open on port {}", self.port)).with("port", self.port);
        let event = event.with("addresses", addresses).with("key", Fingerprint::of(key).to_string());
        screen.view.show(Line::Event(match code {
            Some(code) => event.with("invitation", code.shown().to_string()),
            None => event,
        }));
        for (way, address) in ways.iter().flat_map(|way| self.addresses.iter().map(move |address| (way, address))) {
            notice(format!("pchat {way} {}", HostAddr::from_ip(*address, self.port)));
        }
        notice(format!("your fingerprint is {}", Fingerprint::of(key)));
        match code {
            Some(code) => notice(format!("the code is {}: whoever knows it gets in, others knock", code.shown())),
            None => notice("the room is open: whoever can reach it gets in".to_owned()),
        }
    }
}

/// 128 random bits.
pub(super) fn random() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("the system gives no random numbers")?;
    Ok(bytes)
}

/// The way of the host's user into the room: memory.
struct Inside {
    room: RoomHandle,
    key: PublicKey,
    tasks: TaskTracker,
}

#[async_trait]
impl Dial for Inside {
    type Stream = Gauged<DuplexStream>;

    async fn dial(&mut self) -> Result<Dialed<Self::Stream>, DialError> {
        let (near, far) = tokio::io::duplex(MEMORY_LINK_BYTES);
        let (near, far) = (Gauged::new(near), Gauged::new(far));
        let peer = Peer {
            key: self.key,
            address: None,
            gauge: far.gauge(),
            via: Via::Inside,
            exporter: [0; 32],
            deadline: Instant::now() + crate::limits::door::DEADLINE,
            turn: None,
        };
        let room = self.room.clone();
        self.tasks.spawn(async move { room.serve(far, peer).await });
        let gauge = near.gauge();
        Ok(Dialed { stream: near, gauge, exporter: [0; 32], host: self.key, known: true })
    }
}

/// The way of the host's user to the ends of streams: the room hands them over.
struct Inward(RoomHandle);

#[async_trait]
impl Reach for Inward {
    async fn reach(&self, token: Token) -> io::Result<Reached> {
        self.0.claim(token).await
    }
}

/// The list of keys let in before, as the room wants it.
struct GuestList {
    members: Members,
    bans: Members,
    names: RoomNames,
}

impl Guests for GuestList {
    fn name_of(&self, key: &PublicKey) -> Result<Option<String>> {
        Ok(self.members.name_of(key)?)
    }

    fn key_of(&self, name: &str) -> Result<Option<PublicKey>> {
        Ok(self.members.key_of(name)?)
    }

    fn let_in(&self, key: &PublicKey, name: &str) -> Result<()> {
        Ok(self.members.insert(key, name)?)
    }

    fn put_out(&self, key: &PublicKey) -> Result<()> {
        self.members.remove_key(key)?;
        Ok(())
    }

    fn ban(&self, key: &PublicKey, name: &str) -> Result<()> {
        // In this order: a key that is on both lists stays out.
        self.bans.insert(key, name)?;
        self.put_out(key)
    }

    fn unban(&self, key: &PublicKey) -> Result<()> {
        self.bans.remove_key(key)?;
        Ok(())
    }

    fn names(&self) -> Option<Vec<(PublicKey, String)>> {
        Some(self.names.list())
    }

    fn remember(&self, names: &[(PublicKey, String)]) -> Result<()> {
        Ok(self.names.set(names)?)
    }
}
