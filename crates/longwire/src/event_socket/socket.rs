//! The socket as the application and the task hold it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_proto::{CloseCode, CloseFrame, InvalidClose};
use tokio::sync::watch;

use super::event::{CloseEvent, Event, EventKind, MessageEvent};
use super::listeners::{Callback, ListenerId, Listeners};
use super::outbox::{Batch, QueueFull, SendQueue};
use super::state::ReadyState;
use crate::bell::Bell;
use crate::client::credentials::redacted;
use crate::error::{Error, Result};
use crate::message::{Message, Outgoing};
use crate::panic_message::panic_message;
use crate::send_status::SendStatus;
use crate::websocket::WebSocket;

/// A client with the interface of the browser's `WebSocket`; see [the module](super) for its behaviour.
///
/// It is a handle: all clones are the same socket. No method waits except [`ended`](EventSocket::ended), and listeners
/// may call every method.
///
/// ```no_run
/// use longwire::EventSocket;
///
/// # async fn hello() -> longwire::Result<()> {
/// let socket = EventSocket::new("wss://example.com/socket", |socket| {
///     socket.on_message(|socket, event| {
///         println!("{}", event.data());
///         let _ = socket.close(1000, "that is all");
///     });
/// })?;
/// socket.ended().await;
/// # Ok(())
/// # }
/// ```
pub struct EventSocket {
    shared: Arc<SocketShared>,
}

/// The state that the handles of a socket share with its task.
pub(super) struct SocketShared {
    url: String,
    origin: String,
    state: Mutex<SocketState>,
    /// Rung when there is something to write, or when the phase has changed.
    changed: Bell,
    end: watch::Sender<Option<CloseEvent>>,
    handles: AtomicUsize,
}

#[derive(Debug, Default)]
struct SocketState {
    phase: ReadyPhase,
    outbox: SendQueue,
    listeners: Listeners<EventSocket>,
    protocol: String,
    extensions: String,
}

/// The ready state, with the task's remaining work.
#[derive(Debug, Clone, Default)]
enum ReadyPhase {
    #[default]
    Connecting,
    Open,
    Closing(ClosePhase),
    Closed,
}

/// Why a connection is closing.
#[derive(Debug, Clone)]
pub(super) enum ClosePhase {
    /// This end closes it with a Close frame, after all earlier messages.
    ByThisEnd(Option<CloseFrame>),
    ByPeer,
    /// The server does not read the messages that were sent.
    Full(QueueFull),
}

/// The next step of the task.
#[derive(Debug)]
pub(super) enum NextStep {
    Write(Batch),
    Close(ClosePhase),
}

impl EventSocket {
    pub(super) fn to(url: String, origin: String) -> EventSocket {
        let shared = SocketShared {
            url,
            origin,
            state: Mutex::default(),
            changed: Bell::default(),
            end: watch::Sender::new(None),
            handles: AtomicUsize::new(1),
        };
        EventSocket { shared: Arc::new(shared) }
    }

    pub(super) fn shared(&self) -> &Arc<SocketShared> {
        &self.shared
    }

    /// Sets the handler that is called when the connection is open, replacing the earlier one.
    pub fn on_open(&self, mut handler: impl FnMut(&EventSocket) + Send + 'static) -> ListenerId {
        self.set_handler(EventKind::Open, move |socket, event| {
            if let Event::Open = event {
                handler(socket);
            }
        })
    }

    /// Sets the handler that is called when a message arrives, replacing the earlier one.
    pub fn on_message(
        &self,
        mut handler: impl FnMut(&EventSocket, &MessageEvent) + Send + 'static,
    ) -> ListenerId {
        self.set_handler(EventKind::Message, move |socket, event| {
            if let Event::Message(message) = event {
                handler(socket, message);
            }
        })
    }

