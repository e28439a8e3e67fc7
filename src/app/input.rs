//! Lines from a pipe.

use std::{
    io::{self, BufRead, Read},
    thread,
};

use tokio::sync::mpsc;

/// Longest line that is read whole, in bytes; more than the longest message, so that it is the message's limit
/// that people read of.
const MAX_LINE: u64 = 64 * 1024;

/// A line of a pipe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piped {
    /// The line, without its end.
    Line(String),
    /// A line too long to be any.
    TooLong,
    /// The pipe cannot be read; one line says why.
    Failed(String),
}

/// Reads the program's input in a thread of its own, which waits while nobody takes the lines. At the end of
/// input the channel closes.
pub(super) fn lines() -> io::Result<mpsc::Receiver<Piped>> {
    // One: what is not taken stays in the pipe, so that its writer waits.
    let (sender, receiver) = mpsc::channel(1);
    thread::Builder::new().name("input".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next(&mut input) {
            let failed = matches!(line, Piped::Failed(_));
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// The next line, or nothing at the end of input.
fn next(input: &mut impl BufRead) -> Option<Piped> {
    let mut line = Vec::new();
    match input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Piped::Failed(format!("the input cannot be read: {error}"))),
    }
    if line.len() as u64 == MAX_LINE && line.last() != Some(&b'\n') {
        return Some(match skip_line(input) {
            Ok(()) => Piped::TooLong,
            Err(error) => Piped::Failed(format!("the input cannot be read: {error}")),
        });
    }
    // Bytes that are no text become U+FFFD: a log with one odd byte is still a log.
    let text = String::from_utf8_lossy(&line);
    Some(Piped::Line(text.trim_end_matches(['\n', '\r']).to_owned()))
}

/// Skips to the next line without keeping what is skipped.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(());
        }
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                input.consume(end + 1);
                return Ok(());
            }
            None => {
                let all = bytes.len();
                input.consume(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<Piped> {
        let mut input = input;
        std::iter::from_fn(|| next(&mut input)).collect()
    }

    fn line(text: &str) -> Piped {
        Piped::Line(text.to_owned())
    }

    #[test]
    fn line_ends_of_both_kinds_are_taken_off_and_the_last_line_needs_none() {
        assert_eq!(read(b"a\r\nb\n\nc"), [line("a"), line("b"), line(""), line("c")]);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn case_76_bytes_that_are_no_text_are_cleaned_and_endless_lines_skipped() {
        let mut input = b"a\xff\x00b\n".to_vec();
        input.extend(vec![b'x'; 1 << 20]);
        input.extend(b"\nafter");
        assert_eq!(read(&input), [line("a\u{fffd}\0b"), Piped::TooLong, line("after")]);
        assert_eq!(read(&vec![b'x'; 1 << 20]), [Piped::TooLong]);
    }
}
