//! The handle with which a test controls a client of a stage.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use longwire_proto::{CloseFrame, Closed, SendError};

use super::client_end::{ClientEnd, ClientReading, OpenedClient};
use super::stage_loop::{ClientNumber, SharedLoop};
use crate::message::Message;

/// A client that is connected to a [`Stage`](crate::Stage). It answers pings and Close frames as a browser does.
/// Dropping it breaks the connection: the handler's `on_close` is called with 1006, unless the connection was closed
/// before.
///
/// ```
/// use longwire::{Handler, Stage};
///
/// fn greets_and_leaves(chat: impl Handler) -> longwire::Result<()> {
///     let mut stage = Stage::new(chat);
///     let (ann, bob) = (stage.connect("/chat?name=ann")?, stage.connect("/chat?name=bob")?);
///     ann.send("hello");
///     assert_eq!(bob.received(), ["ann: hello"]);
///     bob.close(1000, "bye");
///     assert_eq!(bob.closed().map(|closed| closed.code.into()), Some(1000_u16));
///     drop(ann); // her connection is lost
///     assert_eq!(stage.topics().count(), 0);
///     Ok(())
/// }
/// ```
pub struct StageClient {
    shared: SharedLoop,
    number: ClientNumber,
    opened: OpenedClient,
}

impl StageClient {
    pub(super) fn new(shared: SharedLoop, number: ClientNumber, opened: OpenedClient) -> StageClient {
        StageClient { shared, number, opened }
    }

    /// Sends a message.
    ///
    /// # Panics
    ///
    /// If the connection is closing or has ended.
    #[track_caller]
    pub fn send(&self, message: impl Into<Message>) {
        self.queue("send a message", |client| client.send(message.into()));
    }

    /// Sends a ping. Returns `true` if its pong arrived.
    ///
    /// # Panics
    ///
    /// If the connection is closing or has ended, or the payload is longer than 125 bytes.
    #[track_caller]
    pub fn ping(&self, payload: &[u8]) -> bool {
        self.queue("send a ping", |client| client.ping(payload));
        self.with(ClientEnd::take_pongs).unwrap_or_default().iter().any(|pong: &Bytes| pong == payload)
    }

    /// Sends an unsolicited pong (RFC 6455 §5.5.3).
    ///
    /// # Panics
    ///
    /// If the connection is closing or has ended, or the payload is longer than 125 bytes.
    #[track_caller]
    pub fn pong(&self, payload: &[u8]) {
        self.queue("send a pong", |client| client.pong(payload));
    }

    /// Sends raw bytes, to test a client that breaks the protocol.
    pub fn send_raw(&self, bytes: &[u8]) {
        self.with(|client| client.outgoing.extend_from_slice(bytes));
        self.turn();
    }

    /// Begins the closing handshake (RFC 6455 §7.1.2). If it has already begun, this does nothing.
    ///
    /// # Panics
    ///
    /// If the code must not be sent, or the reason is longer than 123 bytes.
    #[track_caller]
    #[expect(clippy::panic, reason = "the test is wrong")]
    pub fn close(&self, code: u16, reason: &str) {
        let frame = match CloseFrame::new(code, reason) {
            Ok(frame) => frame,
            Err(error) => panic!("cannot close the connection: {error}"),
        };
        self.queue("close the connection", |client| client.close(frame));
    }

    /// The messages that have arrived since the last call. No messages arrive while the client has [stopped
    /// reading](StageClient::stop_reading).
    #[must_use]
    pub fn received(&self) -> Vec<Message> {
        self.turn();
        self.with(ClientEnd::take_messages).unwrap_or_default()
    }

    /// How the connection has ended, as the client sees it; `None` while it is open.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.turn();
        self.with(|client| client.closed()).flatten()
    }

    /// Stops reading, like a client that is too slow. What the handler sends stays in the connection's queue and counts
    /// towards [`Limits::high_water`](crate::Limits::high_water). There are no system buffers in between.
    pub fn stop_reading(&self) {
        self.with(|client| client.reading = ClientReading::Stopped);
    }

    /// Starts reading again, first what is queued.
    pub fn resume_reading(&self) {
        self.with(|client| client.reading = ClientReading::Reads);
        self.turn();
    }

    /// The subprotocol that the server chose.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.opened.subprotocol.as_deref()
    }

    /// The headers of the response to the opening handshake.
    #[must_use]
    pub fn response_headers(&self) -> &HeaderMap {
        self.opened.response.headers()
    }

    fn with<T>(&self, work: impl FnOnce(&mut ClientEnd) -> T) -> Option<T> {
        self.shared.driver().client(self.number).map(work)
    }

    fn turn(&self) {
        self.shared.driver().turn();
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "the test is wrong, or has failed")]
    fn queue(&self, doing: &str, send: impl FnOnce(&mut ClientEnd) -> Result<(), SendError>) {
        if let Some(Err(error)) = self.with(send) {
            let closed = self.with(|client| client.closed()).flatten();
            match closed {
                Some(closed) => panic!("cannot {doing}: {closed}"),
                None => panic!("cannot {doing}: {error}"),
            }
        }
        self.turn();
    }
}

/// Breaks the connection.
impl Drop for StageClient {
    fn drop(&mut self) {
        // A test that has failed must not panic again.
        if !std::thread::panicking() {
            self.shared.driver().lose(self.number);
        }
    }
}

impl fmt::Debug for StageClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageClient")
            .field("number", &self.number)
            .field("subprotocol", &self.opened.subprotocol)
            .finish_non_exhaustive()
    }
}