    /// Sets the handler that is called when the connection fails, replacing the earlier one. A `close` event follows.
    pub fn on_error(&self, mut handler: impl FnMut(&EventSocket, &Error) + Send + 'static) -> ListenerId {
        self.set_handler(EventKind::Error, move |socket, event| {
            if let Event::Error(error) = event {
                handler(socket, error);
            }
        })
    }

    /// Sets the handler that is called when the connection has ended, replacing the earlier one.
    pub fn on_close(
        &self,
        mut handler: impl FnMut(&EventSocket, &CloseEvent) + Send + 'static,
    ) -> ListenerId {
        self.set_handler(EventKind::Close, move |socket, event| {
            if let Event::Close(close) = event {
                handler(socket, close);
            }
        })
    }

    /// Adds a listener. Listeners are called in the order in which they were added, together with the handlers of
    /// `on_…`. A listener that is added by another listener is called from the next event on.
    pub fn add_event_listener(
        &self,
        kind: EventKind,
        listener: impl FnMut(&EventSocket, &Event) + Send + 'static,
    ) -> ListenerId {
        let callback: Callback<EventSocket> = Arc::new(Mutex::new(listener));
        let (id, _replaced) = self.shared.lock().listeners.add(kind, callback);
        id
    }

    /// Removes a listener, or a handler that was set with `on_…`. It is not called again, not even for the current
    /// event.
    pub fn remove_event_listener(&self, id: ListenerId) {
        let _removed = self.shared.lock().listeners.remove(id);
    }

    /// Sends a message. This never waits: data that the server does not read yet is kept, and counted in
    /// [`buffered_amount`](EventSocket::buffered_amount). As in a browser, this includes messages that are lost because
    /// the connection is closing or has ended. If too much waits, the connection fails.
    pub fn send(&self, message: impl Into<Outgoing>) -> SendStatus {
        self.shared.send(message.into())
    }

    /// Begins to close the connection, after writing all earlier messages. For a browser's `close()` without arguments,
    /// use [`close_without_code`]. A connection that is not open yet fails; a connection that is closing is not
    /// affected.
    ///
    /// [`close_without_code`]: EventSocket::close_without_code
    ///
    /// # Errors
    ///
    /// [`Error::Close`] if the code is neither 1000 nor between 3000 and 4999, or if the reason is longer than 123
    /// bytes of UTF-8 (a browser throws `InvalidAccessError` and `SyntaxError`). The connection then stays open.
    pub fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<()> {
        let code = code.into();
        if !matches!(code.get(), 1000 | 3000..=4999) {
            return Err(InvalidClose::Code(code).into());
        }
        let frame = CloseFrame::new(code, reason)?;
        self.shared.close(Some(frame));
        Ok(())
    }

    /// Begins to close the connection like [`close`](EventSocket::close), with an empty Close frame: the server sees
    /// 1005.
    pub fn close_without_code(&self) {
        self.shared.close(None);
    }

    /// The ready state of the connection.
    #[must_use]
    pub fn ready_state(&self) -> ReadyState {
        match self.shared.lock().phase {
            ReadyPhase::Connecting => ReadyState::Connecting,
            ReadyPhase::Open => ReadyState::Open,
            ReadyPhase::Closing(_) => ReadyState::Closing,
            ReadyPhase::Closed => ReadyState::Closed,
        }
    }

    /// The normalised URL, with `ws` or `wss` instead of `http` or `https`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The subprotocol that the server chose. Empty before the connection is open, and if the server chose none.
    #[must_use]
    pub fn protocol(&self) -> String {
        self.shared.lock().protocol.clone()
    }

    /// The extensions that the server accepted, as it wrote them. Empty before the connection is open.
    #[must_use]
    pub fn extensions(&self) -> String {
        self.shared.lock().extensions.clone()
    }

