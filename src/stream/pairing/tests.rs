use std::time::Duration;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::limits::stream::MAX_IN_ROOM;

fn party(number: u32) -> Party {
    Party { number, key: PublicKey([number as u8; 32]), inside: number == 1 }
}

fn tokens(of: u8) -> [Token; 2] {
    [Token([of; 32]), Token([of + 100; 32])]
}

/// A table with one stream from 2 to 3, and its tokens.
fn one() -> (Pairing<&'static str>, [Token; 2], Instant) {
    let (mut table, now) = (Pairing::new(MAX_IN_ROOM), Instant::now());
    table.open([party(2), party(3)], tokens(0), now).unwrap();
    (table, tokens(0), now)
}

fn refused(arrival: Arrival<&str>) -> bool {
    matches!(arrival, Arrival::Refused(_))
}

#[test]
fn two_ends_are_joined_whichever_comes_first() {
    for first in [0, 1] {
        let (mut table, tokens, now) = one();
        let names = ["opener", "target"];
        assert!(matches!(table.arrive(tokens[first], false, names[first], now), Arrival::Waits));
        assert_eq!(table.carried(), 0);
        let second = 1 - first;
        let Arrival::Paired { id, stop, ends } = table.arrive(tokens[second], false, names[second], now) else {
            panic!("not paired")
        };
        assert_eq!((ends, table.carried()), (names, 1));
        table.expire(now + TOKEN_LIFE * 100);
        assert!(!stop.is_cancelled(), "what runs does not expire");
        table.over(id);
        table.over(id);
        assert!(table.is_idle() && table.carried() == 0);
    }
}

#[test]
fn a_wrong_a_repeated_and_a_late_token_are_refused() {
    let (mut table, tokens, now) = one();
    assert!(refused(table.arrive(Token([9; 32]), false, "wrong", now)));
    assert!(matches!(table.arrive(tokens[0], false, "opener", now), Arrival::Waits));
    assert!(refused(table.arrive(tokens[0], false, "repeated", now)), "one side is not both");
    assert!(refused(table.arrive(tokens[1], false, "late", now + TOKEN_LIFE)), "even before it was swept away");
    table.expire(now + TOKEN_LIFE - Duration::from_nanos(1));
    assert!(!table.is_idle());
    table.expire(now + TOKEN_LIFE);
    assert!(table.is_idle());
    assert!(refused(table.arrive(tokens[1], false, "later", now)));
}

#[test]
fn a_token_of_a_running_stream_is_good_for_nothing() {
    let (mut table, tokens, now) = one();
    table.arrive(tokens[0], false, "opener", now);
    table.arrive(tokens[1], false, "target", now);
    for token in tokens {
        assert!(refused(table.arrive(token, false, "again", now)));
    }
    assert_eq!(table.carried(), 1);
}

#[test]
fn the_rooms_own_member_comes_from_inside_and_nobody_else_does() {
    let (mut table, now) = (Pairing::new(MAX_IN_ROOM), Instant::now());
    table.open([party(2), party(1)], tokens(0), now).unwrap();
    let [opener, target] = tokens(0);
    assert!(refused(table.arrive(target, false, "thief", now)));
    assert!(refused(table.arrive(opener, true, "ourselves", now)));
    table.arrive(opener, false, "opener", now);
    assert!(matches!(table.arrive(target, true, "host", now), Arrival::Paired { .. }));
    assert_eq!(table.carried(), 0, "it is the host's own");
}

#[test]
fn whoever_goes_takes_streams_of_either_role_along() {
    let (mut table, now) = (Pairing::new(MAX_IN_ROOM), Instant::now());
    let mut stops = Vec::new();
    for (of, parties) in [(0, [2, 3]), (1, [3, 2]), (2, [3, 4])] {
        table.open(parties.map(party), tokens(of), now).unwrap();
        table.arrive(tokens(of)[0], false, "opener", now);
        let Arrival::Paired { stop, .. } = table.arrive(tokens(of)[1], false, "target", now) else { panic!() };
        stops.push(stop);
    }
    table.open([party(2), party(4)], tokens(3), now).unwrap();
    table.arrive(tokens(3)[0], false, "waiting", now);
    table.end_of(2);
    assert_eq!(stops.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(), [true, true, false]);
    assert!(refused(table.arrive(tokens(3)[1], false, "target", now)));
    table.close();
    assert!(stops[2].is_cancelled() && table.is_idle());
    assert_eq!(table.open([party(2), party(3)], tokens(0), now), Err(Full::Closed));
}

