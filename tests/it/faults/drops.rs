//! A talk of eight while their connections break all the time.

use std::{io::Write, sync::mpsc, thread};

use super::*;

/// How many talk, the host's user among them.
const MEMBERS: usize = 8;

/// What each of them printed, by its name, when all had said their share.
fn talk(lines_each: usize, drops: usize, seed: u64) -> Vec<(String, Vec<String>)> {
    eprintln!("seed {seed}");
    let mut dice = Dice::new(seed);
    let alice = Home::new();
    let mut host = Pchat::host(&alice, "alice", &["--open", "--rate", "off"]);
    let mut members: Vec<_> = (1..MEMBERS).map(|index| Member::join(index, host.port())).collect();
    host.out.collect(MEMBERS - 1, |line| line.ends_with(" joined"));
    let mut writers = Vec::new();
    let inputs: Vec<_> = [&mut host].into_iter().chain(members.iter_mut().map(|member| &mut member.program)).collect();
    for program in inputs {
        let mut input = program.take_input();
        let (turns, turn) = mpsc::sync_channel::<(usize, usize)>(drops);
        let mut dice = Dice::new(seed ^ writers.len() as u64);
        let writer = thread::spawn(move || {
            for (from, to) in turn {
                let lines: String =
                    (from..to).map(|number| format!("{number} {}\n", "x".repeat(dice.roll(120) as usize))).collect();
                input.write_all(lines.as_bytes()).expect("it reads");
            }
            input
        });
        writers.push((turns, writer));
    }
    // How many connections each has made when it is back.
    let mut due = vec![1; members.len()];
    for drop in 0..drops {
        let (from, to) = (lines_each * drop / drops, lines_each * (drop + 1) / drops);
        for (turns, _) in &writers {
            turns.send((from, to)).expect("it writes");
        }
        // One that is not back yet cannot be cut off, so it is another's turn.
        let first = dice.roll(members.len() as u64) as usize;
        let order = (first..members.len()).chain(0..first);
        let at = order.clone().find(|at| members[*at].proxy.accepted() >= due[*at]).unwrap_or(first);
        members[at].proxy.expect_accepted(due[at]);
        due[at] = members[at].proxy.accepted() + 1;
        break_one(&members[at].proxy, &mut dice);
    }
    // Held open until all is said and heard: the end of the input is the end of the program.
    let inputs: Vec<_> = writers
        .into_iter()
        .map(|(turns, writer)| {
            drop(turns);
            writer.join().expect("it writes")
        })
        .collect();
    let all = lines_each * (MEMBERS - 1);
    let is_talk = |line: &str| line.starts_with("mem") || line.starts_with("alice: ");
    let mut printed = Vec::new();
    for (name, program) in
        [("alice", &host)].into_iter().chain(members.iter().map(|member| (member.name.as_str(), &member.program)))
    {
        program.out.collect(all, is_talk);
        printed.push((name.to_owned(), program.out.so_far()));
    }
    let broken: usize = members.iter().map(|member| member.proxy.accepted() - 1).sum();
    assert!(broken >= drops, "seed {seed}: {broken} connections broke");
    drop(inputs);
    printed
}

/// Everybody has every line of the others once, in the order of its sender and in one order for all.
fn check(printed: &[(String, Vec<String>)], lines_each: usize, seed: u64) {
    for (reader, lines) in printed {
        let bad = lines.iter().find(|line| line.contains("missing") || line.contains("missed"));
        assert_eq!(bad, None, "seed {seed}: {reader}");
        for (sender, _) in printed.iter().filter(|(sender, _)| sender != reader) {
            let numbers: Vec<_> = said(lines, sender).into_iter().map(number).collect();
            assert!(numbers.iter().copied().eq(0..lines_each), "seed {seed}: {sender} at {reader}: {numbers:?}");
        }
    }
    let of = |lines: &[String], without: [&String; 2]| -> Vec<String> {
        let is_of = |line: &String, name: &String| line.starts_with(&format!("{name}: "));
        let talk = lines.iter().filter(|line| !line.starts_with("* "));
        talk.filter(|line| !without.iter().any(|name| is_of(line, name))).cloned().collect()
    };
    let (first, order) = &printed[0];
    for (reader, lines) in &printed[1..] {
        assert!(of(lines, [first, reader]) == of(order, [first, reader]), "seed {seed}: {reader} has another order");
    }
}

#[test]
fn ten_thousand_lines_of_eight_over_two_hundred_drops_are_all_there_once_and_in_one_order() {
    check(&talk(1_250, 200, 1), 1_250, 1);
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_thousand_lines_of_eight_over_two_thousand_drops_are_all_there_once_and_in_one_order() {
    check(&talk(12_500, 2_000, 11), 12_500, 11);
}
