//! Who listens on a port of this machine, as far as the system tells.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::ask::Ask;

/// The state of a socket that listens, in the tables of Linux.
const LISTENS: &str = "0A";

/// A socket that listens on the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// At which address; unspecified for all.
    pub ip: IpAddr,
    inode: u64,
    uid: u32,
}

/// A program that has the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name, as it gave it to itself.
    pub program: String,
    /// Its number.
    pub pid: u32,
}

/// What the system tells of a port that is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The sockets that listen there, as far as they are known.
    pub listening: Vec<Listening>,
    /// Whose they are; nothing if that is not for us to know.
    pub holder: Option<Holder>,
}

impl Held {
    /// Looks it up: in the system's tables below `root` where there are any, else by `lsof`.
    pub fn look_up(root: &Path, ask: &dyn Ask, port: u16) -> Self {
        let tables = ["proc/net/tcp", "proc/net/tcp6"].map(|table| fs::read_to_string(root.join(table)));
        if tables.iter().all(Result::is_err) {
            let port = format!("-iTCP:{port}");
            let listed = ask.ask("lsof", &["-nP", &port, "-sTCP:LISTEN", "-Fpc"]);
            return Self { listening: Vec::new(), holder: listed.and_then(|listed| from_lsof(&listed.out)) };
        }
        let listening: Vec<_> = tables.iter().flatten().flat_map(|table| from_table(table, port)).collect();
        let holder = owner(&root.join("proc"), &listening);
        Self { listening, holder }
    }

    /// Who has it, as one reads it after "taken by".
    pub fn described(&self) -> String {
        if let Some(Holder { program, pid }) = &self.holder {
            return format!("{program} (process {pid})");
        }
        let Some(socket) = self.listening.first() else { return "another program".to_owned() };
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(socket.uid)).ok().flatten();
        let user = user.map_or_else(|| format!("number {}", socket.uid), |user| user.name);
        format!("a program of the user {user}, whose name only that user and root may know")
    }

    /// Whether only this machine itself gets there, as far as is known.
    pub fn only_loopback(&self) -> bool {
        !self.listening.is_empty() && self.listening.iter().all(|socket| socket.ip.is_loopback())
    }

    /// The address of this machine at which it answers.
    pub fn near(&self) -> IpAddr {
        match self.listening.first().map(|socket| socket.ip) {
            None => Ipv4Addr::LOCALHOST.into(),
            // A socket for all of IPv6 takes IPv4 too, unless it says otherwise: IPv6 is certain.
            Some(IpAddr::V6(ip)) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            Some(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            Some(ip) => ip,
        }
    }
}

/// The sockets that listen on `port` in a table of the form of `/proc/net/tcp`, see proc_net(5).
fn from_table(table: &str, port: u16) -> Vec<Listening> {
    let row = |row: &str| {
        let mut fields = row.split_whitespace().skip(1);
        let (ip, of) = fields.next()?.split_once(':')?;
        let state = fields.nth(1)?;
        let uid = fields.nth(3)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        let here = state == LISTENS && u16::from_str_radix(of, 16).ok()? == port;
        here.then_some(Listening { ip: address(ip)?, inode, uid })
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// An address as the tables have it: each 32 bits of it as a number in the byte order of the machine.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical())
        }
        _ => None,
    }
}

/// The process that has one of the sockets open, among those whose descriptors we may see.
fn owner(proc: &Path, sockets: &[Listening]) -> Option<Holder> {
    let links: Vec<PathBuf> = sockets.iter().map(|socket| format!("socket:[{}]", socket.inode).into()).collect();
    let processes = fs::read_dir(proc).ok()?.flatten();
    processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))).find_map(
        |(pid, path): (u32, PathBuf)| {
            let mut open = fs::read_dir(path.join("fd")).ok()?.flatten();
            open.any(|fd| fs::read_link(fd.path()).is_ok_and(|to| links.contains(&to))).then(|| {
                let program = fs::read_to_string(path.join("comm")).unwrap_or_default();
                Holder { program: program.trim_end().to_owned(), pid }
            })
        },
    )
}

