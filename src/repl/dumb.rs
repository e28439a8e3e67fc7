//! The editor for terminals that can only print (`TERM=dumb`): a prompt, and lines as the terminal itself edits them.
//! Nothing is redrawn: what arrives while a line is typed is printed as it comes, and the prompt again.

use std::{
    io::stdin,
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, mpsc as std_mpsc},
    thread,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    termios::{LocalModes, OptionalActions, SpecialCodeIndex},
};
use tokio::sync::oneshot;

use super::{
    Next, Typed,
    editor::{Link, write},
    helper::lock,
    layout,
    restore::Modes,
};

/// Reads lines until told to stop, by a byte on `stopped` too.
pub(super) fn run(link: &Link, question: Option<&str>, stopped: &UnixStream) {
    let shown = Arc::new(Mutex::new(None));
    print_by_thread(link, shown.clone());
    let mut input = Vec::new();
    let mut secret = question.is_some();
    let mut prompt = match question {
        Some(question) => crate::view::filter::clean(question).into_owned(),
        None => link.screen.prompt(layout::columns()),
    };
    loop {
        let unseen = secret.then(unseen);
        {
            let mut shown = lock(&shown);
            write(&prompt);
            *shown = Some(std::mem::take(&mut prompt));
        }
        let (reply, answer) = oneshot::channel();
        let read = line(&mut input, stopped);
        {
            let mut shown = lock(&shown);
            if unseen.is_some() || read.is_none() {
                // The one that ended the line was not echoed either, or nothing has ended it.
                write("\r\n");
            }
            *shown = None;
        }
        drop(unseen);
        let typed = match read {
            _ if link.shared.is_stopping() => break,
            Some(text) => Typed::Line { text, reply },
            None => Typed::Quit { reply },
        };
        let (ended, text) = match &typed {
            Typed::Quit { .. } => (true, None),
            Typed::Line { text, .. } => (false, Some(text.clone())),
        };
        if link.typed.blocking_send(typed).is_err() {
            break;
        }
        let mut next = answer.blocking_recv().unwrap_or_default().next;
        if let (Next::Again, Some(text)) = (&next, text) {
            // No line can be put back here, so it is meant as it is.
            let (reply, answer) = oneshot::channel();
            if link.typed.blocking_send(Typed::Line { text, reply }).is_err() {
                break;
            }
            next = answer.blocking_recv().unwrap_or_default().next;
        }
        secret = matches!(next, Next::AskSecret(_));
        prompt = match next {
            Next::Stop => break,
            _ if ended || link.shared.is_stopping() => break,
            Next::Ask(question) | Next::AskSecret(question) => crate::view::filter::clean(&question).into_owned(),
            Next::Prompt | Next::Again => link.screen.prompt(layout::columns()),
        };
    }
    write(&link.screen.drain(layout::columns()));
}

/// What turns a key's special meaning off.
const NO_KEY: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

/// While it lives, the terminal does not echo. Nor does Ctrl-Z stop the program then: who comes back from a shell has
/// the echo on again. What cannot be changed is no terminal, and echoes nothing.
pub(super) fn unseen() -> Option<Modes> {
    Modes::begin(OptionalActions::Drain, |modes| {
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
    })
}

/// The next line; none at the end of the input, or when stopped.
pub(super) fn line(input: &mut Vec<u8>, stopped: &UnixStream) -> Option<String> {
    loop {
        if let Some(end) = input.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = input.drain(..=end).collect();
            return Some(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        let keyboard = stdin();
        let mut fds = [PollFd::new(&keyboard, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) if !fds[1].revents().is_empty() => return None,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return None,
        }
        let mut some = [0; 4_096];
        match rustix::io::read(&keyboard, &mut some) {
            Ok(0) | Err(_) => return None,
            Ok(n) => input.extend_from_slice(&some[..n]),
        }
    }
}

/// Prints what is shown as it comes: under the prompt, if one is `shown`, with the prompt again after it.
fn print_by_thread(link: &Link, shown: Arc<Mutex<Option<String>>>) {
    let (wake, wakes) = std_mpsc::sync_channel(1);
    let screen = link.screen.clone();
    let print = move || {
        for () in wakes {
            let shown = lock(&shown);
            let rows = screen.drain(layout::columns());
            match &*shown {
                Some(prompt) if !rows.is_empty() => write(&format!("\r\n{rows}{prompt}")),
                _ => write(&rows),
            }
        }
    };
    if thread::Builder::new().name("output".to_owned()).spawn(print).is_ok() {
        link.screen.on_change(move || {
            let _ = wake.try_send(());
        });
    }
}
