//! What a member's side knows of the room, changed by one frame at a time. No I/O.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{
    Ending, Incoming, Member, MemberEvent, SessionEvent, Withdrawal,
    handle::Shared,
    inbox::{Inbox, Numbers, Verdict},
};
use crate::wire::{
    Answer, End, Epoch, Event, FEATURE_BACKLOG, FromRoom, Gap, Instance, Kept, KnockRow, MAX_COMMAND_LEN, MAX_NAME_LEN,
    MAX_PAST, MAX_PAST_BYTES, MAX_VERSION_LEN, PAGE_ROWS, Past, PublicKey, Resume, Said, Welcome, WhoRow,
};

/// The room said something that no room says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the room breaks the protocol: {0}")]
pub(super) struct Broken(&'static str);

/// What the link has to do about a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Todo {
    Nothing,
    Pong(u64),
    Ponged(u64),
    Answered(Answer),
    /// The room prefers another connection of this program.
    Superseded,
    /// The room ended the link, and with it the session.
    End(Ending),
    /// The room ended the link, and may be back.
    Gone,
}

/// Where this member stands in the room.
#[derive(Debug, Default)]
pub(super) struct Life {
    epoch: Option<Epoch>,
    seq: u64,
    count: u64,
    inbox: Inbox,
    /// Those who were there before the room restarted, and need not be announced again.
    former: HashSet<(PublicKey, Instance)>,
    /// Those who left or took a name lately: a page of members asked for before that may still name them so.
    lately: VecDeque<u32>,
    /// Whether we want to be told what was said before we came.
    wants_past: bool,
    /// What the room may still tell of it, until it tells of the present.
    past: Allowance,
    /// Events on their way to the owner. They outlive the link that brought them.
    pub(super) events: VecDeque<SessionEvent>,
}

/// How much of the past a room may still tell: messages and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Allowance {
    lines: usize,
    bytes: usize,
}

impl Life {
    /// A member with these abilities that has not been in the room yet.
    pub(super) fn new(features: u64) -> Self {
        Self { wants_past: features & FEATURE_BACKLOG != 0, ..Self::default() }
    }

    /// Where this member stood, for the next Hello.
    pub(super) fn resume(&self) -> Option<Resume> {
        self.epoch.map(|epoch| Resume { epoch, seq: self.seq, count: self.count })
    }

    /// We are in.
    pub(super) fn welcome(&mut self, welcome: Welcome, shared: &Shared) -> Result<(), Broken> {
        let Welcome { features, epoch, number, name, accepted, seq, members, host, resumed } = welcome;
        if !shared.outbox().gave_out(accepted) {
            return Err(Broken("it accepted what was never sent"));
        }
        shared.features.store(features, Relaxed);
        let before = self.epoch.replace(epoch);
        let mut outbox = shared.outbox();
        let mut roster = shared.roster();
        outbox.resume(accepted);
        self.past = Allowance::default();
        if before == Some(epoch) && resumed {
            self.events.push_back(SessionEvent::Restored { restarted: false, missed: false });
            return Ok(());
        }
        self.former = roster.members().into_iter().map(|member| (member.key, member.instance)).collect();
        // In the log that we know, what others had up still is, as far as we can know, and would come twice.
        let forgotten = if before == Some(epoch) { roster.begin_again() } else { roster.begin() };
        for (number, from, command) in forgotten {
            let withdrawal = Withdrawal { number, from, restart: true };
            self.events.push_back(SessionEvent::Withdrawn { withdrawal, command });
        }
        let old = roster.me().name.clone();
        roster.enter(number, name);
        (self.seq, self.count) = (seq, 0);
        self.lately.clear();
        if self.wants_past {
            self.past = Allowance { lines: MAX_PAST, bytes: MAX_PAST_BYTES };
        }
        self.events.push_back(match before {
            None => SessionEvent::Entered { members, host },
            Some(before) => {
                if before != epoch {
                    let me = (roster.me().key, roster.me().instance);
                    outbox.expect(self.former.iter().copied().filter(|member| *member != me));
                } else {
                    // That something may be missing is told once, as a whole.
                    self.inbox.gap();
                }
                outbox.set_again();
                shared.waiting.send_replace(outbox.len());
                SessionEvent::Restored { restarted: before != epoch, missed: before == epoch }
            }
        });
        let member = roster.me().clone();
        if before.is_some() && member.name != old {
            self.member(MemberEvent::Renamed { member, old, own: true });
        }
        Ok(())
    }

