//! How the proxy stops: open connections end, and their ends are recorded, before the program does.

use tokio::sync::watch;

/// Asks open connections to end.
#[derive(Debug)]
pub(super) struct Stopping(watch::Sender<bool>);

/// Held by an open connection.
#[derive(Debug)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stopping {
    pub(super) fn new() -> Stopping {
        Stopping(watch::Sender::new(false))
    }

    /// Asks all connections to end, also those that open later.
    pub(super) fn ask(&self) {
        self.0.send_replace(true);
    }

    /// What a connection holds while it is open.
    pub(super) fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Waits until no connection is open.
    pub(super) async fn all_ended(&self) {
        self.0.closed().await;
    }
}

impl Stop {
    /// Waits until connections are asked to end.
    pub(super) async fn asked(&mut self) {
        // The proxy that could ask may be gone, which means the same.
        let _asked = self.0.wait_for(|asked| *asked).await;
    }
}
