//! What people read of how the room and their connection fare.

use crate::support::{Home, Pchat, Proxy, Signal};

/// Asks, and gives the rows of the answer by their names.
fn rows(of: &mut Pchat) -> Vec<(String, String)> {
    of.say("status");
    let mut rows = Vec::new();
    loop {
        let row = of.out.expect_where("a row", |_| true);
        let Some((name, value)) = row.split_once("  ") else { continue };
        rows.push((name.trim().to_owned(), value.trim().to_owned()));
        if name == "your files" {
            return rows;
        }
    }
}

#[track_caller]
fn is(rows: &[(String, String)], name: &str, value: &str) {
    let found = rows.iter().find(|row| row.0 == name).map(|row| row.1.as_str());
    assert!(found.is_some_and(|found| found.starts_with(value)), "{name} is not {value}: {rows:?}");
}

#[test]
fn status_is_for_everyone_and_the_host_reads_more() {
    let (alice, bob) = (Home::new(), Home::new());
    let mut host = Pchat::host(&alice, "alice", &["--open", "--max-members", "9"]);
    let mut member = Pchat::join(&bob, "bob", host.port(), &[]);
    member.say("hello");
    host.out.expect("bob: hello");
    let (all, some) = (rows(&mut host), rows(&mut member));
    for rows in [&all, &some] {
        is(rows, "room", "open for ");
        is(rows, "members", "2 of 9; 2 came so far");
        is(rows, "said", "1 message, 5 B to everyone");
        is(rows, "waiting", "nothing");
        is(rows, "your files", "0 offered, 0 being sent, 0 being received");
    }
    is(&all, "names", "2 held");
    assert!(!some.iter().any(|row| row.0 == "names"), "{some:?}");
    assert!(!all.iter().chain(&some).any(|row| row.1.contains("127.0.0.1")), "an address is nobody's business");
}

#[test]
fn status_of_a_connection_that_is_stuck_or_broken_tells_what_is_known_here() {
    let (alice, bob) = (Home::new(), Home::new());
    let host = Pchat::host(&alice, "alice", &["--open"]);
    let proxy = Proxy::to(host.port());
    let mut member = Pchat::join(&bob, "bob", proxy.port, &[]);
    host.signal(Signal::STOP);
    is(&rows(&mut member), "room", "has not answered for 3 s");
    proxy.close(true);
    proxy.cut();
    member.out.expect_start("* the connection broke");
    member.say("said meanwhile");
    let told = rows(&mut member);
    is(&told, "room", "not connected to the room at the moment");
    is(&told, "connection", "broken for ");
    is(&told, "waiting", "1 line for the room");
    host.signal(Signal::CONT);
    proxy.close(false);
    member.out.expect("* connected again");
    host.out.expect("bob: said meanwhile");
    let told = rows(&mut member);
    assert!(told.iter().any(|row| row.0 == "connection" && row.1.ends_with("; broke once")), "{told:?}");
    is(&told, "waiting", "nothing");
}
