//! Waiting until the server has seen what was sent.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::{Client, Subscriber};
use futures_util::StreamExt as _;
use longwire_hub::BrokerError;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Sends messages to itself. A server handles what comes on one connection in order: when such a message is back, the
/// server knows every subscription and has every message that was sent before.
#[derive(Debug)]
pub(crate) struct Barrier {
    client: Client,
    inbox: String,
    next: AtomicU64,
    /// The highest number that came back.
    passed: watch::Receiver<u64>,
    listener: JoinHandle<()>,
}

impl Barrier {
    pub(crate) async fn new(client: Client) -> Result<Barrier, BrokerError> {
        let inbox = client.new_inbox();
        let own = client.subscribe(inbox.clone()).await.map_err(|_| BrokerError::Unavailable)?;
        let (highest, passed) = watch::channel(0);
        let listener = tokio::spawn(listen(own, highest));
        Ok(Barrier { client, inbox, next: AtomicU64::new(1), passed, listener })
    }

    /// Waits until the server has handled everything that was sent before this call.
    ///
    /// Numbers are given out after what they stand for was queued, so a higher one that comes back is as good.
    pub(crate) async fn pass(&self) -> Result<(), BrokerError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let payload = number.to_be_bytes().to_vec();
        let sent = self.client.publish(self.inbox.clone(), payload.into()).await;
        sent.map_err(|_| BrokerError::Unavailable)?;
        let mut passed = self.passed.clone();
        passed.wait_for(|highest| *highest >= number).await.map_err(|_| BrokerError::Unavailable)?;
        Ok(())
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(mut own: Subscriber, highest: watch::Sender<u64>) {
    while let Some(message) = own.next().await {
        let Ok(number) = <[u8; 8]>::try_from(&*message.payload) else { continue };
        let number = u64::from_be_bytes(number);
        highest.send_if_modified(|highest| {
            let is_higher = number > *highest;
            *highest = (*highest).max(number);
            is_higher
        });
    }
}
