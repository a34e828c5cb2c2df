//! The connection to NATS, and what interrupts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::connection::State;
use async_nats::{Client, Event};
use bytes::Bytes;
use longwire_hub::BrokerError;
use tokio::sync::Notify;

use crate::barrier::Barrier;
use crate::failure::Failure;

/// Counts what interrupts the connection.
#[derive(Debug, Default)]
pub(crate) struct Interruptions {
    count: AtomicU64,
    changed: Notify,
    /// Whether the connection was lost, and what depended on it is not yet forgotten.
    is_uncertain: AtomicBool,
}

impl Interruptions {
    /// Takes an event of the client.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::Disconnected => tracing::warn!("the connection to NATS is lost"),
            Event::SlowConsumer(_) => tracing::warn!("messages of NATS were dropped, since too many waited"),
            Event::Connected => {}
            Event::ServerError(error) => {
                tracing::warn!(%error, "the NATS server reports an error");
                return;
            }
            Event::ClientError(error) => {
                tracing::debug!(%error, "NATS cannot be reached");
                return;
            }
            Event::LameDuckMode | Event::Draining | Event::Closed => return,
        }
        if matches!(event, Event::Disconnected) {
            self.is_uncertain.store(true, Ordering::Relaxed);
        }
        if !matches!(event, Event::Connected) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        self.changed.notify_one();
    }

    /// Now calls can be made again.
    pub(crate) fn end(&self) {
        self.is_uncertain.store(false, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits for the next change, or until it is time to look.
    pub(crate) async fn wait(&self, at_most: Duration) {
        // Both outcomes mean the same.
        let _changed_or_not = tokio::time::timeout(at_most, self.changed.notified()).await;
    }
}

/// The connection to NATS.
#[derive(Debug)]
pub(crate) struct Line {
    client: Client,
    barrier: Barrier,
    call_timeout: Duration,
    pub(crate) interruptions: Arc<Interruptions>,
}

impl Line {
    pub(crate) async fn new(
        client: Client,
        interruptions: Arc<Interruptions>,
        call_timeout: Duration,
    ) -> Result<Line, BrokerError> {
        let barrier = Barrier::new(client.clone()).await?;
        Ok(Line { client, barrier, call_timeout, interruptions })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Whether calls can be made.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_connected() && !self.interruptions.is_uncertain.load(Ordering::Relaxed)
    }

    /// How often a connection was made.
    pub(crate) fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Waits until the server has handled what was sent.
    pub(crate) async fn pass(&self) -> Result<(), BrokerError> {
        self.barrier.pass().await
    }

    /// Sends a message that nothing keeps, and waits until the server has it.
    pub(crate) async fn publish(&self, subject: String, payload: Bytes) -> Result<(), Failure> {
        match self.client.publish(subject, payload).await {
            Ok(()) => Ok(self.pass().await?),
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => Err(Failure::limit()),
            Err(error) => Err(Failure::unavailable(&error)),
        }
    }
}
