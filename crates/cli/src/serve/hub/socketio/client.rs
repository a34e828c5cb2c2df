//! A client of Socket.IO, and its session of the hub.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longwire_hub::centrifuge::{Command, Encoding, Request};
use longwire_hub::{Control as _, ControlMessage, Frame, TransportKind};
use longwire_socketio::{Ack, ConnectError, EncodeError, Socket};
use tokio::time::timeout;

use super::commands::{self, ErrorAnswer};
use super::events::{self, Connected, Said};
use crate::serve::hub::outlet::outbox::Outbox;
use crate::serve::hub::streams::{FirstWords, Streams};

/// About how many bytes are handed to a client at a time. It takes them before there are more.
const CHUNK: usize = 16 << 10;

/// How long a client whose session has ended may take to read what was said before.
const LAST_READ: Duration = Duration::from_secs(5);

/// The command that connects.
const CONNECT: u32 = 1;

/// A client's session of the hub. Dropping it ends the session.
pub(super) struct HubClient {
    outbox: Arc<Outbox>,
    /// The number of the last command.
    commands: AtomicU32,
    /// The commands that the session has not answered, of those whose client waits for it. The session bounds them.
    unanswered: Mutex<HashMap<u32, Ack>>,
    /// What the hub said when the client had connected.
    greeting: Mutex<Vec<Frame>>,
}

impl HubClient {
    /// Begins a session, if the hub lets the client in.
    pub(super) async fn connect(streams: &Arc<Streams>, socket: &Socket) -> Result<HubClient, ConnectError> {
        let request = commands::connect(socket.auth().as_json())?;
        let opening = socket.request();
        let arrival = streams.arrival(
            TransportKind::SocketIo,
            Encoding::Json,
            opening.peer_addr,
            &opening.headers,
            opening.uri.path(),
        );
        let command = Command { id: CONNECT, request }.encode(Encoding::Json);
        let first = FirstWords::Commands(command.as_bytes().clone());
        let outbox = streams.begin(arrival, first).ok_or("the server shuts down")?;
        let client = HubClient {
            outbox,
            commands: AtomicU32::new(CONNECT),
            unanswered: Mutex::default(),
            greeting: Mutex::default(),
        };
        let Some(frames) = client.outbox.frames(CHUNK).await else {
            return Err("the server ended the session".into());
        };
        admitted(&frames)?;
        *client.greeting() = frames;
        Ok(client)
    }

    /// Hands a command to the session. It waits while many do, so that the events of a client that sends faster than the hub
    /// answers wait where they are bounded.
    pub(super) async fn request(&self, request: Request, ack: Ack) {
        let inbox = self.outbox.inbox();
        inbox.room().await;
        let id = self.commands.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(CONNECT + 1);
        if ack.is_expected() {
            self.unanswered().insert(id, ack);
        }
        let command = Command { id, request }.encode(Encoding::Json);
        inbox.deliver(ControlMessage::Frame(Frame::from(command)));
    }

    /// Answers an event that is no command.
    pub(super) fn refuse(ack: Ack, problem: &str) {
        log_failure(ack.send(ErrorAnswer::bad_request(problem)));
    }

    /// Tells the client what the hub says, no faster than it reads, until the session ends.
    pub(super) async fn speak(&self, socket: &Socket) {
        let mut frames = std::mem::take(&mut *self.greeting());
        loop {
            for line in frames.iter().flat_map(lines) {
                self.say(socket, line);
            }
            if !self.has_read(socket).await {
                return socket.close_slow();
            }
            match self.outbox.frames(CHUNK).await {
                Some(more) => frames = more,
                None => break,
            }
        }
        socket.close_connection();
    }

    /// Waits until the client has taken what it was told: one that polls would otherwise get its last words together with the end,
    /// which it handles first. `false`: its session has ended, and the client has read nothing for a while.
    async fn has_read(&self, socket: &Socket) -> bool {
        tokio::select! {
            () = socket.drained() => return true,
            () = self.outbox.ended() => {}
        }
        timeout(LAST_READ, socket.drained()).await.is_ok()
    }

    /// The client has gone.
    pub(super) fn leave(&self) {
        self.outbox.abandon();
    }

    fn say(&self, socket: &Socket, line: &str) {
        let said = match events::read(line) {
            Ok(said) => said,
            Err(error) => {
                tracing::error!(%error, "a message of the hub cannot be read");
                return;
            }
        };
        let sent = match said {
            Said::Reply(CONNECT, Ok(result)) => greet(socket, result.get()),
            Said::Reply(id, result) => match (self.unanswered().remove(&id), result) {
                (Some(ack), Ok(result)) => ack.send(result),
                (Some(ack), Err(error)) => ack.send(ErrorAnswer { error }),
                (None, _) => Ok(()),
            },
            Said::Event(name, data) => socket.emit(name, data),
            Said::ChannelEvent(name, channel, data) => socket.emit(name, (channel, data)),
            Said::Disconnect(why) => {
                let sent = socket.emit("disconnected", &why);
                // The official clients come back when a connection ends, but not after this.
                if !why.reconnect {
                    socket.disconnect();
                }
                sent
            }
            Said::Nothing => Ok(()),
        };
        log_failure(sent);
    }

    fn unanswered(&self) -> MutexGuard<'_, HashMap<u32, Ack>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn greeting(&self) -> MutexGuard<'_, Vec<Frame>> {
        self.greeting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HubClient {
    fn drop(&mut self) {
        self.outbox.abandon();
    }
}

fn log_failure(sent: Result<(), EncodeError>) {
    if let Err(error) = sent {
        tracing::error!(%error, "a message of the hub cannot be sent");
    }
}

/// Whether the hub has let the client in. Otherwise, it says why not.
fn admitted(frames: &[Frame]) -> Result<(), ConnectError> {
    for line in frames.iter().flat_map(lines) {
        match events::read(line) {
            Ok(Said::Reply(CONNECT, Ok(_))) => return Ok(()),
            Ok(Said::Reply(_, Err(error))) => return Err(refusal(error.get())),
            Ok(Said::Disconnect(why)) => {
                let why = serde_json::to_string(&why).unwrap_or_default();
                return Err(refusal(&why));
            }
            _ => {}
        }
    }
    Err("the server ended the session".into())
}

/// The message of an error is that of the client's `connect_error`, and its `data` has all of it.
fn refusal(error: &str) -> ConnectError {
    let error: serde_json::Value = serde_json::from_str(error).unwrap_or_default();
    let message = error.get("message").or_else(|| error.get("reason")).and_then(|message| message.as_str());
    ConnectError::new(message.unwrap_or("refused")).data(&error)
}

/// Tells the client of its session, and of the subscriptions that the server made for it.
fn greet(socket: &Socket, result: &str) -> Result<(), EncodeError> {
    let session: Connected<'_> = serde_json::from_str(result).map_err(EncodeError::Json)?;
    socket.emit("session", &session)?;
    for (channel, how) in session.subs {
        socket.emit("subscribed", (channel, how))?;
    }
    Ok(())
}

/// The messages in a frame.
fn lines(frame: &Frame) -> impl Iterator<Item = &str> {
    let text = match frame {
        Frame::Text(text) => &**text,
        // The session speaks JSON.
        Frame::Binary(_) => "",
    };
    text.split('\n').filter(|line| !line.is_empty())
}
