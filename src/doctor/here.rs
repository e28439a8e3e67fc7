//! The host's side: the port, the addresses, what stands in front of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use tokio::net::TcpListener;

use super::PATIENCE;
use super::ask::Programs;
use super::firewall::System;
use super::guess::guess;
use super::holder::Held;
use super::report::{Finding, Mark, Report};
use super::selftest::Answerer;
use super::surroundings::surroundings;
use crate::net::{self, Answer, Kind, ListenError, OwnAddress, Probe, Sight};
use crate::trust::{Fingerprint, HostAddr};
use crate::wire::PublicKey;

/// How many addresses are looked at: more than that nobody reads.
const MAX_ADDRESSES: usize = 16;

/// Where everything of the system is.
const ROOT: &str = "/";

/// Looks at this machine as the one that is to hold a room on `port`. `own` is the key of the person, if there is one.
///
/// # Errors
///
/// If the system does not even give threads, random numbers and the list of addresses.
pub async fn here(port: u16, own: Option<PublicKey>) -> io::Result<Report> {
    let mut report = Report::default();
    let addresses: Vec<_> = net::own_addresses()?.into_iter().filter(|own| !net::needs_zone(own.ip)).collect();
    let answerer = match net::bind(&[], port) {
        Ok(listeners) => free(&mut report, port, listeners),
        Err(ListenError::Taken(_)) => taken(&mut report, port, own).await?,
        Err(error) => {
            report.add(Finding::new(Mark::Problem, error.to_string()).next(format!("{error}")));
            None
        }
    };
    let walls = tokio::task::spawn_blocking(move || {
        let admin = rustix::process::geteuid().is_root();
        System { root: Path::new(ROOT), ask: &Programs, admin }.firewalls(port)
    });
    tell_addresses(&mut report, &addresses, answerer.as_ref(), port).await?;
    tell_ways(&mut report, &addresses, port, net::leads_out());
    let best = addresses.iter().find(|own| own.kind != Kind::Loopback).map(|own| own.ip);
    if let Some(finding) = surroundings(Path::new(ROOT), port, best) {
        report.add(finding);
    }
    walls.await.map_err(io::Error::other)?.into_iter().for_each(|finding| report.add(finding));
    report.add(Finding::new(
        Mark::Note,
        "from inside no machine sees what its firewall, its router or the WLAN does to others: only `pchat doctor ADDR` at \
         the other end does",
    ));
    report.fine = fine(best, port, matches!(answerer, Some(Answerer::Room(..))));
    Ok(report)
}

fn free(report: &mut Report, port: u16, listeners: Vec<TcpListener>) -> Option<Answerer> {
    report.add(Finding::new(Mark::Ok, format!("port {port} is free")));
    Some(Answerer::Ourselves(listeners))
}

/// Finds out who has the port.
async fn taken(report: &mut Report, port: u16, own: Option<PublicKey>) -> io::Result<Option<Answerer>> {
    let held = tokio::task::spawn_blocking(move || Held::look_up(Path::new(ROOT), &Programs, port));
    let held = held.await.map_err(io::Error::other)?;
    let probe = Probe::new().map_err(io::Error::other)?;
    let sight = probe.look(SocketAddr::new(held.near(), port), PATIENCE).await;
    let by = held.described();
    let what = match sight {
        Sight::Connected { answer: Answer::Room { key, version, .. }, .. } => {
            report.add(room(port, &by, &key, own.as_ref(), version));
            if held.only_loopback() {
                let text = "the room listens at loopback addresses only, at which nobody but this machine reaches it";
                report.add(
                    Finding::new(Mark::Problem, text)
                        .next("open the room without --bind, or with an address of the network"),
                );
                return Ok(None);
            }
            return Ok(Some(Answerer::Room(probe, key)));
        }
        Sight::Connected { answer: Answer::Foreign { first }, .. } => format!("; it is {}", guess(&first)),
        _ => String::new(),
    };
    let text = format!("port {port} is taken by {by}, which is no pchat room{what}{}", airplay(port));
    let other = port.checked_add(1).unwrap_or(port - 1);
    let next = format!("end that program, or open the room on another port: pchat host --port {other}");
    report.add(Finding::new(Mark::Problem, text).next(next));
    Ok(None)
}

/// Names the usual suspect.
fn airplay(port: u16) -> &'static str {
    if cfg!(target_os = "macos") && port == 5000 {
        "; on macOS that is often AirPlay Receiver: System Settings, General, AirDrop & Handoff"
    } else {
        ""
    }
}

