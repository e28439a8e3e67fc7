//! Which firewall is in the way on this system, as far as that shows, and the line that opens a port in it.

use std::fs;
use std::path::Path;

use super::ask::Ask;
use super::report::{Finding, Mark};

/// The program that steers the application firewall of macOS.
const SOCKETFILTERFW: &str = "/usr/libexec/ApplicationFirewall/socketfilterfw";

/// Where programs for the administrator are.
const PROGRAMS: [&str; 4] = ["usr/sbin", "sbin", "usr/bin", "usr/local/sbin"];

/// Whether a port is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Open,
    Closed,
    Unknown,
}

/// What there is to know, and whom to ask for more.
pub struct System<'a> {
    /// The folder that has everything in it, `/` for real.
    pub root: &'a Path,
    /// Asks programs.
    pub ask: &'a dyn Ask,
    /// Whether this is the administrator, who may read all rules.
    pub admin: bool,
}

impl System<'_> {
    /// What stands in the way of `port`.
    pub fn firewalls(&self, port: u16) -> Vec<Finding> {
        if cfg!(target_os = "macos") {
            return vec![self.macos()];
        }
        let walls: Vec<_> = [self.ufw(port), self.firewalld(port)].into_iter().flatten().collect();
        // Both are made of what the kernel has below: one of them is all there is to say.
        if walls.is_empty() { vec![self.kernel(port)] } else { walls }
    }

    fn ufw(&self, port: u16) -> Option<Finding> {
        let conf = fs::read_to_string(self.root.join("etc/ufw/ufw.conf")).ok()?;
        if !setting(&conf, "ENABLED")?.eq_ignore_ascii_case("yes") {
            return None;
        }
        let defaults = fs::read_to_string(self.root.join("etc/default/ufw")).unwrap_or_default();
        let verdict =
            if setting(&defaults, "DEFAULT_INPUT_POLICY").is_some_and(|policy| policy.eq_ignore_ascii_case("ACCEPT")) {
                Verdict::Open
            } else {
                let rules = fs::read_to_string(self.root.join("etc/ufw/user.rules"));
                rules.map_or(Verdict::Unknown, |rules| ufw_rules(&rules, port))
            };
        Some(judged("ufw", verdict, port, &format!("sudo ufw allow {port}/tcp")))
    }

    fn firewalld(&self, port: u16) -> Option<Finding> {
        let state = self.ask.ask("firewall-cmd", &["--state"])?;
        if !state.good || state.out.trim() != "running" {
            return None;
        }
        let told = self.ask.ask("firewall-cmd", &[&format!("--query-port={port}/tcp")]);
        let verdict = match told.as_ref().map(|told| told.out.trim()) {
            Some("yes") => Verdict::Open,
            Some("no") => Verdict::Closed,
            _ => Verdict::Unknown,
        };
        Some(judged("firewalld", verdict, port, &format!("sudo firewall-cmd --add-port={port}/tcp")))
    }

    /// What nftables or iptables do, which only the administrator may read.
    fn kernel(&self, port: u16) -> Finding {
        let nft = format!("sudo nft insert rule inet filter input tcp dport {port} accept");
        let iptables = format!("sudo iptables -I INPUT -p tcp --dport {port} -j ACCEPT");
        if self.admin {
            if let Some(told) = self.ask.ask("nft", &["list", "ruleset"]).filter(|told| told.good) {
                return match nft_rules(&told.out, port) {
                    None => Finding::new(Mark::Ok, "no firewall of this machine drops what comes in (nftables)"),
                    Some((verdict, chain)) => {
                        let line = format!("sudo nft insert rule {chain} tcp dport {port} accept");
                        judged("nftables", verdict, port, &line)
                    }
                };
            }
            if let Some(told) = self.ask.ask("iptables", &["-S", "INPUT"]).filter(|told| told.good) {
                return match iptables_rules(&told.out, port) {
                    None => Finding::new(Mark::Ok, "no firewall of this machine drops what comes in (iptables)"),
                    Some(verdict) => judged("iptables", verdict, port, &iptables),
                };
            }
        }
        let has = |program: &str| PROGRAMS.iter().any(|folder| self.root.join(folder).join(program).exists());
        let loaded = fs::read_to_string(self.root.join("proc/modules")).unwrap_or_default();
        let loaded =
            ["nf_tables ", "ip_tables "].iter().any(|module| loaded.lines().any(|line| line.starts_with(module)));
        let line = if has("nft") { nft } else { iptables };
        if loaded || has("nft") || has("iptables") {
            let text = format!(
                "ufw and firewalld do not run here; rules of nftables or iptables only root may read. A line that opens the \
                 port: {line}"
            );
            return Finding::new(Mark::Note, text);
        }
        Finding::new(Mark::Ok, "no firewall is to be seen on this machine")
    }

    fn macos(&self) -> Finding {
        let told = self.ask.ask(SOCKETFILTERFW, &["--getglobalstate"]);
        macos_state(told.as_ref().map_or("", |told| &told.out), std::env::current_exe().ok().as_deref())
    }
}

fn judged(name: &str, verdict: Verdict, port: u16, line: &str) -> Finding {
    match verdict {
        Verdict::Open => Finding::new(Mark::Ok, format!("the firewall ({name}) lets port {port} in")),
        Verdict::Closed => {
            Finding::new(Mark::Problem, format!("the firewall ({name}) keeps port {port} closed: {line}"))
                .next(format!("open the port: {line}"))
        }
        Verdict::Unknown => Finding::new(
            Mark::Unsure,
            format!("a firewall ({name}) is active, whose rules only root may read; this opens the port: {line}"),
        )
        .next(format!("if others cannot reach you, open the port: {line}")),
    }
}

