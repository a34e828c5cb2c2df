//! What is talked to: one connection, or one after the other.

use std::time::Instant;

use longwire::reconnect::{self, ReconnectingSocket, State};
use longwire::{CloseCode, Closed, Error, Message, Receiver, Result, Sender, WebSocket};

/// Where lines go.
#[derive(Clone)]
pub(super) enum Outlet {
    Once(Sender),
    Again(reconnect::Sender),
}

/// Where messages come from.
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
    /// Sends a message, on the next connection if there is none: no line is read that has nowhere to go.
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

    /// Closes the connection with `code`, or lets there be no other if there is none.
    pub(super) async fn close(&self, code: CloseCode) {
        let _ended = match self {
            Outlet::Once(sender) => sender.close(code, "").await,
            Outlet::Again(sender) => sender.close(code, "").await,
        };
    }

    /// Closes the connection, when there is one: that the input ends is no reason not to connect.
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

/// Waits for a connection, or until there can be none any more.
async fn until_open(sender: &reconnect::Sender) {
    // A connection that has just broken may still be told as open.
    tokio::task::yield_now().await;
    let mut states = sender.states();
    while let Some(state) = states.next().await {
        if state.is_open() || state.is_ended() {
            break;
        }
    }
}

/// One line for a change of state; the end is told as that of any connection.
pub(super) fn describe(state: &State) -> Option<String> {
    match state {
        State::Open => Some("connected".into()),
        State::Waiting { until, because, .. } => {
            let wait = until.saturating_duration_since(Instant::now());
            Some(format!("{because}; next try in {:.1} s", wait.as_secs_f64()))
        }
        State::Ended(_) => None,
        // It says which try it is.
        other => Some(other.to_string()),
    }
}
