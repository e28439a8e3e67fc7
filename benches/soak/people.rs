//! The people of the room, and what they do.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::{
    samples::Watched,
    support,
    tests::{Dice, Home, Proxy},
};

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Those who come and go.
const GUESTS: [&str; 6] = ["carol", "dave", "erin", "frank", "grace", "heidi"];

/// Time between two rounds, in which somebody says something.
const ROUND: Duration = Duration::from_millis(20);

/// Time between two looks at what the programs take, unless all of it takes less than a few of them.
const SAMPLE: Duration = Duration::from_secs(10);

/// Sizes of files.
const SMALL: usize = 64 << 10;
const LARGE: usize = 8 << 20;

/// The last lines that a program has written.
#[derive(Default)]
struct Seen {
    lines: VecDeque<String>,
    /// The numbers of its offers that are up.
    offers: VecDeque<u32>,
}

/// Somebody behind pipes.
struct Person {
    child: Child,
    input: ChildStdin,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    home: Home,
    proxy: Option<Proxy>,
}

impl Person {
    fn start(args: &[&str], home: Home, proxy: Option<Proxy>) -> Self {
        let mut command = home.command(support::program());
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let read = seen.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut seen = read.0.lock().expect("nobody panics");
                let own = line.strip_prefix("* offer ").and_then(|rest| rest.split(':').next()?.parse::<u32>().ok());
                seen.offers.extend(own);
                seen.lines.push_back(line);
                if seen.lines.len() > 64 {
                    seen.lines.pop_front();
                }
                read.1.notify_all();
            }
        });
        Self { child, input, seen, home, proxy }
    }

    /// A room that is full soon, so that its memory says something about what else it takes.
    fn host() -> Self {
        let room = ["host", "--port", "0", "--bind", "127.0.0.1", "--name", "alice", "--open", "--hold", "1M"];
        Self::start(&room, Home::new(), None)
    }

    fn join(name: &str, index: u8, port: u16) -> Self {
        let proxy = Proxy::from(10 + index, port);
        let address = format!("127.0.0.1:{}", proxy.port);
        let person = Self::start(&["join", &address, "--name", name, "--auto-accept", "all"], Home::new(), Some(proxy));
        person.wait("* you are ");
        person
    }

    /// Waits for a line that has this in it, among the last ones, and gives it.
    fn wait(&self, part: &str) -> String {
        let find = |seen: &Seen| seen.lines.iter().rev().find(|line| line.contains(part)).cloned();
        let seen = self.seen.0.lock().expect("nobody panics");
        let waited = self.seen.1.wait_timeout_while(seen, PATIENCE, |seen| find(seen).is_none());
        let (seen, _) = waited.expect("nobody panics");
        find(&seen).unwrap_or_else(|| panic!("no {part:?} among {:?}", seen.lines))
    }

    fn say(&mut self, line: &str) {
        // Who is put out by a broken pipe is found later.
        let _ = writeln!(self.input, "{line}");
    }

    fn offer(&mut self, name: &str, size: usize) {
        let _ = fs::write(self.home.path().join(name), vec![b'x'; size]);
        self.say(&format!("sendfile {name}"));
        let old = {
            let mut seen = self.seen.0.lock().expect("nobody panics");
            if seen.offers.len() > 2 { seen.offers.pop_front() } else { None }
        };
        if let Some(old) = old {
            self.say(&format!("withdraw {old}"));
        }
    }

    /// Throws away what it has received, and what it has sent.
    fn tidy(&self) {
        let folders = [self.home.path().to_owned(), self.home.path().join("Downloads/pchat")];
        for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
            let old =
                |meta: fs::Metadata| meta.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > SAMPLE * 3));
            if entry.metadata().is_ok_and(|meta| meta.is_file() && old(meta)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Leaves, even if something is under way.
    fn leave(mut self) {
        self.say("quit\nquit");
        let end = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The room, and who is in it.
struct Room {
    alice: Person,
    bob: Person,
    guests: Vec<Option<Person>>,
    port: u16,
    dice: Dice,
    done: Done,
}

/// What has been done.
#[derive(Default)]
struct Done {
    said: u64,
    files: u64,
    cuts: u64,
    comings: u64,
}

impl Room {
    fn open(seed: u64) -> Self {
        let alice = Person::host();
        let line = alice.wait("room open on port ");
        let port = line.rsplit(' ').next().and_then(|port| port.parse().ok()).expect("it tells its port");
        let bob = Person::join("bob", 1, port);
        let guests = GUESTS.iter().map(|_| None).collect();
        Self { alice, bob, guests, port, dice: Dice::new(seed), done: Done::default() }
    }

    /// Does once what opens for good what is opened once, such as the download folders.
    fn warm_up(&mut self) {
        self.come(0);
        let guest = self.guests[0].as_mut().expect("it has come");
        guest.offer("first", SMALL);
        self.bob.wait("saved ");
        self.bob.offer("second", SMALL);
        self.guests[0].as_ref().expect("it is here").wait("saved ");
        self.bob.wait("carol saved");
        self.bob.say("withdraw 2");
        self.go(0);
        self.alice.wait("carol left");
    }

    fn come(&mut self, at: usize) {
        self.guests[at] = Some(Person::join(GUESTS[at], 2 + at as u8, self.port));
        self.done.comings += 1;
    }

    fn go(&mut self, at: usize) {
        if let Some(guest) = self.guests[at].take() {
            guest.leave();
        }
    }

    /// Something happens.
    fn round(&mut self) {
        let who = self.dice.roll(8) as usize;
        let text = format!("line {} {}", self.done.said, "of talk ".repeat(1 + self.dice.roll(12) as usize));
        let speaker = match who {
            0 => Some(&mut self.alice),
            1 => Some(&mut self.bob),
            guest => self.guests[guest - 2].as_mut(),
        };
        if let Some(speaker) = speaker {
            speaker.say(&text);
            self.done.said += 1;
            // An offer of each about every ten seconds, of which one in eight is large.
            if who > 0 && self.dice.roll(100) == 0 {
                let large = self.dice.roll(8) == 0;
                speaker.offer(&format!("file{}", self.done.files), if large { LARGE } else { SMALL });
                self.done.files += 1;
            }
        }
        if self.dice.roll(100) == 0 {
            let at = self.dice.roll(7) as usize;
            let person = if at == 6 { Some(&self.bob) } else { self.guests[at].as_ref() };
            if let Some(proxy) = person.and_then(|person| person.proxy.as_ref()) {
                if self.dice.roll(2) == 0 {
                    proxy.cut()
                } else {
                    proxy.reset()
                }
                self.done.cuts += 1;
            }
        }
        if self.dice.roll(100) == 0 {
            let at = self.dice.roll(6) as usize;
            if self.guests[at].is_some() { self.go(at) } else { self.come(at) }
        }
    }
}

/// Lets them do what they do for so long. Says whether all is well.
pub fn soak(time: Duration, seed: u64, smoke: bool) -> bool {
    let mut room = Room::open(seed);
    let mut watched = [Watched::new("alice", room.alice.child.id()), Watched::new("bob", room.bob.child.id())];
    room.warm_up();
    if !smoke {
        // Threads that have nothing to do end after ten seconds, and ports of streams close.
        thread::sleep(Duration::from_secs(15));
    }
    watched.iter_mut().for_each(Watched::begin);
    for at in 0..GUESTS.len() {
        room.come(at);
    }
    let (start, every) = (Instant::now(), SAMPLE.min(time / 12));
    let mut next = start;
    while start.elapsed() < time {
        room.round();
        if Instant::now() >= next {
            next += every;
            watched.iter_mut().for_each(Watched::sample);
            [&room.bob].into_iter().chain(room.guests.iter().flatten()).for_each(Person::tidy);
        }
        thread::sleep(ROUND);
    }
    (0..GUESTS.len()).for_each(|at| room.go(at));
    let offers: Vec<u32> = room.bob.seen.0.lock().expect("nobody panics").offers.drain(..).collect();
    for offer in offers {
        room.bob.say(&format!("withdraw {offer}"));
    }
    let end = Instant::now() + if smoke { Duration::ZERO } else { PATIENCE };
    while Instant::now() < end && !watched.iter().all(Watched::is_as_before) {
        thread::sleep(Duration::from_millis(100));
    }
    let Done { said, files, cuts, comings } = room.done;
    println!("{:.1} min: {said} lines, {files} files, {cuts} cuts, {comings} comings", time.as_secs_f64() / 60.0);
    println!("| who   | when          | RSS MiB | descriptors | threads | CPU s |");
    println!("|---|---|--:|--:|--:|--:|");
    let well = watched.iter().map(Watched::judge).fold(true, |all, well| all & well);
    for person in [&mut room.bob, &mut room.alice] {
        person.say("status");
        person.wait("your files");
        let seen = person.seen.0.lock().expect("nobody panics");
        let rows = seen.lines.iter().skip_while(|line| !line.starts_with("room "));
        println!("\n{}", rows.cloned().collect::<Vec<_>>().join("\n"));
    }
    well
}