/// The value of `key` in a file of assignments for a shell.
fn setting(file: &str, key: &str) -> Option<String> {
    let value = |line: &str| line.trim().strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
    let value = file.lines().filter_map(value).next_back()?;
    Some(value.trim_matches(['"', '\'', ' ']).to_owned())
}

/// What the rules of ufw make of a port. It keeps each beside a comment of this form, in which the first that fits counts:
/// `### tuple ### allow tcp 5000 0.0.0.0/0 any 0.0.0.0/0 in`.
fn ufw_rules(rules: &str, port: u16) -> Verdict {
    for line in rules.lines() {
        let Some(tuple) = line.strip_prefix("### tuple ### ") else { continue };
        let fields: Vec<_> = tuple.split(' ').collect();
        let [action, protocol, ports, _, from, .., direction] = fields[..] else { continue };
        let concerns = matches!(protocol, "tcp" | "any") && from == "any" && direction.starts_with("in");
        if concerns && (ports == "any" || names_port(ports, port)) {
            // Else it is let in, perhaps not too often.
            let closed = action.starts_with("deny") || action.starts_with("reject");
            return if closed { Verdict::Closed } else { Verdict::Open };
        }
    }
    Verdict::Closed
}

/// Whether a list such as `22,5000:5010` or `{ 22, 5000-5010 }` names the port.
fn names_port(list: &str, port: u16) -> bool {
    let items = list.split(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '-'))).filter(|item| !item.is_empty());
    items.into_iter().any(|item| {
        let (from, to) = item.split_once([':', '-']).unwrap_or((item, item));
        matches!((from.parse::<u16>(), to.parse::<u16>()), (Ok(from), Ok(to)) if (from..=to).contains(&port))
    })
}

/// What a ruleset of nftables makes of a port, and the chain that has the say; nothing if it drops nothing that comes in.
/// Rules are read as far as people write them: a set or a chain of its own may let the port in all the same.
fn nft_rules(ruleset: &str, port: u16) -> Option<(Verdict, String)> {
    let (mut table, mut chain) = ("", "");
    let mut dropping = None;
    let mut input = false;
    let mut open = false;
    for line in ruleset.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ") {
            table = name.trim_end_matches([' ', '{']);
        } else if let Some(name) = line.strip_prefix("chain ") {
            (chain, input) = (name.trim_end_matches([' ', '{']), false);
        }
        input |= line.contains("hook input");
        let drops = line.contains("policy drop") || is_all_dropped(line);
        if input && drops && dropping.is_none() {
            dropping = Some(format!("{table} {chain}"));
        }
        open |= line.contains(" accept") && nft_ports(line).is_some_and(|ports| names_port(ports, port));
    }
    let verdict = if open { Verdict::Open } else { Verdict::Closed };
    dropping.map(|chain| (verdict, chain))
}

/// Whether a rule of nftables turns away whatever comes to it.
fn is_all_dropped(rule: &str) -> bool {
    let counted = rule.strip_prefix("counter packets ").and_then(|rest| rest.splitn(4, ' ').nth(3));
    let rule = counted.unwrap_or(rule);
    rule == "drop" || rule.starts_with("reject")
}

/// The ports of TCP that a rule of nftables names.
fn nft_ports(rule: &str) -> Option<&str> {
    let (_, ports) = rule.split_once("tcp dport ").or_else(|| rule.split_once("th dport "))?;
    if ports.starts_with('{') { ports.split('}').next() } else { ports.split(' ').next() }
}

/// What `iptables -S INPUT` makes of a port; nothing if it drops nothing.
fn iptables_rules(rules: &str, port: u16) -> Option<Verdict> {
    for line in rules.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let after = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
        let ours = ["--dport", "--dports"].iter().filter_map(|flag| after(flag)).any(|ports| names_port(ports, port));
        match after("-j") {
            Some(&"ACCEPT") if ours => return Some(Verdict::Open),
            Some(&("DROP" | "REJECT")) if ours || words.get(2) == Some(&"-j") => return Some(Verdict::Closed),
            _ => {}
        }
    }
    let policy = rules.lines().find_map(|line| line.strip_prefix("-P INPUT "))?;
    (policy != "ACCEPT").then_some(Verdict::Closed)
}

/// What the application firewall of macOS says of itself: `Firewall is enabled. (State = 1)`.
fn macos_state(told: &str, program: Option<&Path>) -> Finding {
    let program = program.map_or("PATH/TO/pchat".to_owned(), |path| path.display().to_string());
    let line = format!("sudo {SOCKETFILTERFW} --add {program} --unblockapp {program}");
    let state = told.split_once("State = ").and_then(|(_, rest)| rest.chars().next());
    match state {
        Some('0') => Finding::new(Mark::Ok, "the firewall of macOS is off"),
        Some('2') => Finding::new(Mark::Problem, "the firewall of macOS blocks everything that comes in")
            .next("turn off \"Block all incoming connections\" in System Settings, Network, Firewall, Options"),
        Some(_) => Finding::new(Mark::Unsure, format!("the firewall of macOS is on; this lets pchat through: {line}"))
            .next(format!("if others cannot reach you, let pchat through: {line}")),
        None => Finding::new(
            Mark::Note,
            format!("the firewall of macOS does not say whether it is on; a line for it: {line}"),
        ),
    }
}

#[cfg(test)]
mod tests;
