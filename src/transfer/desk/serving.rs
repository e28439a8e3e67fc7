//! The streams that others open to fetch what is offered, and how many there may be.

use std::sync::Arc;

use super::{
    Desk,
    giver::tell_event,
    outgoing::{Fate, MAX_RECEIVERS, Mine, Receiver},
    same, told,
};
use crate::limits::file::{MAX_STREAMS, MAX_STREAMS_OF_ONE};
use crate::{
    command::{Context, Member, Opened, Stream},
    transfer::{
        control::{Control, Wish},
        meter::Meter,
        record::{Purpose, Stop, Then},
        serve::{self, Job, Served},
    },
    wire::{self, PublicKey},
};

/// From how many streams on each takes less memory.
const THRIFTY_FROM: usize = 8;

impl Desk {
    /// Serves a stream that somebody has opened to fetch an offer.
    pub fn serve(&self, opened: Opened, cx: &Context) {
        let Opened { stream, purpose } = opened;
        // A stranger's nonsense is not worth an answer.
        let Ok(purpose) = wire::decode::<Purpose>(&purpose) else { return };
        // Whoever has so many more than there may be is not worth the thread that says so.
        let Some(mut place) = self.enter(stream.peer().key) else { return };
        let desk = self.clone();
        match self.admit(purpose, &stream, place.is_spare) {
            Err((why, reason)) => cx.thread(move |_| {
                serve::refuse(stream, why, reason);
                drop(place);
                Ok(())
            }),
            Ok((id, job)) => {
                place.serves = id.map(|id| (purpose.tag, id));
                if id.is_some() {
                    self.show(cx);
                    self.mark();
                    if !cx.has_status() {
                        self.tell_of_receiver(purpose.tag, stream.peer(), cx);
                    }
                }
                cx.thread(move |cx| {
                    let served = serve::serve(stream, &job);
                    desk.served(id, purpose.tag, &job, served, &cx);
                    drop(place);
                    Ok(())
                });
            }
        }
    }

    fn tell_of_receiver(&self, tag: u32, peer: &Member, cx: &Context) {
        let event = self.with_quietly(|state| {
            let mine = state.mine.get(&tag)?;
            Some(mine.event("sending", format!("{} receives {}", peer.name, mine.offer.shown())))
        });
        event.into_iter().for_each(|event| tell_event(peer, told::to(event, peer), cx));
    }

    /// A place among the streams that are served, if there is one for this key.
    fn enter(&self, key: PublicKey) -> Option<Place> {
        self.with_quietly(|state| {
            let of_peer = state.serving.iter().filter(|other| **other == key).count();
            if state.serving.len() >= 2 * MAX_STREAMS || of_peer >= 2 * MAX_STREAMS_OF_ONE {
                return None;
            }
            let is_spare = state.serving.len() >= MAX_STREAMS || of_peer >= MAX_STREAMS_OF_ONE;
            state.serving.push(key);
            Some(Place { desk: self.clone(), key, is_spare, serves: None })
        })
    }

