//! The people of a room: connections that do what they are told to, and write down what they hear.

use tokio::sync::{mpsc, watch};

use super::{
    super::{keeping::keep, peer::*},
    Deed,
    model::Model,
};
use crate::wire::*;

const NAMES: [&str; 6] = ["bob", "carol", "dave", "robert", "zed", "innocent"];

/// What one connection has heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) welcome: Option<Welcome>,
    pub(super) refused: Option<Refusal>,
    waits: bool,
    /// The newest event.
    pub(super) seq: u64,
    pub(super) last: Option<FromRoom>,
    pub(super) over: bool,
}

impl Heard {
    pub(super) fn is_answered(&self) -> bool {
        self.over || self.waits || self.welcome.is_some() || self.refused.is_some()
    }

    fn note(&mut self, frame: FromRoom) {
        match &frame {
            FromRoom::Welcome(welcome) => self.welcome = Some(welcome.clone()),
            FromRoom::Refused(refusal) => self.refused = Some(refusal.clone()),
            FromRoom::Waiting { .. } => self.waits = true,
            FromRoom::Event { seq, .. } => self.seq = self.seq.max(*seq),
            _ => {}
        }
        self.last = Some(frame);
    }
}

/// One connection of one of the people. Dropped, it breaks.
pub(super) struct Line {
    pub(super) key: PublicKey,
    instance: Instance,
    orders: mpsc::UnboundedSender<ToRoom>,
    pub(super) heard: watch::Receiver<Heard>,
    /// The last number that was sent.
    pub(super) n: u64,
    pub(super) leaves: bool,
    /// Whether it was out when it came; nothing if that was about to change.
    pub(super) was_out: Option<bool>,
    /// Whether the answer to its coming has been looked at.
    pub(super) answered: bool,
}

impl Line {
    fn seat(&self) -> Option<Welcome> {
        let heard = self.heard.borrow();
        heard.welcome.clone().filter(|_| !heard.over)
    }
}

/// Hears, answers signs of life, and says what it is told to.
async fn run(mut member: Member, mut orders: mpsc::UnboundedReceiver<ToRoom>, heard: watch::Sender<Heard>) {
    loop {
        tokio::select! {
            frame = member.hear() => {
                let over = frame.is_none();
                heard.send_modify(|heard| match frame {
                    Some(frame) => heard.note(frame),
                    None => heard.over = true,
                });
                if over {
                    return;
                }
            }
            order = orders.recv() => match order {
                Some(frame) => member.say(frame).await,
                None => return,
            },
        }
    }
}

/// All connections of the people.
#[derive(Default)]
pub(super) struct Crowd {
    pub(super) lines: Vec<Line>,
    /// Counts programs, addresses and texts.
    count: u64,
    pub(super) unheard: usize,
}

impl Crowd {
    /// Which of somebody's connections is meant.
    fn line(&mut self, of: u8, program: u8) -> Option<&mut Line> {
        let mut lines: Vec<_> = self.lines.iter_mut().filter(|line| line.key == key(of)).collect();
        let at = usize::from(program).checked_rem(lines.len())?;
        Some(lines.swap_remove(at))
    }

    /// The name that somebody had last.
    pub(super) fn name(&self, of: u8) -> Option<String> {
        let lines = self.lines.iter().rev().filter(|line| line.key == key(of));
        lines.into_iter().find_map(|line| Some(line.heard.borrow().welcome.as_ref()?.name.clone()))
    }

    fn connect(&mut self, house: &House, caller: Who, model: &Model) {
        let mut member = house.connect(&caller);
        let (orders, ordered) = mpsc::unbounded_channel();
        let (hears, heard) = watch::channel(Heard::default());
        let (key, instance) = (caller.key, caller.hello.instance);
        tokio::spawn(async move {
            member.say(ToRoom::Hello(caller.hello)).await;
            run(member, ordered, hears).await;
        });
        let was_out = model.is_out(&key);
        self.lines.push(Line { key, instance, orders, heard, n: 0, leaves: false, was_out, answered: false });
    }

    /// Does it, as far as it can be done. Nothing is waited for.
    pub(super) fn act(&mut self, house: &House, (of, deed): (u8, Deed), model: &Model) {
        self.count += 1;
        let count = self.count;
        let muted = model.muted.contains(&key(of));
        let caller = |name: u8| {
            let mut caller = who(of, NAMES[usize::from(name) % NAMES.len()]);
            caller.hello.features = FEATURE_STREAMS;
            caller.from(&format!("10.9.{}.{}", count / 250, 1 + count % 250))
        };
        let to_host = To::Member { key: key(1), instance: Instance([1; 16]) };
        match deed {
            Deed::Come { name } => {
                let mut caller = caller(name);
                caller.hello.instance = Instance((u128::from(of) << 64 | u128::from(count)).to_be_bytes());
                self.connect(house, caller, model);
            }
            Deed::Return { program, knows } => {
                let Some(line) = self.line(of, program) else { return };
                let (instance, welcome) = (line.instance, line.heard.borrow().welcome.clone());
                let mut caller = caller(0);
                caller.hello.instance = instance;
                let place = |welcome: Welcome| Resume { epoch: welcome.epoch, seq: welcome.seq, count: 0 };
                caller.hello.resume = welcome.filter(|_| knows).map(place);
                self.connect(house, caller, model);
            }
            Deed::Break { program } => {
                let Some(instance) = self.line(of, program).map(|line| line.instance) else { return };
                if let Some(at) = self.lines.iter().position(|line| line.instance == instance) {
                    self.lines.remove(at);
                }
            }
            Deed::Leave { program } => {
                let Some(line) = self.line(of, program) else { return };
                if line.seat().is_some() {
                    line.leaves = true;
                    let _ = line.orders.send(ToRoom::Leave);
                }
            }
            Deed::Say { program } => {
                self.unheard += usize::from(muted);
                self.send(of, program, To::Everyone, Body::Remember(text_of(&format!("words {count}"))));
            }
            Deed::Whisper { program } => self.send(of, program, to_host, Body::Say(text_of(&format!("psst {count}")))),
            Deed::Offer { program, tag } => {
                self.unheard += usize::from(muted);
                self.send(of, program, To::Everyone, keep(tag.into(), &format!("offer {count}")));
            }
            Deed::TakeBack { program, tag } => {
                self.send(of, program, To::Everyone, Body::Withdraw { tag: tag.into() });
            }
            Deed::Rename { program, name } => {
                self.ask(of, program, Request::Nick { name: NAMES[usize::from(name) % NAMES.len()].to_owned() });
            }
            Deed::Stream { program } => {
                self.ask(of, program, Request::Stream { key: key(1), instance: Instance([1; 16]) });
            }
            Deed::Rebel { program } => self.ask(of, program, Request::Unban { key: key(of) }),
        }
    }

    fn send(&mut self, of: u8, program: u8, to: To, body: Body) {
        let Some(line) = self.line(of, program).filter(|line| !line.leaves) else { return };
        let Some(seat) = line.seat() else { return };
        line.n = line.n.max(seat.accepted) + 1;
        let _ = line.orders.send(ToRoom::Envelope(Envelope { n: line.n, prev: 0, to, body }));
    }

    fn ask(&mut self, of: u8, program: u8, request: Request) {
        if let Some(line) = self.line(of, program).filter(|line| line.seat().is_some() && !line.leaves) {
            let _ = line.orders.send(ToRoom::Ask(request));
        }
    }
}
