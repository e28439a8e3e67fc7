//! What plain TCP gives on this machine: the measure for the rest.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::support;

/// Bytes of one read and one write.
const STEP: usize = 256 * 1024;

/// Copies a file over loopback by two processes of socat. Returns the time and the processor time, or nothing if there
/// is no socat.
pub fn socat(from: &Path, to: &Path) -> Option<io::Result<(Duration, Duration)>> {
    Command::new("socat").arg("-V").output().ok()?;
    Some(run_socat(from, to))
}

fn run_socat(from: &Path, to: &Path) -> io::Result<(Duration, Duration)> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let socat = |from: String, to: String| Command::new("socat").args(["-u", "-b", "262144", &from, &to]).spawn();
    let mut receiver = socat(
        format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"),
        format!("OPEN:{},creat,trunc,wronly", to.display()),
    )?;
    // Until it listens.
    thread::sleep(Duration::from_millis(50));
    let (start, before) = (Instant::now(), children());
    let mut sender = socat(format!("OPEN:{},rdonly", from.display()), format!("TCP:127.0.0.1:{port}"))?;
    let done = (sender.wait()?.success(), receiver.wait()?.success());
    assert_eq!(done, (true, true), "socat failed");
    Ok((start.elapsed(), children() - before))
}

/// Processor time of the children that have ended.
fn children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells it");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|ticks| ticks.parse::<u64>().expect("a number of ticks")).sum();
    Duration::from_millis(ticks * 10)
}

/// Copies a file over loopback by two threads. Returns the time and the processor time.
pub fn copy(from: &Path, to: &Path) -> io::Result<(Duration, Duration)> {
    let (near, far) = sockets()?;
    let (start, before) = (Instant::now(), support::cpu("self"));
    thread::scope(|scope| {
        let received = scope.spawn(|| pump(far, File::create(to)?));
        pump(File::open(from)?, near)?;
        received.join().expect("it does not panic")
    })?;
    Ok((start.elapsed(), support::cpu("self") - before))
}

fn pump(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut bytes = vec![0; STEP];
    loop {
        match from.read(&mut bytes)? {
            0 => return Ok(()),
            len => to.write_all(&bytes[..len])?,
        }
    }
}

/// Copies the files of a folder over loopback by two threads, file by file: its length, then its bytes.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<Duration> {
    let (near, far) = sockets()?;
    let start = Instant::now();
    let send = || {
        let mut out = BufWriter::with_capacity(STEP, near);
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (name, bytes) = (entry.file_name().into_encoded_bytes(), fs::read(entry.path())?);
            for part in [&name, &bytes] {
                out.write_all(&(part.len() as u32).to_be_bytes())?;
                out.write_all(part)?;
            }
        }
        out.flush()
    };
    let receive = || {
        fs::create_dir(to)?;
        let mut input = BufReader::with_capacity(STEP, far);
        while let Some(name) = part(&mut input)? {
            let name = String::from_utf8(name).map_err(io::Error::other)?;
            fs::write(to.join(name), part(&mut input)?.unwrap_or_default())?;
        }
        io::Result::Ok(())
    };
    thread::scope(|scope| {
        let received = scope.spawn(receive);
        scope.spawn(send).join().expect("it does not panic")?;
        received.join().expect("it does not panic")
    })?;
    Ok(start.elapsed())
}

fn part(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    match input.read_exact(&mut len) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut bytes = vec![0; u32::from_be_bytes(len) as usize];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn sockets() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    Ok((near, listener.accept()?.0))
}
