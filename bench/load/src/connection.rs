//! One connection to the server.

use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Context, Result};
use bench_ring::{Payload, Ring};
use rustls::ClientConfig;

use crate::arguments::{Speech, Target};
use crate::frames::Frames;
use crate::handshake::{Handshake, Offer};
use crate::replies::Replies;
use crate::tls::{self, Tls};

/// Opens connections.
#[derive(Debug)]
pub(crate) struct Dialler<'t> {
    target: &'t Target,
    tls: Option<Arc<ClientConfig>>,
}

/// An open connection, with the frames to send and the replies to expect.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    number: u32,
    tls: Option<Tls>,
    replies: Replies,
    /// The frame to send next.
    next: usize,
    /// How many frames remain to be sent.
    owed: usize,
    sending: bool,
}

impl<'t> Dialler<'t> {
    pub(crate) fn new(target: &'t Target) -> Result<Self> {
        let tls = match (target.speech, &target.certificate) {
            (Speech::Wss, certificate) => {
                Some(tls::config(certificate.as_deref().context("`--speech wss` needs a `--certificate`")?)?)
            }
            (Speech::Tcp | Speech::Ws | Speech::Deflate, _) => None,
        };
        Ok(Self { target, tls })
    }

    /// Opens a connection that begins with the frame `first`.
    pub(crate) fn open(&self, number: u32, first: usize, replies: Replies) -> Result<Connection> {
        let mut stream = TcpStream::connect(self.target.address)?;
        stream.set_nodelay(true)?;
        let mut tls = self.tls.clone().map(Tls::new).transpose()?;
        let offer = if self.target.speech == Speech::Deflate { Offer::Deflate } else { Offer::Nothing };
        let handshake = Handshake::new(number, offer);
        match &mut tls {
            _ if self.target.speech == Speech::Tcp => {}
            None => handshake.perform(&mut stream)?,
            Some(tls) => handshake.perform(&mut tls.over(&mut stream))?,
        }
        Ok(Connection { stream, number, tls, replies, next: first, owed: 0, sending: false })
    }
}

impl Connection {
    /// Goes on with an open connection, and the frame `first`.
    pub(crate) fn over(stream: TcpStream, number: u32, first: usize, replies: Replies) -> Self {
        Self { stream, number, tls: None, replies, next: first, owed: 0, sending: false }
    }

    /// Starts receiving.
    pub(crate) fn receive(&self, ring: &mut Ring) {
        ring.receive(&self.stream, self.number);
    }

    /// Checks received bytes and returns how many replies they complete.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Result<usize> {
        let whole = match &mut self.tls {
            None => self.replies.take(bytes),
            Some(tls) => tls.decrypt(bytes).and_then(|plain| self.replies.take(&plain)),
        };
        whole.with_context(|| format!("connection {}", self.number))
    }

    /// Queues `count` frames, to be sent after those before them.
    pub(crate) fn owe(&mut self, count: usize, frames: &Frames, ring: &mut Ring) -> Result<()> {
        self.owed += count;
        if self.owed == 0 || self.sending {
            return Ok(());
        }
        let now = self.owed.min(frames.count());
        let range = frames.range(self.next, now);
        let payload = match &mut self.tls {
            None => Payload::Shared(Arc::clone(frames.encoded()), range),
            Some(tls) => Payload::Owned(tls.encrypt(&frames.encoded()[range])?),
        };
        self.next = (self.next + now) % frames.count();
        self.owed -= now;
        self.sending = true;
        ring.send(&self.stream, self.number, payload);
        Ok(())
    }

    /// Continues after a send has completed.
    pub(crate) fn sent(&mut self, frames: &Frames, ring: &mut Ring) -> Result<()> {
        self.sending = false;
        self.owe(0, frames, ring)
    }
}
