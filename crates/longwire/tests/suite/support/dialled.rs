//! A network in memory: the test answers every connection of a client.

use longwire::{Client, Limits};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::raw::Raw;
use super::serving::agreement;
use super::trickle::Trickle;

/// The connections that a client makes, in order.
pub(crate) struct Dialled(UnboundedReceiver<DuplexStream>);

/// A client, and the connections that it makes. `capacity` bytes fit between the two ends of each.
pub(crate) fn dialled(capacity: usize, limits: Limits) -> (Client, Dialled) {
    let (dial, dialled) = unbounded_channel();
    let client = plain_client(limits).connector(move |_| {
        let (ours, theirs) = tokio::io::duplex(capacity);
        // The test may be done and ignore the client.
        let _unheard = dial.send(theirs);
        async { Ok(ours) }
    });
    (client, Dialled(dialled))
}

/// Like [`dialled`], over transports that make the client wait at every byte.
pub(crate) fn dialled_byte_by_byte(limits: Limits) -> (Client, Dialled) {
    let (dial, dialled) = unbounded_channel();
    let client = plain_client(limits).connector(move |_| {
        let (ours, theirs) = tokio::io::duplex(super::ROOMY);
        let _unheard = dial.send(theirs);
        async { Ok(Trickle::new(ours)) }
    });
    (client, Dialled(dialled))
}

fn plain_client(limits: Limits) -> Client {
    Client::new().limits(limits.keepalive(None)).deflate(None)
}

impl Dialled {
    /// The next connection, with its request.
    pub(crate) async fn request(&mut self) -> (Raw<DuplexStream>, String) {
        let mut raw = Raw::new(self.0.recv().await.unwrap());
        let head = raw.head().await;
        (raw, head)
    }

    /// The next connection, after its opening handshake.
    pub(crate) async fn open(&mut self) -> Raw<DuplexStream> {
        let (mut raw, head) = self.request().await;
        raw.send(agreement(&head, "")).await;
        raw
    }

    /// Refuses the next connection.
    pub(crate) async fn refuse(&mut self, status: &str, more: &str) {
        let (mut raw, _) = self.request().await;
        raw.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{more}\r\n")).await;
    }

    /// Drops the next connection without a response.
    pub(crate) async fn hang_up(&mut self) {
        drop(self.0.recv().await.unwrap());
    }

    /// Whether there is no further connection.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }

    /// Waits until no further connection is possible.
    pub(crate) async fn expect_end(&mut self) {
        assert!(self.0.recv().await.is_none(), "there is another connection");
    }
}
