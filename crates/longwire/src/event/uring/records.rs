//! TLS, as a driver needs it that moves bare bytes.

use std::io::{self, IoSlice};

use tokio::net::TcpStream;

use crate::transport::Transport;

/// The record layer of TLS on one connection (RFC 8446 §5). It does no I/O. A build without TLS has nothing that
/// implements it.
pub(in crate::event) trait Records: Send {
    /// Takes some of what arrived. `false`: the peer has said that it sends nothing more.
    ///
    /// # Errors
    ///
    /// It is not TLS, or the two cannot agree. The peer's alert is there to be written.
    fn receive(&mut self, arrived: &mut &[u8]) -> io::Result<bool>;

    /// Fills `plain` with decrypted bytes, and returns how many there are.
    fn read(&mut self, plain: &mut [u8]) -> usize;

    /// Whether there is room to encrypt more.
    fn has_room(&self) -> bool;

    /// Encrypts some of `slices`, and returns how many bytes of them.
    fn seal(&mut self, slices: &[IoSlice<'_>]) -> usize;

    /// Says, once, that this end sends nothing more (RFC 8446 §6.1).
    fn say_end(&mut self);

    /// Whether there is something to be written.
    fn wants_write(&self) -> bool;

    /// Takes what is to be written.
    fn take(&mut self) -> Vec<u8>;

    /// The same session over a stream of tokio.
    fn over(self: Box<Self>, stream: TcpStream) -> Transport;
}
