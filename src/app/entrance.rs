//! The way into a host's room: listeners, the door behind them, and a task for each link.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use rustls::ServerConfig;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::mover::Mover;
use crate::{
    cli,
    net::{self, Door, DoorConfig, End, Incoming, Stop},
    room::{self, AtTheDoor, Peer, RoomHandle, Via},
    size::grouped,
    stream::pairing,
};

/// Connections between the door and the room, links and ends of streams each.
const INCOMING: usize = 64;

/// What an entrance is made of.
pub(super) struct Entrance {
    pub(super) tls: Arc<ServerConfig>,
    pub(super) config: DoorConfig,
    /// The addresses to listen at when the room moves to another port.
    pub(super) bind: Vec<IpAddr>,
    pub(super) listeners: Vec<TcpListener>,
    pub(super) moves: mpsc::Receiver<room::Move>,
}

impl Entrance {
    /// Lets connections in.
    pub(super) fn open(self, room: &RoomHandle, tasks: &TaskTracker, stop: &CancellationToken) {
        let (sender, mut incoming) = mpsc::channel::<Incoming>(INCOMING);
        let (ends_sender, mut ends) = mpsc::channel::<End>(INCOMING);
        let door_stop = Stop { tracker: tasks.clone(), token: stop.clone() };
        let door = Door::new(self.tls.into(), self.config, sender, ends_sender, door_stop);
        let count = door.counter();
        room.keep_door(move || {
            let net::DoorCount { calling, favoured, failed } = count();
            AtTheDoor { calling, favoured, failed }
        });
        let mut mover = Mover::new(door, self.bind, tasks.clone(), stop.clone());
        mover.listen(room.port(), self.listeners);
        let current = mover.current.clone();
        tasks.spawn(mover.run(self.moves));
        let (room, links, stop) = (room.clone(), tasks.clone(), stop.clone());
        tasks.spawn(async move {
            loop {
                let Incoming { stream, gauge, key, exporter, address, port, turn, deadline } = tokio::select! {
                    incoming = incoming.recv() => match incoming {
                        Some(incoming) => incoming,
                        None => return,
                    },
                    Some(End { socket, token, attempt }) = ends.recv() => {
                        if room.stream(socket, token) {
                            attempt.succeed();
                        }
                        continue;
                    }
                    () = stop.cancelled() => return,
                };
                let via = if port == current.load(Relaxed) { Via::Port } else { Via::OldPort };
                let (address, turn) = (Some(address), Some(Box::new(turn) as _));
                let peer = Peer { key, address, gauge, via, exporter, deadline, turn };
                let room = room.clone();
                links.spawn(async move { room.serve(stream, peer).await });
            }
        });
    }
}

#[async_trait]
impl room::Turn for net::Turn {
    async fn revoked(&self) {
        net::Turn::revoked(self).await;
    }

    fn free(&mut self) {
        net::Turn::free(self);
    }

    fn let_in(&mut self) {
        net::Turn::let_in(self);
    }
}

/// The door that a person has asked for.
pub(super) fn door_config(limits: &cli::Limits) -> DoorConfig {
    DoorConfig {
        handshakes: limits.max_unauthenticated as usize,
        deadline: Duration::from_secs(limits.deadline),
        ..DoorConfig::default()
    }
}

/// What is to be told if the system's limit of descriptors does not hold all members that the room may have.
pub(super) fn too_few(limit: Option<u64>, limits: &cli::Limits, door: &DoorConfig) -> Option<String> {
    let (members, streams) = (limits.max_members.into(), limits.max_streams as usize);
    let others = (door.descriptors() + pairing::DESCRIPTORS * streams) as u64;
    let needed = net::descriptors_for(members, others);
    let limit = limit.filter(|limit| *limit < needed)?;
    Some(format!(
        "the system allows {} open descriptors: when all streams of files are in use, {} of {} members fit; \
         {} would be enough (`ulimit -n`)",
        grouped(limit),
        grouped(net::members_within(limit, others)),
        grouped(members),
        grouped(needed),
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn limits(max_members: u32) -> cli::Limits {
        let cli::Action::Host(host) = cli::Cli::parse_from(["pchat", "host"]).action else { unreachable!() };
        cli::Limits { max_members, ..host.limits }
    }

    #[test]
    fn a_limit_that_holds_all_members_is_not_spoken_of() {
        let door = DoorConfig::default();
        // 64 of its own, 32 handshakes, 512 that wait, 16 of the reserve, 1,536 for streams.
        assert_eq!(too_few(Some(2_160 + 256), &limits(256), &door), None);
        assert_eq!(too_few(None, &limits(10_000), &door), None);
    }

    #[test]
    fn a_limit_that_is_too_low_says_how_many_fit() {
        let door = DoorConfig::default();
        let told = too_few(Some(2_256), &limits(256), &door).expect("it is too low");
        assert!(told.starts_with("the system allows 2,256 open descriptors: "), "{told}");
        assert!(told.contains("96 of 256 members fit; 2,416 would be enough"), "{told}");
        let told =
            too_few(Some(1_024), &limits(10_000), &DoorConfig { handshakes: 1_000, ..door }).expect("it is too low");
        assert!(told.contains("0 of 10,000 members fit; 13,128 would be enough"), "{told}");
        assert!(!told.contains('\n'));
    }
}
