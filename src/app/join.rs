//! `pchat join`: the way into somebody's room.

use std::{
    io,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use tokio_rustls::rustls::ClientConfig;
use tokio_util::task::TaskTracker;

use super::{
    Screen,
    doorstep::Doorstep,
    file_settings, host, identity, person,
    talk::{self, AtEnd, Talk},
};
use crate::{
    cli,
    net::{self, Connected, DialTiming, Stream},
    session::{self, Dial, DialError, Dialed, SessionConfig, Wish},
    stream::{Reach, Reached, Streams},
    trust::{Fingerprint, Home, HostAddr, Hosts, People, Pin},
    view::{Line, View},
    wire::{FEATURE_ASKABLE, FEATURE_STREAMS, Instance, PublicKey, Refusal, Token},
};

/// Enters a room and talks in it.
pub(super) async fn run(home: &Home, options: cli::Join) -> Result<ExitCode> {
    let addr: HostAddr =
        options.address.parse().map_err(|error| person::Usage(format!("{}: {error}", options.address)))?;
    let name = person::name(options.common.name.as_deref())?;
    let identity = identity(home)?;
    let people = People::open(home.people())?;
    let files = file_settings(&options.common)?;
    let screen = Screen::open()?;
    let tasks = TaskTracker::new();
    let askable = if screen.terminal.is_some() { FEATURE_ASKABLE } else { 0 };
    let instance = Instance(host::random()?);
    let config = SessionConfig {
        key: identity.public_key(),
        instance,
        name,
        features: askable | FEATURE_STREAMS,
        timing: session::Timing::default(),
    };
    let (doorstep, asked) = Doorstep::new(screen.terminal.is_some());
    let addr = Arc::new(Mutex::new(addr));
    let hosts = Arc::new(Hosts::at(home.hosts()));
    let dial = Outside {
        addr: addr.clone(),
        tls: net::client_config(&identity),
        hosts: hosts.clone(),
        own: identity.public_key(),
        room: None,
        met: false,
        view: screen.view.clone(),
        doorstep,
    };
    let (session, events) = session::start(config, dial, &tasks);
    let at_end = if options.stay { AtEnd::Stay } else { AtEnd::Leave(Duration::from_secs(options.wait)) };
    let on_moved = {
        let (addr, tasks) = (addr.clone(), tasks.clone());
        move |port| {
            let (addr, hosts) = (addr.clone(), hosts.clone());
            tasks.spawn(follow(addr, hosts, port));
        }
    };
    let talk = Talk {
        screen,
        session,
        events,
        on_moved: Some(Box::new(on_moved)),
        streams: Streams::new(&identity, instance, Outward(addr)),
        people,
        text: options.common.text,
        at_end,
        files,
        history: home.history(),
        doorstep: asked,
    };
    talk::run(talk).await
}

/// Goes after a room that moved to another port: the next dial goes there, and the pin goes with it.
async fn follow(addr: Arc<Mutex<HostAddr>>, hosts: Arc<Hosts>, port: u16) {
    let (from, to) = {
        let mut addr = addr.lock().unwrap_or_else(PoisonError::into_inner);
        let to = addr.with_port(port);
        (std::mem::replace(&mut *addr, to.clone()), to)
    };
    if from == to {
        return;
    }
    let copied = tokio::task::spawn_blocking(move || hosts.copy(&from, &to)).await;
    if !matches!(copied, Ok(Ok(_))) {
        tracing::warn!(?copied, "the key of the host is not remembered for its new port");
    }
}

/// The way to a room over the network.
struct Outside {
    addr: Arc<Mutex<HostAddr>>,
    tls: Arc<ClientConfig>,
    hosts: Arc<Hosts>,
    own: PublicKey,
    /// The key of the room that we are in: a redial insists on it, whatever the address.
    room: Option<PublicKey>,
    /// Whether its key was remembered just now, and not known before.
    met: bool,
    view: Arc<dyn View>,
    doorstep: Doorstep,
}

#[async_trait]
impl Dial for Outside {
    type Stream = Stream;

    async fn dial(&mut self) -> Result<Dialed<Stream>, DialError> {
        let addr = self.addr.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let connected = match net::connect(&addr, &self.tls, &DialTiming::default()).await {
            Ok(connected) => connected,
            // At an address where the room has been, nonsense is a fault of the way there, and faults pass.
            Err(error @ net::DialError::NotPchat { .. }) if self.room.is_some() => {
                return Err(DialError::Temporary(error.to_string()));
            }
            Err(error) if error.is_temporary() => return Err(DialError::Temporary(error.to_string())),
            Err(error) => return Err(DialError::Final(error.to_string())),
        };
        match self.room {
            Some(room) if room == connected.key => {}
            Some(room) => {
                return Err(DialError::Final(format!(
                    "another host answers at {addr} now: its fingerprint is {}, that of the room was {}",
                    Fingerprint::of(&connected.key),
                    Fingerprint::of(&room)
                )));
            }
            None => self.met = self.meet(&addr, connected.key).await? == Pin::New,
        }
        self.room = Some(connected.key);
        let Connected { stream, gauge, key: host, exporter, .. } = connected;
        Ok(Dialed { stream, gauge, exporter, host, known: !self.met })
    }

    async fn wish(&mut self, refusal: &Refusal) -> Result<Wish, String> {
        self.doorstep.wish(refusal).await
    }

    async fn distrust(&mut self) {
        if !self.met {
            return;
        }
        let addr = self.addr.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (hosts, at) = (self.hosts.clone(), addr.clone());
        let forgotten = tokio::task::spawn_blocking(move || hosts.forget(&at)).await;
        match forgotten {
            Ok(Ok(_)) => self.view.show(Line::Notice(format!("the fingerprint of {addr} is not remembered after all"))),
            failed => self.view.show(Line::Error(format!(
                "the fingerprint of {addr} is still remembered; say `pchat forget {addr}` ({failed:?})"
            ))),
        }
    }

    async fn moved(&mut self, port: u16) {
        follow(self.addr.clone(), self.hosts.clone(), port).await;
    }
}

/// The way to the ends of streams: wherever the room is at the moment.
struct Outward(Arc<Mutex<HostAddr>>);

#[async_trait]
impl Reach for Outward {
    async fn reach(&self, token: Token) -> io::Result<Reached> {
        let addr = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let socket = net::connect_end(&addr, &token, &DialTiming::default()).await.map_err(io::Error::other)?;
        Reached::new(socket)
    }
}

impl Outside {
    /// Compares the key of a host with the one remembered for it, or remembers it.
    async fn meet(&self, addr: &HostAddr, key: PublicKey) -> Result<Pin, DialError> {
        // One's own key needs no pin: nobody else can prove it.
        if key == self.own {
            return Ok(Pin::Known);
        }
        let (hosts, at) = (self.hosts.clone(), addr.clone());
        let pin = tokio::task::spawn_blocking(move || {
            let pin = hosts.check(&at, &key)?;
            if pin == Pin::New {
                hosts.remember(&at, &key)?;
            }
            anyhow::Ok(pin)
        });
        let pin = pin.await.map_err(anyhow::Error::from).flatten();
        let pin = pin.map_err(|error| DialError::Final(super::told(&error)))?;
        if pin == Pin::New {
            self.view.show(Line::Notice(format!(
                "the fingerprint of {addr} is {}; it is remembered from now on",
                Fingerprint::of(&key)
            )));
        }
        Ok(pin)
    }
}
