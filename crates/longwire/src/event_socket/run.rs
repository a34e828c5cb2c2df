//! The task of a socket: it connects, reads, writes, and calls the listeners.

use std::any::Any;
use std::future::{Future, pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::FutureExt;
use longwire_proto::By;
use tokio::time::sleep;

use super::event::CloseEvent;
use super::outbox::Batch;
use super::socket::{ClosePhase, NextStep, SocketShared};
use crate::error::{Error, Result};
use crate::halves::{Receiver, Sender};
use crate::message::Message;
use crate::panic_message::panic_message;
use crate::websocket::WebSocket;

/// How long a closing socket waits for the server to read any of the data that was sent earlier.
const STALLED: Duration = Duration::from_secs(10);

/// An attempt to connect.
pub(super) type ConnectFuture = Pin<Box<dyn Future<Output = Result<WebSocket>> + Send>>;

/// How a connection ended.
struct ConnectionEnd {
    failure: Option<Error>,
    close: CloseEvent,
}

impl ConnectionEnd {
    fn failed(error: Error) -> ConnectionEnd {
        ConnectionEnd { failure: Some(error), close: CloseEvent::failed() }
    }
}

/// A socket with a task. A runtime that shuts down drops it, possibly before its first poll.
pub(super) struct Running(pub(super) Arc<SocketShared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.disappear();
    }
}

/// Runs a socket from beginning to end.
pub(super) async fn run(running: Running, connecting: ConnectFuture) {
    let Running(shared) = &running;
    let connected = tokio::select! {
        biased;
        _ = shared.closing() => None,
        connected = catch_panic(connecting) => Some(connected.and_then(|connected| connected)),
    };
    let end = match connected {
        Some(Ok(socket)) if shared.open(&socket) => {
            catch_panic(exchange(shared, socket)).await.unwrap_or_else(ConnectionEnd::failed)
        }
        Some(Err(error)) => ConnectionEnd::failed(error),
        Some(Ok(_)) | None => ConnectionEnd::failed(Error::other("the socket was closed before it was open")),
    };
    shared.finish(end.failure, end.close);
}

/// Returns the result of `work`, which runs the application's resolver, connector and transport, or an error if it
/// panics.
async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| panicked(&*payload))
}

/// The error for a panic in the application's resolver, connector or transport.
pub(super) fn panicked(payload: &(dyn Any + Send)) -> Error {
    let panic = panic_message(payload);
    Error::other(format!("the application's resolver, connector or transport panicked: {panic}"))
}

/// Reads and writes until the connection ends.
async fn exchange(shared: &Arc<SocketShared>, socket: WebSocket) -> ConnectionEnd {
    let (sender, mut receiver) = socket.split();
    let mut writing = pin!(write(shared, &sender));
    loop {
        tokio::select! {
            received = poll_fn(|cx| poll_receive(shared, &mut receiver, cx)) => match received {
                Some(Ok(message)) => shared.deliver(message),
                Some(Err(error)) => return ConnectionEnd::failed(error),
                None => break,
            },
            error = &mut writing => return ConnectionEnd::failed(error),
        }
    }
    let closed = receiver.closed();
    let close = CloseEvent::of(&closed);
    // RFC 6455 §7.2.1: a lost connection has failed.
    let failure = (!closed.clean).then(|| Error::Closed(Box::new(closed)));
    ConnectionEnd { failure, close }
}

/// Polls for the next message. After the server's Close frame the state is "closing", while the end of the transport is
/// still awaited.
fn poll_receive(
    shared: &SocketShared,
    receiver: &mut Receiver,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Message>>> {
    let received = Pin::new(&mut *receiver).poll_next(cx);
    if received.is_pending() && receiver.closed().by == By::Peer {
        shared.peer_closes();
    }
    received
}

/// Writes queued messages, and the Close frame after them. Completes only if too much was sent.
async fn write(shared: &SocketShared, sender: &Sender) -> Error {
    loop {
        let closing = match shared.next_task().await {
            NextStep::Close(closing) => closing,
            NextStep::Write(batch) => tokio::select! {
                () = write_batch(shared, sender, batch) => continue,
                closing = give_up_waiting(shared, sender) => closing,
            },
        };
        match closing {
            ClosePhase::ByThisEnd(frame) => sender.shared().begin_close(frame),
            ClosePhase::ByPeer => {}
            ClosePhase::Full(full) => return Error::other(full.to_string()),
        }
        // The receiver reports how the connection ends.
        return pending().await;
    }
}

async fn write_batch(shared: &SocketShared, sender: &Sender, batch: Batch) {
    let write = async {
        for message in batch.messages {
            sender.feed(message).await?;
        }
        sender.flush().await
    };
    match write.await {
        Ok(()) => shared.transmitted(batch.bytes),
        // The receiver reports how the connection ends.
        Err(_) => pending().await,
    }
}

/// Completes when the current write is no longer awaited.
async fn give_up_waiting(shared: &SocketShared, sender: &Sender) -> ClosePhase {
    let closing = shared.closing().await;
    match closing {
        ClosePhase::ByThisEnd(_) => stalled(sender).await,
        ClosePhase::ByPeer => pending().await,
        ClosePhase::Full(_) => {}
    }
    closing
}

async fn stalled(sender: &Sender) {
    loop {
        let waiting = sender.buffered();
        sleep(STALLED).await;
        if sender.buffered() == waiting {
            return;
        }
    }
}
