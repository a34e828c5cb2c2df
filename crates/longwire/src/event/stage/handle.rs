//! The stage, in the hand of the test.

use std::fmt;
use std::time::Duration;

use super::client::StageClient;
use super::stage_loop::{SharedLoop, Until};
use crate::error::Result;
use crate::event::publisher::Topics;

/// No time that passes at once is longer: 30 years, which every clock can count.
const LONGEST_TIME: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Runs a [`Handler`](crate::Handler) in a test, without a port: clients connect in memory, and time passes when the test
/// says so.
///
/// ```
/// use std::time::Duration;
///
/// use longwire::{Accept, Handler, MessageRef, Refusal, Socket, Stage, Upgrade};
///
/// /// Sends a message back after a minute.
/// struct Late;
///
/// impl Handler for Late {
///     type State = ();
///
///     fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
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
/// The handler runs on the event loop that [`Server::run`](crate::Server::run) has, behind the same checks of the opening
/// handshake and with the same limits; only the transports are replaced. A panic of the handler closes its connection with
/// 1011, as in production. When a method of `Stage` or [`StageClient`] returns, everything has happened that can happen
/// without time passing: messages have arrived at both ends, publications are given out, and the outcomes of futures that
/// are ready have been delivered.
///
/// # Time
///
/// Only [`advance`](Stage::advance) lets time pass: for [`Socket::after`](crate::Socket::after), for the keepalive and the
/// other times of [`Limits`](crate::Limits), and for [`every`](crate::StageBuilder::every).
///
/// # Futures
///
/// The stage owns a tokio runtime of one thread. Futures of [`Socket::spawn`](crate::Socket::spawn) and of `tokio::spawn`
/// run on it, during the calls of the stage. A future that waits for another thread, for I/O, or for `tokio::time` waits in
/// real time, which `advance` does not change: [`settle`](Stage::settle) waits for it.
///
/// A stage cannot be used in an async function, since it blocks on its runtime: write tests as `#[test]`, not as
/// `#[tokio::test]`.
pub struct Stage {
    pub(super) shared: SharedLoop,
}

impl Stage {
    /// A client connects with a request for this path, which may have a query, such as `/chat/tea?name=ann`.
    /// [`request`](Stage::request) says more about the client.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`](crate::Error::Refused) if the handler or the server refuses; its
    /// [`RefusedResponse`](crate::RefusedResponse) has the status and the text. The others as for
    /// [`StageRequest::connect`](crate::StageRequest::connect).
    pub fn connect(&mut self, path: &str) -> Result<StageClient> {
        self.request(path).connect()
    }

    /// Lets time pass, 30 years at most. Timers and everything else that is due come in the order of their times, and what
    /// follows from one has happened before the next.
    pub fn advance(&mut self, time: Duration) {
        self.shared.driver().advance(time.min(LONGEST_TIME));
    }

    /// Waits in real time until no task is left on the stage's runtime, for `limit` at most: until the futures that
    /// handlers have spawned have ended, and their outcomes have been delivered. `false`: some still run.
    #[must_use = "`false` says that some futures still run"]
    pub fn settle(&mut self, limit: Duration) -> bool {
        self.shared.driver().wait(limit, Until::NoTasks)
    }

    /// The topics, to publish to them and to count their subscribers. What is published arrives with the next call of the
    /// stage or of a client, such as [`StageClient::received`].
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
