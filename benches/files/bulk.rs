//! Files and folders on their own: speed, processor time, memory.

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::Duration,
};

use crate::{
    data::{Space, compare_and_remove},
    member::Member,
    plain,
    support::median,
};

/// Goal for the memory of a process, in MiB.
const MEMORY: f64 = 32.0;

/// A room with two members.
struct Room {
    host: Member,
    ann: Member,
    bob: Member,
}

impl Room {
    fn open(space: &Space) -> io::Result<Self> {
        let host = Member::host(space)?;
        let ann = Member::join(&host, "ann", space)?;
        let bob = Member::join(&host, "bob", space)?;
        Ok(Self { host, ann, bob })
    }

    fn cpu(&self) -> Duration {
        self.host.cpu() + self.ann.cpu() + self.bob.cpu()
    }

    fn peaks(&self) {
        let peaks = [&self.host, &self.ann, &self.bob].map(Member::peak_mib);
        let [host, ann, bob] = peaks;
        let met = met(peaks.iter().all(|peak| *peak <= MEMORY));
        println!(
            "  peak memory: host {host:.1} MiB, sender {ann:.1} MiB, receiver {bob:.1} MiB   goal {MEMORY:.0}: {met}"
        );
    }
}

fn met(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// What one way of copying takes, round by round.
#[derive(Default)]
struct Way {
    secs: Vec<f64>,
    cpu: Vec<f64>,
    /// The host's part of it, where it is told.
    host: Vec<f64>,
}

impl Way {
    fn add(&mut self, (time, cpu): (Duration, Duration)) {
        self.secs.push(time.as_secs_f64());
        self.cpu.push(cpu.as_secs_f64());
    }

    /// A transfer by the program.
    fn send(&mut self, room: &Room, (from, to): (&Member, &Member), path: &Path) -> io::Result<()> {
        let (all, host) = (room.cpu(), room.host.cpu());
        let (time, got) = from.send(path, to)?;
        self.add((time, room.cpu() - all));
        self.host.push((room.host.cpu() - host).as_secs_f64());
        compare_and_remove(path, &got)
    }

    fn speed(&self, bytes: f64) -> f64 {
        bytes / median(self.secs.clone())
    }

    fn cpu(&self, bytes: f64) -> f64 {
        median(self.cpu.clone()) / bytes * f64::from(1 << 30)
    }
}

/// One large file, all ways, in turns.
pub fn large(mib: usize, rounds: usize) -> io::Result<()> {
    let space = Space::new()?;
    let file = space.file("large.bin", mib << 20)?;
    let room = Room::open(&space)?;
    let copied = space.path("copied");
    let [mut socat, mut copy, mut up, mut down, mut across] = [(); 5].map(|()| Way::default());
    for _ in 0..rounds {
        if let Some(done) = plain::socat(&file, &copied) {
            socat.add(done?);
            compare_and_remove(&file, &copied)?;
        }
        up.send(&room, (&room.ann, &room.host), &file)?;
        down.send(&room, (&room.host, &room.bob), &file)?;
        across.send(&room, (&room.ann, &room.bob), &file)?;
        copy.add(plain::copy(&file, &copied)?);
        compare_and_remove(&file, &copied)?;
    }
    let bytes = (mib << 20) as f64;
    let (by, measure) = if socat.secs.is_empty() { ("plain copy", &copy) } else { ("socat", &socat) };
    println!("one file of {mib} MiB, median of {rounds}     MB/s  of {by}  CPU-s a GiB");
    let row = |what: &str, way: &Way, note: String| {
        let (speed, cpu) = (way.speed(bytes), way.cpu(bytes));
        let share = 100.0 * speed / measure.speed(bytes);
        println!("  {what:<36} {:>6.0} {share:>7.0} %  {cpu:>10.2}   {note}", speed / 1e6);
    };
    if !socat.secs.is_empty() {
        row("socat", &socat, String::new());
    }
    row("plain copy by two threads", &copy, String::new());
    for (what, way) in [("member to host", &up), ("host to member", &down)] {
        let met = met(way.speed(bytes) >= 0.6 * measure.speed(bytes) && way.cpu(bytes) <= 1.6);
        row(what, way, format!("goal 60 %, 1.6: {met}"));
    }
    let share = across.speed(bytes) / up.speed(bytes);
    let host = median(across.host.clone()) / bytes * f64::from(1 << 30);
    let note = format!("{:.0} % of member to host, goal 60: {}; host {host:.2}", 100.0 * share, met(share >= 0.6));
    row("member to member", &across, note);
    room.peaks();
    Ok(())
}

/// A folder of small files.
pub fn small(files: usize, rounds: usize) -> io::Result<()> {
    let space = Space::new()?;
    let folder = space.folder("small", files, 4096, 10)?;
    let room = Room::open(&space)?;
    let copied = space.path("copied");
    let [mut up, mut down, mut across] = [(); 3].map(|()| Way::default());
    let mut copy = Vec::new();
    for _ in 0..rounds {
        copy.push(plain::copy_folder(&folder, &copied)?.as_secs_f64());
        compare_and_remove(&folder, &copied)?;
        up.send(&room, (&room.ann, &room.host), &folder)?;
        down.send(&room, (&room.host, &room.bob), &folder)?;
        across.send(&room, (&room.ann, &room.bob), &folder)?;
    }
    let copy = median(copy);
    println!("{files} files of 4 KiB, median of {rounds}          s  times plain");
    println!("  {:<36} {copy:>6.3}", "plain copy by two threads");
    for (what, way) in [("member to host", up), ("host to member", down), ("member to member", across)] {
        let secs = median(way.secs);
        println!("  {what:<36} {secs:>6.3} {:>8.1}   goal 0.25 s: {}", secs / copy, met(secs <= 0.25));
    }
    room.peaks();
    Ok(())
}

/// A folder of very many files.
pub fn many(files: usize, name_len: usize) -> io::Result<()> {
    let space = Space::new()?;
    let folder = space.folder("many", files, 100, name_len)?;
    println!("{files} files of 100 bytes with names of {name_len}");
    let room = Room::open(&space)?;
    for (what, from) in [("member to member", &room.ann), ("host to member", &room.host)] {
        let (time, got) = from.send(&folder, &room.bob)?;
        compare_and_remove(&folder, &got)?;
        println!("  {what:<36} {:>6.2} s", time.as_secs_f64());
        room.peaks();
    }
    Ok(())
}

/// Four files at once.
pub fn memory(mib: usize) -> io::Result<()> {
    let space = Space::new()?;
    let names = ["one.bin", "two.bin", "three.bin", "four.bin"];
    let files: Vec<_> = names.iter().map(|name| space.file(name, mib << 20)).collect::<io::Result<_>>()?;
    let room = Room::open(&space)?;
    for file in &files {
        room.ann.say(&format!("sendfile {} --to bob", file.display()))?;
    }
    for _ in &files {
        room.bob.notice("* saved ")?;
    }
    for file in &files {
        compare_and_remove(file, &room.bob.got(file))?;
    }
    println!("four files of {mib} MiB at once, member to member");
    room.peaks();
    Ok(())
}

/// A file larger than any memory.
pub fn huge(gib: usize) -> io::Result<()> {
    let space = Space::new()?;
    let file = space.path("huge.bin");
    File::create(&file)?.set_len((gib as u64) << 30)?;
    let room = Room::open(&space)?;
    let before = room.cpu();
    let (time, got) = room.ann.send(&file, &room.bob)?;
    let cpu = (room.cpu() - before).as_secs_f64() / gib as f64;
    assert_eq!(fs::metadata(&got)?.len(), (gib as u64) << 30);
    println!("{gib} GiB of nothing, member to member: {:.1} s, {cpu:.2} CPU-s a GiB", time.as_secs_f64());
    room.peaks();
    compare_and_remove(&file, &got)
}
