//! What is measured.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    room::{Room, arrived, stands},
    support,
    terminal::Pty,
};

/// A line may take so many milliseconds to the window, and a key that stands among a thousand lines a second so many, in
/// 99 of 100 cases.
const ARRIVES: f64 = 20.0;
const TYPED: f64 = 50.0;

/// A member's memory is flat if the second half of the time adds no more than this many KiB. The host's grows to what it
/// holds for members who come back.
const FLAT: u64 = 1_024;

const PAUSE: Duration = Duration::from_millis(50);
const KEY_PAUSE: Duration = Duration::from_millis(100);
const CTRL_U: &str = "\x15";

/// Delays in milliseconds.
struct Delays(Vec<f64>);

impl Delays {
    /// Tells them. Whether the goal is met.
    fn report(mut self, what: &str, goal: f64) -> bool {
        self.0.sort_by(f64::total_cmp);
        let at = |share: f64| self.0[((self.0.len() - 1) as f64 * share) as usize];
        let met = at(0.99) <= goal;
        let judged = if met { "met" } else { "MISSED" };
        println!("  {what:<44} {:>8.2} {:>8.2} {:>8.2}   goal {goal}: {judged}", at(0.5), at(0.99), at(1.0));
        met
    }
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Lines at an easy pace.
pub fn arrive(lines: u32) -> bool {
    println!("{lines} lines, 20 a second, ms from the sender's input   median     99 %  longest");
    let mut room = Room::open();
    let mut met = true;
    for who in ["a member's window", "the host's window"] {
        let mut delays = Delays(Vec::new());
        for _ in 0..lines / 2 {
            let start = Instant::now();
            let number = room.bob.say(1).expect("bob talks");
            let pty = if who.starts_with("the host") { &room.alice } else { &room.carol };
            arrived(pty, number);
            delays.0.push(millis(start));
            thread::sleep(PAUSE);
        }
        met &= delays.report(who, ARRIVES);
    }
    met
}

/// Keys while a thousand lines a second arrive.
pub fn typing(secs: f64) -> bool {
    println!("10 keys a second for {secs:.0} s, ms from key to window        median     99 %  longest");
    let mut room = Room::open();
    let quiet = type_for(&mut room.carol, secs / 3.0).report("nobody talks", TYPED);
    let time = Duration::from_secs_f64(secs + 0.5);
    let Room { alice, carol, bob, .. } = &mut room;
    let (mut delays, start) = (Delays(Vec::new()), Instant::now());
    let before = [&*carol, &*alice].map(cpu);
    let said = thread::scope(|scope| {
        let talk = scope.spawn(|| bob.talk(1_000, time).expect("bob talks"));
        delays = type_for(carol, secs);
        talk.join().expect("it does not panic")
    });
    carol.keys(CTRL_U);
    arrived(carol, bob.said());
    arrived(alice, bob.said());
    let wall = start.elapsed().as_secs_f64();
    let met = delays.report(&format!("bob says {:.0} lines a second", said as f64 / time.as_secs_f64()), TYPED);
    let [member, host] = [(&*carol, before[0]), (&*alice, before[1])].map(|(pty, before)| (cpu(pty) - before) / wall);
    println!("  processor time of a core: the member {:.0} %, the host {:.0} %", member * 100.0, host * 100.0);
    quiet && met
}

/// Types ten keys a second and waits for each.
fn type_for(pty: &mut Pty, secs: f64) -> Delays {
    const PROMPT: &str = "carol> ";
    let (mut delays, mut line) = (Delays(Vec::new()), PROMPT.to_owned());
    let end = Instant::now() + Duration::from_secs_f64(secs);
    while Instant::now() < end {
        for key in "what is typed while others talk, key by key".split_inclusive(|_: char| true) {
            let start = Instant::now();
            pty.keys(key);
            line += key;
            stands(pty, line.trim_end());
            // A blank is seen with the key after it.
            if key != " " {
                delays.0.push(millis(start));
            }
            thread::sleep(KEY_PAUSE.saturating_sub(start.elapsed()));
            if Instant::now() >= end {
                break;
            }
        }
        pty.keys(CTRL_U);
        PROMPT.clone_into(&mut line);
        stands(pty, line.trim_end());
    }
    delays
}

fn cpu(pty: &Pty) -> f64 {
    support::cpu(&pty.process.id().to_string()).as_secs_f64()
}

/// Memory over time.
pub fn stay(minutes: f64) -> bool {
    println!("100 lines a second for {minutes} minutes, KiB in memory    start   middle      end");
    let mut room = Room::open();
    let kib = |pty: &Pty| pty.process.resident().expect("Linux tells it") >> 10;
    let half = Duration::from_secs_f64(minutes * 30.0);
    let mut seen = vec![[&room.carol, &room.alice].map(kib)];
    for _ in 0..2 {
        room.bob.talk(100, half).expect("bob talks");
        arrived(&room.carol, room.bob.said());
        seen.push([&room.carol, &room.alice].map(kib));
    }
    let [start, middle, end] = [0, 1, 2].map(|when| seen[when]);
    let met = end[0] <= middle[0] + FLAT;
    let judged = if met { "met" } else { "MISSED" };
    println!("  {:<46} {:>8} {:>8} {:>8}   goal flat: {judged}", "the member", start[0], middle[0], end[0]);
    let host = "the host, who holds ten minutes of it (--hold)";
    println!("  {host:<46} {:>8} {:>8} {:>8}", start[1], middle[1], end[1]);
    met
}
