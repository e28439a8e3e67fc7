//! What a service is by the first bytes that it says.

/// How much of an unknown greeting is shown, in characters.
const SHOWN: usize = 40;

/// How greetings begin.
const GREETINGS: [(&[u8], &str); 16] = [
    (b"HTTP/", "a web server (HTTP)"),
    (b"<!doctype", "a web server (HTTP)"),
    (b"<html", "a web server (HTTP)"),
    (b"RTSP/", "a media server (RTSP; AirPlay is one)"),
    (b"SSH-", "an SSH server"),
    (b"220 ", "a mail or FTP server"),
    (b"220-", "a mail or FTP server"),
    (b"* OK", "a mail server (IMAP)"),
    (b"+OK", "a mail server (POP3)"),
    (b"RFB ", "a remote desktop (VNC)"),
    (b"-ERR", "a Redis server"),
    (b":", "an IRC server"),
    (b"\x15\x03", "a TLS service of another kind, such as HTTPS"),
    (b"\x16\x03", "a TLS service of another kind, such as HTTPS"),
    (b"pchat-stream", "the end of a transfer of pchat"),
    (b"\xff\xfb", "a telnet server"),
];

/// What something is that begins with these bytes, as one reads it after "it is". What it said is in there as it said it:
/// whoever shows it has to clean it.
pub fn guess(first: &[u8]) -> String {
    let begins = |begin: &[u8]| first.get(..begin.len()).is_some_and(|first| first.eq_ignore_ascii_case(begin));
    match GREETINGS.iter().find(|(begin, _)| begins(begin)) {
        Some((begin, what)) if begin[0].is_ascii_graphic() => format!("{what}, which says `{}`", quoted(first)),
        Some((_, what)) => (*what).to_owned(),
        None => format!("something else, which says `{}`", quoted(first)),
    }
}

/// The first row of it.
fn quoted(first: &[u8]) -> String {
    let text = String::from_utf8_lossy(first);
    let row = text.split(['\r', '\n']).next().unwrap_or_default();
    let mut shown: String = row.chars().take(SHOWN).collect();
    if shown.len() < row.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_known_by_what_they_say_first() {
        for (first, expected) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n"[..],
                "a web server (HTTP), which says `HTTP/1.1 400 Bad Request`",
            ),
            (b"<!DOCTYPE HTML>\n<html>", "a web server (HTTP), which says `<!DOCTYPE HTML>`"),
            (b"SSH-2.0-OpenSSH_9.9\r\n", "an SSH server, which says `SSH-2.0-OpenSSH_9.9`"),
            (b"220 mail.example ESMTP\r\n", "a mail or FTP server, which says `220 mail.example ESMTP`"),
            (b"\x15\x03\x03\x00\x02\x02\x28", "a TLS service of another kind, such as HTTPS"),
            (b"hello", "something else, which says `hello`"),
            (b"\xff\xfe", "something else, which says `\u{fffd}\u{fffd}`"),
            (b"", "something else, which says ``"),
        ] {
            assert_eq!(guess(first), expected);
        }
        assert_eq!(guess(&[b'x'; 256]), format!("something else, which says `{}...`", "x".repeat(40)));
    }
}
