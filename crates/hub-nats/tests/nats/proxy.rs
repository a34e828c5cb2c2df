//! A proxy between a node and its server, which the test can cut.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does with bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Everything passes.
    Open,
    /// Connections end, and new ones are refused.
    Cut,
    /// Connections stay, and nothing passes.
    Stalled,
}

/// A proxy of one server.
pub(crate) struct Proxy {
    pub(crate) at: SocketAddr,
    passage: Arc<watch::Sender<Passage>>,
}

impl Proxy {
    pub(crate) async fn before(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let passage = Arc::new(watch::Sender::new(Passage::Open));
        tokio::spawn(accept(listener, server, passage.clone()));
        Proxy { at, passage }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.at)
    }

    pub(crate) fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, passage: Arc<watch::Sender<Passage>>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *passage.borrow() == Passage::Cut {
            continue;
        }
        let Ok(server) = TcpStream::connect(server).await else { continue };
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        tokio::spawn(pass(client_read, server_write, passage.subscribe()));
        tokio::spawn(pass(server_read, client_write, passage.subscribe()));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut passage: watch::Receiver<Passage>) {
    let mut buffer = vec![0; 65536];
    loop {
        let now = *passage.borrow_and_update();
        match now {
            Passage::Cut => return,
            Passage::Stalled => {
                if passage.changed().await.is_err() {
                    return;
                }
            }
            Passage::Open => tokio::select! {
                read = from.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(length) if to.write_all(&buffer[..length]).await.is_err() => return,
                    Ok(_) => {}
                },
                changed = passage.changed() => if changed.is_err() { return },
            },
        }
    }
}
