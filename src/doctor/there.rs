//! The joiner's side: the name, the way, what answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::PATIENCE;
use super::guess::guess;
use super::report::{Finding, Mark, Report};
use crate::limits::door::{TRIES, TRIES_IN};
use crate::net::{self, Answer, Kind, OwnAddress, Probe, Sight};
use crate::trust::{Fingerprint, HostAddr, Hosts, HostsError, Pin};
use crate::wire::PublicKey;

/// How many connections are made at most. A room gives each address only so many tries before it shuts the door for a
/// while, and these are meant for coming in.
const CONNECTIONS: usize = 4;

/// How long the name service may take.
const RESOLVING: Duration = Duration::from_secs(2);

/// How long all the connections may take that only measure.
const MEASURING: Duration = Duration::from_secs(2);

/// Looks at the room at `addr` from here, without entering it. Nothing is remembered in `hosts`.
///
/// # Errors
///
/// If the system does not even give threads and random numbers.
pub async fn there(addr: &HostAddr, hosts: Hosts) -> io::Result<Report> {
    let mut report = Report::new(format!("pchat join {addr}"));
    let targets = match timeout(RESOLVING, net::resolve(addr)).await {
        Ok(Ok(targets)) => targets,
        Ok(Err(error)) => {
            let next =
                format!("is `{}` spelt right? The host's `pchat host` prints addresses without a name", addr.host());
            report.add(Finding::new(Mark::Problem, error.to_string()).next(next));
            return Ok(report);
        }
        Err(_) => {
            let next = "use one of the addresses that the host's `pchat host` prints instead of the name";
            report.add(Finding::new(Mark::Problem, "the name service does not answer").next(next));
            return Ok(report);
        }
    };
    tell_names(&mut report, addr, &targets);
    // Not knowing them only means to say less.
    let own = net::own_addresses().unwrap_or_default();
    let probe = Probe::new().map_err(io::Error::other)?;
    let tried = &targets[..targets.len().min(CONNECTIONS)];
    let sights = join_all(tried.iter().map(|target| probe.look(*target, PATIENCE))).await;
    let reached = sights.iter().any(|sight| matches!(sight, Sight::Connected { answer: Answer::Room { .. }, .. }));
    for (target, sight) in tried.iter().zip(&sights) {
        let way = Way::to(*target, &own);
        let told = way.tell(sight);
        // Whoever joins takes the address that answers.
        report.add(if reached && told.is_failure { told.finding.at_most(Mark::Unsure) } else { told.finding });
        way.tell_tunnel(&mut report, reached);
    }
    tell_room(&mut report, addr, &hosts, &probe, tried, &sights).await?;
    Ok(report)
}

/// Says which addresses a name stands for.
fn tell_names(report: &mut Report, addr: &HostAddr, targets: &[SocketAddr]) {
    let ips: Vec<_> = targets.iter().map(|target| target.ip().to_string()).collect();
    if ips.iter().any(|ip| *ip != addr.host()) {
        report.add(Finding::new(Mark::Ok, format!("{} is {}", addr.host(), ips.join(", "))));
    }
    if targets.len() > CONNECTIONS {
        let text = format!("only the first {CONNECTIONS} of them are tried here; `pchat join` tries all");
        report.add(Finding::new(Mark::Note, text));
    }
}

/// The way to an address.
struct Way<'a> {
    target: SocketAddr,
    /// The address of this machine from which it begins.
    from: Option<&'a OwnAddress>,
    /// An address of this machine in the same network.
    beside: Option<&'a OwnAddress>,
    /// Whether the target is this machine.
    to_self: bool,
}

/// What is said of a way.
struct Told {
    finding: Finding,
    is_failure: bool,
}

impl<'a> Way<'a> {
    fn to(target: SocketAddr, own: &'a [OwnAddress]) -> Self {
        let ip = target.ip();
        let from = net::address_towards(ip);
        let in_network = |own: &&OwnAddress| own.kind != Kind::Loopback && own.is_in_network_of(ip);
        Self {
            target,
            from: own.iter().find(|own| Some(own.ip) == from),
            beside: own.iter().find(in_network),
            to_self: ip.is_loopback() || own.iter().any(|own| own.ip == ip),
        }
    }