    /// How many bytes of text and binary data were passed to [`send`](EventSocket::send) but not written. The value is
    /// updated about every 64 KiB. It is not reset when the connection ends: the remaining bytes never arrived.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.shared.lock().outbox.buffered()
    }

    /// Sets the limit of [`buffered_amount`](EventSocket::buffered_amount), in bytes. The default is 64 MiB. A message
    /// that exceeds it makes the connection fail; the standard calls this "flagged as full".
    pub fn set_max_buffered_amount(&self, bytes: usize) {
        self.shared.lock().outbox.set_most(bytes);
    }

    /// Waits until the connection has ended and all listeners were called, or until the socket's runtime is shut down;
    /// its listeners are then not called any more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing happens. It may be called again, even after the connection has ended.
    pub async fn ended(&self) -> CloseEvent {
        let mut end = self.shared.end.subscribe();
        match end.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(close)) => close.clone(),
            // The sender lives as long as this socket.
            Ok(None) | Err(_) => CloseEvent::failed(),
        }
    }

    fn set_handler(
        &self,
        kind: EventKind,
        handler: impl FnMut(&EventSocket, &Event) + Send + 'static,
    ) -> ListenerId {
        let callback: Callback<EventSocket> = Arc::new(Mutex::new(handler));
        let (id, _replaced) = self.shared.lock().listeners.set_handler(kind, callback);
        id
    }
}

impl Clone for EventSocket {
    fn clone(&self) -> EventSocket {
        self.shared.handle()
    }
}

impl Drop for EventSocket {
    fn drop(&mut self) {
        if self.shared.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.abandon();
        }
    }
}

impl fmt::Debug for EventSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSocket")
            .field("url", &redacted(&self.shared.url))
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}

