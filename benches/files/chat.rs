//! Lines while bulk data takes the machine.

use std::{
    fs, io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use crate::{data::Space, member::Member, plain};

/// Goals for the delay of a line, in ms: its middle, and what one in a hundred may exceed.
const GOALS: (f64, f64) = (1.0, 10.0);

/// The time between two lines.
const PAUSE: Duration = Duration::from_millis(3);

/// How long something is under way before lines count.
const WARM_UP: Duration = Duration::from_millis(50);

/// Delays of lines from one member to another, in ms, and there and back.
#[derive(Default)]
struct Delays {
    there: Vec<f64>,
    back: Vec<f64>,
}

/// Measures lines between two members in peace, while plain TCP takes the machine, and while they pass each other a file
/// through the host.
pub fn chat(mib: usize, lines: usize) -> io::Result<()> {
    let space = Space::new()?;
    let file = space.file("large.bin", mib << 20)?;
    let copied = space.path("copied");
    let host = Member::host(&space)?;
    let ann = Member::join(&host, "ann", &space)?;
    let bob = Member::join(&host, "bob", &space)?;
    println!("a line from member to member, of {lines}, in ms      p50    p99  longest   there and back");
    let mut delays = Delays::default();
    while delays.there.len() < lines {
        delays.line(&ann, &bob)?;
        thread::sleep(PAUSE);
    }
    delays.report("nothing else", false);
    during(&mut delays, lines, (&ann, &bob), || {
        plain::copy(&file, &copied)?;
        Ok(copied.clone())
    })?;
    delays.report("while a plain copy runs", false);
    during(&mut delays, lines, (&ann, &bob), || Ok(host.send(&file, &bob)?.1))?;
    delays.report("while the host sends one of them a file", true);
    during(&mut delays, lines, (&ann, &bob), || Ok(ann.send(&file, &bob)?.1))?;
    delays.report("while they pass a file", true);
    Ok(())
}

/// Says lines while `work` runs, which is done again until there are enough. It returns a file to remove.
fn during(
    delays: &mut Delays,
    lines: usize,
    (from, to): (&Member, &Member),
    work: impl Fn() -> io::Result<PathBuf> + Sync,
) -> io::Result<()> {
    let (enough, running) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            while !enough.load(SeqCst) {
                running.store(true, SeqCst);
                let done = work();
                running.store(false, SeqCst);
                fs::remove_file(done?)?;
            }
            io::Result::Ok(())
        });
        thread::sleep(WARM_UP);
        while delays.there.len() < lines && !worker.is_finished() {
            if running.load(SeqCst) {
                delays.line(from, to)?;
            }
            thread::sleep(PAUSE);
        }
        enough.store(true, SeqCst);
        worker.join().expect("it does not panic")
    })
}

impl Delays {
    /// A line there and another one back.
    fn line(&mut self, from: &Member, to: &Member) -> io::Result<()> {
        let start = Instant::now();
        from.say("there")?;
        let (there, _) = to.heard()?;
        to.say("back")?;
        let (back, _) = from.heard()?;
        self.there.push((there - start).as_secs_f64() * 1e3);
        self.back.push((back - start).as_secs_f64() * 1e3);
        Ok(())
    }

    /// Tells, and begins again.
    fn report(&mut self, what: &str, has_goal: bool) {
        let [there, back] = [&mut self.there, &mut self.back].map(|all| {
            let mut all = std::mem::take(all);
            all.sort_by(f64::total_cmp);
            let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
            [at(0.5), at(0.99), at(1.0)]
        });
        let met = if there[0] < GOALS.0 && there[1] < GOALS.1 { "met" } else { "MISSED" };
        let goal = if has_goal { format!("   goal {} and {}: {met}", GOALS.0, GOALS.1) } else { String::new() };
        println!(
            "  {what:<42} {:>8.2} {:>6.2} {:>8.2}   {:>6.2} {:>6.2}{goal}",
            there[0], there[1], there[2], back[0], back[1]
        );
    }
}
