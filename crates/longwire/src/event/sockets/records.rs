//! TLS for a driver that moves raw bytes.

use std::io::{self, IoSlice};

use crate::transport::Transport;

/// The record layer of TLS on one connection (RFC 8446 §5), without I/O. In a build without TLS, no type implements it.
pub(in crate::event) trait Records: Send {
    /// Takes some of the received bytes. Returns `false` after the peer's `close_notify` alert.
    ///
    /// # Errors
    ///
    /// If the bytes are not TLS or the handshake fails. [`take`](Records::take) then returns the alert for the peer.
    fn receive(&mut self, arrived: &mut &[u8]) -> io::Result<bool>;

    /// Fills `plain` with decrypted bytes, and returns how many there are.
    fn read(&mut self, plain: &mut [u8]) -> usize;

    /// Whether there is room to encrypt more.
    fn has_room(&self) -> bool;

    /// Encrypts some of `slices`, and returns how many bytes it took.
    fn seal(&mut self, slices: &[IoSlice<'_>]) -> usize;

    /// Queues the `close_notify` alert, once (RFC 8446 §6.1).
    fn queue_close_notify(&mut self);

    /// Whether there is encrypted data to write.
    fn wants_write(&self) -> bool;

    /// Takes the encrypted data to write.
    fn take(&mut self) -> Vec<u8>;

    /// The same session over a tokio stream.
    fn over(self: Box<Self>, stream: Transport) -> Transport;
}
