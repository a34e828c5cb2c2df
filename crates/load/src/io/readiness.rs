//! Sockets by readiness.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll};
use socket2::SockRef;

use super::happening::{Data, Dropping, Happened};
use crate::table::{Table, Token};

const EVENTS: usize = 1024;
const BUFFER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Readiness {
    poll: Poll,
    events: Events,
    sockets: Table<ReadySocket>,
    ready: VecDeque<Ready>,
    /// Memory to receive into.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct ReadySocket {
    stream: TcpStream,
    is_connecting: bool,
    /// What is being sent, and how much of it has been.
    sending: Option<(Vec<u8>, usize)>,
}

/// What may be done without waiting.
#[derive(Debug)]
enum Ready {
    Readable(Token),
    Writable(Token),
    Over(Happened),
}

impl Readiness {
    pub(super) fn new() -> io::Result<Readiness> {
        Ok(Readiness {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            sockets: Table::default(),
            ready: VecDeque::new(),
            spare: Vec::new(),
        })
    }

    pub(super) fn connecting(&mut self, socket: socket2::Socket) -> io::Result<Token> {
        self.add(TcpStream::from_std(socket.into()), true)
    }

    pub(super) fn adopt(&mut self, stream: std::net::TcpStream) -> io::Result<Token> {
        stream.set_nonblocking(true)?;
        self.add(TcpStream::from_std(stream), false)
    }

    fn add(&mut self, stream: TcpStream, is_connecting: bool) -> io::Result<Token> {
        let token = self.sockets.insert(ReadySocket { stream, is_connecting, sending: None });
        let Some(open) = self.sockets.get_mut(token) else { return Ok(token) };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut open.stream, mio::Token(token.place()), interest);
        if let Err(error) = registered {
            self.sockets.remove(token);
            return Err(error);
        }
        Ok(token)
    }

    pub(super) fn send(&mut self, token: Token, buffer: Vec<u8>) {
        if let Some(open) = self.sockets.get_mut(token) {
            open.sending = Some((buffer, 0));
            if let Some(happened) = self.go_on_sending(token) {
                self.ready.push_back(Ready::Over(happened));
            }
        }
    }

    pub(super) fn wait(&mut self, time: Option<Duration>) -> io::Result<()> {
        let time = if self.ready.is_empty() { time } else { Some(Duration::ZERO) };
        match self.poll.poll(&mut self.events, time) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let Some(token) = self.sockets.at(event.token().0) else { continue };
            if event.is_writable() {
                self.ready.push_back(Ready::Writable(token));
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.ready.push_back(Ready::Readable(token));
            }
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Happened> {
        loop {
            let happened = match self.ready.pop_front()? {
                Ready::Over(happened) => Some(happened),
                Ready::Writable(token) => self.writable(token),
                Ready::Readable(token) => self.readable(token),
            };
            if happened.is_some() {
                return happened;
            }
        }
    }

    fn writable(&mut self, token: Token) -> Option<Happened> {
        let open = self.sockets.get_mut(token)?;
        if !open.is_connecting {
            return self.go_on_sending(token);
        }
        let result = match open.stream.take_error() {
            // It may be a Unix socket, whose address the stream does not know.
            Ok(None) => match SockRef::from(&open.stream).peer_addr() {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == ErrorKind::NotConnected => return None,
                Err(error) => Err(error),
            },
            Ok(Some(error)) | Err(error) => Err(error),
        };
        open.is_connecting = false;
        if result.is_err() {
            self.sockets.remove(token);
        } else {
            // What has come in the meantime was not read.
            self.ready.push_back(Ready::Readable(token));
        }
        Some(Happened::Connected(token, result))
    }

    fn go_on_sending(&mut self, token: Token) -> Option<Happened> {
        let open = self.sockets.get_mut(token)?;
        let (mut buffer, mut sent) = open.sending.take()?;
        loop {
            let rest = buffer.get(sent..).unwrap_or_default();
            let result = match rest {
                [] => Ok(()),
                rest => match open.stream.write(rest) {
                    Ok(0) => Err(ErrorKind::WriteZero.into()),
                    Ok(count) => {
                        sent += count;
                        continue;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        open.sending = Some((buffer, sent));
                        return None;
                    }
                    Err(error) => Err(error),
                },
            };
            buffer.clear();
            return Some(Happened::Sent(token, buffer, result));
        }
    }

    fn readable(&mut self, token: Token) -> Option<Happened> {
        let open = self.sockets.get_mut(token).filter(|open| !open.is_connecting)?;
        let mut buffer = self.spare.pop().unwrap_or_else(|| vec![0; BUFFER]);
        let happened = match open.stream.read(&mut buffer) {
            Ok(0) => Happened::Ended(token, Ok(())),
            Ok(length) => {
                // The system tells readiness only once: read until it has nothing left, in turn with other sockets.
                self.ready.push_back(Ready::Readable(token));
                return Some(Happened::Received(token, Data::Buffer(buffer, length)));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.recycle(buffer);
                return None;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.ready.push_back(Ready::Readable(token));
                self.recycle(buffer);
                return None;
            }
            Err(error) => Happened::Ended(token, Err(error)),
        };
        self.recycle(buffer);
        Some(happened)
    }

    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    pub(super) fn release(&mut self, token: Token, how: Dropping) {
        let Some(mut open) = self.sockets.remove(token) else { return };
        if how == Dropping::WithReset {
            // Without it, the end is a gentle one.
            let _ends_gently = SockRef::from(&open.stream).set_linger(Some(Duration::ZERO));
        }
        // Closing the socket ends the registration, too.
        let _gone = self.poll.registry().deregister(&mut open.stream);
    }
}
