//! How long the program takes to start.
//!
//! Two things are timed from before the process is made, the middle and the longest of 20 runs: `pchat id` to its end,
//! and `pchat host --port 0` without input to its first line, which it says once the room can be entered. The home
//! folder holds an identity, as it does after the first start, which is shown beside. `cargo bench --bench startup`;
//! `-- --runs N` changes the number, `--program PATH` measures another build.

mod support;

use std::{
    io::{BufRead, BufReader},
    time::Instant,
};

use support::Scratch;

fn main() {
    let runs = if support::is_smoke() { 1 } else { support::option("--runs").unwrap_or(20) };
    let first: Vec<f64> = (0..runs).map(|_| id(&Scratch::new())).collect();
    let home = Scratch::new();
    id(&home);
    report("pchat id, first start", first);
    report("pchat id", (0..runs).map(|_| id(&home)).collect());
    report("pchat host, first line", (0..runs).map(|_| host(&home)).collect());
}

fn report(what: &str, mut millis: Vec<f64>) {
    millis.sort_by(f64::total_cmp);
    let longest = millis[millis.len() - 1];
    println!("{what:<24} {:>6.2} ms   longest {longest:>6.2} ms   (goal 20)", support::median(millis));
}

fn id(home: &Scratch) -> f64 {
    let start = Instant::now();
    let output = home.command().arg("id").output().expect("the program starts");
    let millis = start.elapsed().as_secs_f64() * 1e3;
    assert!(output.status.success(), "{output:?}");
    millis
}

fn host(home: &Scratch) -> f64 {
    let start = Instant::now();
    let mut child =
        home.command().args(["host", "--port", "0", "--bind", "127.0.0.1"]).spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is a pipe")).read_line(&mut line).expect("it says a line");
    let millis = start.elapsed().as_secs_f64() * 1e3;
    child.kill().and_then(|()| child.wait()).expect("it can be ended");
    assert!(line.contains("room open"), "{line}");
    millis
}
