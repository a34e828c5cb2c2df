//! All connections of a run, with the ring that they share.

use std::net::TcpStream;
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

/// The run fails if nothing arrives for this long.
const SILENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Crowd {
    ring: Ring,
    connections: Vec<Connection>,
    frames: Arc<Frames>,
}

/// The message that a connection begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beginning {
    /// Each begins with a different one, so that a reply on the wrong connection is detected.
    Staggered,
    /// All begin with the first.
    First,
}

impl Beginning {
    fn of(self, connection: u32, frames: &Frames) -> usize {
        match self {
            Beginning::Staggered => connection as usize % frames.count(),
            Beginning::First => 0,
        }
    }
}

/// The cost of a run for both sides.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) server: Spent,
    pub(crate) generator: Spent,
}

/// The start of a measurement.
#[derive(Debug)]
pub(crate) struct Meter {
    processes: Vec<u32>,
    server: Usage,
    generator: Usage,
}

impl Crowd {
    pub(crate) fn open(target: &Target, frames: Frames, count: u32, beginning: Beginning) -> Result<Self> {
        let dialler = Dialler::new(target)?;
        let mut crowd = Self::empty(frames)?;
        let expected = Expected::new(Arc::clone(&crowd.frames), target.speech);
        for number in 0..count {
            let first = beginning.of(number, &crowd.frames);
            let connection = dialler
                .open(number, first, expected.from(first))
                .with_context(|| format!("opening connection {number}"))?;
            crowd.add(connection);
        }
        Ok(crowd)
    }

    /// Goes on with connections on which the steps before the first message are done.
    pub(crate) fn over(
        streams: Vec<TcpStream>,
        frames: Frames,
        expected: impl FnOnce(Arc<Frames>) -> Expected,
    ) -> Result<Self> {
        let mut crowd = Self::empty(frames)?;
        let expected = expected(Arc::clone(&crowd.frames));
        for (number, stream) in (0..).zip(streams) {
            let first = Beginning::Staggered.of(number, &crowd.frames);
            crowd.add(Connection::over(stream, number, first, expected.from(first)));
        }
        Ok(crowd)
    }

    fn empty(frames: Frames) -> Result<Self> {
        Ok(Self { ring: Ring::new(POOL)?, connections: Vec::new(), frames: Arc::new(frames) })
    }

    fn add(&mut self, connection: Connection) {
        connection.receive(&mut self.ring);
        self.connections.push(connection);
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Sends `count` messages on a connection.
    pub(crate) fn send(&mut self, connection: usize, count: usize) -> Result<()> {
        self.connections[connection].owe(count, &self.frames, &mut self.ring)
    }

    /// Sends `count` messages on every connection.
    pub(crate) fn send_from_all(&mut self, count: usize) -> Result<()> {
        (0..self.len()).try_for_each(|connection| self.send(connection, count))
    }

    /// Waits for completions and handles them. `on_replies` receives a connection and its number of new replies. It
    /// returns how many messages the connection sends next.
    pub(crate) fn wait(&mut self, on_replies: impl FnMut(usize, usize) -> usize) -> Result<()> {
        self.ring.wait_for(SILENCE)?;
        let handled = self.handle(on_replies)?;
        ensure!(handled > 0, "nothing arrived for {} s", SILENCE.as_secs());
        Ok(())
    }

    /// Like [`Crowd::wait`], without waiting.
    pub(crate) fn poll(&mut self, on_replies: impl FnMut(usize, usize) -> usize) -> Result<()> {
        self.ring.wait_for(Duration::ZERO)?;
        self.handle(on_replies)?;
        Ok(())
    }

    /// Handles completions and returns their number.
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
    pub(crate) fn start(target: &Target) -> Result<Self> {
        let processes = [&[target.pid][..], &target.beside].concat();
        let server = Usage::of(&processes)?;
        Ok(Self { processes, server, generator: Usage::of(&[std::process::id()])? })
    }

    pub(crate) fn stop(self) -> Result<Cost> {
        Ok(Cost {
            server: Usage::of(&self.processes)? - self.server,
            generator: Usage::of(&[std::process::id()])? - self.generator,
        })
    }
}
