//! The state of a reconnecting connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_core::Stream;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::error::Cause;

/// The state of a connection that is reopened when it breaks.
///
/// ```
/// use longwire::reconnect::State;
///
/// fn shown(state: &State) -> String {
///     match state {
///         State::Connecting { attempt, .. } => format!("try {attempt}"),
///         State::Open => "connected".into(),
///         State::Waiting { .. } => "not connected".into(),
///         State::Ended(cause) => format!("over: {cause}"),
///         _ => String::new(),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum State {
    /// A connection is being opened, or [`on_open`](super::ReconnectingClient::on_open) prepares it.
    #[non_exhaustive]
    Connecting {
        /// The number of this attempt in a row, starting at 1.
        attempt: u32,
    },
    /// There is an open connection.
    Open,
    /// There is no connection, and the next attempt is not due yet.
    #[non_exhaustive]
    Waiting {
        /// When the next attempt is due.
        until: Instant,
        /// Why the connection ended, or why the last attempt failed.
        because: Cause,
    },
    /// There will be no other connection.
    Ended(Cause),
}

impl State {
    /// Whether there is an open connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, State::Open)
    }

    /// Whether the state is final.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self, State::Ended(_))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Connecting { attempt } => write!(f, "connecting, try {attempt}"),
            State::Open => f.write_str("open"),
            State::Waiting { because, .. } => write!(f, "waiting to connect again: {because}"),
            State::Ended(cause) => cause.fmt(f),
        }
    }
}

/// How many unread changes are kept per listener.
const KEPT: usize = 64;

/// The state, and the listeners for its changes.
#[derive(Debug)]
pub(super) struct Announced {
    state: State,
    changes: broadcast::Sender<State>,
}

impl Announced {
    pub(super) fn new(state: State) -> Announced {
        Announced { state, changes: broadcast::Sender::new(KEPT) }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn change(&mut self, state: State) {
        self.state = state.clone();
        // There may be no listeners.
        let _no_listeners = self.changes.send(state);
    }

    pub(super) fn listen(&self) -> States {
        let first = Some((Some(self.state.clone()), self.changes.subscribe()));
        States(Box::pin(stream::unfold(first, |listening| async {
            let (known, mut changes) = listening?;
            let state = match known {
                Some(state) => state,
                None => next_change(&mut changes).await?,
            };
            let rest = (!state.is_ended()).then_some((None, changes));
            Some((state, rest))
        })))
    }
}

async fn next_change(changes: &mut broadcast::Receiver<State>) -> Option<State> {
    loop {
        match changes.recv().await {
            Ok(state) => return Some(state),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

/// The current state, followed by every change. It ends after [`State::Ended`], or when all handles are dropped.
///
/// It is also a [`Stream`]. Up to 64 unread changes are kept; then the oldest are dropped.
///
/// ```no_run
/// use longwire::{Client, Reconnect};
///
/// # fn watch() -> longwire::Result<()> {
/// let socket = Client::new().reconnecting(Reconnect::default()).connect("wss://example.com/feed")?;
/// let mut states = socket.states();
/// tokio::spawn(async move {
///     while let Some(state) = states.next().await {
///         println!("{state:?}");
///     }
/// });
/// # Ok(())
/// # }
/// ```
pub struct States(Pin<Box<dyn Stream<Item = State> + Send + Sync>>);

impl States {
    /// Waits for the next state. The first is the state at the time when this was created. `None` if there are no more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no state is lost.
    pub async fn next(&mut self) -> Option<State> {
        poll_fn(|cx| self.0.as_mut().poll_next(cx)).await
    }
}

impl Stream for States {
    type Item = State;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<State>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("States")
    }
}
