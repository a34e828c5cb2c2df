//! Receiving and expecting.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Peer, in_time};
use crate::bits::{BINARY, CONTINUATION, TEXT};
use crate::failure::{Failure, Problem};
use crate::frame::RawFrame;
use crate::show::{Escaped, Seen};
use crate::transcript::Said;

/// Receiving and expecting.
///
/// Every method fails if its deadline passes, the connection ends, or something longer than [`Peer::limit`] is
/// declared.
impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    /// The next frame of any kind, as [`RawFrame::parse`] returns it.
    ///
    /// # Errors
    /// If no complete frame arrives.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no received bytes are lost.
    pub async fn frame(&mut self) -> Result<RawFrame, Failure> {
        let outcome = in_time(self.deadline, self.next_frame()).await;
        self.judge("a frame", outcome)
    }

    /// The next frame, or `None` if the connection ends between two frames.
    ///
    /// # Errors
    /// If a frame arrives incompletely, or nothing arrives before the deadline.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no received bytes are lost.
    pub async fn frame_or_end(&mut self) -> Result<Option<RawFrame>, Failure> {
        let outcome = match in_time(self.deadline, self.next_frame()).await {
            Err(Problem::Ended) if self.received.is_empty() => Ok(None),
            outcome => outcome.map(Some),
        };
        self.judge("a frame, or the end", outcome)
    }

    /// Expects this frame next ([`RawFrame::matches`]).
    ///
    /// # Errors
    /// If another frame arrives, or none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a frame is consumed only when the future completes.
    pub async fn expect(&mut self, expected: RawFrame) -> Result<(), Failure> {
        let from = self.role.other();
        let outcome = in_time(self.deadline, self.next_frame()).await.and_then(|frame| {
            if expected.matches(&frame, from) {
                Ok(())
            } else {
                Err(Problem::Differs(Seen(&frame, from).to_string()))
            }
        });
        self.judge(expected, outcome)
    }

    /// Expects a text message, in one frame or in fragments with nothing between them.
    ///
    /// # Errors
    /// If another message or a control frame arrives, or nothing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe for a message in one frame. Of a fragmented message, a dropped future loses the fragments that were
    /// complete.
    pub async fn expect_text(&mut self, text: &str) -> Result<(), Failure> {
        self.expect_message(TEXT, text.as_bytes(), format!("a message TEXT {}", Escaped(text.as_bytes())))
            .await
    }

    /// Expects a binary message, in one frame or in fragments with nothing between them.
    ///
    /// # Errors
    /// As [`Peer::expect_text`].
    ///
    /// # Cancel safety
    ///
    /// As [`Peer::expect_text`].
    pub async fn expect_binary(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.expect_message(BINARY, payload, format!("a message BINARY {}", Escaped(payload))).await
    }

    /// Expects a Close frame with this code and any reason, and returns it.
    ///
    /// # Errors
    /// If another frame arrives, or none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a frame is consumed only when the future completes.
    pub async fn expect_close(&mut self, code: u16) -> Result<RawFrame, Failure> {
        let from = self.role.other();
        let outcome = in_time(self.deadline, self.next_frame()).await.and_then(|frame| {
            let expected = RawFrame::close_because(code, frame.payload.get(2..).unwrap_or_default());
            if expected.matches(&frame, from) {
                Ok(frame)
            } else {
                Err(Problem::Differs(Seen(&frame, from).to_string()))
            }
        });
        self.judge(format_args!("CLOSE with code {code}"), outcome)
    }

    /// Expects the end of the connection, or a reset, and nothing before it.
    ///
    /// # Errors
    /// If anything arrives, or the connection stays open.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no received bytes are lost.
    pub async fn expect_end(&mut self) -> Result<(), Failure> {
        let outcome = in_time(self.deadline, self.next_rest()).await.and_then(|rest| {
            if rest.is_empty() { Ok(()) } else { Err(Problem::Differs(Said(&rest).to_string())) }
        });
        self.judge("the end of the connection", outcome)
    }

    /// Expects exactly these bytes next. A failure shows complete frames among them as frames.
    ///
    /// # Errors
    /// If other bytes arrive, or fewer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: bytes are consumed only when the future completes.
    pub async fn expect_bytes(&mut self, expected: impl AsRef<[u8]>) -> Result<(), Failure> {
        let expected = expected.as_ref();
        let outcome = in_time(self.deadline, self.next_bytes(expected.len())).await.and_then(|bytes| {
            if bytes == expected { Ok(()) } else { Err(Problem::Differs(Said(&bytes).to_string())) }
        });
        self.judge(Said(expected), outcome)
    }

    /// The next bytes, exactly this many.
    ///
    /// # Errors
    /// If fewer arrive.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: bytes are consumed only when the future completes.
    pub async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        let outcome = in_time(self.deadline, self.next_bytes(count)).await;
        self.judge(format_args!("{count} bytes"), outcome)
    }

    /// All bytes up to the end of the connection, or a reset.
    ///
    /// # Errors
    /// If the connection stays open.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no received bytes are lost.
    pub async fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        let outcome = in_time(self.deadline, self.next_rest()).await;
        self.judge("the end of the connection", outcome)
    }

    async fn expect_message(&mut self, opcode: u8, payload: &[u8], expected: String) -> Result<(), Failure> {
        let outcome = in_time(self.deadline, self.next_message(opcode, payload)).await;
        self.judge(expected, outcome)
    }

    async fn next_message(&mut self, opcode: u8, payload: &[u8]) -> Result<(), Problem> {
        let from = self.role.other();
        let mut missing = payload;
        let mut opcode = opcode;
        loop {
            let frame = self.next_frame().await?;
            // Everything except the fragmentation must be as in a valid frame.
            let expected =
                RawFrame { fin: frame.fin, payload: frame.payload.clone(), ..RawFrame::new(opcode, "") };
            let rest = missing.strip_prefix(frame.payload.as_slice());
            match rest.filter(|_| expected.matches(&frame, from)) {
                Some(rest) if frame.fin && rest.is_empty() => return Ok(()),
                Some(rest) if !frame.fin => (missing, opcode) = (rest, CONTINUATION),
                _ => return Err(Problem::Differs(Seen(&frame, from).to_string())),
            }
        }
    }
}