impl SocketShared {
    fn lock(&self) -> MutexGuard<'_, SocketState> {
        // Listeners are called without the lock, so their panics cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(self: &Arc<SocketShared>) -> EventSocket {
        self.handles.fetch_add(1, Ordering::Relaxed);
        EventSocket { shared: Arc::clone(self) }
    }

    fn send(&self, message: Outgoing) -> SendStatus {
        let mut state = self.lock();
        match state.phase {
            ReadyPhase::Connecting => return SendStatus::Connecting,
            ReadyPhase::Open => {}
            ReadyPhase::Closing(_) | ReadyPhase::Closed => {
                state.outbox.count(&message);
                return SendStatus::Closed;
            }
        }
        let outcome = match state.outbox.push(message) {
            Ok(()) => SendStatus::Queued,
            Err(full) => {
                state.phase = ReadyPhase::Closing(ClosePhase::Full(full));
                SendStatus::Full
            }
        };
        self.changed.ring();
        outcome
    }

    fn close(&self, frame: Option<CloseFrame>) {
        let mut state = self.lock();
        if let ReadyPhase::Connecting | ReadyPhase::Open = state.phase {
            state.phase = ReadyPhase::Closing(ClosePhase::ByThisEnd(frame));
            self.changed.ring();
        }
    }

    /// WHATWG WebSockets, "Garbage collection": a socket without handles stays alive while it has listeners for events
    /// that may still occur. Otherwise its connection is closed without a code.
    fn abandon(&self) {
        use EventKind::{Close, Error, Message, Open};
        let is_listened_to = {
            let state = self.lock();
            match state.phase {
                ReadyPhase::Connecting => state.listeners.listen_to_any(&[Open, Message, Error, Close]),
                ReadyPhase::Open => state.listeners.listen_to_any(&[Message, Error, Close]),
                ReadyPhase::Closing(_) | ReadyPhase::Closed => true,
            }
        };
        if !is_listened_to {
            self.close(None);
        }
    }

    /// Waits until the connection is closing.
    pub(super) async fn closing(&self) -> ClosePhase {
        self.wait_until(|state| match &state.phase {
            ReadyPhase::Closing(closing) => Some(closing.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the next step.
    pub(super) async fn next_task(&self) -> NextStep {
        self.wait_until(|state| match &state.phase {
            ReadyPhase::Closing(closing @ ClosePhase::Full(_)) => Some(NextStep::Close(closing.clone())),
            ReadyPhase::Closing(ClosePhase::ByThisEnd(_)) | ReadyPhase::Open => {
                match state.outbox.next_batch() {
                    Some(batch) => Some(NextStep::Write(batch)),
                    None => match &state.phase {
                        ReadyPhase::Closing(closing) => Some(NextStep::Close(closing.clone())),
                        _ => None,
                    },
                }
            }
            ReadyPhase::Closing(ClosePhase::ByPeer) | ReadyPhase::Connecting | ReadyPhase::Closed => None,
        })
        .await
    }

    async fn wait_until<T>(&self, mut check: impl FnMut(&mut SocketState) -> Option<T>) -> T {
        loop {
            let changed = self.changed.listen();
            {
                let mut state = self.lock();
                if let Some(value) = check(&mut state) {
                    return value;
                }
                self.changed.wanted();
            }
            changed.await;
        }
    }

    pub(super) fn transmitted(&self, bytes: usize) {
        self.lock().outbox.transmitted(bytes);
    }

    /// Marks the connection as open. `false` if it was closed before the `open` event.
    pub(super) fn open(self: &Arc<SocketShared>, socket: &WebSocket) -> bool {
        {
            let mut state = self.lock();
            let ReadyPhase::Connecting = state.phase else { return false };
            state.phase = ReadyPhase::Open;
            state.extensions = socket.extensions().to_owned();
            state.protocol = socket.subprotocol().unwrap_or_default().to_owned();
        }
        self.dispatch(&Event::Open);
        true
    }

    /// The peer has begun the closing handshake.
    pub(super) fn peer_closes(&self) {
        let mut state = self.lock();
        if let ReadyPhase::Open = state.phase {
            state.phase = ReadyPhase::Closing(ClosePhase::ByPeer);
            self.changed.ring();
        }
    }

    /// Messages are only delivered while the connection is open.
    pub(super) fn deliver(self: &Arc<SocketShared>, message: Message) {
        let is_open = matches!(self.lock().phase, ReadyPhase::Open);
        if is_open {
            self.dispatch(&Event::Message(MessageEvent::new(message, &self.origin)));
        }
    }

    /// The connection has ended.
    pub(super) fn finish(self: &Arc<SocketShared>, failure: Option<Error>, close: CloseEvent) {
        self.closed();
        if let Some(error) = failure {
            self.dispatch(&Event::Error(error));
        }
        self.dispatch(&Event::Close(close.clone()));
        self.over(close);
    }

    /// WHATWG WebSockets, "make disappear": the task is gone, and the connection and the listeners' thread with it.
    pub(super) fn disappear(&self) {
        let is_over = self.end.borrow().is_some();
        if !is_over {
            self.closed();
            self.over(CloseEvent::failed());
        }
    }

    fn closed(&self) {
        let mut state = self.lock();
        state.phase = ReadyPhase::Closed;
        state.outbox.discard();
    }

    /// Ends all events.
    fn over(&self, close: CloseEvent) {
        // Listeners may hold this socket: if they were kept, both would leak.
        let done = self.lock().listeners.finish();
        drop(done);
        self.end.send_replace(Some(close));
    }

    /// Calls the listeners one after the other. A panic in one does not affect the others.
    fn dispatch(self: &Arc<SocketShared>, event: &Event) {
        let socket = self.handle();
        let listeners = self.lock().listeners.of(event.kind());
        for id in listeners {
            // An earlier listener may have removed or replaced it.
            let Some(callback) = self.lock().listeners.callback(id) else { continue };
            let called = catch_unwind(AssertUnwindSafe(|| {
                let mut callback = callback.lock().unwrap_or_else(PoisonError::into_inner);
                callback(&socket, event);
            }));
            if let Err(payload) = called {
                let panic = panic_message(&*payload);
                tracing::error!(url = %redacted(&self.url), kind = ?event.kind(), panic, "a listener panicked");
            }
        }
    }
}
