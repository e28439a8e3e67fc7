//! Rooms that live long: whatever came and went, nothing is left of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    runtime::Handle as Runtime,
    task::yield_now,
    time::{Instant, advance},
};
use tokio_util::sync::CancellationToken;

use super::net;
use crate::{
    code::{
        Code,
        pake::{Ends, Joiner},
    },
    dice::Dice,
    room::{
        Guests, RoomConfig, Timing,
        census::Census,
        tests::peer::{House, Member, Who, config, key, text_of, who},
    },
    session::{self, Handle, SessionConfig, SessionEvent},
    wire::*,
};

/// The longest time for which anything is held: a name that nobody uses.
const HELD: Duration = crate::limits::room::NAME_LIFE;

/// Lets everybody in whose key says so, and remembers nothing: what is on a person's disk is no part of the room.
struct Friends;

impl Guests for Friends {
    fn name_of(&self, key: &PublicKey) -> anyhow::Result<Option<String>> {
        Ok((key.0[31] != STRANGER).then(String::new))
    }

    fn key_of(&self, _: &str) -> anyhow::Result<Option<PublicKey>> {
        Ok(None)
    }

    fn let_in(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn put_out(&self, _: &PublicKey) -> anyhow::Result<()> {
        Ok(())
    }

    fn ban(&self, _: &PublicKey, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    fn unban(&self, _: &PublicKey) -> anyhow::Result<()> {
        Ok(())
    }
}

const CODE: &str = "zoo-abandon-lens";

const FRIEND: u8 = 0xee;
const STRANGER: u8 = 0xdd;

/// Somebody with a key, an instance and an address of their own, who is new.
fn somebody(number: u32, kind: u8) -> Who {
    let bytes = number.to_be_bytes();
    let mut new = who(9, &format!("p{}", ["ann", "bob", "cy", "dee", "eve"][number as usize % 5]));
    let mut id = [kind; 32];
    id[..4].copy_from_slice(&bytes);
    new.key = PublicKey(id);
    new.hello.instance.0[..4].copy_from_slice(&bytes);
    new.address = Some([11, bytes[1], bytes[2], bytes[3]].into());
    new
}

/// A member by a session whose owner hears everything.
struct Inside {
    handle: Handle,
}

impl Inside {
    async fn enter(house: &House, of: u8) -> Self {
        let place = Arc::new(Mutex::new((house.room.clone(), CancellationToken::new())));
        let dice = Dice::new(u64::from(of));
        let dial = net::Line { of, place, tasks: house.tasks.clone(), dice, first: true, cuts: 0 };
        let features = FEATURE_ASKABLE | FEATURE_STREAMS;
        let (handle, mut events) = session::start(SessionConfig { features, ..net::config(of) }, dial, &house.tasks);
        while !matches!(events.recv().await.expect("it enters"), SessionEvent::Entered { .. }) {}
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        Self { handle }
    }

    async fn says(&self, text: &str) {
        let draft = session::Draft::Remember { command: "chat".into(), payload: text.to_owned().into() };
        self.handle.send(draft, session::WhenFull::Wait).await.expect("sent");
        self.handle.drained().await;
    }

    async fn tells(&self, who: &Who) {
        let to = To::Member { key: who.key, instance: who.hello.instance };
        self.handle.send(net::line(to, "psst", None), session::WhenFull::Wait).await.expect("sent");
        self.handle.drained().await;
    }

    async fn ask(&self, request: Request) -> Answer {
        self.handle.ask(request).await.expect("an answer")
    }
}

/// A room with its host and one member, who watch others come and go.
struct Long {
    house: House,
    host: Inside,
    bob: Inside,
    /// Those who said something. A room that restarts may tell it again, so that they are not forgotten.
    spoke: usize,
}

/// What there is of everything.
#[derive(Debug, PartialEq)]
struct Counts {
    room: Census,
    host: session::census::Census,
    bob: session::census::Census,
    tasks: usize,
}

impl Long {
    async fn open() -> Self {
        let code = Code::typed(CODE).expect("a code");
        let config = RoomConfig { guests: Arc::new(Friends), code: Some(Arc::new(code)), ..config() };
        let house = House::open(config);
        let (host, bob) = (Inside::enter(&house, 1).await, Inside::enter(&house, 2).await);
        // Both have had a private message, as in every room that lives long.
        bob.tells(&who(1, "ann")).await;
        Self { house, host, bob, spoke: 0 }
    }

    /// What there is once all times of holding are over and newcomers are told the same as always.
    async fn counts(&self) -> Counts {
        for _ in 0..60 {
            self.host.says("for later").await;
        }
        self.bob.says("me too").await;
        self.host.says("for later").await;
        // Who was lost last gives up its seat first, and then its name is held. The room takes each of these steps for a moment
        // in which it stood still, of which only the last second counts for a seat.
        let step = step();
        let seat_life = Timing::default().seat_life * step.as_secs() as u32;
        let end = Instant::now() + seat_life + HELD + 2 * step;
        while Instant::now() < end {
            advance(step).await;
            for _ in 0..40 {
                yield_now().await;
            }
        }
        let tasks = Runtime::current().metrics().num_alive_tasks();
        let room = self.house.room.census().await;
        Counts { room, host: self.host.handle.census(), bob: self.bob.handle.census(), tasks }
    }

    async fn enter(&self, who: &Who) -> Member {
        self.house.enter(who.clone()).await
    }

    async fn knock(&self, number: u32) -> (Member, String) {
        let (member, answer) = self.house.call(somebody(number, STRANGER)).await;
        let FromRoom::Waiting { name } = answer else { panic!("{answer:?}") };
        (member, name)
    }

    /// Goes through the door with these words as far as they lead.
    async fn prove(&self, number: u32, words: &str) -> (Member, FromRoom) {
        let who = somebody(number, STRANGER);
        let ends = Ends { exporter: who.exporter, joiner: who.key, host: key(1) };
        let (joiner, element) = Joiner::start(&Code::typed(words).expect("a code"), &ends);
        let (mut member, answer) = self.house.call(who.otherwise(Otherwise::Code(element))).await;
        let FromRoom::Code(element) = answer else { panic!("{answer:?}") };
        let (_, confirmation) = joiner.finish(&element).expect("a good element");
        member.say(ToRoom::Confirm(confirmation)).await;
        let verdict = member.hear().await.expect("a verdict");
        (member, verdict)
    }

    /// Somebody comes, does something, and goes.
    async fn visit(&mut self, number: u32) {
        let friend = somebody(number, FRIEND);
        match number % 16 {
            0 => {
                let (mut member, name) = self.knock(number).await;
                assert_eq!(self.host.ask(Request::Admit { name }).await, Answer::Done);
                let welcome = member.hear().await.expect("a verdict");
                member.welcomed(welcome);
                leave(member).await;
            }
            1 => {
                let (mut member, name) = self.knock(number).await;
                assert_eq!(self.host.ask(Request::Decline { name }).await, Answer::Done);
                assert_eq!(member.rest().await, [FromRoom::Refused(Refusal::Declined)]);
            }
            2 => drop(self.knock(number).await),
            3 => {
                let (mut member, verdict) = self.prove(number, "lens-abandon-zoo").await;
                assert_eq!(verdict, FromRoom::Refused(Refusal::WrongCode));
                member.rest().await;
            }
            4 => {
                let (mut member, verdict) = self.prove(number, CODE).await;
                assert!(matches!(verdict, FromRoom::Confirmed(_)), "{verdict:?}");
                let welcome = member.hear().await.expect("a verdict");
                member.welcomed(welcome);
                leave(member).await;
            }
            kind => {
                let mut member = self.enter(&friend).await;
                member.text("hello").await;
                member.catch_up().await;
                self.spoke += 1;
                self.stay(kind, friend, member).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn stay(&mut self, kind: u32, friend: Who, mut member: Member) {
        let (number, reason) = (member.welcome.number, String::new());
        let whom = Whom::Member(number);
        match kind {
            5 => {
                self.host.ask(Request::Kick { member: number, reason }).await;
                assert!(matches!(member.ended().await, Some(End::Kicked { .. })));
            }
            6 => {
                self.host.ask(Request::Ban { whom, reason }).await;
                assert_eq!(self.host.ask(Request::Unban { key: friend.key }).await, Answer::Done);
                assert!(matches!(member.ended().await, Some(End::Kicked { .. })));
            }
            7 => {
                for muted in [true, false] {
                    let asked = Request::Mute { whom: whom.clone(), muted };
                    assert_eq!(self.host.ask(asked).await, Answer::Done);
                }
                leave(member).await;
            }
            // It never comes back.
            8 => {}
            9 | 10 => {
                member.send(To::Everyone, Body::Keep { tag: 1, said: text_of("an offer") }).await;
                member.send(member.to(2), Body::Keep { tag: 2, said: text_of("for bob alone") }).await;
                if kind == 10 {
                    member.send(To::Everyone, Body::Withdraw { tag: 1 }).await;
                    member.send(member.to(2), Body::Withdraw { tag: 2 }).await;
                }
                leave(member).await;
            }
            11 => {
                let name = format!("q{number}x");
                assert!(matches!(member.ask(Request::Nick { name }).await, Answer::Name(_)));
                leave(member).await;
            }
            12 => {
                let asked = Request::Stream { key: key(2), instance: Instance([2; 16]) };
                assert!(matches!(member.ask(asked).await, Answer::Stream { .. }));
                leave(member).await;
            }
            13 => {
                self.bob.tells(&friend).await;
                member.send(member.to(2), Body::Say(text_of("psst"))).await;
                leave(member).await;
            }
            14 => {
                let back = friend.back(&member);
                drop(member);
                let mut member = self.house.enter(back).await;
                member.send(To::Everyone, Body::Remember(text_of("back"))).await;
                leave(member).await;
            }
            _ => leave(member).await,
        }
    }
}

/// Less than a session waits before it asks for a sign of life.
fn step() -> Duration {
    session::Timing::default().ping * 2 / 3
}

/// Goes for good, and waits until the room has heard it.
async fn leave(mut member: Member) {
    member.say(ToRoom::Leave).await;
    member.rest().await;
}

async fn come_and_go(visits: u32) {
    let mut long = Long::open().await;
    let before = long.counts().await;
    for number in 0..visits {
        long.visit(number).await;
    }
    let within = long.house.room.census().await;
    assert!(within.events > 100 && within.names.0 > 50 && within.guessers > 0, "nothing came about: {within:?}");
    let mut after = long.counts().await;
    for inside in [&mut after.host, &mut after.bob] {
        inside.senders -= long.spoke;
    }
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn case_119_of_a_thousand_who_came_and_went_nothing_is_left() {
    come_and_go(1_000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes longer than a test may: ten times the one above"]
async fn case_119_of_ten_thousand_who_came_and_went_nothing_is_left() {
    come_and_go(10_000).await;
}
