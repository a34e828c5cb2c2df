//! The connection, or one connection after another, to exchange messages with.

use std::time::{Duration, Instant};

use longwire::reconnect::{self, ReconnectingSocket, State};
use longwire::{CloseCode, CloseFrame, Closed, Error, Message, Receiver, Result, Sender, WebSocket};

/// Where messages are sent.
#[derive(Clone)]
pub(super) enum Outlet {
    Once(Sender),
    Again(reconnect::Sender),
}

/// Where messages are received.
pub(super) enum Inlet {
    Once(Receiver),
    Again(Box<reconnect::Receiver>),
}

pub(super) fn once(socket: WebSocket) -> (Outlet, Inlet) {
    let (sender, receiver) = socket.split();
    (Outlet::Once(sender), Inlet::Once(receiver))
}

pub(super) fn again(socket: ReconnectingSocket) -> (Outlet, Inlet) {
    let (sender, receiver) = socket.split();
    (Outlet::Again(sender), Inlet::Again(Box::new(receiver)))
}

impl Outlet {
    /// Sends a message. While disconnected, it waits for the next connection, and so does reading the input.
    pub(super) async fn send(&self, message: Message) -> Result<()> {
        match self {
            Outlet::Once(sender) => sender.send(message).await,
            Outlet::Again(sender) => loop {
                match sender.send(message.clone()).await {
                    Err(Error::Disconnected { .. }) => until_open(sender).await,
                    outcome => return outcome,
                }
            },
        }
    }

    /// Sends a ping with this payload. A connection that is one of several sends a ping without a payload.
    pub(super) async fn send_ping(&self, payload: Vec<u8>) -> Result<()> {
        match self {
            Outlet::Once(sender) => sender.send_ping(payload).await,
            Outlet::Again(sender) => {
                let sender = sender.clone();
                tokio::spawn(async move { sender.ping().await });
                Ok(())
            }
        }
    }

    /// Sends a ping and returns the round-trip time.
    pub(super) async fn ping(&self) -> Result<Duration> {
        match self {
            Outlet::Once(sender) => sender.ping().await,
            Outlet::Again(sender) => sender.ping().await,
        }
    }

    /// Closes the connection with this code and reason.
    pub(super) async fn close_with(&self, frame: CloseFrame) {
        let _ended = match self {
            Outlet::Once(sender) => sender.close(frame.code(), frame.reason()).await,
            Outlet::Again(sender) => sender.close(frame.code(), frame.reason()).await,
        };
    }

    /// Closes the connection with `code`. While disconnected, it stops reconnecting.
    pub(super) async fn close(&self, code: CloseCode) {
        let _ended = match self {
            Outlet::Once(sender) => sender.close(code, "").await,
            Outlet::Again(sender) => sender.close(code, "").await,
        };
    }

    /// Closes the connection. While connecting, it waits until the connection is open: the input may end before.
    pub(super) async fn close_when_open(&self) {
        if let Outlet::Again(sender) = self {
            until_open(sender).await;
        }
        self.close(CloseCode::NORMAL).await;
    }
}

impl Inlet {
    pub(super) async fn recv(&mut self) -> Result<Option<Message>> {
        match self {
            Inlet::Once(receiver) => receiver.recv().await,
            Inlet::Again(receiver) => receiver.recv().await,
        }
    }

    pub(super) fn closed(&self) -> Closed {
        match self {
            Inlet::Once(receiver) => receiver.closed(),
            Inlet::Again(receiver) => receiver.closed(),
        }
    }
}

/// Waits until a connection is open, or reconnecting has ended.
async fn until_open(sender: &reconnect::Sender) {
    // The state may still be open right after the connection broke.
    tokio::task::yield_now().await;
    let mut states = sender.states();
    while let Some(state) = states.next().await {
        if state.is_open() || state.is_ended() {
            break;
        }
    }
}

/// One line for a change of state. The end is reported by the caller, as for a single connection.
pub(super) fn describe(state: &State) -> Option<String> {
    match state {
        State::Open => Some("connected".into()),
        State::Waiting { until, because, .. } => {
            let wait = until.saturating_duration_since(Instant::now());
            // The body of a refusal may be a page.
            let because = because.to_string();
            let because = because.lines().next().unwrap_or_default();
            Some(format!("{because}; next try in {:.1} s", wait.as_secs_f64()))
        }
        State::Ended(_) => None,
        // The text includes the number of the attempt.
        other => Some(other.to_string()),
    }
}
