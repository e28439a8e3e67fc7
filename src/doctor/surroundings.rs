//! Whether this is a machine within another one, which has to pass the port on.

use std::net::IpAddr;
use std::path::Path;

use super::report::{Finding, Mark};

/// Files that engines of containers leave in each.
const CONTAINER: [&str; 2] = [".dockerenv", "run/.containerenv"];

/// What the system below `root`, whose best address is `own`, needs of the one around it.
pub fn surroundings(root: &Path, port: u16, own: Option<IpAddr>) -> Option<Finding> {
    let version = std::fs::read_to_string(root.join("proc/version")).unwrap_or_default();
    if is_wsl2(&version) {
        let here = own.map_or("ADDRESS".to_owned(), |ip| ip.to_string());
        let next = format!(
            "unless .wslconfig says networkingMode=mirrored, pass the port on, in a PowerShell of the administrator: netsh \
             interface portproxy add v4tov4 listenport={port} connectport={port} connectaddress={here}; New-NetFirewallRule \
             -DisplayName pchat -Direction Inbound -Protocol TCP -LocalPort {port} -Action Allow"
        );
        let text = "this is WSL 2, a machine of its own within Windows, whose ports Windows does not pass on by itself";
        return Some(Finding::new(Mark::Unsure, text).next(next));
    }
    CONTAINER.iter().any(|file| root.join(file).exists()).then(|| {
        let text = "this is a container: others reach it only if its port is published";
        let next = format!("start the container with `-p {port}:{port}`, or with `--network host`; others join at the address of the machine around it");
        Finding::new(Mark::Unsure, text).next(next)
    })
}

/// Whether the text of `/proc/version` is that of a kernel for WSL 2. WSL 1 is no machine of its own.
fn is_wsl2(version: &str) -> bool {
    let version = version.to_ascii_lowercase();
    version.contains("microsoft-standard") || version.contains("wsl2")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::doctor::report::Report;
    use crate::trust::scratch::Scratch;

    fn told(root: &Scratch) -> Option<String> {
        let finding = surroundings(root.path(), 5000, "172.20.1.2".parse().ok())?;
        let mut report = Report::default();
        report.add(finding);
        Some(report.rows(false).join("\n"))
    }

    #[test]
    fn a_machine_of_its_own_needs_nothing() {
        let root = Scratch::new();
        assert_eq!(told(&root), None);
        fs::create_dir(root.path().join("proc")).unwrap();
        for version in ["Linux version 6.8.0-45-generic (buildd@x)", "Linux version 4.4.0-19041-Microsoft (x)"] {
            fs::write(root.path().join("proc/version"), version).unwrap();
            assert_eq!(told(&root), None, "{version}");
        }
    }

    #[test]
    fn windows_has_to_pass_the_port_on() {
        let root = Scratch::new();
        fs::create_dir(root.path().join("proc")).unwrap();
        let version = "Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x)";
        fs::write(root.path().join("proc/version"), version).unwrap();
        let told = told(&root).expect("it is one");
        assert!(told.contains("listenport=5000 connectport=5000 connectaddress=172.20.1.2"), "{told}");
    }

    #[test]
    fn a_container_has_to_publish_the_port() {
        for file in CONTAINER {
            let root = Scratch::new();
            fs::create_dir(root.path().join("run")).unwrap();
            fs::write(root.path().join(file), "").unwrap();
            assert!(told(&root).is_some_and(|told| told.contains("-p 5000:5000")), "{file}");
        }
    }
}
