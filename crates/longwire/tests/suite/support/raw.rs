//! A raw peer: sends and receives bytes.

use longwire_wire::{Mask, Peer, RawFrame, Role, bits};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// First bytes of frames: FIN and the opcode.
pub(crate) const TEXT: u8 = bits::FIN | bits::TEXT;
pub(crate) const BINARY: u8 = bits::FIN | bits::BINARY;
pub(crate) const CLOSE: u8 = bits::FIN | bits::CLOSE;
pub(crate) const PING: u8 = bits::FIN | bits::PING;
pub(crate) const PONG: u8 = bits::FIN | bits::PONG;

/// A [`Peer`] whose failures panic. It sends bytes as they are, so its role does not matter, and it has no deadline:
/// the runtime of the test has one, and a paused clock must not jump to another.
pub(crate) struct Raw<T>(Peer<T>);

/// A received frame, with its payload unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(first: u8, payload: impl AsRef<[u8]>) -> Frame {
        Frame { first, payload: payload.as_ref().to_vec() }
    }
}

impl From<RawFrame> for Frame {
    fn from(frame: RawFrame) -> Frame {
        Frame { first: frame.first_byte(), payload: frame.payload }
    }
}

impl Raw<TcpStream> {
    /// Sends without Nagle's algorithm from now on: a message does not wait until the last one is acknowledged.
    pub(crate) fn at_once(self) -> Raw<TcpStream> {
        let stream = self.into_inner();
        stream.set_nodelay(true).unwrap();
        Raw::new(stream)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Raw<T> {
    pub(crate) fn new(io: T) -> Raw<T> {
        Raw(Peer::client(io).without_deadline())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.send_bytes(bytes).await.unwrap();
    }

    /// Like `send`. Returns `false` if the other end has gone.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.send_bytes(bytes).await.is_ok()
    }

    /// Ends the writing side.
    pub(crate) async fn finish(&mut self) {
        self.0.finish().await.unwrap();
    }

    /// The next bytes must be exactly these.
    pub(crate) async fn expect(&mut self, expected: impl AsRef<[u8]>) {
        self.0.expect_bytes(expected).await.unwrap();
    }

    /// The transport must end without further bytes.
    pub(crate) async fn expect_end(&mut self) {
        self.0.expect_end().await.unwrap();
    }

    /// Everything up to the end of the transport, by EOF or reset.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        self.0.rest().await.unwrap()
    }

    /// The next `count` bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        self.0.bytes(count).await.unwrap()
    }

    /// The next frame, or `None` if the transport has ended.
    pub(crate) async fn frame_or_end(&mut self) -> Option<Frame> {
        self.0.frame_or_end().await.unwrap().map(Frame::from)
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.0.frame().await.unwrap().into()
    }

    /// Answers the next frame, which must be a ping, as a server.
    pub(crate) async fn answer_ping(&mut self) {
        let ping = self.frame().await;
        assert_eq!(ping.first, PING);
        self.send(plain(PONG, ping.payload)).await;
    }

    /// The next HTTP head, including its empty line.
    pub(crate) async fn head(&mut self) -> String {
        String::from_utf8(self.0.raw_head().await.unwrap()).unwrap()
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// A client's frame, masked with zeros so that it stays readable.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    RawFrame::new(first, payload.as_ref()).masked(Mask::Key([0; 4])).encode(Role::Client)
}

/// A server's frame.
pub(crate) fn plain(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    RawFrame::new(first, payload.as_ref()).encode(Role::Server)
}

/// The payload of a Close frame.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    RawFrame::close_because(code, reason).payload
}
