//! Whether this machine reaches itself at each of its addresses: what is not there fails here already.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::net::{Answer, Probe, Sight};
use crate::wire::PublicKey;

/// What is said by whom one wants to meet: enough that nothing else says it by chance.
type Sign = [u8; 16];

/// What is to answer.
pub enum Answerer {
    /// This program, on a port that it has opened for the purpose.
    Ourselves(Vec<TcpListener>),
    /// A room with this key.
    Room(Probe, PublicKey),
}

impl Answerer {
    /// Dials the port at each of the addresses. Nothing means that it answers, a text why it does not.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub async fn dial(&self, addresses: &[IpAddr], port: u16, patience: Duration) -> io::Result<Vec<Option<String>>> {
        let all = addresses.iter().map(|ip| SocketAddr::new(*ip, port));
        match self {
            Self::Room(probe, key) => Ok(join_all(all.map(|address| meet(probe, *key, address, patience))).await),
            Self::Ourselves(listeners) => {
                let mut sign = Sign::default();
                aws_lc_rs::rand::fill(&mut sign).map_err(|_| io::Error::other("the system gives no random numbers"))?;
                let dials = join_all(all.map(|address| recognise(&sign, address, patience)));
                let serve = select_all(listeners.iter().map(|listener| Box::pin(serve(listener, &sign))));
                Ok(tokio::select! {
                    found = dials => found,
                    (never, ..) = serve => match never {},
                })
            }
        }
    }
}

/// Says the sign to whoever comes, until dropped.
async fn serve(listener: &TcpListener, sign: &Sign) -> Infallible {
    loop {
        if let Ok((mut stream, _)) = listener.accept().await {
            // It fits into what the system buffers, so nobody can hold it up.
            let _ = stream.write_all(sign).await;
        }
    }
}

async fn recognise(sign: &Sign, address: SocketAddr, patience: Duration) -> Option<String> {
    let read = async {
        let mut said = Sign::default();
        TcpStream::connect(address).await?.read_exact(&mut said).await?;
        io::Result::Ok(said)
    };
    match timeout(patience, read).await {
        Ok(Ok(said)) if said == *sign => None,
        Ok(Ok(_)) => Some("something else answers".to_owned()),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer".to_owned()),
    }
}

async fn meet(probe: &Probe, key: PublicKey, address: SocketAddr, patience: Duration) -> Option<String> {
    match probe.look(address, patience).await {
        Sight::Connected { answer: Answer::Room { key: found, .. }, .. } if found == key => None,
        Sight::Connected { answer: Answer::Room { .. }, .. } => Some("another room answers".to_owned()),
        Sight::Connected { .. } => Some("something else answers".to_owned()),
        Sight::Failed(error) => Some(error.to_string()),
        Sight::TimedOut => Some("no answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::net::bind;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_machine_meets_itself() {
        let listeners = bind(&[LOOPBACK], 0).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        let answerer = Answerer::Ourselves(listeners);
        assert_eq!(answerer.dial(&[LOOPBACK, LOOPBACK], port, PATIENCE).await.unwrap(), [None, None]);
    }

    #[tokio::test]
    async fn another_program_at_the_address_is_noticed() {
        let other = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let port = other.local_addr().unwrap().port();
        let answerer = Answerer::Ourselves(bind(&[LOOPBACK], 0).unwrap());
        let sign = [7; 16];
        let (found, ()) = tokio::join!(answerer.dial(&[LOOPBACK], port, PATIENCE), async {
            other.accept().await.unwrap().0.write_all(&sign).await.unwrap();
        });
        assert_eq!(found.unwrap(), [Some("something else answers".to_owned())]);
        let room = Answerer::Room(Probe::new().unwrap(), PublicKey([1; 32]));
        let (found, ()) = tokio::join!(room.dial(&[LOOPBACK], port, PATIENCE), async {
            other.accept().await.unwrap().0.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        });
        assert_eq!(found.unwrap(), [Some("something else answers".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends() {
        let silent = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let answerer = Answerer::Ourselves(bind(&[LOOPBACK], 0).unwrap());
        assert_eq!(answerer.dial(&[LOOPBACK], port, PATIENCE).await.unwrap(), [Some("no answer".to_owned())]);
    }
}
