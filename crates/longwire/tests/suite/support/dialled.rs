//! A network on which the test answers every connection of a client.

use longwire::{Client, Limits};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::raw::Raw;
use super::serving::agreement;
use super::trickle::Trickle;

/// The connections that a client makes, in turn.
pub(crate) struct Dialled(UnboundedReceiver<DuplexStream>);

/// A client, and the connections that it makes. So many bytes fit between the ends of each.
pub(crate) fn dialled(capacity: usize, limits: Limits) -> (Client, Dialled) {
    let (dial, dialled) = unbounded_channel();
    let client = plain_client(limits).connector(move |_| {
        let (ours, theirs) = tokio::io::duplex(capacity);
        // A test that has heard enough leaves the client alone.
        let _unheard = dial.send(theirs);
        async { Ok(ours) }
    });
    (client, Dialled(dialled))
}

/// As [`dialled`], over transports that make the client wait at every byte.
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

    /// The next connection, with its opening handshake done.
    pub(crate) async fn open(&mut self) -> Raw<DuplexStream> {
        let (mut raw, head) = self.request().await;
        raw.send(agreement(&head, "")).await;
        raw
    }

    /// Answers the next connection with a refusal.
    pub(crate) async fn refuse(&mut self, status: &str, more: &str) {
        let (mut raw, _) = self.request().await;
        raw.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{more}\r\n")).await;
    }

    /// Drops the next connection before anything is said.
    pub(crate) async fn hang_up(&mut self) {
        drop(self.0.recv().await.unwrap());
    }

    /// Whether there is no other connection.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }

    /// Waits until there can be no other connection.
    pub(crate) async fn expect_end(&mut self) {
        assert!(self.0.recv().await.is_none(), "there is another connection");
    }
}