    /// Takes a frame that follows the Welcome.
    pub(super) fn frame(&mut self, frame: FromRoom, shared: &Shared) -> Result<Todo, Broken> {
        if !names_fit(&frame) {
            return Err(Broken("a name longer than any"));
        }
        if matches!(frame, FromRoom::Event { .. } | FromRoom::Member(_) | FromRoom::Gap(_)) {
            self.past = Allowance::default();
        }
        match frame {
            FromRoom::Past(past) => self.past(past, shared)?,
            FromRoom::Event { seq, event } => {
                let replay = seq <= self.seq;
                if !replay {
                    self.seq = seq;
                    self.count = self.count.saturating_add(1);
                } else if !matches!(event, Event::Said { kept: Some(_), .. }) {
                    return Err(Broken("its events go backwards"));
                }
                self.event(seq, replay, event, shared)?;
            }
            FromRoom::Member(member) => introduce(member, shared),
            FromRoom::Gap(gap) => self.gap(gap, shared)?,
            FromRoom::Answer(answer) => return Ok(Todo::Answered(answer)),
            FromRoom::Ping(number) => return Ok(Todo::Pong(number)),
            FromRoom::Pong(number) => return Ok(Todo::Ponged(number)),
            // Nobody closed it for good.
            FromRoom::Ended(End::Closed { by }) if by.is_empty() => return Ok(Todo::Gone),
            FromRoom::Ended(End::Closed { by }) => return Ok(Todo::End(Ending::Closed { by })),
            FromRoom::Ended(End::Kicked { by, reason, term }) => {
                return Ok(Todo::End(Ending::Kicked { by, reason, term }));
            }
            FromRoom::Slowed { rate } => self.events.push_back(SessionEvent::Slowed { rate }),
            FromRoom::Ended(End::Superseded) => return Ok(Todo::Superseded),
            FromRoom::Welcome(_)
            | FromRoom::Waiting { .. }
            | FromRoom::Refused(_)
            | FromRoom::Code(_)
            | FromRoom::Confirmed(_) => {
                return Err(Broken("a verdict after the verdict"));
            }
        }
        Ok(Todo::Nothing)
    }