    fn tell(&self, sight: &Sight) -> Told {
        let target = self.target;
        let failed = |what: &str, next: String| Told {
            finding: Finding::new(Mark::Problem, format!("{target}{} {what}", self.begins())).next(next),
            is_failure: true,
        };
        match sight {
            Sight::TimedOut => failed(
                &format!(
                    "does not answer within {PATIENCE:?}: a firewall drops it, the machine is off, or it is in another network"
                ),
                self.why_silent(),
            ),
            Sight::Failed(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => failed(
                    "refuses the connection: the machine is there, but nothing listens on that port, or its firewall rejects it",
                    self.why_refused(),
                ),
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                    failed("cannot be reached: no way leads there from this machine", self.why_no_way())
                }
                io::ErrorKind::HostUnreachable => match self.beside {
                    Some(beside) => failed(
                        "cannot be reached: no machine in your network answers to that address",
                        format!(
                            "is the address right, and is the machine on and in the same network ({})? A WLAN for guests keeps \
                             its machines apart",
                            beside.interface
                        ),
                    ),
                    None => failed("cannot be reached: a router on the way says so", self.why_silent()),
                },
                io::ErrorKind::PermissionDenied => failed(
                    "may not be reached: a firewall of this machine, or one on the way, forbids it",
                    "let the firewall of this machine allow outgoing connections of pchat".to_owned(),
                ),
                _ => failed(&format!("cannot be reached: {error}"), "look at the network of this machine".to_owned()),
            },
            Sight::Connected { answer, tcp } => self.tell_answer(answer, *tcp),
        }
    }

    fn tell_answer(&self, answer: &Answer, tcp: Duration) -> Told {
        let (target, tcp) = (self.target, millis(tcp));
        let foreign = |what: String, next: &str| Told {
            finding: Finding::new(Mark::Problem, format!("{target}{} accepts the connection, {what}", self.begins()))
                .next(next),
            is_failure: true,
        };
        match answer {
            Answer::Room { .. } => Told {
                finding: Finding::new(Mark::Ok, format!("{target}{} answers after {tcp}; it is a pchat room", self.begins())),
                is_failure: false,
            },
            Answer::Silent => foreign(
                format!("but says nothing within {PATIENCE:?}: no pchat room, or a very busy one"),
                "is the port the one that the host's `pchat host` prints?",
            ),
            Answer::Closed => foreign(
                "but closes it at once: a room does so when too many tries came from your address, and so does what is no room"
                    .to_owned(),
                "wait a minute and try again; if it stays so, ask the host which port the room has",
            ),
            Answer::Foreign { first } => foreign(
                format!("but is no pchat room: it is {}", guess(first)),
                "ask the host for the port of the room: `pchat host` prints it",
            ),
        }
    }

    /// Where the way begins.
    fn begins(&self) -> String {
        match self.from {
            _ if self.to_self => " (this machine itself)".to_owned(),
            Some(from) => format!(" (by way of {}, {})", from.interface, from.ip),
            None => String::new(),
        }
    }

    /// What may be done about a target that does not answer.
    fn why_silent(&self) -> String {
        let port = self.target.port();
        let at_host = "run `pchat doctor` at the host: it prints the line that opens its firewall";
        match (Kind::of_number(self.target.ip()), self.beside, self.from) {
            _ if self.to_self => format!("{at_host}: this machine keeps port {port} closed"),
            (_, Some(beside), _) if beside.kind != Kind::Vpn => format!(
                "{at_host}; you are in the same network ({}), so otherwise the machine is off, or a WLAN for guests keeps its \
                 machines apart",
                beside.interface
            ),
            (Some(Kind::Lan), None, Some(from)) if from.kind == Kind::Vpn => format!(
                "the way leads through the VPN ({}): if the host is in your local network, turn the VPN off or let it allow \
                 the local network; else {at_host}",
                from.interface
            ),
            (Some(Kind::Lan | Kind::LinkLocal), None, _) => format!(
                "that address is of a local network in which this machine is not: join the network of the host, or ask for an \
                 address that is reached from outside; if that is not it, {at_host}"
            ),
            (Some(Kind::Carrier), ..) => {
                "that address is shared among customers of a provider, or is one of a VPN that has to be on \
                 at both ends: ask the host for another one"
                    .to_owned()
            }
            _ => format!("{at_host}, and is the router there to pass port {port} on to it?"),
        }
    }

    fn why_refused(&self) -> String {
        if self.to_self {
            return format!("no room is open at {} of this machine: open one with `pchat host`", self.target);
        }
        "is the room open, and is the port the one that the host's `pchat host` prints? `pchat doctor` at the host tells more"
            .to_owned()
    }

    fn why_no_way(&self) -> String {
        if self.target.is_ipv6() {
            return "this machine has no IPv6 connection: ask the host for an IPv4 address".to_owned();
        }
        "join the network of the host, or ask for an address that is reached from outside of it".to_owned()
    }

    /// Points out a VPN in between.
    fn tell_tunnel(&self, report: &mut Report, reached: bool) {
        let Some(from) = self.from.filter(|from| from.kind == Kind::Vpn && !self.to_self) else { return };
        let mark = if reached { Mark::Note } else { Mark::Unsure };
        report.add(Finding::new(
            mark,
            format!("the way to {} leads through a VPN ({})", self.target.ip(), from.interface),
        ));
    }
}

