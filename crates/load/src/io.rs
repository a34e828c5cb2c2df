//! The sockets of one thread, and what happens on them: over io_uring where the system allows it, by readiness
//! elsewhere.

mod happening;
mod readiness;
#[cfg(target_os = "linux")]
mod uring;

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use socket2::Socket;

use crate::table::Token;
pub(crate) use happening::is_in_progress;
pub use happening::{Data, Dropping, Engine, Happened};
use readiness::Readiness;
#[cfg(target_os = "linux")]
use uring::Uring;

/// The sockets of one thread. Operations are started, which does not block, and [`wait`](Io::wait) collects what has
/// happened.
#[derive(Debug)]
pub struct Io(Driver);

#[derive(Debug)]
enum Driver {
    #[cfg(target_os = "linux")]
    Uring(Box<Uring>),
    Readiness(Box<Readiness>),
}

impl Io {
    /// Makes an engine for the calling thread.
    ///
    /// # Errors
    ///
    /// If io_uring is demanded and refused, or the system has no resources left.
    pub fn new(engine: Engine) -> io::Result<Io> {
        #[cfg(target_os = "linux")]
        match (engine, Uring::new()) {
            (Engine::Readiness, _) => {}
            (_, Ok(uring)) => return Ok(Io(Driver::Uring(Box::new(uring)))),
            (Engine::Uring, Err(error)) => return Err(error),
            (Engine::Auto, Err(_)) => {}
        }
        #[cfg(not(target_os = "linux"))]
        if engine == Engine::Uring {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no io_uring"));
        }
        Ok(Io(Driver::Readiness(Box::new(Readiness::new()?))))
    }

    /// The name of the engine.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(_) => "io_uring",
            Driver::Readiness(_) => "readiness",
        }
    }

    /// Takes a socket that does not block and has begun to connect. [`Happened::Connected`] tells the result; after a
    /// success, the socket receives.
    ///
    /// # Errors
    ///
    /// The system refuses to watch the socket.
    pub fn connecting(&mut self, socket: Socket) -> io::Result<Token> {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(uring) => Ok(uring.connecting(socket)),
            Driver::Readiness(readiness) => readiness.connecting(socket),
        }
    }

    /// Takes a connected stream, and receives from it.
    ///
    /// # Errors
    ///
    /// The system refuses to watch the socket.
    pub fn adopt(&mut self, stream: TcpStream) -> io::Result<Token> {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(uring) => Ok(uring.adopt(stream)),
            Driver::Readiness(readiness) => readiness.adopt(stream),
        }
    }

    /// Sends the whole buffer. Only one send of a socket may be under way.
    pub fn send(&mut self, token: Token, buffer: Vec<u8>) {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(uring) => uring.send(token, buffer),
            Driver::Readiness(readiness) => readiness.send(token, buffer),
        }
    }

    /// Begins what was asked for, and waits until something has happened or the time is over.
    ///
    /// # Errors
    ///
    /// The engine is no longer usable.
    pub fn wait(&mut self, time: Option<Duration>) -> io::Result<()> {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(uring) => uring.wait(time),
            Driver::Readiness(readiness) => readiness.wait(time),
        }
    }

    /// Takes back the memory of received bytes.
    pub fn recycle(&mut self, data: Data) {
        if let (Driver::Readiness(readiness), Data::Buffer(buffer, _)) = (&mut self.0, data) {
            readiness.recycle(buffer);
        }
    }

    /// Drops a socket. Nothing more happens under its token.
    pub fn release(&mut self, token: Token, how: Dropping) {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(uring) => uring.release(token, how),
            Driver::Readiness(readiness) => readiness.release(token, how),
        }
    }
}

/// What has happened, until there is nothing more for now. After the next [`wait`](Io::wait), there may be.
impl Iterator for Io {
    type Item = Happened;

    fn next(&mut self) -> Option<Happened> {
        match &mut self.0 {
            #[cfg(target_os = "linux")]
            Driver::Uring(uring) => uring.next(),
            Driver::Readiness(readiness) => readiness.next(),
        }
    }
}

#[cfg(test)]
mod tests;
