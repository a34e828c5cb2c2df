//! The end of the server: on a signal, and spread over time, so that not all clients come back at once.

use std::sync::Arc;
use std::time::Duration;

use longwire_socketio::SocketIo;
use longwire_socketio::engine::Engine;

use super::hub::Streams;
use super::service_manager;
use crate::log::{self, Severity};
use crate::signals::Ending;

/// How many clients are closed in a second, unless the configuration sets the time.
const CLIENTS_PER_SECOND: u32 = 10_000;

/// The longest time over which clients are closed, unless the configuration sets it. With the 10 s that the last ones
/// have, it fits into the 30 s that Kubernetes gives.
const LONGEST: Duration = Duration::from_secs(20);

/// How a shutdown closes the clients.
pub(super) struct Shutdown {
    pub(super) streams: Arc<Streams>,
    /// The clients of Socket.IO, if there may be any. Their sessions are among the streams.
    pub(super) socketio: Option<Engine<SocketIo>>,
    /// The time of the configuration.
    pub(super) spread: Option<Duration>,
}

impl Shutdown {
    /// Refuses new streams, and closes those that are open. Returns the time in which the server closes its WebSockets.
    pub(super) fn begin(self, sockets: usize) -> Duration {
        let clients = sockets.saturating_add(self.streams.count());
        let spread = self.spread.unwrap_or_else(|| spread_of(clients));
        let status = match spread.as_secs() {
            0 => format!("Closing {clients} connections"),
            seconds => format!("Closing {clients} connections within {seconds} s"),
        };
        service_manager::stopping(&status);
        self.streams.disconnect_all(spread);
        if let Some(socketio) = self.socketio {
            tokio::spawn(async move {
                tokio::time::sleep(spread).await;
                // Those that have no session, such as polls that wait.
                socketio.shut_down();
            });
        }
        spread
    }
}

/// Waits for the first Ctrl-C or SIGTERM. The second one ends the program immediately.
pub(super) async fn asked_to_stop(mut ending: Ending) {
    ending.next().await;
    log::notice(Severity::Info, "Shutting down; press Ctrl-C again to stop immediately.");
    tokio::spawn(async move {
        ending.next().await;
        std::process::exit(130);
    });
}

fn spread_of(clients: usize) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    (Duration::from_secs(1) * clients / CLIENTS_PER_SECOND).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_clients_are_closed_at_once_and_many_over_a_bounded_time() {
        for (clients, millis) in [(0, 0), (10, 1), (100_000, 10_000), (300_000, 20_000), (usize::MAX, 20_000)]
        {
            assert_eq!(spread_of(clients), Duration::from_millis(millis), "{clients}");
        }
    }
}