/// What there is to know of a room that answers.
async fn tell_room(
    report: &mut Report,
    addr: &HostAddr,
    hosts: &Hosts,
    probe: &Probe,
    targets: &[SocketAddr],
    sights: &[Sight],
) -> io::Result<()> {
    let connections = sights.iter().filter(|sight| matches!(sight, Sight::Connected { .. })).count();
    let mut rooms = targets.iter().zip(sights).filter_map(|(target, sight)| match sight {
        Sight::Connected { tcp, answer: Answer::Room { key, version, handshake } } => {
            Some((*target, *key, *version, [*tcp, *handshake]))
        }
        _ => None,
    });
    let Some((target, key, version, first)) = rooms.next() else {
        tell_cost(report, connections);
        return Ok(());
    };
    if rooms.any(|(_, other, ..)| other != key) {
        let next = "ask the host for its fingerprint, and join by the address that has it";
        report.add(Finding::new(Mark::Problem, "different rooms answer at these addresses").next(next));
    }
    report.add(tell_version(version));
    let (hosts, at) = (hosts.clone(), addr.clone());
    let pin = tokio::task::spawn_blocking(move || hosts.check(&at, &key)).await.map_err(io::Error::other)?;
    report.add(tell_key(addr, &key, pin));
    let times = measure(probe, target, CONNECTIONS - connections.min(CONNECTIONS), first).await;
    report.add(tell_times(&times));
    tell_cost(report, connections + times.len() - 1);
    Ok(())
}

fn tell_version(version: u16) -> Finding {
    let own = net::own_version();
    if version == own {
        return Finding::new(Mark::Ok, format!("it speaks version {version} of the protocol, as this pchat does"));
    }
    let older = if version < own { "the host's" } else { "this" };
    Finding::new(Mark::Problem, format!("it speaks version {version} of the protocol, this pchat version {own}"))
        .next(format!("update the older one of the two, which is {older} pchat"))
}

fn tell_key(addr: &HostAddr, key: &PublicKey, pin: Result<Pin, HostsError>) -> Finding {
    let fingerprint = Fingerprint::of(key);
    match pin {
        Ok(Pin::Known) => {
            Finding::new(Mark::Ok, format!("its fingerprint is {fingerprint}, the one remembered for {addr}"))
        }
        Ok(Pin::New) => {
            Finding::new(Mark::Ok, format!("its fingerprint is {fingerprint}; none is remembered for {addr} yet"))
        }
        Err(HostsError::Changed { known, .. }) => {
            let known = Fingerprint::of(&known);
            let text = format!("its fingerprint is {fingerprint}, but {known} is the one remembered for {addr}");
            let next = format!(
                "ask the person who opened the room for its fingerprint: somebody may be in between, or it has a new identity; \
                 only if it is right: pchat forget {addr}"
            );
            Finding::new(Mark::Problem, text).next(next)
        }
        Err(HostsError::File(error)) => {
            let text =
                format!("its fingerprint is {fingerprint}; whether that is the one before is not known: {error}");
            Finding::new(Mark::Problem, text).next("mend the file of remembered hosts, without which nobody can join")
        }
    }
}

/// Makes so many more connections, one after the other, and gives the times of all for connecting and for the handshake.
async fn measure(probe: &Probe, target: SocketAddr, more: usize, first: [Duration; 2]) -> Vec<[Duration; 2]> {
    let deadline = Instant::now() + MEASURING;
    let mut times = vec![first];
    for _ in 0..more {
        let left = deadline.saturating_duration_since(Instant::now());
        match probe.look(target, left).await {
            Sight::Connected { tcp, answer: Answer::Room { handshake, .. } } => times.push([tcp, handshake]),
            _ => break,
        }
    }
    times
}

fn tell_times(times: &[[Duration; 2]]) -> Finding {
    let of = |what: usize| {
        let mut of: Vec<_> = times.iter().map(|times| times[what]).collect();
        of.sort_unstable();
        (of.first().copied().unwrap_or_default(), of.get(of.len() / 2).copied().unwrap_or_default())
    };
    let ((least, median), (_, handshake)) = (of(0), of(1));
    let (least, median, handshake) = (millis(least), millis(median), millis(handshake));
    Finding::new(Mark::Ok, format!("round trip {least} at best, median {median}; handshake {handshake}"))
}

/// Says what the room noticed of it.
fn tell_cost(report: &mut Report, connections: usize) {
    if connections == 0 {
        return;
    }
    let (s, minutes) = (if connections == 1 { "" } else { "s" }, TRIES_IN.as_secs() / 60);
    let text = format!(
        "{connections} connection{s} made, and none entered; a room takes {TRIES} in {minutes} minutes from one address that \
         do not enter"
    );
    report.add(Finding::new(Mark::Note, text));
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

#[cfg(test)]
mod tests;
