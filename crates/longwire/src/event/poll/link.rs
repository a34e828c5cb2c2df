//! The state that the readiness loop keeps of a connection.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::OwnedFd;

use rustix::buffer::Buffer;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::SockRef;

use crate::event::sockets::{LinkState, Records, SocketLink};

/// A disconnected peer does not raise SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;

/// The state that the loop keeps of a connection.
pub(in crate::event) struct PolledSocket {
    pub(super) socket: OwnedFd,
    pub(super) watched: Watched,
    pub(super) unread: Unread,
    /// Whether the loop has noted to read it in the next round.
    pub(super) is_noted: bool,
    /// Whether the system takes no more data, until the socket is writable.
    pub(super) is_blocked: bool,
    /// What TLS has encrypted and the system has not taken.
    pub(super) sealed: Option<Box<Sealed>>,
    state: LinkState,
}

/// The events that the system reports for a socket, once for each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Nothing,
    Reading,
    /// Most connections never need this: their writes always find room.
    ReadingAndWriting,
}

/// What a socket may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Nothing, until the system reports more.
    Nothing,
    /// Bytes. A read that does not fill its buffer has taken all of them (epoll(7)).
    Bytes,
    /// Perhaps bytes, and then the end, which only another read finds.
    End,
}

/// Encrypted bytes, and how many of them are written.
pub(super) struct Sealed {
    pub(super) bytes: Vec<u8>,
    pub(super) written: usize,
}

impl PolledSocket {
    pub(super) fn new(socket: OwnedFd, tls: Option<Box<dyn Records>>) -> PolledSocket {
        #[cfg(not(target_os = "linux"))]
        set_up(&socket);
        PolledSocket {
            socket,
            watched: Watched::Nothing,
            unread: Unread::Nothing,
            is_noted: false,
            is_blocked: false,
            sealed: None,
            state: LinkState::new(tls),
        }
    }

    /// Receives into `buffer`.
    pub(super) fn receive<B: Buffer<u8>>(&self, buffer: B) -> io::Result<B::Output> {
        Ok(recv(&self.socket, buffer, RecvFlags::DONTWAIT)?.0)
    }

    /// Sends as many of the bytes as the system takes.
    pub(super) fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(match slices {
            [bytes] => send(&self.socket, bytes, SEND)?,
            slices => sendmsg(&self.socket, slices, &mut SendAncillaryBuffer::default(), SEND)?,
        })
    }

    /// Sends what TLS has encrypted, while the system takes it. Returns `true` if all of it is sent.
    pub(super) fn send_sealed(&mut self) -> io::Result<bool> {
        loop {
            let Some(sealed) = &mut self.sealed else {
                let bytes = self.state.tls.as_mut().map(|tls| tls.take()).unwrap_or_default();
                if bytes.is_empty() {
                    return Ok(true);
                }
                self.sealed = Some(Box::new(Sealed { bytes, written: 0 }));
                continue;
            };
            let rest = sealed.bytes.get(sealed.written..).unwrap_or_default();
            match send(&self.socket, rest, SEND) {
                Ok(count) => {
                    sealed.written += count;
                    self.state.writes.note();
                    if sealed.written >= sealed.bytes.len() {
                        self.sealed = None;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(false),
                Err(error) => {
                    self.sealed = None;
                    return Err(error.into());
                }
            }
        }
    }
}

impl SocketLink for PolledSocket {
    fn state(&mut self) -> &mut LinkState {
        &mut self.state
    }

    fn is_writing(&self) -> bool {
        self.is_blocked
    }
}

impl PolledSocket {
    /// Shuts down the writing side.
    pub(super) fn shut_down(&self) {
        // A transport that fails to shut down counts as shut down.
        let _gone = SockRef::from(&self.socket).shutdown(Shutdown::Write);
    }

    /// The socket and its TLS session.
    pub(super) fn into_parts(self) -> (OwnedFd, Option<Box<dyn Records>>) {
        (self.socket, self.state.tls)
    }
}

/// Sets what Linux takes from the flags of each call.
#[cfg(not(target_os = "linux"))]
fn set_up(socket: &OwnedFd) {
    let socket = SockRef::from(socket);
    // A socket that cannot be set up has ended, and the first read reports that.
    let _gone = socket.set_nonblocking(true);
    #[cfg(target_vendor = "apple")]
    let _gone = socket.set_nosigpipe(true);
}