    /// How many senders it remembers, and how many of those before a restart.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize) {
        (self.inbox.len(), self.former.len())
    }

    /// The first page of members, asked for in a small room.
    pub(super) fn page(&mut self, rows: Vec<WhoRow>, more: bool, shared: &Shared) {
        shared.roster().set_complete(!more);
        for row in rows.into_iter().filter(|row| !self.lately.contains(&row.member.number)) {
            introduce(row.member, shared);
        }
    }

    /// Who somebody is is known better by an event than by a page that was asked for before it.
    fn heard_of(&mut self, member: u32) {
        if self.lately.len() == PAGE_ROWS {
            self.lately.pop_front();
        }
        self.lately.push_back(member);
    }

    /// Something said before we came. It is nothing of the log: it moves no number.
    fn past(&mut self, past: Past, shared: &Shared) -> Result<(), Broken> {
        let Allowance { lines, bytes } = &mut self.past;
        let left = lines.checked_sub(1).zip(bytes.checked_sub(past.cost()));
        (*lines, *bytes) = left.ok_or(Broken("it tells of the past out of its time, or too much"))?;
        let Past { key, instance, name, n, age_secs, said: Said { command, payload } } = past;
        let own = { shared.roster().me().clone() };
        // What this program has said comes back as an echo, if it has not yet.
        if (key, instance) == (own.key, own.instance) || !self.inbox.tell((key, instance), n) {
            return Ok(());
        }
        let from = Member { number: 0, key, instance, name };
        let (private, own, seq, kept) = (None, false, 0, None);
        let past = Some(Duration::from_secs(age_secs));
        let incoming = Incoming { from, private, own, n, seq, kept, past, command, payload };
        self.events.push_back(SessionEvent::Message(incoming));
        Ok(())
    }

    fn gap(&mut self, gap: Gap, shared: &Shared) -> Result<(), Broken> {
        if gap.seq < self.seq {
            return Err(Broken("its events go backwards"));
        }
        (self.seq, self.count) = (gap.seq, self.count.saturating_add(gap.missed));
        // Nobody is known any more, and a page is asked for anew.
        self.lately.clear();
        if gap.missed > 0 {
            self.inbox.gap();
            self.events.push_back(SessionEvent::Missed { count: gap.missed });
        }
        {
            let mut roster = shared.roster();
            roster.forget();
            for (number, from, command) in roster.keep_only(&gap.kept) {
                let withdrawal = Withdrawal { number, from, restart: false };
                self.events.push_back(SessionEvent::Withdrawn { withdrawal, command });
            }
        }
        self.acknowledge(gap.accepted, shared)
    }

    fn acknowledge(&mut self, n: u64, shared: &Shared) -> Result<(), Broken> {
        let mut outbox = shared.outbox();
        if !outbox.gave_out(n) {
            return Err(Broken("it acknowledges what was never sent"));
        }
        if outbox.acknowledge(n) {
            shared.waiting.send_replace(outbox.len());
            // More may be on its way now.
            shared.filled.notify_one();
            self.events.push_back(SessionEvent::Acknowledged { n });
        }
        Ok(())
    }

    fn event(&mut self, seq: u64, replay: bool, event: Event, shared: &Shared) -> Result<(), Broken> {
        match event {
            Event::Said { from, n, prev, to, kept, said } => {
                let from = known(shared, from)?;
                self.said(seq, Envelope { from, n, prev, kept, replay }, to, said, shared)?;
            }
            Event::Withdrawn { from, n, prev, to, kept } => {
                let from = known(shared, from)?;
                let own = is_me(shared, &from);
                if own {
                    self.acknowledge(n, shared)?;
                }
                self.judge(&from, Numbers { n, prev, private: to.is_some(), replay }, own);
                if let Some((from, command)) = shared.roster().withdraw(kept.number) {
                    let withdrawal = Withdrawal { number: kept.number, from, restart: false };
                    self.events.push_back(SessionEvent::Withdrawn { withdrawal, command });
                }
            }
            Event::Refused { n, reason } => {
                let (line, pointless) = {
                    let mut outbox = shared.outbox();
                    outbox.not_kept(n);
                    outbox.refused(n);
                    // What was to be taken back is gone, which is all that was wanted.
                    (outbox.line(n), outbox.withdraws(n))
                };
                self.acknowledge(n, shared)?;
                if !pointless {
                    self.events.push_back(SessionEvent::Undelivered { n, reason, line });
                }
            }
            Event::Joined(member) => {
                // One's own entering is in the log that a room gives to those who were there before it restarted.
                let announced = !self.former.remove(&(member.key, member.instance)) && !is_me(shared, &member);
                introduce(member.clone(), shared);
                if announced {
                    self.member(MemberEvent::Joined(member));
                }
            }
            Event::Left { member, how } => {
                self.heard_of(member);
                let (member, kept) = shared.roster().remove(member).ok_or(Broken("somebody unknown left"))?;
                shared.outbox().forget(&member);
                for (number, command) in kept {
                    let withdrawal = Withdrawal { number, from: member.clone(), restart: false };
                    self.events.push_back(SessionEvent::Withdrawn { withdrawal, command });
                }
                self.member(MemberEvent::Left { member, how });
            }
            Event::Renamed { member, name } => {
                self.heard_of(member);
                let renamed = shared.roster().rename(member, name);
                let (member, old) = renamed.ok_or(Broken("somebody unknown took a name"))?;
                let own = is_me(shared, &member);
                self.member(MemberEvent::Renamed { member, old, own });
            }
            Event::Away { member } => self.member(MemberEvent::Away(known(shared, member)?)),
            Event::Back { member } => self.member(MemberEvent::Back(known(shared, member)?)),
            Event::Crowd { joined, left, members } => {
                shared.roster().set_complete(false);
                // It does not say who of them is back.
                if shared.outbox().expect_nobody() {
                    shared.filled.notify_one();
                }
                self.member(MemberEvent::Crowd { joined, left, members });
            }
            Event::Knock { name, key, address, claims, more } => {
                let knock = KnockRow { name, key, address, claims };
                shared.roster().knock(knock.clone());
                self.member(MemberEvent::Knock { knock, more });
            }
            Event::KnockOver { name, entered } => {
                shared.roster().knock_over(&name);
                self.member(MemberEvent::KnockOver { name, entered });
            }
            Event::Invited { member, unlisted } => self.member(MemberEvent::Invited { member, unlisted }),
            Event::CodeOver { wrong } => self.member(MemberEvent::CodeOver { wrong }),
            Event::Guesses { address, tries, others } => {
                self.member(MemberEvent::Guesses { address, tries, others });
            }
            Event::Muted { member, by, muted } => {
                let member = known(shared, member)?;
                let own = is_me(shared, &member);
                self.member(MemberEvent::Muted { member, own, by, muted });
            }
            Event::Locked { by, locked } => self.member(MemberEvent::Locked { by, locked }),
            // No room is there, and it would be looked for for ever.
            Event::Moved { port: 0 } => return Err(Broken("it says that it moved to port 0")),
            Event::Moved { port } => self.events.push_back(SessionEvent::Moved { port }),
            Event::Stream { from, token } => {
                let from = known(shared, from)?;
                self.events.push_back(SessionEvent::Stream { from, token });
            }
        }
        Ok(())
    }

    fn said(
        &mut self,
        seq: u64,
        Envelope { from, n, prev, kept, replay }: Envelope,
        to: Option<u32>,
        said: Said,
        shared: &Shared,
    ) -> Result<(), Broken> {
        let own = is_me(shared, &from);
        let me = shared.roster().me().clone();
        let private = match to {
            None => None,
            Some(to) if to == me.number => Some(me),
            Some(to) if own => shared.roster().member(to).cloned().or(Some(unknown(to))),
            Some(_) => return Err(Broken("somebody else's private message")),
        };
        if own {
            self.acknowledge(n, shared)?;
        }
        // What is kept anew has been taken back since it was said, if it was: it is up again, under another number.
        let up = kept.is_some_and(|kept| shared.roster().keep(kept.number, from.clone(), said.command.clone()));
        let private_too = private.is_some();
        let told = kept.is_none() && !private_too && self.inbox.was_told((from.key, from.instance), n);
        let fresh = self.judge(&from, Numbers { n, prev, private: private_too, replay }, own);
        if told || !fresh && !up {
            return Ok(());
        }
        let Said { command, payload } = said;
        let kept = kept.map(|kept| kept.number);
        let incoming = Incoming { from, private, own, n, seq, kept, past: None, command, payload };
        self.events.push_back(SessionEvent::Message(incoming));
        Ok(())
    }

    /// Notes an envelope and says whether it is new.
    fn judge(&mut self, from: &Member, numbers: Numbers, own: bool) -> bool {
        let verdict = self.inbox.judge((from.key, from.instance), numbers);
        if verdict == Verdict::AfterLoss && !own {
            self.events.push_back(SessionEvent::Lost { from: from.clone() });
        }
        verdict != Verdict::Double
    }

    fn member(&mut self, event: MemberEvent) {
        self.events.push_back(SessionEvent::Member(Arc::new(event)));
    }
}

