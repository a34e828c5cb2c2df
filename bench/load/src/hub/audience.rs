//! The subscribers and publishers of a run, with the ring that they share.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench_ring::{Completion, Payload, Pool, Ring};
use memchr::memmem::Finder;

use super::TEXT;
use super::dialect::Dialect;
use super::incoming::Incoming;
use super::opening::{Opened, Request, open};
use super::publisher::Publisher;
use super::timing::Timing;
use crate::arguments::Target;

const POOL: Pool = Pool { count: 256, size: 128 * 1024 };

/// The run fails if nothing arrives for this long.
const SILENCE: Duration = Duration::from_secs(10);

pub(super) struct Audience {
    ring: Ring,
    dialect: Dialect,
    subscribers: Vec<Subscriber>,
    publisher: Publisher,
    text: Finder<'static>,
    /// Publications that subscribers have received.
    pub(super) deliveries: usize,
    timing: Option<Timing>,
}

struct Subscriber {
    opened: Opened,
    sending: bool,
    /// Publications that it has received.
    deliveries: usize,
}

impl Audience {
    /// Opens a connection for each subscriber.
    pub(super) fn open(
        target: &Target,
        dialect: Dialect,
        subscribers: impl Iterator<Item = Request>,
        publisher: Publisher,
    ) -> Result<Self> {
        let requests: Vec<_> = subscribers.collect();
        let opened = open(target, &requests)?;
        let mut ring = Ring::new(POOL)?;
        let mut subscribers = Vec::new();
        for (number, opened) in (0..).zip(opened) {
            ring.receive(&opened.stream, number);
            subscribers.push(Subscriber { opened, sending: false, deliveries: 0 });
        }
        ring.receive(publisher.stream(), subscribers.len() as u32);
        let text = Finder::new(TEXT);
        Ok(Self { ring, dialect, subscribers, publisher, text, deliveries: 0, timing: None })
    }

    pub(super) fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// From here on, the latency of each delivery is measured.
    pub(super) fn begin_timing(&mut self) -> Result<()> {
        self.timing = Some(Timing::new()?);
        Ok(())
    }

    pub(super) fn timing(&mut self) -> Result<&mut Timing> {
        self.timing.as_mut().context("nothing is timed")
    }

    /// Whether the last [`Audience::publish`] was sent and, where the publisher gets a response, answered.
    pub(super) fn can_publish(&self) -> bool {
        self.publisher.is_ready()
    }

    /// Publishes once to each of these channels.
    pub(super) fn publish(&mut self, channels: &[String]) -> Result<()> {
        let bytes = self.publisher.publish(channels)?;
        let number = self.subscribers.len() as u32;
        self.ring.send(self.publisher.stream(), number, Payload::Owned(bytes));
        Ok(())
    }

    /// Waits for completions and handles them.
    pub(super) fn wait(&mut self) -> Result<()> {
        let handled = self.handle_within(SILENCE)?;
        ensure!(
            handled > 0,
            "nothing arrived for {} s, after {} deliveries",
            SILENCE.as_secs(),
            self.deliveries
        );
        Ok(())
    }

    /// Like [`Audience::wait`], without waiting.
    pub(super) fn poll(&mut self) -> Result<()> {
        self.handle_within(Duration::ZERO).map(drop)
    }

    /// Handles completions and returns their number.
    fn handle_within(&mut self, time: Duration) -> Result<usize> {
        self.ring.wait_for(time)?;
        let mut handled = 0;
        while let Some(completion) = self.ring.next_completion() {
            handled += 1;
            self.handle(completion)?;
        }
        Ok(handled)
    }

    fn handle(&mut self, completion: Completion) -> Result<()> {
        match completion {
            Completion::Received { connection, received, armed } => {
                let bytes = self.ring.bytes(&received).to_vec();
                self.ring.give_back(received);
                self.received(connection, &bytes).with_context(|| format!("connection {connection}"))?;
                if !armed {
                    self.receive(connection);
                }
            }
            Completion::Starved { connection } => self.receive(connection),
            Completion::Sent { connection, payload, result } => {
                let Payload::Owned(bytes) = payload else { bail!("the generator sends only its own bytes") };
                ensure!(result? == bytes.len(), "connection {connection} did not take everything");
                match self.subscribers.get_mut(connection as usize) {
                    Some(subscriber) => subscriber.sending = false,
                    None => self.publisher.sent(),
                }
            }
            Completion::Ended { connection, error } => {
                let is_publisher = connection as usize == self.subscribers.len();
                ensure!(is_publisher, "the server ended connection {connection}: {error:?}");
                self.reopen_publisher()
                    .with_context(|| format!("the server ended the publisher: {error:?}"))?;
            }
            Completion::Accepted(_) | Completion::AcceptEnded => bail!("the generator accepts nothing"),
        }
        Ok(())
    }

    fn reopen_publisher(&mut self) -> Result<()> {
        let (again, number) = (self.publisher.reopen()?, self.subscribers.len() as u32);
        self.ring.receive(self.publisher.stream(), number);
        if let Some(request) = again {
            self.ring.send(self.publisher.stream(), number, Payload::Owned(request));
        }
        Ok(())
    }

    fn receive(&mut self, connection: u32) {
        match self.subscribers.get(connection as usize) {
            Some(subscriber) => self.ring.receive(&subscriber.opened.stream, connection),
            None => self.ring.receive(self.publisher.stream(), connection),
        }
    }

    fn received(&mut self, connection: u32, bytes: &[u8]) -> Result<()> {
        let Self { ring, dialect, subscribers, publisher, text, deliveries, timing } = self;
        let Some(subscriber) = subscribers.get_mut(connection as usize) else {
            return publisher.received(bytes);
        };
        let Subscriber { opened: Opened { stream, incoming, .. }, sending, deliveries: own } = subscriber;
        let mut pong = None;
        incoming.take(bytes, |payload| {
            if text.find(payload).is_some() {
                if let Some(timing) = timing {
                    timing.delivered(*own, Instant::now())?;
                }
                *deliveries += 1;
                *own += 1;
            } else if let Some(answer) = dialect.pong(payload) {
                pong = Some(answer);
            } else {
                bail!("an unexpected message: {}", payload.escape_ascii());
            }
            Ok(())
        })?;
        if let Some(pong) = pong
            && !std::mem::replace(sending, true)
        {
            ring.send(stream, connection, Payload::Owned(pong));
        }
        Ok(())
    }
}

/// Ends connections so that the peer sees a reset, as if the network had been cut.
pub(super) fn cut(opened: Vec<Opened>) {
    let _: Vec<Incoming> = opened.into_iter().map(|opened| opened.incoming).collect();
}

impl std::fmt::Debug for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audience").field("deliveries", &self.deliveries).finish_non_exhaustive()
    }
}
