use proptest::{collection::vec, prelude::*};
use tokio_util::codec::Decoder;

use super::*;
use crate::wire::{Codec, Event, FromRoom, Instance, Introduction, Kept, MAX_FRAME_LEN, PublicKey, Said, encode};

const SMALL: LogLimits = LogLimits { events: 8, bytes: 100_000, life: Duration::from_secs(600) };
const LARGE: LogLimits = LogLimits { events: 100_000, bytes: 16 << 20, life: Duration::from_secs(600) };

fn introduction(number: u32, name: &str) -> Introduction {
    Introduction { number, key: PublicKey([number as u8; 32]), instance: Instance([1; 16]), name: name.into() }
}

fn introduced(number: u32, name: &str) -> Needs {
    Needs::Introduced(number, Arc::from(&encode(&FromRoom::Member(introduction(number, name))).expect("fits")[..]))
}

fn text() -> Said {
    Said { command: "chat".into(), payload: "hi".into() }
}

fn said(from: u32, kept: Option<Kept>) -> Event {
    Event::Said { from, n: 1, prev: 0, to: None, kept, said: text() }
}

/// Appends an event and returns its frame.
fn put(ring: &mut Ring, event: Event, audience: Audience, needs: Needs) -> Arc<[u8]> {
    let frame = encode(&FromRoom::Event { seq: ring.head() + 1, event }).expect("fits");
    ring.append(&frame, audience, needs, Instant::now());
    Arc::from(&frame[..])
}

fn keep(ring: &mut Ring, number: u32, audience: Audience, needs: Needs) {
    let frame = put(ring, said(9, Some(Kept { number, tag: 0 })), audience, needs.clone());
    ring.keep(number, KeptFrame { seq: ring.head(), audience, needs, frame });
}

fn frames(mut bytes: BytesMut) -> Vec<FromRoom> {
    let mut codec = Codec::<FromRoom>::new(MAX_FRAME_LEN);
    let frames = std::iter::from_fn(|| codec.decode(&mut bytes).expect("good frames")).collect();
    assert!(bytes.is_empty(), "whole frames only");
    frames
}

fn read_all(ring: &Ring, cursor: &mut Cursor) -> Vec<FromRoom> {
    let mut out = BytesMut::new();
    while ring.read(cursor, 0, &mut out, 64) == Read::More {}
    frames(out)
}

fn seqs(frames: &[FromRoom]) -> Vec<u64> {
    frames.iter().filter_map(|frame| if let FromRoom::Event { seq, .. } = frame { Some(*seq) } else { None }).collect()
}

/// One thing that happens to the ring of the property test.
#[derive(Clone, Debug)]
enum Step {
    Append(Audience, usize),
    /// A reader reads once, with a budget.
    Read(usize, usize),
    /// A reader's link breaks and it resumes with what it knows.
    Resume(usize),
    Enter,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = || 1..=4u32;
    let audience = prop_oneof![
        2 => Just(Audience::All),
        1 => member().prop_map(Audience::One),
        2 => (member(), member()).prop_map(|(a, b)| Audience::Two(a, b)),
    ];
    let step = prop_oneof![
        12 => (audience, 0..60usize).prop_map(|(audience, len)| Step::Append(audience, len)),
        5 => (0..4usize, 1..300usize).prop_map(|(reader, budget)| Step::Read(reader, budget)),
        1 => (0..4usize).prop_map(Step::Resume),
        1 => Just(Step::Enter),
    ];
    vec(step, 0..150)
}

/// A member as the model sees it.
struct Reader {
    member: u32,
    cursor: Cursor,
    base: u64,
    /// What it is entitled to and has neither got nor been told to have missed.
    due: VecDeque<u64>,
    seq: u64,
    count: u64,
}

impl Reader {
    fn enter(ring: &Ring, member: u32) -> Self {
        let (cursor, base, seq) = (Cursor::enter(ring, member), ring.public_total(), ring.head());
        Self { member, cursor, base, due: VecDeque::new(), seq, count: 0 }
    }

