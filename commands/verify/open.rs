//! The exchanges that are open on this side: what may follow what, and for how long. No I/O, and time comes in from outside.
//!
//! * There is one exchange for a key, and 16 in all. Each is over five minutes after its last step; that words were shown
//!   is remembered for an hour, so that a late answer cannot mean later words under the same name. When all places are
//!   taken, others cannot start, while the person can: then the oldest is forgotten.
//! * If both start at once, the start of the lower key goes on and the other one answers it.
//! * A key may start again, but not more than three times in five minutes: one who sees both numbers before the other side
//!   sees the words could else try until they suit.
//! * Whose name an answer means is decided by the name under which words were shown. If words of two keys were shown under
//!   one name, no answer counts for either.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::exchange::{Block, Pair, Step, Words};
use crate::{command::Member, wire::PublicKey};

/// How long an exchange may take, people's comparing included.
pub const LIFE: Duration = Duration::from_secs(5 * 60);

/// How long it is remembered that words were shown.
const MEMORY: Duration = Duration::from_secs(60 * 60);

/// How long a step is waited for before the person is told that nothing comes.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// How many exchanges are open at the most.
const MAX_OPEN: usize = 16;

/// How often one key may start within [`LIFE`].
const MAX_STARTS: u32 = 3;

/// Who waits for the words at the prompt.
type Waiting = oneshot::Sender<Words>;

/// The exchanges of this session.
#[derive(Debug, Default)]
pub struct Open {
    exchanges: Vec<Exchange>,
    /// Whose words the person is being asked about at the prompt.
    asked: Option<(Member, Instant)>,
}

#[derive(Debug)]
struct Exchange {
    peer: Member,
    stage: Stage,
    /// When its last step was made.
    since: Instant,
    /// How often the other one has started, and since when that is counted.
    starts: u32,
    counted: Instant,
    waiting: Option<Waiting>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// We have bound ourselves to a number.
    Started { number: Block, commitment: Block },
    /// We have answered with a number.
    Answered { number: Block, commitment: Block },
    /// The person has seen words, under the name that the peer has here.
    Shown,
    /// It came to nothing, but counts as a start.
    Spent,
}

/// What a step of the other one leads to.
#[derive(Debug)]
pub enum Reaction {
    /// Nothing; it fits nothing that is open.
    Nothing,
    /// This is said.
    Say(Step),
    /// Both have the words. The other one may still need a step for it.
    Agreed(Option<Step>, Words, Option<Waiting>),
    /// The other one, or whoever is in between, has not kept to its commitment.
    Broken,
}

/// What an answer of the person refers to.
#[derive(Debug, PartialEq, Eq)]
pub enum Meant {
    /// The words of this member.
    Words(Member),
    /// Words that are too old.
    TooLate,
    /// Words of more than one key, which are all forgotten now.
    Several,
    /// None.
    Nothing,
}

impl Open {
    /// Begins an exchange, or joins the one that the other has begun. Returns what is to be said for it, and where the words
    /// will come.
    pub fn start(
        &mut self,
        me: &Member,
        peer: &Member,
        number: Block,
        now: Instant,
    ) -> (Option<Step>, oneshot::Receiver<Words>) {
        self.expire(now);
        let (waiting, words) = oneshot::channel();
        if let Some(open) = self.of(&peer.key)
            && matches!(open.stage, Stage::Answered { .. })
            && open.peer.instance == peer.instance
            && now.duration_since(open.since) < PATIENCE
        {
            open.waiting = Some(waiting);
            return (None, words);
        }
        self.forget(&peer.key);
        // The person's own wish finds a place in any case.
        if self.exchanges.len() >= MAX_OPEN {
            self.exchanges.remove(0);
        }
        let commitment = Pair { starter: me, other: peer }.commitment(&number);
        let stage = Stage::Started { number, commitment };
        let peer = peer.clone();
        self.exchanges.push(Exchange { peer, stage, since: now, starts: 0, counted: now, waiting: Some(waiting) });
        (Some(Step::Commit(commitment)), words)
    }

    /// Takes a step of the other one. `number` is a fresh one, for the case that it is needed.
    pub fn take(&mut self, me: &Member, from: &Member, step: Step, number: Block, now: Instant) -> Reaction {
        self.expire(now);
        if from.key == me.key {
            return Reaction::Nothing;
        }
        match step {
            Step::Commit(commitment) => self.answer(me, from, commitment, number, now),
            Step::Answer(commitment, others) => self.reveal(me, from, (commitment, others), now),
            Step::Reveal(commitment, starters) => self.check(me, from, (commitment, starters), now),
        }
    }

