//! Hosts that die and go on from their journal.

use super::*;

const MEMBERS: usize = 4;

/// A room with a journal whose host dies, and its members, who do not.
struct Scene {
    home: Home,
    host: Pchat,
    /// How many programs kept the room.
    runs: usize,
    /// How many lines each of them said.
    said_by_hosts: Vec<usize>,
    members: Vec<Member>,
    said: Vec<usize>,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        let host = Self::host(&home, 0);
        let members: Vec<_> = (0..MEMBERS).map(|index| Member::join(index, host.port())).collect();
        Self { home, host, runs: 1, said_by_hosts: vec![0], members, said: vec![0; MEMBERS] }
    }

    fn host(home: &Home, run: usize) -> Pchat {
        let journal = home.path().join("room.journal");
        let journal = journal.to_str().expect("a path of ours");
        Pchat::host(home, &format!("host{run}r"), &["--open", "--rate", "off", "--journal", journal])
    }

    fn talk(&mut self, dice: &mut Dice) {
        for (member, said) in self.members.iter_mut().zip(&mut self.said) {
            for _ in 0..dice.roll(12) {
                member.program.say(&format!("{said} of {}", member.name));
                *said += 1;
            }
        }
        for _ in 0..dice.roll(12) {
            let said = &mut self.said_by_hosts[self.runs - 1];
            self.host.say(&format!("{said} of a host"));
            *said += 1;
        }
    }

    fn die(&mut self) {
        self.host.signal(Signal::KILL);
        self.host.process.wait();
        self.host = Self::host(&self.home, self.runs);
        self.runs += 1;
        self.said_by_hosts.push(0);
        let port = self.host.port();
        self.members.iter().for_each(|member| member.proxy.lead_to(port));
    }

    /// Everybody has read all of everybody, and of the dead hosts what anybody has.
    fn check(&mut self, seed: u64) {
        for (member, said) in self.members.iter_mut().zip(&mut self.said) {
            member.program.say(&format!("{said} of {}", member.name));
            *said += 1;
        }
        let others = |reader: usize| {
            let all = self.members.iter().zip(&self.said).enumerate();
            all.filter(move |(sender, _)| *sender != reader).map(|(_, (member, said))| (&member.name, *said))
        };
        let outputs: Vec<_> = self.members.iter().map(|member| &member.program.out).collect();
        for (reader, output) in outputs.iter().enumerate() {
            for (name, said) in others(reader) {
                let last = format!("{name}: {} of {name}", said - 1);
                output.collect(1, |line| line == last);
            }
        }
        let lines: Vec<_> = outputs.iter().map(|output| output.so_far()).collect();
        for (reader, read) in lines.iter().enumerate() {
            for (name, count) in others(reader) {
                let numbers: Vec<_> = said(read, name).into_iter().map(number).collect();
                assert!(numbers.iter().copied().eq(0..count), "seed {seed}: {reader} reads of {name}: {numbers:?}");
            }
            for words in ["the room was restarted", "missed", "missing"] {
                let stated = read.iter().find(|line| line.starts_with("* ") && line.contains(words));
                assert_eq!(stated, None, "seed {seed}");
            }
            for run in 0..self.runs {
                let of = |lines: &[String]| -> Vec<usize> {
                    said(lines, &format!("host{run}r")).into_iter().map(number).collect()
                };
                assert_eq!(of(read), of(&lines[0]), "seed {seed}: what one has read of host {run}, all have");
                assert!(of(read).into_iter().eq(0..of(read).len()), "seed {seed}: {:?}", of(read));
            }
        }
        let heard = said(&lines[0], "host0r").len();
        assert!(heard <= self.said_by_hosts[0]);
    }
}

fn deaths(seed: u64, rounds: u64) {
    eprintln!("seed {seed}");
    let mut dice = Dice::new(seed);
    let mut scene = Scene::new();
    for _ in 0..rounds {
        scene.talk(&mut dice);
        if dice.roll(3) == 0 {
            let index = dice.roll(MEMBERS as u64) as usize;
            break_one(&scene.members[index].proxy, &mut dice);
            scene.talk(&mut dice);
        }
        scene.die();
    }
    scene.check(seed);
}

#[test]
fn a_host_that_dies_and_has_a_journal_takes_no_line_along() {
    for seed in 1..=3 {
        deaths(seed, 5);
    }
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_hosts_with_a_journal_that_die_take_no_line_along() {
    for seed in 4..=23 {
        deaths(seed, 10);
    }
}

#[test]
fn a_journal_has_one_room_and_what_is_no_journal_is_left_alone() {
    let home = Home::new();
    let journal = home.path().join("room.journal");
    let journal = journal.to_str().expect("a path of ours");
    let first = Pchat::host(&home, "ann", &["--open", "--journal", journal]);
    let second = Pchat::once(&home, &["host", "--port", "0", "--bind", "127.0.0.1", "--journal", journal]);
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("another pchat uses the journal"), "{second:?}");
    drop(first);
    let photo = home.path().join("photo.jpg");
    std::fs::write(&photo, "not a journal, but dear to somebody").unwrap();
    let photo = photo.to_str().expect("a path of ours");
    let third = Pchat::once(&home, &["host", "--port", "0", "--bind", "127.0.0.1", "--journal", photo]);
    assert!(third.err.contains("is no journal of pchat"), "{third:?}");
    assert!(std::fs::read_to_string(photo).unwrap().starts_with("not a journal"));
}
