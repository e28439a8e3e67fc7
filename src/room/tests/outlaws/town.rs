//! A room with its host and its people, and what is known of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use tokio::{
    task::yield_now,
    time::{Duration, Instant, timeout, timeout_at},
};

use super::{
    super::peer::*,
    Rule, Seen, Step,
    crowd::{Crowd, Heard, Line},
    model::{Model, Out},
};
use crate::{
    room::{Guests, RoomConfig},
    wire::*,
};

/// Far more than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A room with its host and its people, and what is known of them.
pub(super) struct Town<'a> {
    open: bool,
    /// Whether the clock can be put forward.
    clock: bool,
    house: House,
    host: Member,
    book: Arc<Book>,
    crowd: Crowd,
    model: Model,
    seen: &'a Seen,
}

impl<'a> Town<'a> {
    pub(super) async fn found(open: bool, clock: bool, seen: &'a Seen) -> Self {
        let book = Arc::new(Book::default());
        for (of, name) in [(2, "bob"), (9, "eve")] {
            book.let_in(&key(of), name).expect("it is in memory");
        }
        let config = RoomConfig { guests: book.clone(), ..config() };
        let (house, host) = if open { House::public(config).await } else { House::private(config).await };
        Self { open, clock, house, host, book, crowd: Crowd::default(), model: Model::default(), seen }
    }

    pub(super) async fn step(&mut self, step: Step) -> Result<(), String> {
        self.model.pass();
        let told = format!("{step:?}");
        let Step { before, rule, whom, meanwhile, pauses, minutes } = step;
        for deed in before {
            self.crowd.act(&self.house, deed, &self.model);
            pause(pauses).await;
        }
        let request = self.request(&rule, whom).await;
        let Self { host, crowd, house, model, .. } = self;
        let rules = async {
            match request {
                Some(request) => host.ask(request).await,
                None => {
                    host.text("hear, hear").await;
                    Answer::Done
                }
            }
        };
        let deeds = async {
            for deed in meanwhile {
                pause(pauses).await;
                crowd.act(house, deed, model);
            }
        };
        let (answer, ()) = tokio::join!(rules, deeds);
        let fail = |why| format!("{why}\nin {told}: {answer:?}");
        let worked = answer == Answer::Done;
        self.hear(&rule, whom, worked).await.map_err(fail)?;
        self.compare(&rule, worked).await.map_err(fail)?;
        self.settle(&rule, whom, worked).await.map_err(fail)?;
        if self.clock {
            self.pass(minutes).await.map_err(fail)?;
        }
        Ok(())
    }

    /// What the host asks for, to have it so.
    async fn request(&mut self, rule: &Rule, whom: u8) -> Option<Request> {
        let seats: Vec<_> = self.model.seats.iter().filter(|(_, of)| **of == key(whom)).map(|(at, _)| *at).collect();
        let number = |program: u8| {
            let at = usize::from(program).checked_rem(seats.len());
            at.map_or(u32::MAX, |at| seats[at])
        };
        let meant = |program: u8, by_name: bool| match self.crowd.name(whom).filter(|_| by_name) {
            Some(name) => Whom::Named(name),
            None => Whom::Member(number(program)),
        };
        let reason = "enough".to_owned();
        Some(match rule {
            Rule::Kick { program } => Request::Kick { member: number(*program), reason },
            Rule::Ban { program, by_name } => Request::Ban { whom: meant(*program, *by_name), reason },
            Rule::Pardon => Request::Unban { key: key(whom) },
            Rule::Mute { by_name, muted } => Request::Mute { whom: meant(0, *by_name), muted: *muted },
            Rule::Admit => {
                let Answer::Knocks(knocks) = self.host.ask(Request::Knocks).await else { panic!("it is the host") };
                let name = knocks.into_iter().find(|knock| knock.key == key(whom)).map(|knock| knock.name);
                Request::Admit { name: name.unwrap_or_else(|| "nobody".to_owned()) }
            }
            Rule::Say => return None,
        })
    }

    /// Takes the log up to now into the model.
    async fn hear(&mut self, rule: &Rule, whom: u8, worked: bool) -> Result<(), String> {
        let frames = self.host.catch_up().await;
        let silenced = |frame: &FromRoom| matches!(frame, FromRoom::Event { event: Event::Muted { .. }, .. });
        match rule {
            Rule::Pardon if worked => drop(self.model.out.remove(&key(whom))),
            // Of somebody who is not here, the log does not tell; what it has of them was said before.
            Rule::Mute { muted, .. } if worked && !frames.iter().any(silenced) => {
                if *muted {
                    self.take(frames)?;
                    self.model.muted.insert(key(whom));
                    return Ok(());
                }
                self.model.muted.remove(&key(whom));
            }
            _ => {}
        }
        self.take(frames)
    }

    fn take(&mut self, frames: Vec<FromRoom>) -> Result<(), String> {
        for frame in frames {
            if let FromRoom::Event { seq, event } = frame {
                self.model.take(seq, &event)?;
                self.seen.heard.fetch_add(usize::from(matches!(event, Event::Said { .. })), Relaxed);
            }
        }
        Ok(())
    }

    /// Whether the room's list of those who are out is what it should be.
    async fn compare(&mut self, rule: &Rule, worked: bool) -> Result<(), String> {
        let Answer::Bans { rows, .. } = self.host.ask(Request::Bans { after: None }).await else {
            return Err("no list of bans".to_owned());
        };
        let listed: BTreeMap<_, _> = rows.into_iter().map(|row| (row.key, row.secs)).collect();
        for key in self.model.out.keys() {
            if self.model.is_out(key) == Some(true) && !listed.contains_key(key) {
                return Err(format!("{key:?} is out no more"));
            }
        }
        for (key, secs) in listed {
            let known = self.model.out.get(&key);
            match (secs, known) {
                (None, Some(Out::For)) | (Some(_), Some(Out::Until(_))) => {}
                (None, _) if worked && matches!(rule, Rule::Ban { .. }) => self.model.put_out(key, Term::Good),
                other => return Err(format!("{key:?} is out as nobody asked for: {other:?}")),
            }
        }
        Ok(())
    }