fn room(port: u16, by: &str, key: &PublicKey, own: Option<&PublicKey>, version: u16) -> Finding {
    let whose = if own == Some(key) { "your room" } else { "a pchat room" };
    let fingerprint = Fingerprint::of(key);
    Finding::new(
        Mark::Ok,
        format!("{whose} is open on port {port}: {by}, fingerprint {fingerprint}, version {version} of the protocol"),
    )
}

/// Says what each address is for, and whether this machine answers there.
async fn tell_addresses(
    report: &mut Report,
    addresses: &[OwnAddress],
    answerer: Option<&Answerer>,
    port: u16,
) -> io::Result<()> {
    let outside: Vec<_> = addresses.iter().filter(|own| own.kind != Kind::Loopback).take(MAX_ADDRESSES).collect();
    if outside.is_empty() {
        let text = "this machine has no address but those of itself: it is in no network";
        report.add(Finding::new(Mark::Problem, text).next("connect this machine to a network"));
        return Ok(());
    }
    let ips: Vec<_> = outside.iter().map(|own| own.ip).collect();
    let found = match answerer {
        Some(answerer) => answerer.dial(&ips, port, PATIENCE).await?.into_iter().map(Some).collect(),
        None => vec![None; ips.len()],
    };
    report.add(Finding::new(Mark::Note, "addresses of this machine, the one that others should try first at the top:"));
    for (own, dialled) in outside.into_iter().zip(found) {
        report.add(address(own, dialled, port));
    }
    Ok(())
}

/// What an address is for. `dialled` is nothing if it was not tried, else why there was no answer, if there was none.
fn address(own: &OwnAddress, dialled: Option<Option<String>>, port: u16) -> Finding {
    let use_of = match own.kind {
        Kind::Lan => "for the local network",
        Kind::Public => "for the internet, as far as firewalls and routers let it",
        Kind::Vpn => "for those in the same VPN",
        Kind::Carrier => "one that your provider shares among many: nobody gets in by it",
        Kind::LinkLocal => "for a machine on the same cable, without a router",
        Kind::Virtual => "for containers and virtual machines on this machine only",
        Kind::Loopback => "for this machine only",
    };
    let (ip, interface) = (own.ip, &own.interface);
    let text = format!("{ip} ({interface}): {use_of}");
    match dialled {
        Some(Some(_)) if own.kind == Kind::Virtual => Finding::new(Mark::Note, text),
        Some(Some(why)) => {
            let next = format!(
                "find out what keeps port {port} closed even from this machine itself: a firewall, a VPN that lets nothing \
                 past it, or a room that was opened with --bind"
            );
            Finding::new(Mark::Problem, format!("{text}; it does not answer this machine itself: {why}")).next(next)
        }
        Some(None) if matches!(own.kind, Kind::Lan | Kind::Public | Kind::Vpn | Kind::LinkLocal) => {
            Finding::new(Mark::Ok, format!("{text}; it answers this machine itself"))
        }
        _ => Finding::new(Mark::Note, text),
    }
}

/// Says what is to be known of the ways in from the internet, and of tunnels. `leads_out` is for IPv4 and IPv6.
fn tell_ways(report: &mut Report, addresses: &[OwnAddress], port: u16, leads_out: [bool; 2]) {
    let ipv4 = || addresses.iter().filter(|own| own.ip.is_ipv4());
    if !ipv4().any(|own| own.kind == Kind::Public) {
        let text = if ipv4().any(|own| own.kind == Kind::Carrier) {
            "from the internet nobody reaches this machine by IPv4: its provider shares one address among many"
                .to_owned()
        } else if let Some(lan) = ipv4().find(|own| own.kind == Kind::Lan) {
            format!(
                "from the internet others reach this machine only if your router passes port {port} on to {}",
                lan.ip
            )
        } else {
            "from the internet others do not reach this machine by IPv4".to_owned()
        };
        report.add(Finding::new(Mark::Note, text));
    }
    let public6 = addresses.iter().any(|own| own.ip.is_ipv6() && own.kind == Kind::Public);
    report.add(match (leads_out[1], public6) {
        (true, true) => Finding::new(Mark::Ok, "IPv6 leads out; most routers let nothing in by it unless told to"),
        (true, false) => {
            Finding::new(Mark::Note, "IPv6 leads out, but this machine has no public address of that kind")
        }
        (false, _) => {
            Finding::new(Mark::Note, "there is no IPv6 connection to the internet; in a local network none is needed")
        }
    });
    if !leads_out[0] && !leads_out[1] {
        report.add(Finding::new(Mark::Note, "no way leads to the internet: only those in the same network get here"));
    }
    if let Some(tunnel) = addresses.iter().find(|own| own.kind == Kind::Vpn) {
        let text = format!("a VPN may be on ({}): some keep the local network out while they are", tunnel.interface);
        let next = format!(
            "if others in the local network do not reach you, turn the VPN ({}) off or let it allow the local network",
            tunnel.interface
        );
        report.add(Finding::new(Mark::Unsure, text).next(next));
    }
}

