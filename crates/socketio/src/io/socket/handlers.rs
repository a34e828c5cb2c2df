//! The handlers of a socket.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::super::caught::Running;
use super::super::extract::FromEvent;
use super::super::incoming::Incoming;
use super::super::reason::DisconnectReason;
use super::super::reply::IntoReply;
use super::Socket;

/// A handler of events.
pub(super) type OnEvent<S> = Arc<dyn Fn(S, Incoming) -> Running + Send + Sync>;

/// A handler of the end.
pub(super) type OnDisconnect<S> = Arc<dyn Fn(S, DisconnectReason) -> Running + Send + Sync>;

/// The handlers of a socket. Most sockets get theirs once.
pub(super) struct Handlers<S>(RwLock<Registered<S>>);

pub(super) struct Registered<S> {
    events: HashMap<Box<str>, Vec<OnEvent<S>>>,
    any: Vec<OnEvent<S>>,
    disconnect: Vec<OnDisconnect<S>>,
}

impl<S> Default for Handlers<S> {
    fn default() -> Handlers<S> {
        Handlers(RwLock::new(Registered { events: HashMap::new(), any: Vec::new(), disconnect: Vec::new() }))
    }
}

impl<S> Handlers<S> {
    fn read(&self) -> RwLockReadGuard<'_, Registered<S>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Registered<S>)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The handlers of an event, those of all events first.
    pub(super) fn of_event(&self, name: &str) -> Vec<OnEvent<S>> {
        let registered = self.read();
        let named = registered.events.get(name).into_iter().flatten();
        registered.any.iter().chain(named).cloned().collect()
    }

    pub(super) fn of_disconnect(&self) -> Vec<OnDisconnect<S>> {
        self.read().disconnect.clone()
    }

    /// Drops all handlers, and what they have captured: often the socket itself.
    pub(super) fn clear(&self) {
        let mut dropped = Registered { events: HashMap::new(), any: Vec::new(), disconnect: Vec::new() };
        self.change(|registered| std::mem::swap(registered, &mut dropped));
    }
}

impl Socket {
    /// Calls `handler` for each event of this name. With several handlers for a name, all are called, one after the other; the
    /// first that answers acknowledges the event.
    ///
    /// The handler takes the socket and a [`FromEvent`]: usually [`Data`](crate::Data). See [`Socket`] for the order of calls.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use longwire_socketio::{Ack, Data, Socket};
    ///
    /// # struct Database;
    /// # impl Database { async fn find(&self, id: u64) -> Option<String> { None } }
    /// fn handle(socket: &Socket, database: Arc<Database>) {
    ///     socket.on("find", async move |_socket, Data(id): Data<u64>| database.find(id).await);
    ///     socket.on("hello", |socket, ()| async move { socket.emit("hello", "who are you?").ok(); });
    ///     socket.on("slow", |_socket, (Data(text), ack): (Data<String>, Ack)| async move {
    ///         tokio::spawn(async move { ack.send(text.len()) });
    ///     });
    /// }
    /// ```
    pub fn on<A, F, Fut>(&self, event: &str, handler: F)
    where
        A: FromEvent,
        F: FnOnce(Socket, A) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: IntoReply> + Send + 'static,
    {
        let handler = on_event(handler);
        self.shared.handlers.change(|registered| {
            registered.events.entry(Box::from(event)).or_default().push(handler);
        });
    }

    /// Calls `handler` for every event, before the handlers of its name.
    ///
    /// ```
    /// use longwire_socketio::{Arguments, EventName, Socket};
    ///
    /// fn log(socket: &Socket) {
    ///     socket.on_any(|socket, (EventName(name), arguments): (EventName, Arguments)| async move {
    ///         println!("{}: {name} {}", socket.id(), arguments.as_json());
    ///     });
    /// }
    /// ```
    pub fn on_any<A, F, Fut>(&self, handler: F)
    where
        A: FromEvent,
        F: FnOnce(Socket, A) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler = on_any(handler);
        self.shared.handlers.change(|registered| registered.any.push(handler));
    }

    /// Calls `handler` when the socket is disconnected, after the handlers of its events.
    pub fn on_disconnect<F, Fut>(&self, handler: F)
    where
        F: FnOnce(Socket, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler: OnDisconnect<Socket> = Arc::new(move |socket, reason| {
            let handler = handler.clone();
            Box::pin(async move { handler(socket, reason).await })
        });
        self.shared.handlers.change(|registered| registered.disconnect.push(handler));
    }

    /// Removes the handlers of an event.
    pub fn off(&self, event: &str) {
        self.shared.handlers.change(|registered| drop(registered.events.remove(event)));
    }
}

fn on_event<A, F, Fut>(handler: F) -> OnEvent<Socket>
where
    A: FromEvent,
    F: FnOnce(Socket, A) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoReply> + Send + 'static,
{
    Arc::new(move |socket: Socket, mut event| {
        let handler = handler.clone();
        Box::pin(async move {
            let called = A::from_event(&mut event).map(|taken| handler(socket.clone(), taken));
            let answered = match called {
                Ok(handling) => handling.await.answer(event.claim_answer()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = answered {
                tracing::warn!(client = %socket.client(), event = %event.name, "an event was not handled: {error}");
            }
        })
    })
}

fn on_any<A, F, Fut>(handler: F) -> OnEvent<Socket>
where
    A: FromEvent,
    F: FnOnce(Socket, A) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |socket: Socket, mut event| {
        let handler = handler.clone();
        Box::pin(async move {
            if let Ok(handling) = A::from_event(&mut event).map(|taken| handler(socket, taken)) {
                handling.await;
            }
        })
    })
}
