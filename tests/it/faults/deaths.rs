//! Programs that are killed or stand still at random moments, the host's among them.

use std::collections::BTreeMap;

use super::*;

/// How many joiners there are.
const JOINERS: usize = 7;

/// How often something happens in one run.
const ROUNDS: u64 = 30;

/// One program of somebody, under a name of its own.
struct Talker {
    name: String,
    program: Pchat,
    said: usize,
    stopped: bool,
}

impl Talker {
    fn new(name: String, program: Pchat) -> Self {
        Self { name, program, said: 0, stopped: false }
    }

    fn say(&mut self, lines: usize) {
        for _ in 0..lines {
            self.program.say(&format!("{} of {}", self.said, self.name));
            self.said += 1;
        }
    }

    fn go_on(&mut self) {
        if std::mem::take(&mut self.stopped) {
            self.program.signal(Signal::CONT);
        }
    }

    fn stop(&mut self) {
        self.program.signal(Signal::STOP);
        self.stopped = true;
    }
}

/// A room with its people: the first is its host.
struct Scene {
    homes: Vec<Home>,
    proxies: Vec<Proxy>,
    talkers: Vec<Talker>,
    /// What those printed who were killed.
    dead: Vec<(String, Vec<String>)>,
    runs: usize,
}

impl Scene {
    fn new() -> Self {
        let homes: Vec<_> = (0..=JOINERS).map(|_| Home::new()).collect();
        let host = Self::host(&homes[0], 0);
        let proxies: Vec<_> = (0..JOINERS).map(|index| Proxy::from(20 + index as u8, host.program.port())).collect();
        let mut scene = Self { homes, proxies, talkers: vec![host], dead: Vec::new(), runs: 0 };
        for index in 1..=JOINERS {
            let joiner = scene.join(index);
            scene.talkers.push(joiner);
        }
        scene
    }

    fn host(home: &Home, run: usize) -> Talker {
        let name = format!("host{run}r");
        Talker::new(name.clone(), Pchat::host(home, &name, &["--open", "--rate", "off"]))
    }

    fn join(&mut self, index: usize) -> Talker {
        self.runs += 1;
        let name = format!("mem{}r", self.runs);
        let program = Pchat::join(&self.homes[index], &name, self.proxies[index - 1].port, &[]);
        Talker::new(name, program)
    }

    /// Kills somebody's program and starts it again.
    fn kill(&mut self, index: usize) {
        // Somebody is let in by a host that runs.
        self.talkers[0].go_on();
        self.talkers[index].program.signal(Signal::KILL);
        self.talkers[index].program.process.wait();
        let new = match index {
            0 => {
                self.runs += 1;
                let new = Self::host(&self.homes[0], self.runs);
                let port = new.program.port();
                self.proxies.iter().for_each(|proxy| proxy.lead_to(port));
                new
            }
            _ => {
                // A first connection that breaks ends the program.
                self.proxies[index - 1].forget_cuts();
                self.join(index)
            }
        };
        let old = std::mem::replace(&mut self.talkers[index], new);
        self.dead.push((old.name, old.program.out.all()));
    }
}

/// Somebody's output: each sender's lines in order and once, and whatever is missing among them is stated.
fn check(reader: &str, lines: &[String], seed: u64) {
    // The last number of each sender, and whether a loss was stated since.
    let mut last: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
    for line in lines {
        let Some((sender, text)) = line.split_once(": ").filter(|(sender, _)| sender.ends_with('r')) else {
            let states = ["missed", "missing", "the room was restarted"].iter().any(|words| line.contains(words));
            if line.starts_with("* ") && states {
                last.values_mut().for_each(|(_, stated)| *stated = true);
            }
            continue;
        };
        let number = number(text);
        if let Some((before, stated)) = last.insert(sender, (number, false)) {
            let next = number == before + 1 || number > before && stated;
            assert!(next, "seed {seed}: {reader} reads {number} of {sender} after {before}:\n{}", lines.join("\n"));
        }
    }
}

fn deaths(seed: u64) {
    eprintln!("seed {seed}");
    let mut dice = Dice::new(seed);
    let mut scene = Scene::new();
    for _ in 0..ROUNDS {
        let index = dice.roll(JOINERS as u64 + 1) as usize;
        for talker in &mut scene.talkers {
            talker.say(dice.roll(8) as usize);
        }
        match dice.roll(5) {
            0 => scene.kill(index),
            1 => scene.kill(0),
            2 => scene.talkers[index].stop(),
            3 => scene.talkers.iter_mut().for_each(Talker::go_on),
            _ if index > 0 => {
                // One that stands still does not dial again.
                scene.talkers[index].go_on();
                break_one(&scene.proxies[index - 1], &mut dice);
            }
            _ => {}
        }
    }
    scene.talkers.iter_mut().for_each(Talker::go_on);
    scene.talkers.iter_mut().for_each(|talker| talker.say(1));
    // Nobody who is there at the end lacks what was said at the end.
    for reader in &scene.talkers {
        for sender in scene.talkers.iter().filter(|sender| sender.name != reader.name) {
            let line = format!("{}: {} of {}", sender.name, sender.said - 1, sender.name);
            reader.program.out.collect(1, |other| other == line);
        }
    }
    for talker in &scene.talkers {
        check(&talker.name, &talker.program.out.so_far(), seed);
    }
    for (name, lines) in &scene.dead {
        check(name, lines, seed);
    }
}

#[test]
fn whoever_is_killed_or_stands_still_no_line_is_doubled_or_lost_without_a_word() {
    for seed in 1..=6 {
        deaths(seed);
    }
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_deaths_double_and_lose_no_line_without_a_word() {
    for seed in 7..=66 {
        deaths(seed);
    }
}
