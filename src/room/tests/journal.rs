//! Rooms whose program died, and that go on from their journal.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    keeping::{keep, kept},
    peer::*,
};
use crate::{
    dice::Dice,
    room::{
        LogLimits, RoomConfig, Timing, Via,
        journal::{
            image::Image,
            memory::{Platter, batches, read_out},
        },
    },
    wire::*,
};

fn remembered(text: &str) -> Body {
    Body::Remember(text_of(text))
}

/// A new room with a journal, and its host.
async fn begun(disk: &Platter) -> (House, Member) {
    let house = House::restored(config(), disk, 7);
    let host = house.host().await;
    (house, host)
}

/// The power goes, and the room of the same journal opens again, with a host whose program is another one.
async fn again(disk: &Platter, house: House) -> (House, Member) {
    disk.lose_power();
    drop(house);
    let house = House::restored(config(), disk, 8);
    let mut host = who(1, "ann").instance(101);
    host.via = Via::Inside;
    host.address = None;
    host.hello.features = FEATURE_ASKABLE;
    let host = house.enter(host).await;
    (house, host)
}

#[tokio::test(start_paused = true)]
async fn a_room_goes_on_with_its_epoch_its_numbers_and_its_seats() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    bob.text("one").await;
    bob.send(bob.to(3), Body::Say(text_of("psst"))).await;
    bob.catch_up().await;
    carol.catch_up().await;
    let (b, c) = (who(2, "bob").back(&bob), who(3, "carol").back(&carol));
    // Carol is cut off and does not hear this.
    drop(carol);
    host.text("two").await;
    host.catch_up().await;
    bob.catch_up().await;
    let b = Who { hello: who(2, "bob").back(&bob).hello, ..b };
    let (house, mut host) = again(&disk, house).await;
    let mut bob = house.enter(b).await;
    let mut carol = house.enter(c).await;
    for member in [&bob, &carol] {
        assert_eq!((member.welcome.epoch, member.welcome.resumed), (Epoch([7; 16]), true));
    }
    assert_eq!(bob.welcome.accepted, bob.n, "its numbers are known");
    host.text("three").await;
    assert_eq!(carol.texts().await, ["two", "three"], "what it missed, what only the old program had heard");
    assert_eq!(bob.texts().await, ["three"], "and nothing twice");
    assert_eq!((bob.welcome.name.as_str(), carol.welcome.name.as_str()), ("bob", "carol"));
    let mut dave = house.enter(who(4, "bob")).await;
    assert_eq!(dave.welcome.name, "bob-2", "names are taken as before");
    dave.catch_up().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_what_is_not_on_the_disk() {
    let disk = Platter::slow(Duration::from_secs(5));
    let house = House::restored(config(), &disk, 7);
    let mut host = house.host().await;
    let mut caller = house.connect(&who(2, "bob"));
    caller.say(ToRoom::Hello(who(2, "bob").hello)).await;
    assert!(timeout(Duration::from_secs(4), caller.hear()).await.is_err(), "not even its Welcome");
    let welcome = caller.hear().await.unwrap();
    caller.welcomed(welcome);
    host.text("one").await;
    let heard = timeout(Duration::from_secs(4), caller.until(|event| matches!(event, Event::Said { .. }))).await;
    assert!(heard.is_err());
    caller.until(|event| matches!(event, Event::Said { .. })).await;
    host.say(ToRoom::Ask(Request::Lock { locked: true })).await;
    let answered =
        timeout(Duration::from_secs(4), async { while !matches!(host.hear().await.unwrap(), FromRoom::Answer(_)) {} });
    assert!(answered.await.is_err(), "an answer says that it is done");
}

#[tokio::test(start_paused = true)]
async fn who_is_put_out_hears_of_it_when_it_is_on_the_disk() {
    let disk = Platter::slow(Duration::from_secs(5));
    let house = House::restored(config(), &disk, 7);
    let mut host = house.host().await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.catch_up().await;
    let number = bob.welcome.number;
    host.say(ToRoom::Ask(Request::Kick { member: number, reason: String::new() })).await;
    let told =
        timeout(Duration::from_secs(4), async { while !matches!(bob.hear().await, Some(FromRoom::Ended(_))) {} });
    assert!(told.await.is_err());
    assert!(matches!(bob.ended().await, Some(End::Kicked { .. })));
}

