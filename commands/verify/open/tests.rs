use super::*;
use crate::wire::Instance;

fn member(of: u8, name: &str) -> Member {
    Member { number: of.into(), key: PublicKey([of; 32]), instance: Instance([of; 16]), name: name.into() }
}

/// One side: who it is, what is open there, and numbers that are never the same.
struct Side {
    me: Member,
    open: Open,
    last: u8,
}

impl Side {
    fn new(of: u8, name: &str) -> Self {
        Self { me: member(of, name), open: Open::default(), last: of }
    }

    fn number(&mut self) -> Block {
        self.last = self.last.wrapping_add(16);
        Block([self.last; 32])
    }

    fn start(&mut self, peer: &Member, now: Instant) -> (Option<Step>, oneshot::Receiver<Words>) {
        let number = self.number();
        self.open.start(&self.me.clone(), peer, number, now)
    }

    fn take(&mut self, from: &Member, step: Step, now: Instant) -> Reaction {
        let number = self.number();
        self.open.take(&self.me.clone(), from, step, number, now)
    }

    /// Takes a step that has to be answered with another one.
    fn say(&mut self, from: &Member, step: Step, now: Instant) -> Step {
        match self.take(from, step, now) {
            Reaction::Say(step) => step,
            other => panic!("{other:?}"),
        }
    }

    /// Takes a step with which both have words. Gives the last step, if this side has one more.
    fn agree(&mut self, from: &Member, step: Step, now: Instant) -> (Option<Step>, Words) {
        match self.take(from, step, now) {
            Reaction::Agreed(step, words, waiting) => {
                if let Some(waiting) = waiting {
                    let _ = waiting.send(words);
                }
                (step, words)
            }
            other => panic!("{other:?}"),
        }
    }

    fn ignores(&mut self, from: &Member, step: Step, now: Instant) {
        let reaction = self.take(from, step, now);
        assert!(matches!(reaction, Reaction::Nothing), "{reaction:?}");
    }
}

/// Two members, and a moment.
fn two() -> (Side, Side, Instant) {
    (Side::new(1, "alice"), Side::new(2, "bob"), Instant::now())
}

/// An exchange from `one` to `other`, all of it. Gives the words that each has.
fn run(one: &mut Side, other: &mut Side, now: Instant) -> (Words, Words) {
    let (commit, mut waits) = one.start(&other.me, now);
    let answer = other.say(&one.me, commit.expect("it starts"), now);
    let (reveal, ones) = one.agree(&other.me, answer, now);
    assert_eq!(waits.try_recv(), Ok(ones));
    let (nothing, others) = other.agree(&one.me, reveal.expect("the other needs it"), now);
    assert_eq!(nothing, None);
    (ones, others)
}

#[test]
fn both_have_the_same_words_and_each_time_others() {
    let (mut alice, mut bob, now) = two();
    let (hers, his) = run(&mut alice, &mut bob, now);
    assert_eq!(hers, his);
    assert_eq!(alice.open.named("BOB", now), Meant::Words(bob.me.clone()));
    assert_eq!(bob.open.named("alice", now), Meant::Words(alice.me.clone()));
    let (again, his) = run(&mut bob, &mut alice, now);
    assert_eq!(again, his);
    assert_ne!(again, hers);
    bob.open.forget(&alice.me.key);
    assert_eq!(bob.open.named("alice", now), Meant::Nothing);
}

#[test]
fn somebody_between_the_two_leaves_them_with_different_words() {
    let (mut alice, mut bob, now) = two();
    // To alice it says to be bob, to bob to be alice, under a key of its own; and it passes on what it can.
    let (mut to_alice, mut to_bob) = (Side::new(9, "bob"), Side::new(9, "alice"));
    let (commit, _waits) = alice.start(&to_alice.me, now);
    let (false_commit, _) = to_bob.start(&bob.me, now);
    let his = bob.say(&to_bob.me, false_commit.expect("it starts"), now);
    let answer = to_alice.say(&alice.me, commit.expect("she starts"), now);
    let (reveal, hers) = alice.agree(&to_alice.me, answer, now);
    let (false_reveal, _) = to_bob.agree(&bob.me, his, now);
    let (_, his) = bob.agree(&to_bob.me, false_reveal.expect("a step"), now);
    assert_ne!(hers, his);
    // Her own steps, passed on as they are, are bound to her key and to the key that she was told.
    let mut bob = Side::new(2, "bob");
    let commit = commit.expect("she starts");
    let answer = bob.say(&to_bob.me, commit, now);
    assert!(matches!(answer, Step::Answer(..)));
    assert!(matches!(bob.take(&to_bob.me, reveal.expect("a step"), now), Reaction::Broken));
    assert_eq!(bob.open.named("alice", now), Meant::Nothing);
}

