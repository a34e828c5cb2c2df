//! How it stands with a connection that is made again.

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

/// How it stands with a connection that is made again when it breaks.
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
    /// A connection is being made, or prepared by [`on_open`](super::ReconnectingClient::on_open).
    #[non_exhaustive]
    Connecting {
        /// The how many-th try in a row it is, from 1.
        attempt: u32,
    },
    /// There is a connection.
    Open,
    /// There is none, and the next try is not yet due.
    #[non_exhaustive]
    Waiting {
        /// When it is due.
        until: Instant,
        /// What ended the connection, or the last try to make one.
        because: Cause,
    },
    /// There will be none any more.
    Ended(Cause),
}

impl State {
    /// Whether there is a connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, State::Open)
    }

    /// Whether it will not change any more.
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

/// How many changes wait for whoever listens.
const KEPT: usize = 64;

/// The state, and who is told of its changes.
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
        // Nobody may listen.
        let _told = self.changes.send(state);
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

/// The state of a connection, and then every change of it; ends after [`State::Ended`], or when all handles are dropped.
///
/// It is also a [`Stream`]. Up to 64 changes wait to be looked at, then the oldest are forgotten.
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
    /// Waits for the next state; the first is that of the moment at which this was made. `None`: there are no more.
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
