//! A rustls session for a driver that moves raw bytes.

use std::io::{self, IoSlice, Read, Write};

use rustls::ServerConnection;

use super::records::Records;
use super::tls_stream::TlsStream;
use crate::tls::Tls;
use crate::transport::Transport;

/// How much is encrypted before it is written.
const SEALED: usize = 64 << 10;

/// TLS on one connection, without I/O.
pub(super) struct RustlsRecords {
    session: ServerConnection,
    /// Encrypted data that the driver has not taken yet.
    sealed: Vec<u8>,
    end: CloseNotify,
}

/// Whether this end has queued `close_notify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CloseNotify {
    Pending,
    Queued,
}

impl RustlsRecords {
    pub(super) fn new(identity: &Tls) -> io::Result<RustlsRecords> {
        let session = ServerConnection::new(identity.config()).map_err(io::Error::other)?;
        Ok(RustlsRecords { session, sealed: Vec::new(), end: CloseNotify::Pending })
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

impl Records for RustlsRecords {
    fn receive(&mut self, arrived: &mut &[u8]) -> io::Result<bool> {
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
                // The kind that tokio streams report; the refusal is counted by it.
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    fn read(&mut self, plain: &mut [u8]) -> usize {
        // Whether there is nothing to read for now or for good makes no difference here: `receive` reports the end.
        self.session.reader().read(plain).unwrap_or(0)
    }

    fn has_room(&self) -> bool {
        self.sealed.len() < SEALED
    }

    fn seal(&mut self, slices: &[IoSlice<'_>]) -> usize {
        let count = self.session.writer().write_vectored(slices).unwrap_or(0);
        self.gather();
        count
    }

    fn queue_close_notify(&mut self) {
        if self.end == CloseNotify::Pending {
            self.end = CloseNotify::Queued;
            self.session.send_close_notify();
        }
    }

    fn wants_write(&self) -> bool {
        !self.sealed.is_empty() || self.session.wants_write()
    }

    fn take(&mut self) -> Vec<u8> {
        self.gather();
        std::mem::take(&mut self.sealed)
    }

    fn over(mut self: Box<Self>, stream: Transport) -> Transport {
        let sealed = self.take();
        Transport::Other(Box::new(TlsStream::new(stream, self.session, sealed)))
    }
}