/// The head of an envelope as it arrives.
struct Envelope {
    from: Member,
    n: u64,
    prev: u64,
    kept: Option<Kept>,
    /// Whether the room tells it out of its time, since it kept it.
    replay: bool,
}

/// Whether the names that the roster would remember by the thousand are no longer than a room lets them be. What is in
/// them is for the one who shows them to filter.
fn names_fit(frame: &FromRoom) -> bool {
    let fits = |name: &str| name.len() <= MAX_NAME_LEN;
    match frame {
        FromRoom::Member(member) => fits(&member.name),
        FromRoom::Past(past) => fits(&past.name) && past.said.command.len() <= MAX_COMMAND_LEN,
        FromRoom::Answer(Answer::Status(status)) => status.version.len() <= MAX_VERSION_LEN,
        FromRoom::Answer(Answer::Who { rows, .. }) => rows.iter().all(|row| fits(&row.member.name)),
        FromRoom::Event { event, .. } => match event {
            Event::Joined(member) => fits(&member.name),
            Event::Renamed { name, .. } => fits(name),
            Event::Said { said, .. } => said.command.len() <= MAX_COMMAND_LEN,
            _ => true,
        },
        _ => true,
    }
}

fn known(shared: &Shared, number: u32) -> Result<Member, Broken> {
    shared.roster().member(number).cloned().ok_or(Broken("a member that was never introduced"))
}

/// Somebody is there, and what waited for them may go.
fn introduce(member: Member, shared: &Shared) {
    if shared.outbox().is_there(member.key, member.instance) {
        shared.filled.notify_one();
    }
    shared.roster().introduce(member);
}

fn is_me(shared: &Shared, member: &Member) -> bool {
    shared.roster().me().number == member.number
}

/// The recipient of an own private message who has been forgotten since, which takes a gap or a restart.
fn unknown(number: u32) -> Member {
    Member { number, key: PublicKey([0; 32]), instance: Instance([0; 16]), name: "somebody".to_owned() }
}