    fn admit(&self, purpose: Purpose, stream: &Stream, busy: bool) -> Result<(Option<u64>, Job), (Stop, &'static str)> {
        let peer = stream.peer();
        self.with(|state| {
            let thrifty = state.serving.len() > THRIFTY_FROM;
            let id = state.id();
            let mine = state.mine.get_mut(&purpose.tag).filter(|mine| !mine.withdrawing);
            let mine = mine.filter(|mine| mine.to.as_ref().is_none_or(|to| to.key == peer.key));
            let mine = mine.ok_or((Stop::Unknown, "it is not offered any more"))?;
            if busy {
                return Err((Stop::Busy, "too many are being served"));
            }
            let (meter, control) = (Arc::<Meter>::default(), Arc::<Control>::default());
            control.uses(Some(stream.closer()));
            let job = Job {
                name: mine.offer.shown(),
                source: mine.source.clone(),
                then: purpose.then,
                paces: [mine.pace.clone(), self.0.pace.clone()],
                meter: meter.clone(),
                control: control.clone(),
                patience: serve::PATIENCE,
                thrifty,
            };
            if purpose.then == Then::List {
                return Ok((None, job));
            }
            if mine.paused {
                mine.waits(id, peer);
                return Err((Stop::Paused, "its owner has paused it"));
            }
            if mine.receivers.iter().all(|receiver| receiver.state != Fate::Sending) {
                mine.receivers.iter_mut().for_each(|receiver| receiver.counts = false);
            }
            let (who, state) = (peer.clone(), Fate::Sending);
            let receiver = Receiver { id, who, state, meter, control, live: true, owed: false, counts: true };
            let full = mine.receivers.len() >= MAX_RECEIVERS;
            match mine.receivers.iter_mut().find(|receiver| same(&receiver.who, peer)) {
                Some(before) if before.owed => {
                    before.owed = false;
                    return Err((Stop::Cancelled, "its owner has cancelled it"));
                }
                Some(before) => {
                    // It comes again: the stream before is broken, whether we have noticed or not.
                    before.control.interrupt();
                    if before.state == Fate::Sending || before.state == Fate::Broken {
                        // Where it goes on is known in a moment.
                        receiver.meter.begin_as(&before.meter);
                    }
                    *before = receiver;
                }
                None if !full => mine.receivers.push(receiver),
                None => return Err((Stop::Busy, "too many fetch it")),
            }
            Ok((Some(id), job))
        })
    }

    /// A stream is over.
    fn served(&self, id: Option<u64>, tag: u32, job: &Job, served: Served, cx: &Context) {
        job.control.uses(None);
        let failed = self.with(|state| {
            let mine = state.mine.get_mut(&tag)?;
            let event = mine.event("failed", "");
            let receiver = mine.receivers.iter_mut().find(|receiver| Some(receiver.id) == id)?;
            receiver.live = false;
            let stopped = matches!(served, Served::Broken(_)) && job.control.wish() == Wish::Cancel;
            receiver.owed &= stopped;
            // What the receiver itself has told by now counts more.
            if receiver.state == Fate::Sending {
                receiver.state = match &served {
                    Served::All => Fate::Sent,
                    Served::Stopped | Served::Unreadable(_) => Fate::Stopped,
                    Served::Broken(_) if stopped => Fate::Stopped,
                    Served::Broken(_) => Fate::Broken,
                };
            }
            match served {
                Served::Unreadable(reason) => Some((receiver.who.clone(), event, reason)),
                Served::Broken(error) => {
                    tracing::info!(%error, "a stream of files broke");
                    None
                }
                _ => None,
            }
        });
        if let Some((who, event, reason)) = failed {
            cx.error(format!("{} does not reach {}: {reason}", job.name, who.name));
            cx.event(told::to(event, &who).with("reason", reason));
        }
        self.mark();
    }
}

impl Mine {
    /// Somebody wants it while it is paused, and is to hear when it goes on.
    fn waits(&mut self, id: u64, who: &Member) {
        let full = self.receivers.len() >= MAX_RECEIVERS;
        match self.receivers.iter_mut().find(|receiver| same(&receiver.who, who)) {
            Some(before) if !before.live => before.state = Fate::Stopped,
            None if !full => {
                let (who, meter, control) = (who.clone(), Arc::default(), Arc::default());
                let (state, live, owed, counts) = (Fate::Stopped, false, false, false);
                self.receivers.push(Receiver { id, who, state, meter, control, live, owed, counts });
            }
            _ => {}
        }
    }
}

/// One of the streams that are served. Dropped when its thread ends, however that ends.
struct Place {
    desk: Desk,
    key: PublicKey,
    /// Whether it is one of those that are only told that there are too many.
    is_spare: bool,
    /// The offer and the receiver that it is served to.
    serves: Option<(u32, u64)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.desk.with(|state| {
            if let Some(at) = state.serving.iter().position(|key| *key == self.key) {
                state.serving.swap_remove(at);
            }
            let Some((tag, id)) = self.serves else { return };
            let receivers = state.mine.get_mut(&tag).map(|mine| &mut mine.receivers);
            let receiver = receivers.and_then(|receivers| receivers.iter_mut().find(|receiver| receiver.id == id));
            if let Some(receiver) = receiver {
                receiver.live = false;
                if receiver.state == Fate::Sending {
                    receiver.state = Fate::Broken;
                }
            }
        });
    }
}