/// The first process in what `lsof -F pc` prints.
fn from_lsof(out: &str) -> Option<Holder> {
    let field = |letter: char| out.lines().find_map(|line| line.strip_prefix(letter));
    Some(Holder { pid: field('p')?.parse().ok()?, program: field('c')?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::ask::Told;
    use super::*;
    use crate::trust::scratch::Scratch;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    /// Rows as a machine of this byte order would have them.
    fn row(ip: &str, port: u16, state: &str, inode: u64) -> String {
        let bytes = match ip.parse::<IpAddr>().unwrap() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let words = bytes.chunks(4).map(|word| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap())));
        format!(
            "   0: {}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0 100\n",
            words.collect::<String>()
        )
    }

    #[test]
    fn sockets_that_listen_on_the_port_are_found() {
        let table = [
            HEAD.to_owned(),
            row("127.0.0.1", 5000, "0A", 11),
            row("0.0.0.0", 5001, "0A", 12),
            row("192.168.1.5", 5000, "01", 13),
            row("192.168.1.5", 5000, "0A", 14),
        ];
        let found: Vec<_> =
            from_table(&table.concat(), 5000).into_iter().map(|socket| (socket.ip.to_string(), socket.inode)).collect();
        assert_eq!(found, [("127.0.0.1".to_owned(), 11), ("192.168.1.5".to_owned(), 14)]);
        let table6 = [HEAD.to_owned(), row("::", 5000, "0A", 1), row("2001:db8::5", 5000, "0A", 2)].concat();
        let found: Vec<_> = from_table(&table6, 5000).into_iter().map(|socket| socket.ip.to_string()).collect();
        assert_eq!(found, ["::", "2001:db8::5"]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_row_as_linux_prints_it_is_understood() {
        let table = "  sl  local_address rem_address   st\n   2: 0100007F:1388 00000000:0000 0A 00000000:00000000 \
                     00:00000000 00000000   998        0 29731 1 0000000000000000 100 0 0 10 0\n";
        let expected = Listening { ip: Ipv4Addr::LOCALHOST.into(), inode: 29731, uid: 998 };
        assert_eq!(from_table(table, 0x1388), [expected]);
    }

    #[test]
    fn tables_that_make_no_sense_hold_nothing() {
        for table in
            ["", "x", "head\n", "head\n 0: 0100007F\n", "head\n0: zz:1388 0:0 0A a b c d e f\n", "head\n0: é:1388 0 0A"]
        {
            assert_eq!(from_table(table, 5000), []);
        }
    }

    struct Lsof(&'static str);

    impl Ask for Lsof {
        fn ask(&self, program: &str, _: &[&str]) -> Option<Told> {
            assert_eq!(program, "lsof");
            Some(Told { good: true, out: self.0.to_owned() })
        }
    }

    #[test]
    fn the_holder_is_found_by_its_socket() {
        let root = Scratch::new();
        let net = root.path().join("proc/net");
        fs::create_dir_all(&net).unwrap();
        fs::write(net.join("tcp"), [HEAD, &row("127.0.0.1", 5000, "0A", 77)].concat()).unwrap();
        let fds = root.path().join("proc/4242/fd");
        fs::create_dir_all(&fds).unwrap();
        std::os::unix::fs::symlink("socket:[77]", fds.join("3")).unwrap();
        fs::write(root.path().join("proc/4242/comm"), "python3\n").unwrap();
        let held = Held::look_up(root.path(), &Lsof("p1\ncwrong\n"), 5000);
        assert_eq!(held.described(), "python3 (process 4242)");
        assert!(held.only_loopback());
        assert_eq!(held.near(), IpAddr::from(Ipv4Addr::LOCALHOST));
        fs::remove_dir_all(root.path().join("proc/4242")).unwrap();
        let held = Held::look_up(root.path(), &Lsof(""), 5000);
        assert!(held.described().starts_with("a program of the user "), "{}", held.described());
    }

    #[test]
    fn where_there_are_no_tables_lsof_is_asked() {
        let root = Scratch::new();
        let held = Held::look_up(root.path(), &Lsof("p611\ncControlCe\nf10\n"), 5000);
        assert_eq!(held.described(), "ControlCe (process 611)");
        assert!(!held.only_loopback());
        assert_eq!(Held::look_up(root.path(), &Lsof(""), 5000).described(), "another program");
    }
}
