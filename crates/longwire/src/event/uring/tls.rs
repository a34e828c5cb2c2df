//! TLS between a connection and a driver that moves bare bytes.

use std::io::{self, IoSlice, Read, Write};

use rustls::ServerConnection;
use tokio::net::TcpStream;

use super::tls_stream::TlsStream;
use crate::transport::Transport;

/// How much is encrypted before it is written.
const SEALED: usize = 64 << 10;

/// TLS on one connection. It does no I/O.
pub(in crate::event) struct Tls {
    session: ServerConnection,
    /// What is encrypted and not yet given to the driver.
    sealed: Vec<u8>,
    end: CloseNotify,
}

/// Whether this end has said that it sends nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CloseNotify {
    ToCome,
    Said,
}

impl Tls {
    pub(super) fn new(identity: &crate::tls::Tls) -> io::Result<Tls> {
        let session = ServerConnection::new(identity.config()).map_err(io::Error::other)?;
        Ok(Tls { session, sealed: Vec::new(), end: CloseNotify::ToCome })
    }

    /// Takes some of what arrived. `false`: the peer has said that it sends nothing more.
    ///
    /// # Errors
    ///
    /// It is not TLS, or the two cannot agree. The peer's alert is there to be written.
    pub(super) fn receive(&mut self, arrived: &mut &[u8]) -> io::Result<bool> {
        if !arrived.is_empty() {
            self.session.read_tls(arrived)?;
        }
        let was_handshaking = self.session.is_handshaking();
        match self.session.process_new_packets() {
            Ok(state) => Ok(!state.peer_has_closed()),
            Err(error) => {
                if was_handshaking {
                    tracing::debug!(%error, "no TLS handshake");
                }
                // As streams of tokio have it: a connection that has not been let in is counted by this.
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    /// Fills `plain` with what was decrypted; gives how much of it.
    pub(super) fn read(&mut self, plain: &mut [u8]) -> usize {
        // Nothing to read, for now or for good, is the same here: the end is told by `receive`.
        self.session.reader().read(plain).unwrap_or(0)
    }

    /// Whether there is room to encrypt more.
    pub(super) fn has_room(&self) -> bool {
        self.sealed.len() < SEALED
    }

    /// Encrypts some of `slices`; gives how much of them.
    pub(super) fn seal(&mut self, slices: &[IoSlice<'_>]) -> usize {
        let count = self.session.writer().write_vectored(slices).unwrap_or(0);
        self.gather();
        count
    }

    /// Says, once, that this end sends nothing more (RFC 8446 §6.1).
    pub(super) fn say_end(&mut self) {
        if self.end == CloseNotify::ToCome {
            self.end = CloseNotify::Said;
            self.session.send_close_notify();
        }
    }

    /// Whether there is something to be written.
    pub(super) fn wants_write(&self) -> bool {
        !self.sealed.is_empty() || self.session.wants_write()
    }

    /// Takes what is to be written.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.gather();
        std::mem::take(&mut self.sealed)
    }

    /// The same session over a stream of tokio.
    pub(super) fn over(mut self, stream: TcpStream) -> Transport {
        let sealed = self.take();
        Transport::Other(Box::new(TlsStream::new(stream, self.session, sealed)))
    }

    fn gather(&mut self) {
        while self.session.wants_write() {
            // A `Vec` takes everything.
            if self.session.write_tls(&mut self.sealed).is_err() {
                return;
            }
        }
    }
}
