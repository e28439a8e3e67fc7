//! The room, everybody at it, and what came of it.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use pchat::trust::{Home, Members};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    attack::{self, Counts, KINDS},
    member::{self, Heard, Person, loopback},
    support::{self, Room, Scratch},
};

/// Honest members, and lines that they say a second between them.
const HONEST: u32 = 8;
const LINES: u32 = 10;

/// How long the honest ones are alone first, to compare with.
const QUIET: Duration = Duration::from_secs(5);

/// Goals: the delay that 99 of 100 lines keep, the slowest coming in, the host's memory.
const LINE: Duration = Duration::from_millis(250);
const JOIN: Duration = Duration::from_secs(5);
const MEMORY_MIB: f64 = 64.0;

/// What did not happen at all.
const NEVER: Duration = Duration::MAX;

/// How long people took to come in; those who did not get in took for ever.
#[derive(Default)]
struct Joins(Mutex<Vec<Duration>>);

impl Joins {
    fn note(&self, took: io::Result<Duration>) {
        let took = took.unwrap_or_else(|error| {
            member::complain(&format!("an honest caller did not get in: {error}"));
            NEVER
        });
        self.0.lock().expect("nobody panics with it").push(took);
    }

    fn slowest(&self) -> Option<Duration> {
        self.0.lock().expect("nobody panics with it").iter().max().copied()
    }
}