#[test]
fn limits_hold_for_a_key_and_for_the_room() {
    let (mut table, now) = (Pairing::<u64>::new(MAX_IN_ROOM), Instant::now());
    let mut last = 0u64;
    let mut pair = || {
        last += 1;
        let token = |side: u64| {
            let mut token = [0; 32];
            token[..8].copy_from_slice(&(2 * last + side).to_be_bytes());
            Token(token)
        };
        [token(0), token(1)]
    };
    let run = |table: &mut Pairing<u64>, opener: Party, tokens: [Token; 2]| {
        table.open([opener, party(200)], tokens, now)?;
        table.arrive(tokens[0], false, 0, now);
        assert!(matches!(table.arrive(tokens[1], false, 1, now), Arrival::Paired { .. }));
        Ok(())
    };
    for _ in 0..MAX_PENDING_OF_ONE {
        table.open([party(2), party(3)], pair(), now).unwrap();
    }
    // Another program of the same key is the same opener.
    let other = Party { number: 99, ..party(2) };
    assert_eq!(table.open([other, party(3)], pair(), now), Err(Full::Pending));
    table.expire(now + TOKEN_LIFE);
    assert!(table.is_idle());
    for _ in 0..MAX_OF_ONE {
        run(&mut table, party(2), pair()).unwrap();
    }
    assert_eq!(run(&mut table, other, pair()), Err(Full::Opener));
    for opener in 0..(MAX_IN_ROOM / MAX_OF_ONE - 1) as u32 {
        for _ in 0..MAX_OF_ONE {
            run(&mut table, party(10 + opener), pair()).unwrap();
        }
    }
    assert_eq!(run(&mut table, party(100), pair()), Err(Full::Room(MAX_IN_ROOM)));
    table.end_of(10);
    run(&mut table, party(100), pair()).unwrap();
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_nothing_is_left_at_the_end(
        steps in vec((0..6u8, 0..8u32, 0..8u32, 0..40u64), 0..200)
    ) {
        let (mut table, mut now) = (Pairing::new(MAX_IN_ROOM), Instant::now());
        let (mut given, mut running) = (Vec::new(), Vec::new());
        for (n, (step, a, b, secs)) in steps.into_iter().enumerate() {
            match step {
                0 | 1 => {
                    let pair = tokens((n % 100) as u8);
                    // A number comes again after 100 steps: random tokens do not.
                    if given.iter().all(|(token, _)| !pair.contains(token))
                        && table.open([party(a), party(b + 10)], pair, now).is_ok()
                    {
                        given.extend([(pair[0], a == 1), (pair[1], false)]);
                    }
                }
                2 | 3 if !given.is_empty() => {
                    let (token, inside) = given[(a as usize * 8 + b as usize) % given.len()];
                    if let Arrival::Paired { id, stop, .. } = table.arrive(token, inside, n, now) {
                        running.push((id, stop));
                    }
                }
                4 if !running.is_empty() => table.over(running.swap_remove(a as usize % running.len()).0),
                4 => table.end_of(a),
                _ => {
                    now += Duration::from_secs(secs);
                    table.expire(now);
                }
            }
            let alive = running.iter().filter(|(_, stop)| !stop.is_cancelled()).count();
            prop_assert!(table.carried() <= alive);
        }
        running.iter().for_each(|(id, _)| table.over(*id));
        prop_assert!(running.iter().all(|(_, stop)| stop.is_cancelled()));
        table.expire(now + TOKEN_LIFE);
        prop_assert!(table.is_idle() && table.carried() == 0);
    }
}
