//! The handle with which a test controls a stage.

use std::fmt;
use std::time::Duration;

use super::client::StageClient;
use super::stage_loop::{SharedLoop, Until};
use crate::error::Result;
use crate::event::publisher::Topics;

/// The longest time that can pass at once: 30 years, which every clock can represent.
const LONGEST_TIME: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Runs a [`Handler`](crate::Handler) in a test without a port. Clients connect in memory, and the test controls time.
///
/// ```
/// use std::time::Duration;
///
/// use longwire::{Accept, Handler, MessageRef, Refusal, Socket, Stage, Upgrade};
///
/// /// Sends each message back after a minute.
/// struct Late;
///
/// impl Handler for Late {
///     type State = ();
///
///     async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
///         Ok(Accept::new())
///     }
///
///     fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
///         let message = message.to_message();
///         socket.after(Duration::from_secs(60), move |_, socket| socket.send(message).or_drop());
///     }
/// }
///
/// # fn main() -> longwire::Result<()> {
/// let mut stage = Stage::new(Late);
/// let ann = stage.connect("/")?;
/// ann.send("hello");
/// stage.advance(Duration::from_secs(59));
/// assert!(ann.received().is_empty());
/// stage.advance(Duration::from_secs(1));
/// assert_eq!(ann.received(), ["hello"]);
/// # Ok(())
/// # }
/// ```
///
/// The handler runs on the same event loop as under [`Server::run`](crate::Server::run), with the same checks of the
/// opening handshake and the same limits; only the transports are replaced. If the handler panics, its connection is
/// closed with 1011, as in production. When a method of `Stage` or [`StageClient`] returns, everything that can happen
/// without time passing has happened: messages have arrived at both ends, publications have reached their subscribers,
/// and the outcomes of futures that are ready have been delivered.
///
/// # Time
///
/// Time passes only in [`advance`](Stage::advance). This applies to [`Socket::after`](crate::Socket::after), to the
/// keepalive and the other durations of [`Limits`](crate::Limits), and to [`every`](crate::StageBuilder::every).
///
/// # Futures
///
/// The stage owns a single-threaded tokio runtime. Futures from [`Socket::spawn`](crate::Socket::spawn) and
/// `tokio::spawn` run on it while a method of the stage runs. A future that waits for another thread, for I/O or for
/// `tokio::time` waits in real time, which `advance` does not change; use [`settle`](Stage::settle) to wait for it.
///
/// A stage blocks on its runtime and therefore cannot be used in an async function: write tests as `#[test]`, not as
/// `#[tokio::test]`.
///
/// # Panics
///
/// A call of a stage or of its client panics if the handler never becomes idle: if it still has work after 10,000 rounds
/// of the loop without time passing.
pub struct Stage {
    pub(super) shared: SharedLoop,
}

impl Stage {
    /// Connects a client that requests this path, which may have a query, such as `/chat/tea?name=ann`. To set more of
    /// the request, use [`request`](Stage::request).
    ///
    /// # Errors
    ///
    /// [`Error::Refused`](crate::Error::Refused) if the handler or the server refuses; its
    /// [`RefusedResponse`](crate::RefusedResponse) has the status and the text. Otherwise as for
    /// [`StageRequest::connect`](crate::StageRequest::connect).
    pub fn connect(&mut self, path: &str) -> Result<StageClient> {
        self.request(path).connect()
    }

    /// Lets time pass, at most 30 years. Timers and other events happen in the order of their times. Each one's
    /// consequences have happened before the next one.
    pub fn advance(&mut self, time: Duration) {
        self.shared.driver().advance(time.min(LONGEST_TIME));
    }

    /// Waits in real time, at most for `limit`, until the stage's runtime has no task left: the futures that handlers
    /// have spawned have ended, and their outcomes have been delivered. Returns `false` if some still run.
    #[must_use = "`false` says that some futures still run"]
    pub fn settle(&mut self, limit: Duration) -> bool {
        self.shared.driver().wait(limit, Until::NoTasks)
    }

    /// The topics, for publishing and for counting subscribers. A publication arrives with the next call of the stage
    /// or of a client, such as [`StageClient::received`].
    #[must_use]
    pub fn topics(&self) -> Topics {
        self.shared.driver().topics().clone()
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}
