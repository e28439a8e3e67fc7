//! Whether this machine still has an address: a connection made from one that is gone is dead, and nobody says so.

use std::{io, net::IpAddr, time::Duration};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Waits until this machine has lost `address`.
pub async fn uprooted(address: IpAddr) {
    gone(address, addresses).await;
}

/// All addresses of this machine, those of interfaces that are down among them: a cable that is pulled for a moment costs
/// nothing.
fn addresses() -> io::Result<Vec<IpAddr>> {
    Ok(if_addrs::get_if_addrs()?.iter().map(|interface| interface.ip()).collect())
}

/// Waits until `address` is not among those that `list` gives. A list that is not to be had, or is empty, tells nothing.
async fn gone(address: IpAddr, list: impl Fn() -> io::Result<Vec<IpAddr>> + Copy + Send + 'static) {
    let address = address.to_canonical();
    // All of 127.0.0.0/8 is there, whatever is listed.
    if address.is_loopback() {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(LOOK).await;
        // Quick as it is, it may block.
        let listed = tokio::task::spawn_blocking(list).await;
        if let Ok(Ok(all)) = listed
            && !all.is_empty()
            && !all.contains(&address)
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use tokio::time::{Instant, timeout};

    use super::*;

    const WIFI: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 7));
    const MOBILE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 30, 40));

    #[tokio::test(start_paused = true)]
    async fn case_124_an_address_that_is_gone_is_noticed_within_seconds() {
        static LOOKS: AtomicUsize = AtomicUsize::new(0);
        let list = || {
            Ok(match LOOKS.fetch_add(1, Relaxed) {
                0..5 => vec![WIFI, MOBILE],
                // Between two networks there is none, or no answer.
                5 => Vec::new(),
                6 => return Err(io::ErrorKind::OutOfMemory.into()),
                _ => vec![MOBILE],
            })
        };
        let begin = Instant::now();
        timeout(Duration::from_secs(60), gone(WIFI, list)).await.expect("it is noticed");
        assert_eq!(begin.elapsed(), LOOK * 8);
        let here = timeout(Duration::from_secs(60), gone(MOBILE, list)).await;
        assert!(here.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_that_this_machine_has_stay() {
        for address in
            addresses().unwrap().into_iter().chain([[127, 9, 9, 9].into(), "::ffff:127.0.0.1".parse().unwrap()])
        {
            assert!(timeout(Duration::from_secs(7), uprooted(address)).await.is_err(), "{address}");
        }
    }
}
