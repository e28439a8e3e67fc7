use super::*;

fn own(ip: &str, interface: &str) -> OwnAddress {
    let ip = ip.parse().unwrap();
    OwnAddress { ip, interface: interface.to_owned(), kind: Kind::of(ip, interface, false).unwrap(), prefix: 24 }
}

/// A way that begins at `from` and has `beside` in the same network.
fn way<'a>(target: &str, from: Option<&'a OwnAddress>, beside: Option<&'a OwnAddress>) -> Way<'a> {
    Way { target: target.parse().unwrap(), from, beside, to_self: false }
}

fn rows(finding: Finding) -> String {
    let mut report = Report::default();
    report.add(finding);
    report.rows(false).join("\n")
}

fn told(way: &Way<'_>, sight: &Sight) -> String {
    rows(way.tell(sight).finding)
}

fn failed(kind: io::ErrorKind) -> Sight {
    Sight::Failed(kind.into())
}

#[test]
fn refused_and_dropped_are_told_apart() {
    let wlan = own("192.168.1.7", "wlan0");
    let way = way("192.168.1.5:5000", Some(&wlan), Some(&wlan));
    let refused = told(&way, &failed(io::ErrorKind::ConnectionRefused));
    assert!(
        refused.starts_with(" !  192.168.1.5:5000 (by way of wlan0, 192.168.1.7) refuses the connection"),
        "{refused}"
    );
    assert!(refused.contains("\n=> is the room open"), "{refused}");
    let dropped = told(&way, &Sight::TimedOut);
    assert!(dropped.contains("does not answer within 3.5s"), "{dropped}");
    assert!(dropped.contains("=> run `pchat doctor` at the host") && dropped.contains("WLAN for guests"), "{dropped}");
    let nobody = told(&way, &failed(io::ErrorKind::HostUnreachable));
    assert!(nobody.contains("no machine in your network") && nobody.contains("same network (wlan0)"), "{nobody}");
}

#[test]
fn what_to_do_about_silence_depends_on_the_way() {
    let (wlan, tun) = (own("192.168.1.7", "wlan0"), own("10.8.0.2", "tun0"));
    for (way, says) in [
        (way("192.168.2.5:5000", Some(&wlan), None), "a local network in which this machine is not"),
        (way("192.168.2.5:5000", Some(&tun), None), "leads through the VPN (tun0)"),
        (way("10.8.0.9:5000", Some(&tun), Some(&tun)), "run `pchat doctor` at the host"),
        (way("100.70.0.1:5000", Some(&wlan), None), "shared among customers"),
        (way("203.0.113.9:5000", Some(&wlan), None), "is the router there to pass port 5000 on"),
        (
            Way { to_self: true, ..way("192.168.1.7:5000", Some(&wlan), Some(&wlan)) },
            "this machine keeps port 5000 closed",
        ),
    ] {
        let told = told(&way, &Sight::TimedOut);
        assert!(told.contains(says), "{told}");
    }
    let none = told(&way("[2001:db8::5]:5000", None, None), &failed(io::ErrorKind::NetworkUnreachable));
    assert!(none.contains("no way leads there") && none.contains("ask the host for an IPv4 address"), "{none}");
    let itself = Way { to_self: true, ..way("127.0.0.1:5000", None, None) };
    let refused = told(&itself, &failed(io::ErrorKind::ConnectionRefused));
    assert!(refused.contains("this machine itself") && refused.contains("open one with `pchat host`"), "{refused}");
}

#[test]
fn a_tunnel_in_between_is_pointed_out() {
    let tun = own("10.8.0.2", "tun0");
    let mut report = Report::default();
    way("203.0.113.9:5000", Some(&tun), None).tell_tunnel(&mut report, false);
    assert_eq!(report.rows(false)[0], " ?  the way to 203.0.113.9 leads through a VPN (tun0)");
}

#[test]
fn what_accepts_and_is_no_room_is_named() {
    let way = way("192.0.2.5:5000", None, None);
    let tcp = Duration::from_millis(2);
    for (answer, says) in [
        (Answer::Silent, "says nothing within 3.5s"),
        (Answer::Closed, "closes it at once"),
        (
            Answer::Foreign { first: b"SSH-2.0-x\x1b[31m\r\n".to_vec() },
            "it is an SSH server, which says `SSH-2.0-x<U+001B>[31m`",
        ),
    ] {
        let told = told(&way, &Sight::Connected { tcp, answer });
        assert!(told.starts_with(" !  192.0.2.5:5000 accepts the connection") && told.contains(says), "{told}");
    }
}

#[test]
fn another_version_says_which_one_is_older() {
    let own = net::own_version();
    assert!(rows(tell_version(own)).starts_with("ok  "));
    assert!(rows(tell_version(own + 1)).contains("which is this pchat"));
    assert!(rows(tell_version(own - 1)).contains("which is the host's pchat"));
}

#[test]
fn times_are_the_least_and_the_median() {
    let times: Vec<_> = [5, 1, 12].map(|ms| [Duration::from_millis(ms), Duration::from_millis(10 * ms)]).to_vec();
    assert_eq!(
        rows(tell_times(&times)).lines().next(),
        Some("ok  round trip 1.0 ms at best, median 5.0 ms; handshake 50 ms")
    );
}
