//! Sockets over io_uring.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use longwire_ring::{Completion, Operation, ReceiveEnd, Ring, Sizes, Socket};
use socket2::SockRef;

use super::happening::{Data, Dropping, Happened};
use crate::table::{Table, Token};

/// The buffers to receive into stay in the processor's caches.
const SIZES: Sizes = Sizes { submissions: 4096, completions: 16_384, buffers: 64, buffer_length: 32 << 10 };

pub(super) struct Uring {
    ring: Ring,
    sockets: Table<UringSocket>,
}

struct UringSocket {
    socket: Socket,
    /// The receive or the poll under way.
    reading: Option<Operation>,
}

impl Uring {
    pub(super) fn new() -> io::Result<Uring> {
        Ok(Uring { ring: Ring::new(SIZES)?, sockets: Table::default() })
    }

    pub(super) fn connecting(&mut self, socket: socket2::Socket) -> Token {
        let socket = self.ring.hold(OwnedFd::from(socket));
        let token = self.sockets.insert(UringSocket { socket, reading: None });
        let poll = self.ring.poll_writable(socket, token.to_bits());
        self.note(token, poll);
        token
    }

    pub(super) fn adopt(&mut self, stream: TcpStream) -> Token {
        let socket = self.ring.hold(OwnedFd::from(stream));
        let token = self.sockets.insert(UringSocket { socket, reading: None });
        self.receive(token);
        token
    }

    fn receive(&mut self, token: Token) {
        let Some(open) = self.sockets.get_mut(token) else { return };
        open.reading = Some(self.ring.receive(open.socket, token.to_bits()));
    }

    fn note(&mut self, token: Token, operation: Operation) {
        if let Some(open) = self.sockets.get_mut(token) {
            open.reading = Some(operation);
        }
    }

    pub(super) fn send(&mut self, token: Token, buffer: Vec<u8>) {
        if let Some(open) = self.sockets.get(token) {
            self.ring.send(open.socket, buffer, token.to_bits());
        }
    }

    pub(super) fn wait(&mut self, time: Option<Duration>) -> io::Result<()> {
        self.ring.submit_and_wait(time)
    }

    pub(super) fn next(&mut self) -> Option<Happened> {
        loop {
            let completion = self.ring.next_completion()?;
            if let Some(happened) = self.happened(completion) {
                return Some(happened);
            }
        }
    }

    fn happened(&mut self, completion: Completion) -> Option<Happened> {
        match completion {
            Completion::Received { token, data } => {
                let token = self.known(token)?;
                Some(Happened::Received(token, Data::Lease(data)))
            }
            Completion::Sent { token, buffer, result } => {
                let token = self.known(token)?;
                Some(Happened::Sent(token, buffer, result))
            }
            Completion::ReceiveEnded { token, why } => {
                let token = self.known(token)?;
                match why {
                    ReceiveEnd::NoBuffers => {
                        self.receive(token);
                        None
                    }
                    ReceiveEnd::Cancelled => None,
                    ReceiveEnd::EndOfFile => Some(Happened::Ended(token, Ok(()))),
                    ReceiveEnd::Failed(error) => Some(Happened::Ended(token, Err(error))),
                }
            }
            Completion::Writable { token } => {
                let token = self.known(token)?;
                let result = self.connected(token);
                if result.is_err()
                    && let Some(failed) = self.sockets.remove(token)
                {
                    self.ring.close(failed.socket);
                }
                Some(Happened::Connected(token, result))
            }
            // Nothing else was begun.
            _ => None,
        }
    }

    fn known(&self, bits: u64) -> Option<Token> {
        let token = Token::from_bits(bits);
        self.sockets.get(token).map(|_| token)
    }

    fn connected(&mut self, token: Token) -> io::Result<()> {
        let Some(open) = self.sockets.get(token) else { return Ok(()) };
        let socket = self.ring.descriptor(open.socket).ok_or(io::ErrorKind::NotConnected)?;
        if let Some(error) = SockRef::from(&socket).take_error()? {
            return Err(error);
        }
        // The kernel waits in place of the socket only if the socket blocks.
        rustix::io::ioctl_fionbio(socket, false)?;
        self.receive(token);
        Ok(())
    }

    pub(super) fn release(&mut self, token: Token, how: Dropping) {
        let Some(open) = self.sockets.remove(token) else { return };
        if how == Dropping::WithReset
            && let Some(socket) = self.ring.descriptor(open.socket)
        {
            // Without it, the end is a gentle one.
            let _ends_gently = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
        if let Some(reading) = open.reading {
            self.ring.cancel(reading);
        }
        self.ring.close(open.socket);
    }
}

impl std::fmt::Debug for Uring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uring").finish_non_exhaustive()
    }
}
