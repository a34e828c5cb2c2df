//! A peer of raw bytes.

use longwire_wire::{Mask, Peer, RawFrame, Role, bits};
use tokio::io::{AsyncRead, AsyncWrite};

/// First bytes of frames: FIN and the opcode.
pub(crate) const TEXT: u8 = bits::FIN | bits::TEXT;
pub(crate) const BINARY: u8 = bits::FIN | bits::BINARY;
pub(crate) const CLOSE: u8 = bits::FIN | bits::CLOSE;
pub(crate) const PING: u8 = bits::FIN | bits::PING;
pub(crate) const PONG: u8 = bits::FIN | bits::PONG;

/// A [`Peer`] whose failures panic. It sends bytes as they are, so its role does not matter, and it has no deadline: the
/// runtime of the test has one, and a paused clock must not jump to another.
pub(crate) struct Raw<T>(Peer<T>);

/// A frame that was received, whatever it was masked with.
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

impl<T: AsyncRead + AsyncWrite + Unpin> Raw<T> {
    pub(crate) fn new(io: T) -> Raw<T> {
        Raw(Peer::client(io).without_deadline())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.send_bytes(bytes).await.unwrap();
    }

    /// The same, unless the other end has gone.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.send_bytes(bytes).await.is_ok()
    }

    /// Ends the writing side.
    pub(crate) async fn finish(&mut self) {
        self.0.finish().await.unwrap();
    }

    /// Receives exactly these bytes next.
    pub(crate) async fn expect(&mut self, expected: impl AsRef<[u8]>) {
        self.0.expect_bytes(expected).await.unwrap();
    }

    /// Receives nothing more.
    pub(crate) async fn expect_end(&mut self) {
        self.0.expect_end().await.unwrap();
    }

    /// Everything up to the end of the transport. A reset is an end too.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        self.0.rest().await.unwrap()
    }

    /// The next bytes, this many.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        self.0.bytes(count).await.unwrap()
    }

    /// The next frame; `None`: the transport has ended.
    pub(crate) async fn frame_or_end(&mut self) -> Option<Frame> {
        self.0.frame_or_end().await.unwrap().map(Frame::from)
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.0.frame().await.unwrap().into()
    }

    /// Answers the next frame, which has to be a ping, as a server does.
    pub(crate) async fn answer_ping(&mut self) {
        let ping = self.frame().await;
        assert_eq!(ping.first, PING);
        self.send(plain(PONG, ping.payload)).await;
    }

    /// The next HTTP head, its empty line included.
    pub(crate) async fn head(&mut self) -> String {
        String::from_utf8(self.0.raw_head().await.unwrap()).unwrap()
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// A frame as a client sends it, masked with zeros so that it can be read.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    RawFrame::new(first, payload.as_ref()).masked(Mask::Key([0; 4])).encode(Role::Client)
}

/// A frame as a server sends it.
pub(crate) fn plain(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    RawFrame::new(first, payload.as_ref()).encode(Role::Server)
}

/// The payload of a Close frame.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    RawFrame::close_because(code, reason).payload
}
