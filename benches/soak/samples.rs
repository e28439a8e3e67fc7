//! What a program takes, over time.

use std::{fs, time::Duration};

use crate::support;

/// What a program takes at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub rss_kib: u64,
    pub descriptors: usize,
    pub threads: usize,
    pub cpu: Duration,
}

impl Sample {
    pub fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let value = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("Linux tells it");
            line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it is ours").count();
        let (rss_kib, threads) = (value("VmRSS:"), value("Threads:") as usize);
        Self { rss_kib, descriptors, threads, cpu: support::cpu(&pid.to_string()) }
    }
}

/// A program, and what it took.
pub struct Watched {
    pub name: &'static str,
    pub pid: u32,
    before: Option<Sample>,
    during: Vec<Sample>,
}

impl Watched {
    pub fn new(name: &'static str, pid: u32) -> Self {
        Self { name, pid, before: None, during: Vec::new() }
    }

    /// It is alone with the other one, and nothing has happened yet.
    pub fn begin(&mut self) {
        self.before = Some(Sample::of(self.pid));
    }

    pub fn sample(&mut self) {
        self.during.push(Sample::of(self.pid));
    }

    /// Whether it has given back what it took.
    pub fn is_as_before(&self) -> bool {
        let (before, now) = (self.before.expect("it has begun"), Sample::of(self.pid));
        now.descriptors == before.descriptors && now.threads <= before.threads
    }

    /// Prints a row for each part of the time, and says whether all is well.
    pub fn judge(&self) -> bool {
        let (before, after) = (self.before.expect("it has begun"), Sample::of(self.pid));
        let settled = &self.during[self.during.len() / 10..];
        let quarter = |at: usize| &settled[settled.len() * at / 4..(settled.len() * (at + 1) / 4).max(1)];
        let median = |of: &[Sample]| {
            let mut rss: Vec<u64> = of.iter().map(|sample| sample.rss_kib).collect();
            rss.sort_unstable();
            rss[rss.len() / 2]
        };
        let most = |of: &[Sample], what: fn(&Sample) -> usize| of.iter().map(what).max().unwrap_or(0);
        let row = |part: &str, rss: u64, descriptors: usize, threads: usize, cpu: f64| {
            println!(
                "| {:<5} | {part:<13} | {:>7.1} | {descriptors:>11} | {threads:>7} | {cpu:>5.1} |",
                self.name,
                rss as f64 / 1024.0
            );
        };
        row("before", before.rss_kib, before.descriptors, before.threads, before.cpu.as_secs_f64());
        for (at, part) in ["first quarter", "second", "third", "last quarter"].into_iter().enumerate() {
            let of = quarter(at);
            let (first, last) = (of[0].cpu, of[of.len() - 1].cpu);
            let cpu = (last - first).as_secs_f64();
            row(part, median(of), most(of, |one| one.descriptors), most(of, |one| one.threads), cpu);
        }
        row("after", after.rss_kib, after.descriptors, after.threads, after.cpu.as_secs_f64());
        let medians: Vec<u64> = (0..4).map(|at| median(quarter(at))).collect();
        let rises = medians.windows(2).all(|pair| pair[0] < pair[1]);
        let grows = rises && medians[3] > medians[0] + (medians[0] / 8).max(1024);
        if grows {
            println!("{}: memory grows steadily: {medians:?} KiB", self.name);
        }
        if after.descriptors != before.descriptors || after.threads > before.threads {
            println!("{}: not as before: {after:?}", self.name);
        }
        !grows && self.is_as_before()
    }
}