    fn read(&mut self, ring: &Ring, budget: usize) -> Result<Read, TestCaseError> {
        let mut out = BytesMut::new();
        let read = ring.read(&mut self.cursor, 7, &mut out, budget);
        for frame in frames(out) {
            match frame {
                FromRoom::Event { seq, .. } => {
                    prop_assert_eq!(self.due.pop_front(), Some(seq), "member {}", self.member);
                    (self.seq, self.count) = (seq, self.count + 1);
                }
                FromRoom::Gap(gap) => {
                    let missed = self.due.iter().filter(|seq| **seq <= gap.seq).count() as u64;
                    prop_assert_eq!(gap.missed, missed, "member {}", self.member);
                    prop_assert!(gap.accepted <= 7 && gap.seq >= self.seq);
                    self.due.retain(|seq| *seq > gap.seq);
                    (self.seq, self.count) = (gap.seq, self.count + missed);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        Ok(read)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_a_reader_gets_and_is_told_to_have_missed_is_all_it_is_entitled_to(
        steps in steps(),
        events in 1..20usize,
        bytes in 20..900usize,
    ) {
        let mut ring = Ring::new(LogLimits { events, bytes, life: Duration::from_secs(600) }, 0);
        let mut readers: Vec<Reader> = Vec::new();
        for step in steps {
            match step {
                Step::Append(audience, len) => {
                    let event = Event::Refused { n: 1, reason: "x".repeat(len) };
                    put(&mut ring, event, audience, Needs::Nobody);
                    let head = ring.head();
                    readers.iter_mut().filter(|r| audience.includes(r.member)).for_each(|r| r.due.push_back(head));
                }
                Step::Enter if readers.len() < 4 => {
                    let member = readers.len() as u32 + 1;
                    // Private events from before it entered are nobody's.
                    ring.forget(member);
                    readers.push(Reader::enter(&ring, member));
                }
                Step::Read(index, budget) if index < readers.len() => {
                    readers[index].read(&ring, budget)?;
                }
                Step::Resume(index) if index < readers.len() => {
                    let reader = &mut readers[index];
                    let place = Place { base: reader.base, next: reader.seq + 1, count: reader.count };
                    reader.cursor = Cursor::resume(&ring, reader.member, place, false);
                }
                _ => {}
            }
        }
        for reader in &mut readers {
            while reader.read(&ring, 50)? == Read::More {}
            prop_assert!(reader.due.is_empty(), "member {} lacks {:?}", reader.member, reader.due);
        }
    }
}

#[test]
fn a_private_event_reaches_its_two_members_and_nobody_else() {
    let mut ring = Ring::new(LARGE, 0);
    let mut cursors: Vec<Cursor> = (1..=3).map(|member| Cursor::enter(&ring, member)).collect();
    for audience in [Audience::All, Audience::Two(1, 2), Audience::One(3), Audience::Two(3, 3), Audience::All] {
        put(&mut ring, said(1, None), audience, Needs::Nobody);
    }
    let got: Vec<_> = cursors.iter_mut().map(|cursor| seqs(&read_all(&ring, cursor))).collect();
    assert_eq!(got, [vec![1, 2, 5], vec![1, 2, 5], vec![1, 3, 4, 5]]);
}

#[test]
fn a_newcomer_gets_nothing_from_before_it_entered() {
    let mut ring = Ring::new(SMALL, 0);
    for _ in 0..20 {
        put(&mut ring, said(1, None), Audience::All, Needs::Nobody);
    }
    let mut cursor = Cursor::enter(&ring, 2);
    assert!(read_all(&ring, &mut cursor).is_empty());
    put(&mut ring, said(1, None), Audience::All, Needs::Nobody);
    assert_eq!(seqs(&read_all(&ring, &mut cursor)), [21]);
}

#[test]
fn what_is_too_old_is_dropped_and_stated() {
    let mut ring = Ring::new(LARGE, 0);
    let mut cursor = Cursor::enter(&ring, 2);
    for _ in 0..5 {
        put(&mut ring, said(1, None), Audience::All, Needs::Nobody);
    }
    ring.expire(Instant::now() + Duration::from_secs(599));
    assert_eq!(ring.head(), 5);
    ring.expire(Instant::now() + Duration::from_secs(601));
    put(&mut ring, said(1, None), Audience::All, Needs::Nobody);
    let got = read_all(&ring, &mut cursor);
    let gap = Gap { missed: 5, accepted: 0, seq: 5, kept: Vec::new() };
    assert_eq!((&got[0], seqs(&got)), (&FromRoom::Gap(gap), vec![6]));
}

#[test]
fn a_member_is_introduced_before_it_is_needed_once_and_again_after_it_left() {
    let mut ring = Ring::new(LARGE, 0);
    let mut cursor = Cursor::enter(&ring, 1);
    let Needs::Introduced(_, bob) = introduced(2, "bob") else { unreachable!() };
    put(&mut ring, said(2, None), Audience::All, introduced(2, "bob"));
    put(&mut ring, said(2, None), Audience::All, introduced(2, "bob"));
    put(&mut ring, Event::Away { member: 2 }, Audience::All, Needs::ForgottenAfter(2, bob));
    put(&mut ring, said(2, None), Audience::All, introduced(2, "bob"));
    put(&mut ring, Event::Joined(introduction(3, "carol")), Audience::All, Needs::Introduces(3));
    put(&mut ring, said(3, None), Audience::All, introduced(3, "carol"));
    put(&mut ring, said(1, None), Audience::All, introduced(1, "me"));
    let is_member = |frame: &FromRoom| matches!(frame, FromRoom::Member(_));
    let got: Vec<bool> = read_all(&ring, &mut cursor).iter().map(is_member).collect();
    assert_eq!(got, [true, false, false, false, true, false, false, false, false]);
    let mut returned = Cursor::resume(&ring, 1, Place { base: 0, next: 7, count: 6 }, false);
    put(&mut ring, said(2, None), Audience::All, introduced(2, "bob"));
    let got: Vec<bool> = read_all(&ring, &mut returned).iter().map(is_member).collect();
    assert_eq!(got, [false, true, false], "a new link begins with no introductions but one's own");
}

#[test]
fn the_numbers_of_introductions_are_bounded_and_nobody_speaks_unknown() {
    let mut ring = Ring::new(LARGE, 0);
    let mut cursor = Cursor::enter(&ring, 1);
    for number in (2..MAX_INTRODUCTIONS as u32 + 100).chain(2..4) {
        put(&mut ring, said(number, None), Audience::All, introduced(number, "x"));
    }
    let got = read_all(&ring, &mut cursor);
    let again = got.iter().filter(|frame| matches!(frame, FromRoom::Member(who) if who.number == 2)).count();
    assert_eq!(again, 2);
    assert!(cursor.introduced.len() <= MAX_INTRODUCTIONS);
}

#[test]
fn what_is_kept_greets_a_newcomer_once_and_only_those_entitled() {
    let mut ring = Ring::new(SMALL, 0);
    keep(&mut ring, 1, Audience::All, introduced(9, "dave"));
    keep(&mut ring, 2, Audience::Two(9, 3), introduced(9, "dave"));
    keep(&mut ring, 3, Audience::All, introduced(9, "dave"));
    ring.withdraw(3);
    let mut newcomer = Cursor::enter(&ring, 5);
    put(&mut ring, said(9, None), Audience::All, introduced(9, "dave"));
    keep(&mut ring, 4, Audience::All, introduced(9, "dave"));
    let got = read_all(&ring, &mut newcomer);
    assert!(matches!(&got[0], FromRoom::Member(who) if who.name == "dave"));
    assert_eq!((got.len(), seqs(&got)), (4, vec![1, 4, 5]));
    assert!(read_all(&ring, &mut newcomer).is_empty());
}

#[test]
fn after_a_gap_all_that_is_kept_comes_again_with_its_numbers() {
    let mut ring = Ring::new(SMALL, 0);
    let mut cursor = Cursor::enter(&ring, 5);
    keep(&mut ring, 1, Audience::All, introduced(9, "dave"));
    keep(&mut ring, 2, Audience::All, introduced(9, "dave"));
    read_all(&ring, &mut cursor);
    ring.withdraw(1);
    for _ in 0..20 {
        put(&mut ring, said(9, None), Audience::All, introduced(9, "dave"));
    }
    let got = read_all(&ring, &mut cursor);
    let gap = Gap { missed: 12, accepted: 0, seq: 14, kept: vec![2] };
    assert_eq!(got[0], FromRoom::Gap(gap));
    assert!(matches!(got[1], FromRoom::Member(_)), "introductions are forgotten in a gap");
    assert_eq!(seqs(&got), [2, 15, 16, 17, 18, 19, 20, 21, 22]);
}

#[test]
fn a_gap_acknowledges_nothing_that_is_still_to_come() {
    let line = |n| Event::Said { from: 5, n, prev: n - 1, to: None, kept: None, said: text() };
    for (own, accepted) in [(vec![1, 2, 20, 25], 2), (vec![1, 2], 4), (vec![], 4)] {
        let mut ring = Ring::new(SMALL, 0);
        let mut cursor = Cursor::enter(&ring, 5);
        let mut n = 0;
        for seq in 1..=25 {
            let mine = own.contains(&seq);
            n += u64::from(mine);
            let (event, needs) = if mine { (line(n), introduced(5, "me")) } else { (said(9, None), Needs::Nobody) };
            put(&mut ring, event, Audience::All, needs);
        }
        let mut out = BytesMut::new();
        ring.read(&mut cursor, 4, &mut out, 10_000);
        let FromRoom::Gap(gap) = &frames(out)[0] else { panic!("no gap") };
        assert_eq!((gap.seq, gap.accepted), (17, accepted), "{own:?}");
    }
    // A refusal comes, too.
    let mut ring = Ring::new(SMALL, 0);
    let mut cursor = Cursor::enter(&ring, 5);
    for seq in 1..=25 {
        let refused = Event::Refused { n: 4, reason: "no".into() };
        let (event, audience) = if seq == 20 { (refused, Audience::One(5)) } else { (said(9, None), Audience::All) };
        put(&mut ring, event, audience, Needs::Nobody);
    }
    let mut out = BytesMut::new();
    ring.read(&mut cursor, 4, &mut out, 10_000);
    assert!(matches!(&frames(out)[0], FromRoom::Gap(gap) if gap.accepted == 3));
}

#[test]
fn a_reader_holds_up_the_log_when_it_is_behind_by_half_of_it() {
    let mut ring = Ring::new(SMALL, 0);
    assert!(!ring.holds_up(1));
    for _ in 0..4 {
        put(&mut ring, said(9, None), Audience::All, Needs::Nobody);
    }
    assert!(!ring.holds_up(1));
    put(&mut ring, said(9, None), Audience::All, Needs::Nobody);
    assert!(ring.holds_up(1) && !ring.holds_up(2) && !ring.holds_up(u64::MAX));
    let mut ring = Ring::new(LogLimits { bytes: 100, ..LARGE }, 0);
    put(&mut ring, Event::Refused { n: 1, reason: "x".repeat(60) }, Audience::All, Needs::Nobody);
    assert!(ring.holds_up(1) && !ring.holds_up(2));
}

#[test]
fn an_event_larger_than_the_log_is_held_alone() {
    let mut ring = Ring::new(LogLimits { bytes: 10, ..LARGE }, 0);
    let mut cursor = Cursor::enter(&ring, 1);
    put(&mut ring, Event::Refused { n: 1, reason: "x".repeat(60) }, Audience::All, Needs::Nobody);
    assert_eq!(seqs(&read_all(&ring, &mut cursor)), [1]);
}

#[test]
fn what_may_be_read_is_never_hidden_again() {
    let mut ring = Ring::new(LARGE, 0);
    ring.conceal();
    let mut cursor = Cursor::enter(&ring, 1);
    put(&mut ring, said(9, None), Audience::All, Needs::Nobody);
    assert!(read_all(&ring, &mut cursor).is_empty());
    // The room gives its journal up, and its writer tells a little later how far it was.
    ring.reveal(u64::MAX);
    ring.reveal(1);
    put(&mut ring, said(9, None), Audience::All, Needs::Nobody);
    assert_eq!(seqs(&read_all(&ring, &mut cursor)), [1, 2]);
}
