//! A peer of raw bytes.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// First bytes of frames: FIN and the opcode.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A peer that says and hears bytes.
pub(crate) struct Raw<T> {
    io: T,
}

/// A frame that was heard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    /// Unmasked.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(first: u8, payload: impl AsRef<[u8]>) -> Frame {
        Frame { first, payload: payload.as_ref().to_vec() }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Raw<T> {
    pub(crate) fn new(io: T) -> Raw<T> {
        Raw { io }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// The same, unless the other end has gone.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.io.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Ends the writing side.
    pub(crate) async fn finish(&mut self) {
        self.io.shutdown().await.unwrap();
    }

    /// Hears exactly these bytes next.
    pub(crate) async fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut heard = vec![0; expected.len()];
        self.io.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, expected, "{:?}", String::from_utf8_lossy(&heard));
    }

    /// Hears nothing more.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.rest().await, b"");
    }

    /// Everything up to the end of the transport.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _reset = self.io.read_to_end(&mut rest).await;
        rest
    }

    /// The next bytes, this many.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.io.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// The next frame; `None`: the transport has ended.
    pub(crate) async fn frame_or_end(&mut self) -> Option<Frame> {
        let first = self.io.read_u8().await.ok()?;
        Some(self.frame_that_begins(first).await)
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        let first = self.io.read_u8().await.unwrap();
        self.frame_that_begins(first).await
    }

    async fn frame_that_begins(&mut self, first: u8) -> Frame {
        let second = self.io.read_u8().await.unwrap();
        let len = match second & 0x7f {
            126 => u64::from(self.io.read_u16().await.unwrap()),
            127 => self.io.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut key = [0; 4];
        if second & 0x80 != 0 {
            self.io.read_exact(&mut key).await.unwrap();
        }
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.io.read_exact(&mut payload).await.unwrap();
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        Frame { first, payload }
    }

    /// Answers the next frame, which has to be a ping, as a server does.
    pub(crate) async fn answer_ping(&mut self) {
        let ping = self.frame().await;
        assert_eq!(ping.first, PING);
        self.send(plain(PONG, ping.payload)).await;
    }

    /// The next HTTP head, its empty line included.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) fn into_inner(self) -> T {
        self.io
    }
}

/// A frame as a client sends it, masked with zeros so that it can be read.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(first, 0x80, &[0; 4], payload.as_ref())
}

/// A frame as a server sends it.
pub(crate) fn plain(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(first, 0, &[], payload.as_ref())
}

/// The payload of a Close frame.
pub(crate) fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

fn frame(first: u8, mask_bit: u8, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len @ ..=125), _) => frame.push(mask_bit | len),
        (_, Ok(len)) => {
            frame.push(mask_bit | 126);
            frame.extend(len.to_be_bytes());
        }
        _ => {
            frame.push(mask_bit | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload);
    frame
}
