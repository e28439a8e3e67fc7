//! The cases of the bench, and how they are printed.

use std::{
    io::{self, Read, Write},
    iter,
    mem::MaybeUninit,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::event::epoll::{self, EventData, EventFlags};

use crate::{
    client::TEXT_LEN,
    load::Load,
    support::{self, Room},
};

/// Members that talk while all the others listen.
const SENDERS: usize = 10;

/// Lines that each of them has under way: what a member's program allows itself.
const WINDOW: u64 = 256;

/// Lines a second in the paced case.
const PACE: u32 = 10;

/// How long things are measured.
#[derive(Clone, Copy)]
pub struct Times {
    pub warm_up: Duration,
    pub measured: Duration,
    pub idle: Duration,
}

/// Threads that hold the members where they are under load.
fn threads() -> usize {
    support::option("--threads").unwrap_or(2)
}

/// Lets members join on some threads and has each thread do the rest.
fn with_members<T, F>(room: &Room, members: usize, threads: usize, run: F) -> io::Result<Vec<T>>
where
    T: Send,
    F: Fn(usize, &mut Load) -> io::Result<T> + Sync,
{
    let all_in = Barrier::new(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (run, all_in) = (&run, &all_in);
                scope.spawn(move || {
                    let share = members / threads + usize::from(thread < members % threads);
                    let mut load = Load::new(room.port(), thread * 10_000)?;
                    load.join(share).expect("all can join");
                    all_in.wait();
                    run(thread, &mut load)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no thread panics")).collect()
    })
}

/// Senders that keep their windows full: deliveries a second, and the room's processor time.
pub fn saturated(members: usize, goal: (f64, f64), times: Times) -> io::Result<()> {
    let room = Room::open();
    let threads = threads();
    let window = support::option("--window").unwrap_or(WINDOW);
    let senders = support::option("--senders").unwrap_or(SENDERS);
    let (delivered, sent) = (AtomicU64::new(0), AtomicU64::new(0));
    let (started, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = AtomicBool::new(false);
    let run = |thread: usize, load: &mut Load| {
        let speakers = (senders / threads + usize::from(thread < senders % threads)).min(load.clients.len());
        let mut counted = load.lines();
        started.fetch_add(1, SeqCst);
        while !stop.load(Relaxed) {
            for client in &mut load.clients[..speakers] {
                client.fill(window, &[b'x'; TEXT_LEN])?;
            }
            load.turn(Duration::from_millis(10), &mut |_| {})?;
            let lines = load.lines();
            delivered.fetch_add(lines - counted, Relaxed);
            counted = lines;
        }
        sent.fetch_add(load.clients.iter().map(|client| client.sent).sum(), SeqCst);
        ended.fetch_add(1, SeqCst);
        while ended.load(SeqCst) < threads {
            load.turn(Duration::from_millis(10), &mut |_| {})?;
        }
        let sent = sent.load(SeqCst);
        load.until(sent, &mut |_| {})?;
        // Each member checks that it gets every event once and in order; so the counts must agree exactly.
        load.turn(Duration::from_millis(50), &mut |_| {})?;
        assert!(load.clients.iter_mut().all(|client| client.inbox().lines == sent), "a line came twice");
        Ok(())
    };
    let (rate, host, own) = thread::scope(|scope| {
        let measuring = scope.spawn(|| {
            while started.load(SeqCst) < threads {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(times.warm_up);
            let look = || (Instant::now(), delivered.load(Relaxed), room.cpu(), support::cpu("self"));
            let before = look();
            thread::sleep(times.measured);
            let after = look();
            stop.store(true, SeqCst);
            let millions = (after.1 - before.1) as f64 / 1e6;
            let rate = millions / (after.0 - before.0).as_secs_f64();
            let cost = |span: Duration| span.as_secs_f64() / millions;
            (rate, cost(after.2 - before.2), cost(after.3 - before.3))
        });
        with_members(&room, members, threads, run).map(|_| measuring.join().expect("no thread panics"))
    })?;
    println!(
        "saturated  {members:>5} members   {rate:>7.2} M deliveries/s (goal {:>4})   host {host:.3} CPU-s a million \
         (goal {})   load {own:.3}",
        goal.0, goal.1
    );
    Ok(())
}

/// One line under way at a time: deliveries a second.
pub fn single(members: usize, goal: f64, times: Times) -> io::Result<()> {
    let room = Room::open();
    let rate = with_members(&room, members, 1, |_, load| {
        let mut lines = 0;
        let mut next = |load: &mut Load| {
            lines += 1;
            let target = lines * load.clients.len() as u64;
            load.clients[0].fill(1, &[b'x'; TEXT_LEN])?;
            while load.lines() < target {
                load.turn(Duration::from_millis(100), &mut |_| {})?;
            }
            io::Result::Ok(())
        };
        let warm = Instant::now();
        while warm.elapsed() < times.warm_up {
            next(load)?;
        }
        let (start, cpu, own) = (Instant::now(), room.cpu(), support::cpu("self"));
        let mut count = 0;
        while start.elapsed() < times.measured {
            next(load)?;
            count += 1;
        }
        let deliveries = (count * members) as f64;
        let cost = |span: Duration| span.as_secs_f64() * 1e6 / deliveries;
        let rate = deliveries / start.elapsed().as_secs_f64() / 1e3;
        Ok((rate, cost(room.cpu() - cpu), cost(support::cpu("self") - own)))
    })?;
    let (rate, host, own) = rate[0];
    println!(
        "single     {members:>5} members   {rate:>7.0} k deliveries/s (goal {goal:>4})   host {host:.2} CPU-s a \
         million   load {own:.2}"
    );
    Ok(())
}

/// A few lines a second: from just before a line is sent to its text at each member.
pub fn paced(members: usize, goal: &str, times: Times) -> io::Result<()> {
    let room = Room::open();
    let delays = with_members(&room, members, support::option("--paced-threads").unwrap_or(1), |thread, load| {
        load.clients.iter_mut().for_each(|client| client.inbox().looks = true);
        let pause = Duration::from_secs(1) / PACE;
        let start = Instant::now();
        let (mut next, mut delays) = (start, Vec::new());
        let (cpu, until) = (room.cpu(), start + times.measured);
        while Instant::now() < until + pause {
            let now = Instant::now();
            if thread == 0 && now >= next && next < until {
                let sent = format!("{:0TEXT_LEN$}", (unix_nanos()));
                load.clients[0].fill(1, sent.as_bytes())?;
                next += pause;
            }
            let wait = next.saturating_duration_since(Instant::now()).min(pause);
            load.turn(wait, &mut |text| {
                let sent = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
                delays.push((unix_nanos() - sent.expect("the text is a time")) as f64 / 1e6);
            })?;
        }
        Ok((delays, room.cpu() - cpu))
    })?;
    let cpu = delays[0].1.as_secs_f64();
    let mut delays: Vec<f64> = delays.into_iter().flat_map(|(delays, _)| delays).collect();
    delays.sort_by(f64::total_cmp);
    let at = |part: f64| delays[(delays.len() as f64 * part) as usize];
    println!(
        "paced      {members:>5} members   p50 {:>6.3} ms   p99 {:>6.3} ms   most {:>6.3} ms ({goal})   host {:.2} \
         CPU-s a million",
        at(0.5),
        at(0.99),
        delays[delays.len() - 1],
        cpu * 1e6 / delays.len() as f64
    );
    Ok(())
}

/// Nanoseconds since all of this began, the same clock for all threads.
fn unix_nanos() -> u64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

/// Members join one after the other, sit idle, and get a line.
pub fn joins(members: usize, goal: &str, times: Times) -> io::Result<()> {
    let room = Room::open();
    let before = room.rss_kib();
    let start = Instant::now();
    let joined = AtomicU64::new(0);
    let seen = with_members(&room, members, threads(), |thread, load| {
        joined.fetch_max(start.elapsed().as_micros() as u64, SeqCst);
        let mut idle = iter::repeat_n(Duration::from_millis(10), (times.idle.as_millis() / 10) as usize);
        idle.try_for_each(|wait| {
            thread::sleep(wait);
            load.turn(Duration::ZERO, &mut |_| {})
        })?;
        let held = room.rss_kib();
        let said = Instant::now();
        if thread == 0 {
            load.clients[0].fill(1, &[b'x'; TEXT_LEN])?;
        }
        load.until(1, &mut |_| {})?;
        Ok((held, said.elapsed()))
    })?;
    let spent = joined.load(SeqCst) as f64 / 1e6;
    let each = (seen[0].0 - before) as f64 / members as f64;
    let line = seen.iter().map(|(_, line)| *line).max().unwrap_or_default();
    println!(
        "joins      {members:>5} members   {spent:>7.2} s ({goal})   then a line to all {:.1} ms   idle {each:.1} KiB a \
         member (goal 24)",
        line.as_secs_f64() * 1e3
    );
    Ok(())
}

/// What the system alone takes: one thread that writes as many bytes to each of so many plain connections, one line
/// under way at a time. It tells how much of a room's figure is the machine's; two threads might write faster.
pub fn floor(members: usize, times: Times) -> io::Result<()> {
    /// A line as it travels: text, frame and TLS record.
    const RECORD_LEN: usize = 64 + 42;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let at = listener.local_addr()?;
    let ends: Vec<_> = (0..members)
        .map(|_| {
            let near = TcpStream::connect(at)?;
            let (far, _) = listener.accept()?;
            near.set_nonblocking(true)?;
            far.set_nodelay(true)?;
            Ok((near, far))
        })
        .collect::<io::Result<_>>()?;
    let (near, far): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let room = thread::spawn(move || {
        let mut line = [0; RECORD_LEN];
        while (&far[0]).read_exact(&mut line).is_ok() {
            if far.iter().any(|mut member| member.write_all(&line).is_err()) {
                return;
            }
        }
    });
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (index, member) in near.iter().enumerate() {
        epoll::add(&epoll, member, EventData::new_u64(index as u64), EventFlags::IN | EventFlags::ET)?;
    }
    let mut events = vec![MaybeUninit::uninit(); members];
    let mut buffer = vec![0; 64 * 1024];
    let (start, mut lines) = (Instant::now(), 0);
    while start.elapsed() < times.measured / 2 {
        (&near[0]).write_all(&[0; RECORD_LEN])?;
        let mut missing = members * RECORD_LEN;
        while missing > 0 {
            let (ready, _) = epoll::wait(&epoll, &mut events[..], None)?;
            for event in ready.iter() {
                missing -= (&near[event.data.u64() as usize]).read(&mut buffer)?;
            }
        }
        lines += 1;
    }
    let rate = (lines * members) as f64 / start.elapsed().as_secs_f64() / 1e3;
    println!(
        "floor      {members:>5} sockets   {rate:>7.0} k deliveries/s: plain TCP from one thread, no TLS, no room"
    );
    drop(near);
    room.join().expect("it ends with the connections");
    Ok(())
}
