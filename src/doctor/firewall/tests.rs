use super::super::ask::Told;
use super::super::report::Report;
use super::*;
use crate::trust::scratch::Scratch;

/// A system whose programs say this, each to its first arguments.
struct Says(Vec<(&'static str, bool, String)>);

impl Ask for Says {
    fn ask(&self, program: &str, args: &[&str]) -> Option<Told> {
        let line = format!("{program} {}", args.join(" "));
        let (_, good, out) = self.0.iter().find(|(asked, ..)| *asked == line)?;
        Some(Told { good: *good, out: out.clone() })
    }
}

fn write(root: &Scratch, file: &str, text: &str) {
    let path = root.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn told(findings: Vec<Finding>) -> String {
    let mut report = Report::new("fine");
    findings.into_iter().for_each(|finding| report.add(finding));
    report.rows(false).join("\n")
}

fn linux(root: &Scratch, admin: bool, says: Says) -> String {
    let system = System { root: root.path(), ask: &says, admin };
    let walls: Vec<_> = [system.ufw(5000), system.firewalld(5000)].into_iter().flatten().collect();
    told(if walls.is_empty() { vec![system.kernel(5000)] } else { walls })
}

const UFW: &str = "# /etc/ufw/ufw.conf\n#ENABLED=no\nENABLED=yes\nLOGLEVEL=low\n";

#[test]
fn ufw_is_seen_without_root_and_its_rules_with() {
    let root = Scratch::new();
    write(&root, "etc/ufw/ufw.conf", &UFW.replace("=yes", "=no"));
    assert!(linux(&root, false, Says(vec![])).starts_with("ok  no firewall is to be seen"));
    write(&root, "etc/ufw/ufw.conf", UFW);
    let unknown = linux(&root, false, Says(vec![]));
    assert!(
        unknown.starts_with(" ?  a firewall (ufw) is active") && unknown.contains("sudo ufw allow 5000/tcp"),
        "{unknown}"
    );
    write(&root, "etc/ufw/user.rules", "*filter\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n");
    let closed = linux(&root, false, Says(vec![]));
    assert!(closed.contains(" !  the firewall (ufw) keeps port 5000 closed"), "{closed}");
    assert!(closed.ends_with("=> open the port: sudo ufw allow 5000/tcp"), "{closed}");
    write(&root, "etc/ufw/user.rules", "### tuple ### allow tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in\n");
    assert!(linux(&root, false, Says(vec![])).starts_with("ok  the firewall (ufw) lets port 5000 in"));
    write(&root, "etc/ufw/user.rules", "");
    write(&root, "etc/default/ufw", "DEFAULT_INPUT_POLICY=\"ACCEPT\"\n");
    assert!(linux(&root, false, Says(vec![])).starts_with("ok  "));
}

#[test]
fn rules_of_ufw_count_in_their_order() {
    let rule = |rule: &str| ufw_rules(&format!("### tuple ### {rule}\n-A ufw-user-input x\n"), 5000);
    for open in [
        "allow any 5000 0.0.0.0/0 any 0.0.0.0/0 in",
        "limit tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in",
        "allow tcp 22,4990:5010 0.0.0.0/0 any 0.0.0.0/0 in",
        "allow any any 0.0.0.0/0 any 192.168.1.0/24 in",
        "allow tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in_eth0",
    ] {
        assert_eq!(rule(open), Verdict::Open, "{open}");
    }
    for closed in [
        "allow udp 5000 0.0.0.0/0 any 0.0.0.0/0 in",
        "allow tcp 50000 0.0.0.0/0 any 0.0.0.0/0 in",
        "allow tcp 5000 0.0.0.0/0 any 0.0.0.0/0 out",
        "deny tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in",
        "allow",
        "",
    ] {
        assert_eq!(rule(closed), Verdict::Closed, "{closed}");
    }
}

#[test]
fn firewalld_is_asked() {
    let root = Scratch::new();
    let says = |answer: &str| {
        Says(vec![
            ("firewall-cmd --state", true, "running\n".to_owned()),
            ("firewall-cmd --query-port=5000/tcp", answer == "yes\n", answer.to_owned()),
        ])
    };
    assert!(linux(&root, false, says("yes\n")).starts_with("ok  the firewall (firewalld)"));
    let closed = linux(&root, false, says("no\n"));
    assert!(closed.ends_with("=> open the port: sudo firewall-cmd --add-port=5000/tcp"), "{closed}");
    assert!(linux(&root, false, says("")).starts_with(" ?  "));
    let stopped = Says(vec![("firewall-cmd --state", false, "not running\n".to_owned())]);
    assert!(linux(&root, false, stopped).starts_with("ok  no firewall"));
}

const NFT: &str = "table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\ttcp dport { 22, 80 } accept
\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}
}
";

#[test]
fn a_ruleset_of_nftables_is_read() {
    let chain = "inet filter input".to_owned();
    assert_eq!(nft_rules(NFT, 5000), Some((Verdict::Closed, chain.clone())));
    assert_eq!(nft_rules(&NFT.replace("80 }", "5000-5010 }"), 5000), Some((Verdict::Open, chain.clone())));
    let refusing = NFT.replace("policy drop;\n\t\tct", "policy accept;\n\t\treject\n\t\tct");
    assert_eq!(nft_rules(&refusing, 5000), Some((Verdict::Closed, chain.clone())));
    // The way that iptables writes it.
    let counted = NFT.replace(
        "tcp dport { 22, 80 } accept",
        "udp dport 5000 accept\n\t\ttcp dport 22 counter packets 1 bytes 5000 accept",
    );
    assert_eq!(nft_rules(&counted, 5000), Some((Verdict::Closed, chain.clone())));
    assert_eq!(nft_rules(&counted.replace("dport 22", "dport 5000"), 5000), Some((Verdict::Open, chain.clone())));
    assert!(is_all_dropped("counter packets 3 bytes 180 drop") && is_all_dropped("reject with icmpx admin-prohibited"));
    assert!(!is_all_dropped("ip saddr 192.0.2.1 drop") && !is_all_dropped("counter packets 3 bytes 180 accept"));
    // What only passes through is not ours.
    assert_eq!(nft_rules(&NFT.replace("policy drop;\n\t\tct", "policy accept;\n\t\tct"), 5000), None);
    assert_eq!(nft_rules("", 5000), None);
}

#[test]
fn rules_of_iptables_are_read() {
    let rules = |rules: &str| iptables_rules(rules, 5000);
    assert_eq!(rules("-P INPUT ACCEPT\n"), None);
    assert_eq!(rules("-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n"), Some(Verdict::Closed));
    let open = "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 5000 -j ACCEPT\n";
    assert_eq!(rules(open), Some(Verdict::Open));
    assert_eq!(
        rules("-P INPUT ACCEPT\n-A INPUT -p tcp -m multiport --dports 22,5000 -j ACCEPT\n-A INPUT -j DROP\n"),
        Some(Verdict::Open)
    );
    assert_eq!(
        rules("-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT\n"),
        Some(Verdict::Closed)
    );
    assert_eq!(rules("-P INPUT ACCEPT\n-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j DROP\n"), None);
}

#[test]
fn only_the_administrator_reads_the_rules_of_the_kernel() {
    let root = Scratch::new();
    let says = || Says(vec![("nft list ruleset", true, NFT.to_owned())]);
    let closed = linux(&root, true, says());
    assert!(
        closed.ends_with("=> open the port: sudo nft insert rule inet filter input tcp dport 5000 accept"),
        "{closed}"
    );
    write(&root, "usr/sbin/nft", "");
    let unread = linux(&root, false, says());
    assert!(unread.contains("only root may read") && unread.contains("sudo nft insert rule"), "{unread}");
    assert!(unread.ends_with("=> fine"), "nothing is known to be wrong: {unread}");
    let iptables = Says(vec![("iptables -S INPUT", true, "-P INPUT DROP\n".to_owned())]);
    let closed = linux(&root, true, iptables);
    assert!(closed.ends_with("=> open the port: sudo iptables -I INPUT -p tcp --dport 5000 -j ACCEPT"), "{closed}");
}

#[test]
fn the_firewall_of_macos_says_its_state() {
    let state = |told: &str| {
        super::super::report::Report::rows(&one(macos_state(told, Some(Path::new("/usr/local/bin/pchat")))), false)
            .join("\n")
    };
    assert!(state("Firewall is disabled. (State = 0)\n").starts_with("ok  "));
    let on = state("Firewall is enabled. (State = 1)\n");
    assert!(on.starts_with(" ?  ") && on.contains("--unblockapp /usr/local/bin/pchat"), "{on}");
    assert!(state("Firewall is blocking all non-essential incoming connections. (State = 2)\n").starts_with(" !  "));
    assert!(state("").starts_with("    the firewall of macOS does not say"));
}

fn one(finding: Finding) -> Report {
    let mut report = Report::default();
    report.add(finding);
    report
}

#[test]
fn lists_of_ports_are_understood() {
    for list in ["5000", "22,5000", "{ 22, 5000 }", "4000:6000", "{ 4000-6000 }"] {
        assert!(names_port(list, 5000), "{list}");
    }
    for list in ["", "any", "500", "50000", "5001-6000", "ssh", "99999", "-"] {
        assert!(!names_port(list, 5000), "{list}");
    }
}
