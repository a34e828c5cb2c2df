//! Echoes what each receive returns with one send. All connections share one buffer.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use anyhow::Result;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// The most that a socket returns at once.
const BUFFER: usize = 512 * 1024;
const LISTENER: EventData = EventData::new_u64(u64::MAX);

struct Connection {
    stream: TcpStream,
    /// Bytes that the socket did not accept. While there are any, nothing is received.
    waiting: Vec<u8>,
}

/// Serves until the process is killed.
pub(crate) fn serve(listener: &TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, LISTENER, EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut buffer = vec![0; BUFFER];
    let mut events = Vec::with_capacity(1024);
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            if event.data.u64() == LISTENER.u64() {
                while let Ok((stream, _)) = listener.accept() {
                    accept(&epoll, stream, &mut connections)?;
                }
                continue;
            }
            let slot = &mut connections[event.data.u64() as usize];
            let Some(connection) = slot else { continue };
            let was_waiting = !connection.waiting.is_empty();
            if connection.advance(&mut buffer).is_err() {
                *slot = None;
                continue;
            }
            let waits = !connection.waiting.is_empty();
            if waits != was_waiting {
                let interest = if waits { EventFlags::OUT } else { EventFlags::IN };
                epoll::modify(&epoll, &connection.stream, event.data, interest)?;
            }
        }
    }
}

fn accept(
    epoll: &impl std::os::fd::AsFd,
    stream: TcpStream,
    connections: &mut Vec<Option<Connection>>,
) -> Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let index = usize::try_from(stream.as_raw_fd())?;
    if connections.len() <= index {
        connections.resize_with(index + 1, || None);
    }
    epoll::add(epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
    connections[index] = Some(Connection { stream, waiting: Vec::new() });
    Ok(())
}

impl Connection {
    /// Sends waiting bytes, or else receives once and sends the result.
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if !self.waiting.is_empty() {
            let sent = some(self.stream.write(&self.waiting))?;
            self.waiting.drain(..sent);
            if self.waiting.is_empty() {
                self.waiting = Vec::new();
            }
            return Ok(());
        }
        let received = match self.stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            received => some(received)?,
        };
        let sent = if received == 0 { 0 } else { some(self.stream.write(&buffer[..received]))? };
        self.waiting.extend_from_slice(&buffer[sent..received]);
        Ok(())
    }
}

/// The number of bytes, or 0 if the socket is not ready.
fn some(count: io::Result<usize>) -> io::Result<usize> {
    match count {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        count => count,
    }
}
