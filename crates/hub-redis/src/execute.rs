//! Carrying out orders on the server that a topic belongs to.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::BrokerError;
use redis::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::link::{Delivery, Link, Order, OrderFailure};
use crate::routing::fnv;
use crate::servers::Servers;
use crate::topic::Topic;

/// The pause before another try.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether an order may be carried out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// Twice is like once.
    Harmless,
    /// It is sent once at most.
    Harmful,
}

/// Carries out orders.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) servers: Arc<Servers>,
    places: Semaphore,
}

/// An order with its circumstances.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) topic: Topic,
    pub(crate) order: Order,
    pub(crate) repetition: Repetition,
    /// Whether replicas must have it.
    pub(crate) is_durable: bool,
}

/// What comes after a failure.
enum Next {
    Fail(BrokerError),
    Wait,
    Ask(Arc<Link>, bool),
}

impl Executor {
    pub(crate) fn new(servers: Arc<Servers>) -> Executor {
        let places = Semaphore::new(servers.options.calls.min(Semaphore::MAX_PERMITS));
        Executor { servers, places }
    }

    /// Carries out an order, or fails within the time that the options say.
    ///
    /// What the server has not carried out is tried again. An order whose answer is lost is tried again only if that is
    /// harmless.
    pub(crate) async fn run(&self, errand: Errand) -> Result<Value, BrokerError> {
        let figures = &self.servers.figures;
        let answer = match self.places.try_acquire() {
            Ok(_place) => {
                let deadline = Instant::now() + self.servers.options.timeout;
                let tried = timeout_at(deadline, self.try_until_done(errand)).await;
                tried.unwrap_or(Err(BrokerError::Unavailable))
            }
            Err(_) => Err(BrokerError::Unavailable),
        };
        match &answer {
            Ok(_) | Err(BrokerError::LimitExceeded) => figures.calls.add_one(),
            Err(_) => figures.failed_calls.add_one(),
        }
        answer
    }

    async fn try_until_done(&self, mut errand: Errand) -> Result<Value, BrokerError> {
        let mut redirected: Option<(Arc<Link>, bool)> = None;
        loop {
            let routing = self.servers.routing();
            let (link, is_asked) = match redirected.take() {
                Some(redirected) => redirected,
                None => match routing.link(&errand.topic) {
                    Some(link) => (link.clone(), false),
                    None => {
                        self.servers.look_around.notify_one();
                        sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            match link.carry_out(&errand.order, self.delivery(&errand, is_asked)).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => match self.after(failure, &link, &mut errand.repetition) {
                    Next::Fail(error) => return Err(error),
                    Next::Wait => sleep(PAUSE).await,
                    Next::Ask(link, is_asked) => redirected = Some((link, is_asked)),
                },
            }
        }
    }

    fn delivery(&self, errand: &Errand, is_asked: bool) -> Delivery {
        let options = &self.servers.options;
        Delivery {
            lane: fnv(&errand.topic.tag()),
            is_asked,
            replicas: if errand.is_durable { options.replicas } else { 0 },
            // While it waits, the connection answers nothing else. It must not seem to be silent.
            patience: options.timeout.min(options.silence) / 2,
        }
    }

    fn after(&self, failure: OrderFailure, link: &Link, repetition: &mut Repetition) -> Next {
        let look_around = || self.servers.look_around.notify_one();
        match failure {
            OrderFailure::Unreachable(failure) => {
                look_around();
                if let Some(failure) = failure {
                    tracing::debug!(%failure, "Redis cannot be reached");
                }
                // Those who have waited as long as they may say so; others need not wait once more.
                let is_down = link.down_for() > self.servers.options.timeout;
                if is_down { Next::Fail(BrokerError::Unavailable) } else { Next::Wait }
            }
            OrderFailure::Lost => {
                look_around();
                match std::mem::replace(repetition, Repetition::Harmful) {
                    Repetition::Harmless => Next::Wait,
                    Repetition::Harmful => Next::Fail(BrokerError::Unavailable),
                }
            }
            OrderFailure::Moved { address, is_asked } => {
                look_around();
                match address {
                    // A node that does not know another one's address leaves out the host.
                    Some((host, port)) if !host.is_empty() => {
                        Next::Ask(self.servers.named_by(link.server(), &host, port), is_asked)
                    }
                    _ => Next::Wait,
                }
            }
            OrderFailure::Later => {
                look_around();
                Next::Wait
            }
            OrderFailure::Refused(error @ BrokerError::LimitExceeded, message) => {
                tracing::debug!(server = %link.server(), message, "Redis has no memory left");
                Next::Fail(error)
            }
            OrderFailure::Refused(error, message) => {
                tracing::warn!(server = %link.server(), message, "Redis refuses a command");
                Next::Fail(error)
            }
        }
    }
}
