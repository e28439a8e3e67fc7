//! Journals that no room wrote: whatever is in them, it is read as a room or not at all.

use std::time::Duration;

use super::{keeping::keep, peer::*};
use crate::{
    dice::Dice,
    room::{
        LogLimits, RoomConfig, Timing, Via,
        journal::memory::{Platter, batches, pieces_of, read_out},
    },
    wire::*,
};

fn small() -> RoomConfig {
    let log = LogLimits { events: 30, bytes: 8 * 1024, life: Duration::from_secs(600) };
    let timing = Timing { seat_life: Duration::from_secs(20), away: Duration::from_secs(2), ..Timing::default() };
    RoomConfig { log, timing, backlog: 5, ..config() }
}

/// The journal of a room where all happened that is written down.
async fn written() -> Vec<Vec<u8>> {
    let disk = Platter::eager();
    let house = House::restored(small(), &disk, 7);
    let mut host = house.host().await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    bob.send(To::Everyone, keep(1, "kept")).await;
    bob.send(bob.to(3), Body::Keep { tag: 2, said: text_of("for you") }).await;
    bob.send(To::Everyone, Body::Remember(text_of("well said"))).await;
    for i in 0..20 {
        carol.text(&format!("line {i}")).await;
    }
    carol.catch_up().await;
    host.live(Duration::from_secs(3)).await;
    // From here on behind the checkpoint.
    let number = |member: &Member| member.welcome.number;
    bob.send(bob.to(3), Body::Say(text_of("psst"))).await;
    bob.send(To::Everyone, keep(3, "soon gone")).await;
    bob.send(To::Everyone, Body::Withdraw { tag: 3 }).await;
    carol.send(To::Everyone, Body::Remember(text_of("unkind"))).await;
    bob.ask(Request::Nick { name: "robert".into() }).await;
    host.ask(Request::Mute { whom: Whom::Member(number(&bob)), muted: true }).await;
    bob.text("refused").await;
    host.ask(Request::Lock { locked: true }).await;
    host.ask(Request::Kick { member: number(&carol), reason: "so".into() }).await;
    host.catch_up().await;
    let bytes = disk.plate().bytes.clone();
    pieces_of(&bytes)
}

const VALUES: &[&[u8]] = &[
    &[0],
    &[1],
    &[0x7f],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
];

/// Changes something, so that the hashes are right again.
fn change(pieces: &mut Vec<Vec<u8>>, dice: &mut Dice) {
    let index = dice.below(pieces.len() as u64) as usize;
    let other = dice.below(pieces.len() as u64) as usize;
    let count = pieces.len();
    let piece = &mut pieces[index];
    let at = dice.below(piece.len() as u64 + 1) as usize;
    let end = (at + dice.below(9) as usize).min(piece.len());
    match dice.below(9) {
        0 if piece.len() > at => piece[at] ^= 1 << dice.below(8),
        1 => drop(piece.drain(at..end)),
        2 => {
            let again = piece[at..end].to_vec();
            piece.splice(at..at, again);
        }
        3 => pieces.swap(index, other),
        4 => {
            let again = pieces[index].clone();
            pieces.insert(other, again);
        }
        5 if count > 1 => drop(pieces.remove(index)),
        6 => piece.truncate(at),
        _ => {
            let value = VALUES[dice.below(VALUES.len() as u64) as usize];
            piece.splice(at..end.min(at + 1 + dice.below(4) as usize), value.iter().copied());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    if pieces.is_empty() {
        pieces.push(vec![0]);
    }
}

async fn lives(disk: &Platter) {
    let house = House::restored(small(), disk, 8);
    let mut host = who(1, "ann").instance(101);
    host.via = Via::Inside;
    let (mut host, answer) = house.call(host).await;
    let FromRoom::Welcome(_) = answer else { return };
    host.welcomed(answer);
    for (of, seq, count) in [(2, 1, 1), (3, 20, 9), (4, 0, 0)] {
        let mut caller = who(of, "bob");
        caller.hello.resume = Some(Resume { epoch: Epoch([7; 16]), seq, count });
        caller.hello.next = seq + 1;
        let mut member = house.connect(&caller);
        member.say(ToRoom::Hello(caller.hello)).await;
        member.text("hello").await;
    }
    host.ask(Request::Who { after: 0 }).await;
    host.ask(Request::Bans { after: None }).await;
    host.live(Duration::from_secs(30)).await;
    host.catch_up().await;
    house.room.checkpoint().await;
    assert!(!disk.plate().retired, "the journal goes on");
}

async fn forge(seed: u64, rounds: u64) {
    let (whole, mut dice) = (written().await, Dice((seed * 0x9e37_79b9) | 1));
    let mut read = 0;
    for round in 0..rounds {
        let mut pieces = whole.clone();
        for _ in 0..=dice.below(3) {
            change(&mut pieces, &mut dice);
        }
        let disk = Platter::default();
        disk.plate().bytes = batches(pieces);
        let look = |disk: &Platter| disk.look(Epoch([9; 16]), small().log, 5);
        let (image, found) = look(&disk);
        read += u64::from(found.damaged.is_none());
        let checkpoint = image.checkpoint();
        let copy = Platter::default();
        copy.plate().bytes = batches(checkpoint.clone());
        let (again, found) = look(&copy);
        assert_eq!((found.damaged, found.unfinished), (None, 0), "{seed} {round}: what it says of it is a journal");
        assert_eq!(read_out(&again.checkpoint()), read_out(&checkpoint), "{seed} {round}");
        if round % 20 == 0 {
            lives(&disk).await;
        }
    }
    assert!(read * 20 > rounds, "too few of them are read at all: {read} of {rounds}");
}

#[tokio::test(start_paused = true)]
async fn whatever_is_in_a_journal_a_room_goes_on_from_it() {
    forge(1, 2_000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn whatever_is_in_many_journals_a_room_goes_on_from_them() {
    for seed in 2..100 {
        forge(seed, 10_000).await;
    }
}
