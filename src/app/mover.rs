//! The listeners of a room, and its way from one port to another.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    net::{Door, ListenError, bind},
    room::Move,
};

/// How long a port that the room has left still answers those who know the room.
pub(super) const OLD_PORT_LIFE: Duration = Duration::from_secs(600);

/// The ports that are listened on.
pub(super) struct Mover {
    pub(super) door: Door,
    pub(super) bind: Vec<IpAddr>,
    /// The port that the room is at; others are old.
    pub(super) current: Arc<AtomicU16>,
    pub(super) tasks: TaskTracker,
    /// Ends all listening.
    pub(super) stop: CancellationToken,
    ports: HashMap<u16, CancellationToken>,
}

impl Mover {
    pub(super) fn new(door: Door, bind: Vec<IpAddr>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { door, bind, current: Arc::default(), tasks, stop, ports: HashMap::new() }
    }

    /// Listens at `listeners`, which is where the room is from now on.
    pub(super) fn listen(&mut self, port: u16, listeners: Vec<TcpListener>) {
        let closed = self.stop.child_token();
        self.ports.retain(|_, closed| !closed.is_cancelled());
        for listener in listeners {
            let (door, closed) = (self.door.clone(), closed.clone());
            self.tasks.spawn(async move { door.serve(listener, closed).await });
        }
        if let Some(before) = self.ports.insert(port, closed) {
            before.cancel();
        }
        self.current.store(port, Relaxed);
    }

    /// Moves whenever the room asks.
    pub(super) async fn run(mut self, mut moves: mpsc::Receiver<Move>) {
        loop {
            let asked = tokio::select! {
                asked = moves.recv() => asked,
                () = self.stop.cancelled() => return,
            };
            let Some(Move { port, reply }) = asked else { return };
            let old = self.current.load(Relaxed);
            let moved = self.go(port).map_err(|error| explained(&error));
            if moved.is_ok() {
                self.retire(old);
            }
            let _ = reply.send(moved);
        }
    }

    fn go(&mut self, port: u16) -> Result<u16, ListenError> {
        // Back to a port that is still open for those who know the room.
        if self.ports.get(&port).is_some_and(|closed| !closed.is_cancelled()) {
            self.current.store(port, Relaxed);
            return Ok(port);
        }
        let listeners = bind(&self.bind, port)?;
        let port = match listeners.first().map(TcpListener::local_addr) {
            Some(Ok(address)) => address.port(),
            _ => port,
        };
        self.listen(port, listeners);
        Ok(port)
    }

    /// Closes a port some time after the room has left it, unless it comes back.
    fn retire(&self, port: u16) {
        let Some(closed) = self.ports.get(&port).cloned() else { return };
        let current = self.current.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(OLD_PORT_LIFE) => {
                    if current.load(Relaxed) != port {
                        closed.cancel();
                    }
                }
                () = closed.cancelled() => {}
            }
        });
    }
}

/// Why the room stays where it is. The errors' own texts speak of options that are of no use now.
fn explained(error: &ListenError) -> String {
    match error {
        ListenError::Taken(address) => format!("port {} is taken by another program; choose another", address.port()),
        ListenError::Privileged(port) => format!("port {port} is reserved for the system; choose one above 1023"),
        ListenError::NotOurs(_) | ListenError::Other { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::{self, DoorConfig, Stop},
        trust::Identity,
    };

    #[tokio::test(start_paused = true)]
    async fn ports_that_are_closed_are_not_remembered() {
        let identity = Identity::generate().expect("random numbers");
        let ((incoming, _links), (ends, _streams)) = (mpsc::channel(1), mpsc::channel(1));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let door_stop = Stop { tracker: tasks.clone(), token: stop.clone() };
        let tls = net::server_config(&identity).into();
        let door = Door::new(tls, DoorConfig::default(), incoming, ends, door_stop);
        let mut mover = Mover::new(door, vec![[127, 0, 0, 1].into()], tasks.clone(), stop.clone());
        mover.go(0).expect("a free port");
        for _ in 0..10 {
            let old = mover.current.load(Relaxed);
            mover.go(0).expect("a free port");
            mover.retire(old);
            assert!(mover.ports.len() <= 2, "{:?}", mover.ports.keys());
            tokio::time::sleep(OLD_PORT_LIFE + Duration::from_secs(1)).await;
        }
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
