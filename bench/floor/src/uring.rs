//! Multishot receives into buffers that are sent as they are. All sends of one iteration share a system call.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use anyhow::Result;
use bench_ring::{Completion, Payload, Pool, Received, Ring};

/// The fastest sizes measured: fewer and larger buffers, or smaller ones, cost more when messages are pipelined.
const POOL: Pool = Pool { count: 256, size: 128 * 1024 };

struct Connection {
    stream: TcpStream,
    sending: Sending,
    /// Whether the peer has closed the connection.
    ended: bool,
}

enum Sending {
    Nothing,
    /// A send is in progress, and these bytes arrived since it began.
    Before(Vec<u8>),
}

/// Serves until the process is killed.
pub(crate) fn serve(listener: &TcpListener) -> Result<()> {
    let mut ring = Ring::new(POOL)?;
    ring.accept(listener);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    loop {
        ring.wait()?;
        while let Some(completion) = ring.next_completion() {
            match completion {
                Completion::Accepted(fd) => accept(TcpStream::from(fd), &mut ring, &mut connections)?,
                Completion::AcceptEnded => ring.accept(listener),
                Completion::Received { connection, received, armed } => {
                    let Some(open) = &mut connections[connection as usize] else {
                        ring.give_back(received);
                        continue;
                    };
                    open.echo(&mut ring, connection, received);
                    if !armed {
                        ring.receive(&open.stream, connection);
                    }
                }
                Completion::Starved { connection } => {
                    if let Some(open) = &connections[connection as usize] {
                        ring.receive(&open.stream, connection);
                    }
                }
                Completion::Ended { connection, .. } => {
                    let slot = &mut connections[connection as usize];
                    if let Some(open) = slot {
                        open.ended = true;
                    }
                    slot.take_if(|open| matches!(open.sending, Sending::Nothing));
                }
                Completion::Sent { connection, payload, .. } => {
                    if let Payload::Received(received) = payload {
                        ring.give_back(received);
                    }
                    let slot = &mut connections[connection as usize];
                    if let Some(open) = slot {
                        open.sent(&mut ring, connection);
                    }
                    slot.take_if(|open| open.ended && matches!(open.sending, Sending::Nothing));
                }
            }
        }
    }
}

impl Connection {
    fn echo(&mut self, ring: &mut Ring, connection: u32, received: Received) {
        match &mut self.sending {
            Sending::Nothing => {
                self.sending = Sending::Before(Vec::new());
                ring.send(&self.stream, connection, Payload::Received(received));
            }
            Sending::Before(next) => {
                next.extend_from_slice(ring.bytes(&received));
                ring.give_back(received);
            }
        }
    }

    fn sent(&mut self, ring: &mut Ring, connection: u32) {
        match std::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Before(next) if !next.is_empty() && !self.ended => {
                self.sending = Sending::Before(Vec::new());
                ring.send(&self.stream, connection, Payload::Owned(next));
            }
            Sending::Before(_) | Sending::Nothing => {}
        }
    }
}

fn accept(stream: TcpStream, ring: &mut Ring, connections: &mut Vec<Option<Connection>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let connection = u32::try_from(stream.as_raw_fd())?;
    let index = connection as usize;
    if connections.len() <= index {
        connections.resize_with(index + 1, || None);
    }
    ring.receive(&stream, connection);
    connections[index] = Some(Connection { stream, sending: Sending::Nothing, ended: false });
    Ok(())
}