    fn answer(&mut self, me: &Member, from: &Member, commitment: Block, number: Block, now: Instant) -> Reaction {
        let stage = Stage::Answered { number, commitment };
        if let Some(open) = self.of(&from.key) {
            if matches!(open.stage, Stage::Started { .. }) && me.key < from.key {
                return Reaction::Nothing;
            }
            if now.duration_since(open.counted) >= LIFE {
                (open.starts, open.counted) = (0, now);
            }
            if open.starts >= MAX_STARTS {
                return Reaction::Nothing;
            }
            open.starts += 1;
            (open.stage, open.since, open.peer) = (stage, now, from.clone());
        } else {
            if self.exchanges.len() >= MAX_OPEN {
                return Reaction::Nothing;
            }
            let peer = from.clone();
            self.exchanges.push(Exchange { peer, stage, since: now, starts: 1, counted: now, waiting: None });
        }
        Reaction::Say(Step::Answer(commitment, number))
    }

    fn reveal(&mut self, me: &Member, from: &Member, (answered, others): (Block, Block), now: Instant) -> Reaction {
        let Some(open) = self.exactly(from) else { return Reaction::Nothing };
        match open.stage {
            Stage::Started { number, commitment } if commitment == answered => {
                let words = Pair { starter: me, other: from }.words(&number, &others);
                let waiting = open.show(from, now);
                Reaction::Agreed(Some(Step::Reveal(commitment, number)), words, waiting)
            }
            _ => Reaction::Nothing,
        }
    }

    fn check(&mut self, me: &Member, from: &Member, (named, starters): (Block, Block), now: Instant) -> Reaction {
        let Some(open) = self.exactly(from) else { return Reaction::Nothing };
        match open.stage {
            Stage::Answered { number, commitment } if commitment == named => {
                let pair = Pair { starter: from, other: me };
                if pair.commitment(&starters) != commitment {
                    (open.stage, open.waiting) = (Stage::Spent, None);
                    return Reaction::Broken;
                }
                Reaction::Agreed(None, pair.words(&starters, &number), open.show(from, now))
            }
            _ => Reaction::Nothing,
        }
    }

    /// A member went.
    pub fn left(&mut self, member: &Member) {
        let Some(open) = self.exactly(member) else { return };
        match open.stage {
            Stage::Started { .. } => self.forget(&member.key),
            // Its place is kept, so that leaving does not make more tries possible.
            Stage::Answered { .. } => open.waiting = None,
            // People may compare all the same.
            Stage::Shown | Stage::Spent => {}
        }
    }

    /// Nobody waits for the words of this key any more.
    pub fn give_up(&mut self, key: &PublicKey) {
        let Some(open) = self.of(key) else { return };
        match open.stage {
            Stage::Started { .. } => self.forget(key),
            Stage::Answered { .. } | Stage::Shown | Stage::Spent => open.waiting = None,
        }
    }

    /// Forgets the exchange with a key.
    pub fn forget(&mut self, key: &PublicKey) {
        self.exchanges.retain(|open| open.peer.key != *key);
    }

    /// The person is asked about the words of this member now.
    pub fn ask(&mut self, member: &Member, now: Instant) {
        self.asked = Some((member.clone(), now));
    }

    /// What the answer to that question means.
    pub fn answered(&mut self, now: Instant) -> Meant {
        match self.asked.take() {
            Some((_, since)) if now.duration_since(since) >= LIFE => Meant::TooLate,
            Some((member, _)) => Meant::Words(member),
            None => Meant::Nothing,
        }
    }

    /// What an answer means that names whose words it is about.
    pub fn named(&mut self, name: &str, now: Instant) -> Meant {
        let wanted = name.to_lowercase();
        let shown = |open: &&Exchange| matches!(open.stage, Stage::Shown) && open.peer.name.to_lowercase() == wanted;
        let meant: Vec<_> = self.exchanges.iter().filter(shown).map(|open| (open.peer.clone(), open.since)).collect();
        match &meant[..] {
            [] => Meant::Nothing,
            [(member, since)] => {
                if now.duration_since(*since) < LIFE {
                    return Meant::Words(member.clone());
                }
                self.forget(&member.key);
                Meant::TooLate
            }
            several => {
                several.iter().for_each(|(member, _)| self.forget(&member.key));
                Meant::Several
            }
        }
    }

    fn of(&mut self, key: &PublicKey) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().find(|open| open.peer.key == *key)
    }

    /// The exchange with this very member, not with another one of the same key.
    fn exactly(&mut self, member: &Member) -> Option<&mut Exchange> {
        self.of(&member.key).filter(|open| open.peer.instance == member.instance)
    }

    fn expire(&mut self, now: Instant) {
        self.exchanges.retain(|open| {
            let life = if matches!(open.stage, Stage::Shown) { MEMORY } else { LIFE };
            now.duration_since(open.since) < life
        });
    }
}

impl Exchange {
    /// The words are shown, under the name that the peer has now.
    fn show(&mut self, peer: &Member, now: Instant) -> Option<Waiting> {
        (self.stage, self.since, self.peer) = (Stage::Shown, now, peer.clone());
        self.waiting.take()
    }
}

#[cfg(test)]
mod tests;
