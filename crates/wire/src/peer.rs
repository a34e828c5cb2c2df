//! A scripted peer over any tokio transport.

mod expectations;
mod handshake;
mod pieces;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::failure::{Failure, Problem};
use crate::frame::RawFrame;
use crate::role::Role;
use crate::show::Seen;
use crate::transcript::{Said, Transcript};

pub use pieces::Pieces;

/// One end of a connection that follows a script: it sends the given frames, and checks what it receives.
///
/// Each method that waits has a deadline, 10 s by default, and fails with the dialogue until then. The peer does not
/// read ahead: bytes that the script has not asked for stay in the transport, where the sender notices the
/// backpressure.
///
/// ```
/// use longwire_wire::{Head, Peer, RawFrame};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let (ours, theirs) = tokio::io::duplex(4096);
/// let (mut client, mut server) = (Peer::client(ours), Peer::server(theirs));
/// let request = Head::upgrade("/chat", "example.com");
/// let (opened, accepted) = tokio::join!(client.open(&request), server.accept());
/// opened?;
/// assert_eq!(accepted?.start, "GET /chat HTTP/1.1");
///
/// client.send(RawFrame::text("hel").not_final()).await?;
/// client.send(RawFrame::continuation("lo")).await?;
/// server.expect_text("hello").await?;
/// server.send(RawFrame::close_because(1001, "going away")).await?;
/// client.expect_close(1001).await?;
/// # Ok::<(), longwire_wire::Failure>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Peer<T> {
    io: T,
    role: Role,
    deadline: Option<Duration>,
    pieces: Pieces,
    limit: usize,
    /// The beginning of an incomplete frame, head or byte sequence.
    received: Vec<u8>,
    transcript: Transcript,
}

/// Constructors and settings.
impl<T> Peer<T> {
    /// A client, which masks its frames and expects unmasked ones.
    #[must_use]
    pub fn client(io: T) -> Peer<T> {
        Peer::new(io, Role::Client)
    }

    /// A server, which does not mask its frames and expects masked ones.
    #[must_use]
    pub fn server(io: T) -> Peer<T> {
        Peer::new(io, Role::Server)
    }

    /// A peer in this role, before or after the opening handshake.
    #[must_use]
    pub fn new(io: T, role: Role) -> Peer<T> {
        const DEADLINE: Duration = Duration::from_secs(10);
        const LIMIT: usize = 64 << 20;
        Peer {
            io,
            role,
            deadline: Some(DEADLINE),
            pieces: Pieces::Whole,
            limit: LIMIT,
            received: Vec::new(),
            transcript: Transcript::default(),
        }
    }

    /// Sets the deadline of each call that waits.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Peer<T> {
        Peer { deadline: Some(deadline), ..self }
    }

    /// Waits forever: for tests whose runner has a time limit, or whose clock is paused.
    #[must_use]
    pub fn without_deadline(self) -> Peer<T> {
        Peer { deadline: None, ..self }
    }

    /// The most bytes to receive at a time, as a frame, a head or a rest. Default: 64 MiB.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Peer<T> {
        Peer { limit: bytes, ..self }
    }

    /// Begins a new transcript, which keeps this much of each payload, in bytes or characters. Default: 64.
    #[must_use]
    pub fn showing(self, len: usize) -> Peer<T> {
        Peer { transcript: Transcript::showing(len), ..self }
    }

    /// Sets how to split what is sent from now on into writes.
    pub fn cut_into(&mut self, pieces: Pieces) {
        self.pieces = pieces;
    }

    /// The role of this peer.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The dialogue until now.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The transport. Received bytes of an incomplete frame or head are lost.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.io
    }
}

/// Sending.
impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    /// Sends a frame.
    ///
    /// # Errors
    /// If the transport has ended, or accepts nothing before the deadline.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have written a part of the frame.
    pub async fn send(&mut self, frame: RawFrame) -> Result<(), Failure> {
        let bytes = frame.encode(self.role);
        self.say(&bytes, frame).await
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// As [`Peer::send`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have written a part of the bytes.
    pub async fn send_bytes(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        let bytes = bytes.as_ref();
        self.say(bytes, Said(bytes)).await
    }

    /// Ends the writing side of the transport.
    ///
    /// # Errors
    /// As [`Peer::send`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a dropped future may have ended the writing side or not.
    pub async fn finish(&mut self) -> Result<(), Failure> {
        self.transcript.sent("the end");
        let io = &mut self.io;
        let outcome = in_time(self.deadline, async { Ok(io.shutdown().await?) }).await;
        self.judge("to end the writing side", outcome)
    }

    async fn say(&mut self, bytes: &[u8], said: impl fmt::Display) -> Result<(), Failure> {
        self.transcript.sent(&said);
        let (io, pieces) = (&mut self.io, self.pieces);
        let writing = async {
            for piece in pieces.of(bytes) {
                io.write_all(piece).await?;
                io.flush().await?;
            }
            Ok(())
        };
        let outcome = in_time(self.deadline, writing).await;
        self.judge(format_args!("to send {said}"), outcome)
    }
}

/// Reading.
impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    /// Reads until `received` has this many bytes, and no more.
    async fn fill(&mut self, count: usize) -> Result<(), Problem> {
        if count > self.limit {
            return Err(Problem::TooLong(self.limit));
        }
        while self.received.len() < count {
            let missing = (count - self.received.len()) as u64;
            if (&mut self.io).take(missing).read_buf(&mut self.received).await? == 0 {
                return Err(Problem::Ended);
            }
        }
        Ok(())
    }

    async fn next_frame(&mut self) -> Result<RawFrame, Problem> {
        loop {
            match RawFrame::parse(&self.received) {
                Ok((frame, used)) => {
                    self.received.drain(..used);
                    self.transcript.received(Seen(&frame, self.role.other()));
                    return Ok(frame);
                }
                Err(incomplete) => {
                    self.fill(self.received.len().saturating_add(incomplete.needed.get())).await?;
                }
            }
        }
    }

    async fn next_bytes(&mut self, count: usize) -> Result<Vec<u8>, Problem> {
        self.fill(count).await?;
        let bytes = self.received.drain(..count).collect::<Vec<u8>>();
        self.transcript.received(Said(&bytes));
        Ok(bytes)
    }

    async fn next_rest(&mut self) -> Result<Vec<u8>, Problem> {
        loop {
            match self.io.read_buf(&mut self.received).await.map_err(Problem::from) {
                Ok(0) | Err(Problem::Ended) => break,
                Ok(_) if self.received.len() > self.limit => return Err(Problem::TooLong(self.limit)),
                Ok(_) => {}
                Err(problem) => return Err(problem),
            }
        }
        let rest = std::mem::take(&mut self.received);
        if !rest.is_empty() {
            self.transcript.received(Said(&rest));
        }
        self.transcript.received("the end");
        Ok(rest)
    }

    /// Turns a problem into a failure, with the received bytes of the next frame or head.
    fn judge<O>(&mut self, expected: impl fmt::Display, outcome: Result<O, Problem>) -> Result<O, Failure> {
        outcome.map_err(|problem| {
            let mut transcript = self.transcript.clone();
            if !self.received.is_empty() {
                transcript.received_in_part(Said(&self.received));
            }
            Failure::new(expected, problem, transcript)
        })
    }
}

async fn in_time<O>(
    deadline: Option<Duration>,
    action: impl Future<Output = Result<O, Problem>>,
) -> Result<O, Problem> {
    match deadline {
        None => action.await,
        Some(time) => tokio::time::timeout(time, action).await.unwrap_or(Err(Problem::Late(time))),
    }
}

#[cfg(test)]
mod tests;
