//! The address of a room as a person types it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::wire::DEFAULT_PORT;

/// Longest host name of the DNS, in bytes.
const MAX_HOST_LEN: usize = 253;

/// A room's address: a host as typed, in lower case, and a port.
///
/// Parsed from `HOST` or `HOST:PORT`, where the host is a name, an IPv4 address, or an IPv6 address, which
/// needs brackets if a port follows. Without a port it is [`DEFAULT_PORT`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostAddr {
    host: String,
    port: u16,
}

/// A text that is no address of a room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no host.
    #[error("the address has no host; write HOST or HOST:PORT, such as 192.168.1.5:5000")]
    NoHost,
    /// What follows the colon is no port.
    #[error("`{0}` is no port; a port is a number from 1 to 65535")]
    Port(String),
    /// Only a number was given.
    #[error("`{0}` is no host; write HOST:PORT, such as 192.168.1.5:{0}")]
    OnlyPort(String),
    /// The host is neither a name nor an address.
    #[error("`{0}` is neither the name of a host nor an IP address")]
    Host(String),
    /// An IPv6 address in brackets that is none.
    #[error("`{0}` is no IPv6 address; write [ADDRESS]:PORT, such as [fd00::5]:5000")]
    Ipv6(String),
}

impl HostAddr {
    /// The address of `ip`.
    pub fn from_ip(ip: IpAddr, port: u16) -> Self {
        Self { host: ip.to_string(), port }
    }

    /// The host: a name, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same host at another port.
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }
}

impl fmt::Display for HostAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostAddr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(|| AddressError::Ipv6(text.to_owned()))?;
            let host = ipv6(host).ok_or_else(|| AddressError::Ipv6(host.to_owned()))?;
            let port = match rest.strip_prefix(':') {
                Some(digits) => port(digits)?,
                None if rest.is_empty() => DEFAULT_PORT,
                None => return Err(AddressError::Ipv6(text.to_owned())),
            };
            return Ok(Self { host, port });
        }
        if let Some(host) = ipv6(text) {
            return Ok(Self { host, port: DEFAULT_PORT });
        }
        let (host, port) = match text.split_once(':') {
            Some((_, digits)) if digits.contains(':') => return Err(AddressError::Host(text.to_owned())),
            Some((host, digits)) => (host, port(digits)?),
            None if text.parse::<u16>().is_ok() => return Err(AddressError::OnlyPort(text.to_owned())),
            None => (text, DEFAULT_PORT),
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let host = named(host).ok_or_else(|| AddressError::Host(host.to_owned()))?;
        Ok(Self { host, port })
    }
}

fn port(digits: &str) -> Result<u16, AddressError> {
    let wrong = || AddressError::Port(digits.to_owned());
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    digits.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)
}

/// An IPv6 address, with a zone or without, in its one usual form: the text is a key in the list of pins.
fn ipv6(text: &str) -> Option<String> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let address: Ipv6Addr = address.parse().ok()?;
    match zone {
        None => Some(address.to_string()),
        Some(zone) if !zone.is_empty() && zone.bytes().all(is_name_byte) => Some(format!("{address}%{zone}")),
        Some(_) => None,
    }
}

/// A host name or an IPv4 address.
fn named(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let fits = text.len() <= MAX_HOST_LEN && text.bytes().all(is_name_byte) && !text.starts_with(['-', '.']);
    let last = text.trim_end_matches('.').rsplit('.').next()?;
    // Systems read `192.168.5` and `1.0x7f` as addresses, and not as the ones that were meant.
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if !fits || (numeric && text.parse::<Ipv4Addr>().is_err()) {
        return None;
    }
    Some(text)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<HostAddr>().unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
    }

    #[test]
    fn every_form_of_an_address_is_understood() {
        for (typed, expected) in [
            ("192.168.1.5", "192.168.1.5:5000"),
            ("192.168.1.5:6000", "192.168.1.5:6000"),
            ("Box.Example.ORG:65535", "box.example.org:65535"),
            ("localhost", "localhost:5000"),
            ("my_box-2.", "my_box-2.:5000"),
            ("3com.example", "3com.example:5000"),
            ("10.0.0.1.example", "10.0.0.1.example:5000"),
            ("::1", "[::1]:5000"),
            ("[::1]", "[::1]:5000"),
            ("[FD00:0:0::5]:6000", "[fd00::5]:6000"),
            ("fe80::1%eth0", "[fe80::1%eth0]:5000"),
            ("[fe80::1%eth0]:1", "[fe80::1%eth0]:1"),
        ] {
            assert_eq!(shown(typed), expected);
            assert_eq!(shown(expected), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let error = |text: &str| text.parse::<HostAddr>().expect_err(text);
        for text in ["", ":5000"] {
            assert_eq!(error(text), AddressError::NoHost, "{text}");
        }
        for (text, port) in [
            ("a:0", "0"),
            ("a:65536", "65536"),
            ("a:", ""),
            ("a:x", "x"),
            ("a:+1", "+1"),
            ("[::1]:0", "0"),
            ("a: 1", " 1"),
        ] {
            assert_eq!(error(text), AddressError::Port(port.to_owned()), "{text}");
        }
        assert_eq!(error("5000"), AddressError::OnlyPort("5000".to_owned()));
        for text in [
            "a b",
            " a",
            "a ",
            "a\n",
            "-a",
            "a/b",
            "u@a",
            "192.168.1",
            "192.168.1.256",
            "a.0x7f",
            "a.0X7F",
            "bücher.example",
            "a:b:c",
            "1:2:5000",
        ] {
            assert_eq!(error(text), AddressError::Host(text.to_owned()), "{text}");
        }
        assert_eq!(error(&"a".repeat(254)), AddressError::Host("a".repeat(254)));
        for text in ["[::1", "[]", "[::1]5000", "[192.168.1.5]:5000", "[fe80::1%]", "[fe80::1%a b]"] {
            assert!(matches!(error(text), AddressError::Ipv6(_)), "{text}");
        }
    }
}
