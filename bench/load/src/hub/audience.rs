//! The subscribers and publishers of a run, with the sockets below them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use longwire_load::{Dropping, Engine, Happened, Io, Token};
use memchr::memmem::Finder;

use super::TEXT;
use super::dialect::Dialect;
use super::incoming::Incoming;
use super::opening::{Opened, Request, open};
use super::publisher::Publisher;
use super::timing::Timing;
use crate::arguments::Target;

/// The run fails if nothing arrives for this long.
const SILENCE: Duration = Duration::from_secs(10);

pub(super) struct Audience {
    io: Io,
    dialect: Dialect,
    /// By the place of their token. The publisher's is behind them.
    subscribers: Vec<Subscriber>,
    publisher: Publisher,
    publisher_token: Token,
    text: Finder<'static>,
    /// Publications that subscribers have received.
    pub(super) deliveries: usize,
    timing: Option<Timing>,
}

struct Subscriber {
    incoming: Incoming,
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
        let mut io = Io::new(Engine::Uring)?;
        let mut subscribers = Vec::new();
        for Opened { stream, incoming, .. } in open(target, &requests)? {
            let token = io.adopt(stream)?;
            ensure!(token.place() == subscribers.len(), "places are given in order");
            subscribers.push(Subscriber { incoming, sending: false, deliveries: 0 });
        }
        let publisher_token = io.adopt(publisher.stream().try_clone()?)?;
        let text = Finder::new(TEXT);
        let deliveries = 0;
        Ok(Self { io, dialect, subscribers, publisher, publisher_token, text, deliveries, timing: None })
    }

    pub(super) fn len(&self) -> usize {
        self.subscribers.len()
    }

    /// From here on, the latency of each delivery is measured.
    pub(super) fn begin_timing(&mut self) {
        self.timing = Some(Timing::new());
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
        self.io.send(self.publisher_token, bytes);
        Ok(())
    }

    /// Waits until something has happened, and handles it.
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

    /// Handles what has happened, and returns how much it was.
    fn handle_within(&mut self, time: Duration) -> Result<usize> {
        self.io.wait(Some(time))?;
        let mut handled = 0;
        while let Some(happened) = self.io.next() {
            handled += 1;
            self.handle(happened)?;
        }
        Ok(handled)
    }

    fn handle(&mut self, happened: Happened) -> Result<()> {
        match happened {
            Happened::Received(token, data) => {
                let received = self.received(token, &data);
                self.io.recycle(data);
                received.with_context(|| format!("connection {}", token.place()))
            }
            Happened::Sent(token, _, result) => {
                result?;
                match self.subscribers.get_mut(token.place()) {
                    Some(subscriber) => subscriber.sending = false,
                    None => self.publisher.sent(),
                }
                Ok(())
            }
            Happened::Ended(token, error) => {
                let is_publisher = token == self.publisher_token;
                ensure!(is_publisher, "the server ended connection {}: {error:?}", token.place());
                self.reopen_publisher().with_context(|| format!("the server ended the publisher: {error:?}"))
            }
            Happened::Connected(..) => bail!("the streams were connected before"),
        }
    }

    fn reopen_publisher(&mut self) -> Result<()> {
        let again = self.publisher.reopen()?;
        self.io.release(self.publisher_token, Dropping::Gently);
        self.publisher_token = self.io.adopt(self.publisher.stream().try_clone()?)?;
        if let Some(request) = again {
            self.io.send(self.publisher_token, request);
        }
        Ok(())
    }

    fn received(&mut self, token: Token, bytes: &[u8]) -> Result<()> {
        let Self { io, dialect, subscribers, publisher, text, deliveries, timing, .. } = self;
        let Some(subscriber) = subscribers.get_mut(token.place()) else {
            return publisher.received(bytes);
        };
        let Subscriber { incoming, sending, deliveries: own } = subscriber;
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
            io.send(token, pong);
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