    /// Waits for what is due to each connection, and looks at it.
    async fn settle(&mut self, rule: &Rule, whom: u8, worked: bool) -> Result<(), String> {
        let touched = |line: &Line| worked && line.key == key(whom) && !matches!(rule, Rule::Say | Rule::Admit);
        let model = &self.model;
        for line in self.crowd.lines.iter_mut().filter(|line| !line.answered) {
            let banned = |heard: &Heard| matches!(heard.refused, Some(Refusal::Banned { .. }));
            let answered = timeout(PATIENCE, line.heard.wait_for(Heard::is_answered)).await;
            let turned_away = answered.ok().and_then(|heard| Some(banned(&*heard.ok()?)));
            let Some(turned_away) = turned_away else { return Err("somebody is not answered".to_owned()) };
            line.answered = true;
            // Of those who were put out at this very time it depends on who came first.
            let fell = line.was_out == Some(false) && model.is_out(&line.key) == Some(true);
            if !touched(line) && line.was_out.is_some_and(|out| out != turned_away) && !fell {
                let why = format!("was out: {:?}, turned away: {turned_away}", line.was_out);
                return Err(format!("{:?} {why}: {:?}", line.key, line.heard.borrow()));
            }
            self.seen.turned_away.fetch_add(usize::from(turned_away), Relaxed);
        }
        self.seen.unheard.fetch_add(std::mem::take(&mut self.crowd.unheard), Relaxed);
        let mut stay = Vec::new();
        for mut line in std::mem::take(&mut self.crowd.lines) {
            let number = line.heard.borrow().welcome.as_ref().map(|welcome| welcome.number);
            let Some((number, fall)) = number.and_then(|number| Some((number, *self.model.falls.get(&number)?))) else {
                stay.push(line);
                continue;
            };
            let over = timeout(PATIENCE, line.heard.wait_for(|heard| heard.over)).await;
            let Ok(Ok(heard)) = over else { return Err(format!("{fall}: the connection of {number} is not closed")) };
            if heard.seq >= fall {
                return Err(format!("event {} reached {number}, who was out at {fall}", heard.seq));
            }
            let told = matches!(heard.last, Some(FromRoom::Ended(End::Kicked { .. } | End::Superseded)));
            if !told && !line.leaves {
                return Err(format!("{number}, who was out at {fall}, was told {:?}", heard.last));
            }
            drop(heard);
            let heard_with = self.model.heard.get(&number).copied().unwrap_or(0);
            self.seen.put_out.fetch_add(1, Relaxed);
            self.seen.cut_short.fetch_add(line.n.saturating_sub(heard_with) as usize, Relaxed);
        }
        self.crowd.lines = stay;
        Ok(())
    }

    /// Lets minutes pass.
    async fn pass(&mut self, minutes: u8) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(60) * minutes.into();
        let mut frames = Vec::new();
        while let Ok(frame) = timeout_at(end, self.host.hear()).await {
            frames.extend(frame);
        }
        self.take(frames)?;
        self.model.pass();
        Ok(())
    }

    /// What somebody finds who comes in the end, here and where the room is opened anew.
    pub(super) async fn end(mut self) -> Result<(), String> {
        let mut eve = who(9, "eve");
        eve.hello.features = FEATURE_BACKLOG;
        let mut eve = self.house.enter(eve).await;
        let frames = eve.catch_up().await;
        self.hear(&Rule::Say, 9, true).await?;
        for frame in frames {
            match frame {
                FromRoom::Past(Past { key, said, .. }) => {
                    let text = String::from_utf8_lossy(&said.payload).into_owned();
                    let fallen = self.model.fallen.get(&key).copied().unwrap_or(0);
                    if self.model.out.contains_key(&key) || self.model.said.get(&text).is_none_or(|at| *at < fallen) {
                        return Err(format!("{text} is told of {key:?}, who fell at {fallen}"));
                    }
                }
                FromRoom::Event { event: Event::Said { from, kept: Some(_), .. }, .. }
                    if self.model.seats.get(&from).is_none_or(|key| self.model.out.contains_key(key)) =>
                {
                    return Err(format!("the room still keeps something of {from}"));
                }
                _ => {}
            }
        }
        let Answer::Who { rows, .. } = self.host.ask(Request::Who { after: 1 }).await else { panic!("no answer") };
        if let Some(row) = rows.iter().find(|row| self.model.is_out(&row.member.key) == Some(true)) {
            return Err(format!("{row:?} is still here"));
        }
        let bans = self.book.1.lock().unwrap().clone();
        let config = RoomConfig { guests: self.book.clone(), bans, ..config() };
        let (anew, _host) = if self.open { House::public(config).await } else { House::private(config).await };
        for (of, out) in self.model.out.iter().filter(|(_, out)| **out == Out::For) {
            let refused = anew.refused(who(of.0[0], "innocent")).await;
            if refused != (Refusal::Banned { secs: None }) {
                return Err(format!("{of:?} is {out:?}, and a room opened anew says {refused:?}"));
            }
        }
        Ok(())
    }
}

/// Lets the others run so often.
async fn pause(times: u8) {
    for _ in 0..times {
        yield_now().await;
    }
}
