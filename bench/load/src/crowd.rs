//! All connections of a run, and the ring that they share.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench_ring::{Completion, Payload, Pool, Ring};
use serde::Serialize;

use crate::arguments::Target;
use crate::connection::{Connection, Dialler};
use crate::frames::Frames;
use crate::process::{Spent, Usage};
use crate::replies::Expected;

const POOL: Pool = Pool { count: 256, size: 128 * 1024 };

/// How long nothing may come before the run has failed.
const SILENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Crowd {
    ring: Ring,
    connections: Vec<Connection>,
    frames: Arc<Frames>,
}

/// With which message a connection begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beginning {
    /// Each with another, so that a reply to the wrong connection is seen.
    Staggered,
    /// All with the first.
    First,
}

/// What a run cost both sides.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) server: Spent,
    pub(crate) generator: Spent,
}

/// The moment from which a cost is counted.
#[derive(Debug)]
pub(crate) struct Meter {
    pid: u32,
    server: Usage,
    generator: Usage,
}

impl Crowd {
    pub(crate) fn open(target: &Target, frames: Frames, count: u32, beginning: Beginning) -> Result<Self> {
        let frames = Arc::new(frames);
        let expected = Expected::new(Arc::clone(&frames), target.speech);
        let dialler = Dialler::new(target)?;
        let mut ring = Ring::new(POOL)?;
        let mut connections = Vec::new();
        for number in 0..count {
            let first = match beginning {
                Beginning::Staggered => number as usize % frames.count(),
                Beginning::First => 0,
            };
            let connection = dialler
                .open(number, first, expected.from(first))
                .with_context(|| format!("opening connection {number}"))?;
            connection.receive(&mut ring);
            connections.push(connection);
        }
        Ok(Self { ring, connections, frames })
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Lets a connection send so many messages.
    pub(crate) fn send(&mut self, connection: usize, count: usize) -> Result<()> {
        self.connections[connection].owe(count, &self.frames, &mut self.ring)
    }

    /// Lets all connections send so many messages each.
    pub(crate) fn send_from_all(&mut self, count: usize) -> Result<()> {
        (0..self.len()).try_for_each(|connection| self.send(connection, count))
    }

    /// Waits until something has come, and handles it. `on_replies` hears which connection has got how many, and says
    /// how many messages the connection sends now.
    pub(crate) fn wait(&mut self, on_replies: impl FnMut(usize, usize) -> usize) -> Result<()> {
        self.ring.wait_for(SILENCE)?;
        let handled = self.handle(on_replies)?;
        ensure!(handled > 0, "nothing came for {} s", SILENCE.as_secs());
        Ok(())
    }

    /// Like [`Crowd::wait`], without waiting.
    pub(crate) fn poll(&mut self, on_replies: impl FnMut(usize, usize) -> usize) -> Result<()> {
        self.ring.wait_for(Duration::ZERO)?;
        self.handle(on_replies)?;
        Ok(())
    }

    /// How many things have happened.
    fn handle(&mut self, mut on_replies: impl FnMut(usize, usize) -> usize) -> Result<usize> {
        let mut handled = 0;
        while let Some(completion) = self.ring.next_completion() {
            handled += 1;
            match completion {
                Completion::Received { connection, received, armed } => {
                    let index = connection as usize;
                    let open = &mut self.connections[index];
                    let replies = open.received(self.ring.bytes(&received))?;
                    self.ring.give_back(received);
                    if !armed {
                        open.receive(&mut self.ring);
                    }
                    if replies > 0 {
                        open.owe(on_replies(index, replies), &self.frames, &mut self.ring)?;
                    }
                }
                Completion::Starved { connection } => {
                    self.connections[connection as usize].receive(&mut self.ring);
                }
                Completion::Sent { connection, payload, result } => {
                    let length = match payload {
                        Payload::Shared(_, range) => range.len(),
                        Payload::Owned(bytes) => bytes.len(),
                        Payload::Received(_) => bail!("the generator sends nothing that it received"),
                    };
                    ensure!(result? == length, "connection {connection} did not take everything");
                    self.connections[connection as usize].sent(&self.frames, &mut self.ring)?;
                }
                Completion::Ended { connection, error } => {
                    bail!("the server ended connection {connection}: {error:?}");
                }
                Completion::Accepted(_) | Completion::AcceptEnded => bail!("the generator accepts nothing"),
            }
        }
        Ok(handled)
    }
}

impl Meter {
    pub(crate) fn start(pid: u32) -> Result<Self> {
        Ok(Self { pid, server: Usage::of(pid)?, generator: Usage::of(std::process::id())? })
    }

    pub(crate) fn stop(self) -> Result<Cost> {
        Ok(Cost {
            server: Usage::of(self.pid)? - self.server,
            generator: Usage::of(std::process::id())? - self.generator,
        })
    }
}