/// A member that reads nothing holds nobody up, however much it says.
#[tokio::test(start_paused = true)]
async fn a_disk_that_stands_still_has_everyone_wait_and_takes_no_more_memory() {
    let disk = Platter::slow(Duration::from_secs(60));
    let house = House::restored(config(), &disk, 7);
    let _host = house.host().await;
    let mut caller = who(2, "bob");
    caller.pipe = 64 * 1024;
    let mut bob = house.enter(caller).await;
    let (mut said, long) = (0, "x".repeat(8 * 1024));
    while timeout(Duration::from_secs(5), bob.text(&long)).await.is_ok() {
        said += 1;
        assert!(said < 6_000, "48 MiB were taken");
    }
    assert!(said > 1_000, "{said}");
    // It answers all the same.
    house.room.checkpoint().await;
    assert!(timeout(Duration::from_secs(1), house.room.checkpoint()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_from_one_who_is_gone_is_counted_for_nobody() {
    let disk = Platter::eager();
    let house = House::restored(config(), &disk, 7);
    let mut host = house.host().await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    for tag in 1..=2 {
        bob.send(bob.to(3), Body::Keep { tag, said: text_of("for you") }).await;
    }
    bob.catch_up().await;
    carol.say(ToRoom::Leave).await;
    host.until(|event| matches!(event, Event::Left { .. })).await;
    for tag in 1..=2 {
        bob.send(bob.to(3), Body::Withdraw { tag }).await;
        bob.until(|event| matches!(event, Event::Withdrawn { .. })).await;
    }
    host.live(Duration::from_secs(3)).await;
    bob.catch_up().await;
    assert!(disk.plate().checkpoints > 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_on_the_disk_comes_again_from_its_sender_and_once() {
    let disk = Platter::slow(Duration::from_millis(500));
    let (house, _host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.text("one").await;
    bob.catch_up().await;
    let back = who(2, "bob").back(&bob);
    bob.text("two").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (house, mut host) = again(&disk, house).await;
    let mut bob = house.enter(back).await;
    assert_eq!(bob.welcome.accepted, bob.n, "of the second one nobody knows");
    bob.text("two").await;
    assert_eq!(host.texts().await, ["two"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_and_remembered_outlives_the_program_and_its_owners_may_take_it_back() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    host.send(To::Everyone, keep(1, "of the host")).await;
    host.send(To::Everyone, remembered("by ann")).await;
    host.catch_up().await;
    bob.send(To::Everyone, keep(7, "of bob")).await;
    bob.send(To::Everyone, keep(8, "soon gone")).await;
    bob.send(To::Everyone, Body::Withdraw { tag: 8 }).await;
    bob.send(To::Everyone, remembered("by bob")).await;
    assert_eq!(bob.ask(Request::Nick { name: "robert".into() }).await, Answer::Name("robert".into()));
    bob.catch_up().await;
    let back = who(2, "bob").back(&bob);
    let (house, _host) = again(&disk, house).await;
    let mut carol = who(3, "carol");
    carol.hello.features = FEATURE_BACKLOG;
    let mut carol = house.enter(carol).await;
    let frames = carol.catch_up().await;
    let past: Vec<_> =
        frames.iter().filter_map(|f| if let FromRoom::Past(p) = f { Some(p.name.clone()) } else { None }).collect();
    assert_eq!(past, ["ann", "bob"]);
    assert_eq!(
        kept(&frames).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
        ["of bob"],
        "the host's went with it"
    );
    let introduced = |frame: &FromRoom| matches!(frame, FromRoom::Member(member) if member.name == "robert");
    assert!(frames.iter().any(introduced), "{frames:?}");
    let mut bob = house.enter(back).await;
    bob.catch_up().await;
    bob.send(To::Everyone, keep(7, "again")).await;
    assert!(matches!(
        bob.until(|event| !matches!(event, Event::Left { .. } | Event::Joined(_))).await,
        Event::Refused { .. }
    ));
    bob.send(To::Everyone, Body::Withdraw { tag: 7 }).await;
    carol.until(|event| matches!(event, Event::Withdrawn { kept: Kept { tag: 7, .. }, .. })).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_muted_put_out_or_locked_out_stays_so() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let mut carol = house.enter(who(3, "carol")).await;
    carol.send(To::Everyone, remembered("unkind")).await;
    carol.catch_up().await;
    assert_eq!(host.ask(Request::Mute { whom: Whom::Member(bob.welcome.number), muted: true }).await, Answer::Done);
    let kick = Request::Kick { member: carol.welcome.number, reason: String::new() };
    assert_eq!(host.ask(kick).await, Answer::Done);
    assert_eq!(host.ask(Request::Lock { locked: true }).await, Answer::Done);
    bob.catch_up().await;
    let back = who(2, "bob").back(&bob);
    let (house, mut host) = again(&disk, house).await;
    assert!(matches!(house.refused(who(3, "carol")).await, Refusal::Banned { secs: Some(_) }));
    assert_eq!(house.refused(who(4, "dave")).await, Refusal::Locked);
    let mut bob = house.enter(back).await;
    let n = bob.text("am I heard").await;
    bob.until(|event| matches!(event, Event::Refused { n: m, .. } if *m == n)).await;
    assert_eq!(host.ask(Request::Lock { locked: false }).await, Answer::Done);
    let mut erin = who(5, "erin");
    erin.hello.features = FEATURE_BACKLOG;
    let mut erin = house.enter(erin).await;
    assert!(!erin.catch_up().await.iter().any(|frame| matches!(frame, FromRoom::Past(_))));
}

#[tokio::test(start_paused = true)]
async fn a_closed_room_leaves_its_words_and_no_seats() {
    let disk = Platter::slow(Duration::from_millis(30));
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.send(To::Everyone, remembered("hello")).await;
    bob.catch_up().await;
    host.text("last words").await;
    host.say(ToRoom::Leave).await;
    let rest = bob.rest().await;
    assert!(rest.iter().any(|frame| text(frame).as_deref() == Some("last words")), "{rest:?}");
    assert!(matches!(rest.last(), Some(FromRoom::Ended(End::Closed { .. }))));
    let (house, _host) = again(&disk, house).await;
    let mut carol = who(3, "carol");
    carol.hello.features = FEATURE_BACKLOG;
    let mut carol = house.enter(carol).await;
    assert_eq!(carol.welcome.members, 2);
    assert!(carol.catch_up().await.iter().any(|frame| matches!(frame, FromRoom::Past(_))));
}

#[tokio::test(start_paused = true)]
async fn a_room_whose_program_was_only_stopped_keeps_the_seats() {
    let disk = Platter::slow(Duration::from_millis(30));
    let (house, _host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.text("one").await;
    bob.catch_up().await;
    house.room.may_return();
    house.room.close().await;
    assert!(matches!(bob.rest().await.last(), Some(FromRoom::Ended(End::Closed { by })) if by.is_empty()));
    let back = who(2, "bob").back(&bob);
    let (house, mut host) = again(&disk, house).await;
    let mut bob = house.enter(back).await;
    assert!(bob.welcome.resumed);
    bob.text("two").await;
    assert_eq!(host.texts().await, ["two"]);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_stops_the_journal_and_not_the_room() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    disk.plate().good = Some(3);
    let mut bob = house.enter(who(2, "bob")).await;
    for i in 0..20 {
        bob.text(&format!("line {i}")).await;
        bob.catch_up().await;
    }
    assert_eq!(host.texts().await.len(), 20);
    let why = house.room.journal_lost().await;
    assert!(why.contains("no storage space") && why.contains("goes on without"), "{why}");
    assert!(disk.plate().retired, "nobody takes it for the room later");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_stops_the_journal_and_not_the_room() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    let now = disk.plate().bytes.len();
    disk.plate().explodes_at = Some(now + 200);
    for i in 0..20 {
        bob.text(&format!("line {i}")).await;
        bob.catch_up().await;
    }
    assert_eq!(host.texts().await.len(), 20);
    let why = house.room.journal_lost().await;
    assert!(why.contains("goes on without"), "{why}");
    assert!(disk.plate().retired, "nobody takes it for the room later");
}

/// A checkpoint is made when the clock ticks, which may itself be the end of somebody's seat.
#[tokio::test(start_paused = true)]
async fn what_happens_as_a_checkpoint_is_made_is_in_the_journal_once() {
    let disk = Platter::eager();
    let timing = Timing { seat_life: Duration::from_secs(20), away: Duration::from_secs(2), ..Timing::default() };
    let house = House::restored(RoomConfig { timing, ..config() }, &disk, 7);
    let mut host = house.host().await;
    let bob = house.enter(who(2, "bob")).await;
    drop(bob);
    for _ in 0..300 {
        host.live(Duration::from_millis(100)).await;
        let (_, found) = disk.look(Epoch([9; 16]), config().log, 50);
        assert_eq!((found.damaged, found.unfinished), (None, 0));
    }
    assert!(disk.plate().checkpoints > 0);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_to_a_damaged_journal_reads_nothing_twice() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    for line in ["one", "two"] {
        host.text(line).await;
        host.catch_up().await;
    }
    assert_eq!(bob.texts().await, ["one", "two"]);
    let damage = disk.plate().bytes.len() - 1;
    host.text("three").await;
    assert_eq!(bob.texts().await, ["three"]);
    disk.plate().bytes[damage] ^= 1;
    let back = who(2, "bob").back(&bob);
    let (house, mut host) = again(&disk, house).await;
    let mut bob = house.enter(back).await;
    assert!(!bob.welcome.resumed && bob.welcome.epoch == Epoch([8; 16]));
    host.text("four").await;
    assert_eq!(bob.texts().await, ["four"]);
}

/// As the clock of the machine may have been set back, or whatever is in the file.
#[tokio::test(start_paused = true)]
async fn nobody_is_out_for_longer_than_they_were_to_be() {
    let disk = Platter::default();
    let (house, _host) = begun(&disk).await;
    disk.put_out(key(3), u64::MAX);
    let (house, _host) = again(&disk, house).await;
    let Refusal::Banned { secs: Some(secs) } = house.refused(who(3, "carol")).await else { panic!("it is in") };
    assert!(secs <= Timing::default().ban.as_secs() + 1, "{secs}");
}

#[tokio::test(start_paused = true)]
async fn who_knows_more_than_a_journal_that_was_not_written_to_its_end_begins_again() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let mut bob = house.enter(who(2, "bob")).await;
    bob.text("one").await;
    bob.catch_up().await;
    let old = disk.plate().bytes.clone();
    host.text("two").await;
    bob.text("three").await;
    bob.catch_up().await;
    let back = who(2, "bob").back(&bob);
    // Somebody has put an older copy back.
    disk.plate().bytes = old;
    let (house, mut host) = again(&disk, house).await;
    let mut bob = house.enter(back).await;
    assert!(!bob.welcome.resumed);
    bob.text("four").await;
    assert_eq!(host.texts().await, ["four"]);
}

#[tokio::test(start_paused = true)]
async fn whatever_is_cut_off_or_changed_nothing_else_is_read_than_was_written() {
    let disk = Platter::default();
    let (house, mut host) = begun(&disk).await;
    let checkpoint = batches(Image::empty(Epoch([7; 16]), config().log, 50).checkpoint()).len();
    let mut bob = house.enter(who(2, "bob")).await;
    let mut last_batch = 0;
    for i in 0..4 {
        last_batch = disk.plate().bytes.len();
        bob.text(&format!("line {i}")).await;
        bob.catch_up().await;
        host.catch_up().await;
    }
    let whole = disk.plate().bytes.clone();
    let mut heads = Vec::new();
    let mut restored = |bytes: Vec<u8>| {
        let copy = Platter::default();
        copy.plate().bytes = bytes;
        let (image, found) = copy.look(Epoch([9; 16]), config().log, 50);
        let head = image.ring.head();
        heads.push(head);
        (head, image.epoch == Epoch([7; 16]), found)
    };
    let (all, ..) = restored(whole.clone());
    let mut last = 0;
    for len in 0..whole.len() {
        let (head, same, found) = restored(whole[..len].to_vec());
        assert!(head >= last && head < all || len == whole.len(), "{len}");
        last = head;
        // The checkpoint with which it begins is renamed whole: what lacks a part of it had it.
        let whole_checkpoint = len >= checkpoint;
        assert!(same == whole_checkpoint || len == 0, "{len}");
        let other = found.damaged.is_some();
        assert_eq!(other, !whole_checkpoint && len > 0, "{len}: another end that was cut off was not synced");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        let (head, same, found) = restored(bytes);
        assert!(head < all, "{at}");
        match found.damaged {
            Some(_) => assert!(!same, "{at}"),
            // Others may have heard of all that is before the last batch.
            None => assert!(at >= last_batch && found.unfinished > 0, "{at}: {head} {found:?}"),
        }
    }
}

/// All that a room does, by chance; then the records of its state and those that its journal comes to are the same.
#[tokio::test(start_paused = true)]
async fn whatever_a_room_does_its_journal_says_what_its_state_says() {
    for seed in 1..40 {
        let mut dice = Dice((seed * 0x9e37_79b9) | 1);
        let disk = Platter::default();
        let timing = Timing { seat_life: Duration::from_secs(20), away: Duration::from_secs(2), ..Timing::default() };
        let log = LogLimits { events: 40, bytes: 8 * 1024, life: Duration::from_secs(3_600) };
        let config = RoomConfig { log, timing, backlog: 5, max_members: 12, ..config() };
        let house = House::restored(config.clone(), &disk, 7);
        let mut host = house.host().await;
        let mut members: Vec<Member> = Vec::new();
        for step in 0..80u32 {
            let of = 2 + dice.below(6) as u8;
            let at = dice.below(members.len().max(1) as u64) as usize;
            let member = members.get_mut(at);
            match (dice.below(14), member) {
                (0 | 1, _) => {
                    let instance = dice.below(200) as u8;
                    let (mut member, answer) = house.call(who(of, &format!("m{of}")).instance(instance)).await;
                    if matches!(answer, FromRoom::Welcome(_)) {
                        member.welcomed(answer);
                        members.push(member);
                    }
                }
                (2, Some(_)) => drop(members.remove(at)),
                (3, Some(member)) => {
                    member.say(ToRoom::Leave).await;
                    members.remove(at);
                }
                (4, Some(member)) => drop(member.send(To::Everyone, keep(step % 5, "kept")).await),
                (5, Some(member)) => drop(member.send(To::Everyone, Body::Withdraw { tag: step % 5 }).await),
                (6, Some(member)) => drop(member.send(To::Everyone, remembered("well said")).await),
                (7, Some(member)) => {
                    let to = member.to(of);
                    member.send(to, Body::Keep { tag: 40 + step % 3, said: text_of("for you") }).await;
                }
                (8, Some(member)) => {
                    member.say(ToRoom::Ask(Request::Nick { name: format!("n{of}") })).await;
                }
                (9, Some(member)) => {
                    let whom = Whom::Member(member.welcome.number);
                    host.say(ToRoom::Ask(Request::Mute { whom, muted: dice.below(2) == 0 })).await;
                }
                (10, Some(member)) if dice.below(3) == 0 => {
                    let (member, reason) = (member.welcome.number, String::new());
                    host.say(ToRoom::Ask(Request::Kick { member, reason })).await;
                }
                (11, _) => host.say(ToRoom::Ask(Request::Lock { locked: dice.below(3) == 0 })).await,
                (12, _) => drop(host.live(Duration::from_secs(dice.below(9))).await),
                (_, Some(member)) => {
                    let to = if dice.below(3) == 0 { member.to(of) } else { To::Everyone };
                    member.send(to, Body::Say(text_of(&"x".repeat(dice.below(300) as usize)))).await;
                }
                _ => {}
            }
        }
        // Between two ticks, so that all of them is on the disk.
        host.live(Duration::from_millis(3_050)).await;
        let state = read_out(&house.room.checkpoint().await);
        let journal = disk.look(Epoch([9; 16]), config.log, config.backlog).0.checkpoint();
        let journal = read_out(&journal);
        let only = |of: &[String], other: &[String]| of.iter().find(|line| !other.contains(line)).cloned();
        assert_eq!((only(&state, &journal), only(&journal, &state)), (None, None), "seed {seed}");
        assert_eq!(state.len(), journal.len(), "seed {seed}");
    }
}