fn fine(best: Option<IpAddr>, port: u16, open: bool) -> String {
    let Some(ip) = best else { return format!("pchat host --port {port}") };
    let addr = HostAddr::from_ip(ip, port);
    let first = if open { "" } else { "open the room with `pchat host`; " };
    let first = if open || port == crate::wire::DEFAULT_PORT {
        first.to_owned()
    } else {
        format!("open the room with `pchat host --port {port}`; ")
    };
    format!("{first}others enter with `pchat join {addr}`, and if that fails, let them run `pchat doctor {addr}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(ip: &str, interface: &str) -> OwnAddress {
        let ip = ip.parse().unwrap();
        OwnAddress { ip, interface: interface.to_owned(), kind: Kind::of(ip, interface, false).unwrap(), prefix: 24 }
    }

    fn ways(addresses: &[OwnAddress], leads_out: [bool; 2]) -> String {
        let mut report = Report::default();
        tell_ways(&mut report, addresses, 5000, leads_out);
        report.rows(false).join("\n")
    }

    #[test]
    fn the_way_in_from_the_internet_depends_on_the_addresses() {
        let lan = own("192.168.1.5", "wlan0");
        let told = ways(std::slice::from_ref(&lan), [true, false]);
        assert!(told.contains("passes port 5000 on to 192.168.1.5") && told.contains("no IPv6 connection"), "{told}");
        let told = ways(&[own("203.0.113.5", "eth0"), own("2001:db8::5", "eth0")], [true, true]);
        assert!(!told.contains("router passes") && told.contains("ok  IPv6 leads out"), "{told}");
        let told = ways(&[own("100.70.1.2", "wwan0")], [true, true]);
        assert!(told.contains("shares one address") && told.contains("no public address of that kind"), "{told}");
        let told = ways(&[lan], [false, false]);
        assert!(told.contains("no way leads to the internet"), "{told}");
    }

    #[test]
    fn a_vpn_is_pointed_out() {
        let told = ways(&[own("192.168.1.5", "wlan0"), own("10.8.0.2", "tun0")], [true, false]);
        assert!(told.contains(" ?  a VPN may be on (tun0)"), "{told}");
        assert!(told.ends_with("turn the VPN (tun0) off or let it allow the local network"), "{told}");
    }

    #[test]
    fn an_address_that_does_not_answer_is_a_problem_unless_nobody_needs_it() {
        let told = |own: &OwnAddress, dialled| {
            let mut report = Report::default();
            report.add(address(own, dialled, 5000));
            report.rows(false).remove(0)
        };
        let lan = own("192.168.1.5", "wlan0");
        assert_eq!(
            told(&lan, Some(None)),
            "ok  192.168.1.5 (wlan0): for the local network; it answers this machine itself"
        );
        assert_eq!(told(&lan, None), "    192.168.1.5 (wlan0): for the local network");
        assert!(told(&lan, Some(Some("no answer".to_owned()))).starts_with(" !  192.168.1.5 (wlan0)"));
        let docker = own("172.17.0.1", "docker0");
        for dialled in [None, Some(None), Some(Some("no answer".to_owned()))] {
            assert!(told(&docker, dialled).starts_with("    172.17.0.1 (docker0): for containers"));
        }
    }

    #[test]
    fn the_conclusion_names_the_port_where_it_is_not_the_usual_one() {
        let ip = "192.168.1.5".parse().ok();
        assert!(
            fine(ip, 5000, false)
                .starts_with("open the room with `pchat host`; others enter with `pchat join 192.168.1.5:5000`")
        );
        assert!(fine(ip, 6000, false).starts_with("open the room with `pchat host --port 6000`; "));
        assert!(fine(ip, 6000, true).starts_with("others enter with `pchat join 192.168.1.5:6000`"));
    }
}