#[test]
fn a_changed_commitment_and_a_number_that_does_not_fit_are_noticed() {
    let (mut alice, mut bob, now) = two();
    let (commit, _waits) = alice.start(&bob.me, now);
    let Some(Step::Commit(commitment)) = commit else { panic!("{commit:?}") };
    let other = Block([0xee; 32]);
    // On the way to bob: she does not know what he answers to.
    let answer = bob.say(&alice.me, Step::Commit(other), now);
    alice.ignores(&bob.me, answer, now);
    let Step::Answer(_, his) = answer else { panic!("{answer:?}") };
    let (reveal, _) = alice.agree(&bob.me, Step::Answer(commitment, his), now);
    bob.ignores(&alice.me, reveal.expect("a step"), now);
    let Some(Step::Reveal(_, hers)) = reveal else { panic!("{reveal:?}") };
    assert!(matches!(bob.take(&alice.me, Step::Reveal(other, hers), now), Reaction::Broken));
    // On the way of the last step.
    let (mut alice, mut bob, now) = two();
    let (commit, _waits) = alice.start(&bob.me, now);
    let answer = bob.say(&alice.me, commit.expect("a step"), now);
    let (reveal, _) = alice.agree(&bob.me, answer, now);
    let Some(Step::Reveal(commitment, _)) = reveal else { panic!("{reveal:?}") };
    assert!(matches!(bob.take(&alice.me, Step::Reveal(commitment, other), now), Reaction::Broken));
    // Not even the right one counts now.
    bob.ignores(&alice.me, reveal.expect("a step"), now);
    assert_eq!(bob.open.named("alice", now), Meant::Nothing);
}

#[test]
fn ones_own_steps_sent_back_lead_to_nothing() {
    // With the higher key, so that a start of the other one goes before an own one.
    let (mut alice, bob) = (Side::new(7, "alice"), member(2, "bob"));
    let now = Instant::now();
    let (commit, mut waits) = alice.start(&bob, now);
    let commit = commit.expect("a step");
    let answer = alice.say(&bob, commit, now);
    alice.ignores(&bob, answer, now);
    let Step::Answer(commitment, number) = answer else { panic!("{answer:?}") };
    // The number that she answered with, and the commitment, as if the other one had begun.
    assert!(matches!(alice.take(&bob, Step::Reveal(commitment, number), now), Reaction::Broken));
    assert!(waits.try_recv().is_err());
    assert_eq!(alice.open.named("bob", now), Meant::Nothing);
    // From one's own key nothing is taken, under whatever name.
    let itself = Member { instance: Instance([3; 16]), ..alice.me.clone() };
    alice.ignores(&itself, commit, now);
}

#[test]
fn steps_said_again_and_steps_out_of_order_lead_to_nothing() {
    let (mut alice, mut bob, now) = two();
    let (commit, _waits) = alice.start(&bob.me, now);
    let (commit, before) = (commit.expect("a step"), Step::Reveal(Block([1; 32]), Block([2; 32])));
    bob.ignores(&alice.me, before, now);
    let answer = bob.say(&alice.me, commit, now);
    bob.ignores(&alice.me, answer, now);
    let (reveal, words) = alice.agree(&bob.me, answer, now);
    alice.ignores(&bob.me, answer, now);
    let reveal = reveal.expect("a step");
    bob.agree(&alice.me, reveal, now);
    bob.ignores(&alice.me, reveal, now);
    // All of it said again finds another number, and so leads to other words.
    let again = bob.say(&alice.me, commit, now);
    assert_ne!(again, answer);
    assert_ne!(bob.agree(&alice.me, reveal, now).1, words);
    // Another terminal of the same person takes no part.
    let (mut alice, mut bob, now) = two();
    let (commit, _waits) = alice.start(&bob.me, now);
    let answer = bob.say(&alice.me, commit.expect("a step"), now);
    let second = Member { instance: Instance([9; 16]), ..bob.me.clone() };
    alice.ignores(&second, answer, now);
}

#[test]
fn when_both_start_at_once_the_lower_key_goes_on_and_both_wait_for_the_same_words() {
    let (mut alice, mut bob, now) = two();
    let (hers, mut she_waits) = alice.start(&bob.me, now);
    let (his, mut he_waits) = bob.start(&alice.me, now);
    alice.ignores(&bob.me, his.expect("a step"), now);
    let answer = bob.say(&alice.me, hers.expect("a step"), now);
    let (reveal, words) = alice.agree(&bob.me, answer, now);
    let (_, same) = bob.agree(&alice.me, reveal.expect("a step"), now);
    assert_eq!(words, same);
    assert_eq!((she_waits.try_recv(), he_waits.try_recv()), (Ok(words), Ok(words)));
}

