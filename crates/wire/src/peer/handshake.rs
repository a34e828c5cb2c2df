//! The opening handshake of a peer.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Peer, in_time};
use crate::failure::{Failure, Problem};
use crate::head::Head;

/// The opening handshake (RFC 6455 §4).
impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    /// Sends a head, valid or not.
    ///
    /// # Errors
    /// As [`Peer::send`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have written a part of the head.
    pub async fn send_head(&mut self, head: &Head) -> Result<(), Failure> {
        self.say(&head.encode(), head).await
    }

    /// The next head.
    ///
    /// # Errors
    /// If none arrives before the deadline, or the connection ends first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no received bytes are lost.
    pub async fn head(&mut self) -> Result<Head, Failure> {
        let bytes = self.raw_head().await?;
        let head = Head::parse(&bytes).map(|(head, _)| head);
        self.judge("a head", head.ok_or_else(|| Problem::Differs("a head that cannot be read".to_owned())))
    }

    /// The bytes of the next head, including the empty line, and nothing after it.
    ///
    /// # Errors
    /// As [`Peer::head`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no received bytes are lost.
    pub async fn raw_head(&mut self) -> Result<Vec<u8>, Failure> {
        let outcome = in_time(self.deadline, self.next_head()).await;
        self.judge("a head", outcome)
    }

    /// Opens a WebSocket as a client: sends the request, and expects a 101 response with the right
    /// `Sec-WebSocket-Accept`.
    ///
    /// # Errors
    /// If the response is not a 101 with the right `Sec-WebSocket-Accept`, and as [`Peer::head`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have written a part of the request, or all of it.
    pub async fn open(&mut self, request: &Head) -> Result<Head, Failure> {
        self.send_head(request).await?;
        let response = self.head().await?;
        let outcome = if response.answers(request) {
            Ok(response)
        } else {
            Err(Problem::Differs(response.to_string()))
        };
        self.judge("a 101 with the right Sec-WebSocket-Accept", outcome)
    }

    /// Opens a WebSocket as a server: expects a request, and accepts it, looking only at its key. Returns the request.
    ///
    /// # Errors
    /// As [`Peer::head`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have read the request, and written a part of the response.
    pub async fn accept(&mut self) -> Result<Head, Failure> {
        let request = self.head().await?;
        self.send_head(&Head::switching_protocols(&request)).await?;
        Ok(request)
    }

    async fn next_head(&mut self) -> Result<Vec<u8>, Problem> {
        while !self.received.ends_with(b"\r\n\r\n") {
            self.fill(self.received.len() + 1).await?;
        }
        let bytes = std::mem::take(&mut self.received);
        match Head::parse(&bytes) {
            Some((head, _)) => self.transcript.received(head),
            None => self.transcript.received("a head that cannot be read"),
        }
        Ok(bytes)
    }
}
