//! A network that cuts connections at random moments.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of a server. It ends when the test's runtime does.
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    is_calm: Arc<AtomicBool>,
}

/// When a connection is cut: after so many bytes in a direction, or after a time, whatever is first.
struct Cut {
    from_client: u64,
    from_server: u64,
    after: Duration,
    /// Whether the ends see a reset instead of an end.
    is_reset: bool,
}

impl Network {
    pub(crate) async fn start(server: SocketAddr, mut random: SmallRng) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_calm = Arc::new(AtomicBool::new(false));
        let calm = Arc::clone(&is_calm);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let cut = if calm.load(Ordering::Relaxed) { Cut::NEVER } else { Cut::any(&mut random) };
                tokio::spawn(cut.forward(client, server));
            }
        });
        Network { address, is_calm }
    }

    /// Connections that begin after this are not cut.
    pub(crate) fn calm(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
    }
}

impl Cut {
    const NEVER: Cut =
        Cut { from_client: u64::MAX, from_server: u64::MAX, after: Duration::MAX, is_reset: false };

    fn any(random: &mut SmallRng) -> Cut {
        // The choices do not depend on the order in which connections begin.
        let mut random = SmallRng::from_rng(random);
        Cut {
            from_client: random.random_range(0..8_000),
            from_server: random.random_range(0..200_000),
            after: Duration::from_millis(random.random_range(0..3_000)),
            is_reset: random.random_bool(0.5),
        }
    }

    async fn forward(self, client: TcpStream, server: SocketAddr) {
        // The server may be away.
        let Ok(server) = TcpStream::connect(server).await else { return };
        if self.is_reset {
            client.set_zero_linger().unwrap();
            server.set_zero_linger().unwrap();
        }
        let (from_client, to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        tokio::select! {
            _ = copy(from_client.take(self.from_client), to_server) => {}
            _ = copy(from_server.take(self.from_server), to_client) => {}
            () = tokio::time::sleep(self.after) => {}
        }
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> std::io::Result<u64> {
    let copied = tokio::io::copy(&mut from, &mut to).await;
    to.flush().await?;
    copied
}