#[test]
fn whoever_begins_while_the_other_has_begun_joins_in_but_not_what_stands_still() {
    let (mut alice, mut bob, now) = two();
    let (commit, _waits) = alice.start(&bob.me, now);
    let answer = bob.say(&alice.me, commit.expect("a step"), now);
    let (nothing, mut he_waits) = bob.start(&alice.me, now);
    assert_eq!(nothing, None);
    let (reveal, words) = alice.agree(&bob.me, answer, now);
    bob.agree(&alice.me, reveal.expect("a step"), now);
    assert_eq!(he_waits.try_recv(), Ok(words));
    bob.open.forget(&alice.me.key);
    let (commit, _waits) = alice.start(&bob.me, now);
    bob.say(&alice.me, commit.expect("a step"), now);
    assert!(bob.start(&alice.me, now + PATIENCE).0.is_some());
}

#[test]
fn a_key_starts_three_times_in_five_minutes_whether_it_leaves_or_not() {
    let (mut bob, alice, now) = (Side::new(2, "bob"), member(1, "alice"), Instant::now());
    for at in 0..3 {
        bob.say(&alice, Step::Commit(Block([at; 32])), now);
        bob.open.left(&alice);
    }
    let again = Member { instance: Instance([9; 16]), ..alice.clone() };
    bob.ignores(&again, Step::Commit(Block([4; 32])), now);
    bob.ignores(&alice, Step::Commit(Block([5; 32])), now + LIFE - Duration::from_secs(1));
    bob.say(&alice, Step::Commit(Block([6; 32])), now + LIFE);
}

#[test]
fn sixteen_are_open_at_once_and_ones_own_wish_finds_a_place() {
    let (mut bob, now) = (Side::new(2, "bob"), Instant::now());
    for of in 10..26 {
        bob.say(&member(of, "eve"), Step::Commit(Block([of; 32])), now);
    }
    bob.ignores(&member(30, "alice"), Step::Commit(Block([1; 32])), now);
    assert!(bob.start(&member(30, "alice"), now).0.is_some());
    assert_eq!(bob.open.exchanges.len(), 16);
    bob.say(&member(31, "carol"), Step::Commit(Block([1; 32])), now + LIFE);
    assert_eq!(bob.open.exchanges.len(), 1, "the others are forgotten");
}

#[test]
fn an_answer_is_about_the_key_whose_words_were_shown_whoever_has_the_name_now() {
    let (mut alice, mut bob, now) = two();
    run(&mut alice, &mut bob, now);
    // She goes, and somebody else comes with her name but without words.
    bob.open.left(&alice.me);
    bob.say(&member(9, "alice"), Step::Commit(Block([1; 32])), now);
    assert_eq!(bob.open.named("alice", now), Meant::Words(alice.me.clone()));
    // With words of two keys under one name it is not known which were compared.
    let mut eve = Side::new(8, "Alice");
    run(&mut eve, &mut bob, now);
    assert_eq!(bob.open.named("alice", now), Meant::Several);
    assert_eq!(bob.open.named("alice", now), Meant::Nothing);
    // Nor is it when the first are too old meanwhile.
    let (mut alice, mut bob, now) = two();
    run(&mut alice, &mut bob, now);
    run(&mut eve, &mut bob, now + LIFE);
    assert_eq!(bob.open.named("alice", now + LIFE), Meant::Several);
}

#[test]
fn words_that_are_too_old_are_told_from_none() {
    let (mut alice, mut bob, now) = two();
    run(&mut alice, &mut bob, now);
    alice.open.ask(&bob.me, now);
    assert_eq!(alice.open.answered(now + LIFE), Meant::TooLate);
    assert_eq!(alice.open.answered(now), Meant::Nothing, "it is asked once");
    let almost = now + LIFE - Duration::from_secs(1);
    assert_eq!(bob.open.named("alice", almost), Meant::Words(alice.me.clone()));
    assert_eq!(bob.open.named("alice", now + LIFE), Meant::TooLate);
    assert_eq!(bob.open.named("alice", now + LIFE), Meant::Nothing);
}

#[test]
fn whoever_leaves_before_the_words_ends_the_wait() {
    let (mut alice, mut bob, now) = two();
    let (commit, mut waits) = alice.start(&bob.me, now);
    alice.open.left(&member(5, "bob"));
    assert_eq!(waits.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    alice.open.left(&bob.me);
    assert_eq!(waits.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    let answer = bob.say(&alice.me, commit.expect("a step"), now);
    alice.ignores(&bob.me, answer, now);
    // An answer after nobody waits any more shows nothing to the other one either.
    let (commit, _waits) = alice.start(&bob.me, now);
    alice.open.give_up(&bob.me.key);
    let answer = bob.say(&alice.me, commit.expect("a step"), now);
    alice.ignores(&bob.me, answer, now);
}