/// Opens a room, has everybody at it, and says what came of it: whether all goals are met.
pub fn run() -> io::Result<bool> {
    if let Err(error) = pchat::net::raise_descriptor_limit() {
        eprintln!("the descriptor limit stays as it is: {error}");
    }
    let secs: u64 = support::option("--secs").unwrap_or(60);
    let a_second = support::option("--rate").unwrap_or(1_000);
    let everybody = Everybody::new()?;
    let home = Scratch::new();
    everybody.introduce_to(&home)?;
    let room = Room::start(home, &[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let seen = runtime.block_on(everybody.act(&room, Duration::from_secs(secs), a_second));
    // What is still under way is of no interest.
    runtime.shutdown_background();
    Ok(report(&seen, secs))
}

/// All whom the room knows.
struct Everybody {
    honest: Vec<Arc<Person>>,
    visitor: Arc<Person>,
    returner: Arc<Person>,
    flooder: Arc<Person>,
    sleeper: Arc<Person>,
}

/// What was measured.
struct Seen {
    quiet: Vec<u64>,
    delays: Vec<u64>,
    broken: u64,
    new: Arc<Joins>,
    back: Arc<Joins>,
    counts: Arc<Counts>,
    flooded: u64,
    peak_mib: f64,
    cpu: Duration,
}

impl Everybody {
    fn new() -> io::Result<Self> {
        let person = |name: &str| Person::new(name).map(Arc::new);
        Ok(Self {
            honest: (0..HONEST).map(|number| person(&format!("honest{number}"))).collect::<io::Result<_>>()?,
            visitor: person("visitor")?,
            returner: person("returner")?,
            flooder: person("flooder")?,
            sleeper: person("sleeper")?,
        })
    }

    /// Puts all of them on the list of those let in before.
    fn introduce_to(&self, home: &Scratch) -> io::Result<()> {
        let home = Home::at(home.path().join(".local/share/pchat"));
        home.create().map_err(io::Error::other)?;
        let list = Members::at(home.members());
        let others = [&self.visitor, &self.returner, &self.flooder, &self.sleeper];
        for person in self.honest.iter().chain(others) {
            let (key, name) = person.card();
            list.insert(&key, name).map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn act(&self, room: &Room, time: Duration, a_second: u32) -> Seen {
        let (port, heard) = (room.port(), Arc::new(Heard::default()));
        let (new, back, counts) = (Arc::new(Joins::default()), Arc::new(Joins::default()), Arc::new(Counts::default()));
        let flooded = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for person in &self.honest {
            let pause = Duration::from_secs(1) * HONEST / LINES;
            tasks.spawn(member::stay(person.clone(), port, pause, heard.clone()));
            // Not all in the same instant.
            sleep(pause / HONEST).await;
        }
        // Seen from there once, so that it is a member that comes back.
        back.note(self.returner.visit(loopback(0, 2), port).await);
        sleep(QUIET).await;
        let quiet = std::mem::take(&mut *heard.delays.lock().expect("nobody panics with it"));

        let cpu = room.cpu();
        tasks.spawn(attack::flood(port, a_second, counts.clone()));
        tasks.spawn(attack::hold(port, counts.clone()));
        let (flooder, said) = (self.flooder.clone(), flooded.clone());
        tasks.spawn(async move {
            loop {
                // The room may end it.
                let _ = flooder.flood(port, &said).await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        let sleeper = self.sleeper.clone();
        tasks.spawn(async move {
            loop {
                let _ = sleeper.never_read(port).await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        self.come_and_go(port, time, &new, &back).await;
        let seen = Seen {
            quiet,
            delays: std::mem::take(&mut *heard.delays.lock().expect("nobody panics with it")),
            broken: heard.broken.load(Relaxed),
            new,
            back,
            counts,
            flooded: flooded.load(Relaxed),
            peak_mib: room.peak_kib() as f64 / 1024.0,
            cpu: room.cpu() - cpu,
        };
        tasks.abort_all();
        seen
    }

    /// Each second one comes in from an address of its own, and one from where it was before.
    async fn come_and_go(&self, port: u16, time: Duration, new: &Arc<Joins>, back: &Arc<Joins>) {
        let mut visits = JoinSet::new();
        let mut pace = interval(Duration::from_secs(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for second in 0..time.as_secs() {
            pace.tick().await;
            let address = loopback(2 + (second / 250) as u8, (1 + second % 250) as u8);
            for (person, address, joins) in [(&self.visitor, address, new), (&self.returner, loopback(0, 2), back)] {
                let (person, joins) = (person.clone(), joins.clone());
                visits.spawn(async move { joins.note(person.visit(address, port).await) });
            }
        }
        while visits.join_next().await.is_some() {}
    }
}

/// The delay that so many of a hundred keep.
fn percentile(delays: &mut [u64], of_100: usize) -> Duration {
    delays.sort_unstable();
    let at = (delays.len() * of_100 / 100).min(delays.len().saturating_sub(1));
    delays.get(at).map_or(NEVER, |nanos| Duration::from_nanos(*nanos))
}

fn report(seen: &Seen, secs: u64) -> bool {
    let millis = |time: Duration| match time {
        NEVER => "never".to_owned(),
        time => format!("{:.1} ms", time.as_secs_f64() * 1e3),
    };
    let (mut quiet, mut delays) = (seen.quiet.clone(), seen.delays.clone());
    let (p99, slowest) = (percentile(&mut delays, 99), seen.new.slowest().unwrap_or(NEVER));
    let back = seen.back.slowest().unwrap_or(NEVER);
    let flood: u64 = seen.counts.flood.iter().map(|count| count.load(Relaxed)).sum();

    println!("{flood} connections of the flood in {secs} s, {} of them a second", flood / secs.max(1));
    for (kind, count) in KINDS.iter().zip(&seen.counts.flood) {
        println!("    {:>8}  {kind}", count.load(Relaxed));
    }
    println!("    {:>8}  not made", seen.counts.left_out.load(Relaxed));
    let used_up = seen.counts.used_up.load(Relaxed);
    println!("{} handshakes held half open, {used_up} addresses used up by it", seen.counts.held.load(Relaxed));
    println!("{} of the largest lines from a member that floods\n", seen.flooded);

    let mut met = true;
    let mut row = |what: &str, measured: String, goal: &str, reached: bool| {
        met &= reached;
        println!("{what:<46} {measured:>12}   {goal:>8}   {}", if reached { "met" } else { "MISSED" });
    };
    row("a line among honest members, 99 of 100", millis(p99), "250 ms", p99 <= LINE);
    row("slowest coming in from a new address", millis(slowest), "5 s", slowest <= JOIN);
    row("slowest coming back of a member", millis(back), "5 s", back <= JOIN);
    row("honest links that broke", seen.broken.to_string(), "0", seen.broken == 0);
    row("most memory of the host", format!("{:.1} MiB", seen.peak_mib), "64 MiB", seen.peak_mib <= MEMORY_MIB);
    println!("{:<46} {:>10.1} s", "processor time of the host", seen.cpu.as_secs_f64());
    println!("{:<46} {:>12}", "a line, median", millis(percentile(&mut delays, 50)));
    println!("{:<46} {:>12}", "a line, slowest", millis(percentile(&mut delays, 100)));
    println!("{:<46} {:>12}", "a line before all this, median", millis(percentile(&mut quiet, 50)));
    println!("{:<46} {:>12}", "a line before all this, 99 of 100", millis(percentile(&mut quiet, 99)));
    println!("lines measured: {}, comings in: {} each way", delays.len(), secs);
    met
}
