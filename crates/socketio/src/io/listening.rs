//! Sets the handlers of a socket.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use super::extract::FromEvent;
use super::handlers::{OnDisconnect, OnEvent, OnPassing};
use super::reason::DisconnectReason;
use super::reply::IntoReply;
use super::socket::Socket;
use crate::protocol::Arguments;

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
        self.handlers().add(event, on_event(handler));
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
        self.handlers().add_any(on_any(handler));
    }

    /// Calls `listener` for every event that is sent to this client, alone or with others; not for acknowledgements. It is
    /// called by the thread that sends, so it must not block.
    ///
    /// ```
    /// use longwire_socketio::Socket;
    ///
    /// fn log(socket: &Socket) {
    ///     socket.on_any_outgoing(|socket, name, arguments| println!("to {}: {name} {}", socket.id(), arguments.as_json()));
    /// }
    /// ```
    pub fn on_any_outgoing<F>(&self, listener: F)
    where
        F: Fn(&Socket, &str, &Arguments) + Send + Sync + 'static,
    {
        self.handlers().add_outgoing(Arc::new(listener));
    }

    /// Asks `middleware` whether an event of the client may pass, before its handlers are called. With an error, it may not: the
    /// error is logged, and the client gets no answer unless the middleware gives one. Several are asked one after the other.
    ///
    /// ```
    /// use longwire_socketio::{Ack, Arguments, EventName, HandlerResult, Socket};
    ///
    /// struct Admin;
    ///
    /// fn protect(socket: &Socket) {
    ///     socket.use_middleware(|socket, (EventName(name), arguments): (EventName, Arguments)| async move {
    ///         if name.starts_with("admin:") && socket.get::<Admin>().is_none() {
    ///             return Err("not allowed");
    ///         }
    ///         println!("{name} {}", arguments.as_json());
    ///         Ok(())
    ///     });
    /// }
    /// ```
    pub fn use_middleware<A, F, Fut, E>(&self, middleware: F)
    where
        A: FromEvent,
        F: FnOnce(Socket, A) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.handlers().add_middleware(on_passing(middleware));
    }

    /// Calls `handler` when the socket is disconnected, before the handlers of
    /// [`on_disconnect`](Socket::on_disconnect). The socket is in no room any more; [`rooms`](Socket::rooms) tells in which it was.
    pub fn on_disconnecting<F, Fut>(&self, handler: F)
    where
        F: FnOnce(Socket, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.handlers().add_disconnecting(on_disconnect(handler));
    }

    /// Calls `handler` when the socket is disconnected, after the handlers of its events.
    pub fn on_disconnect<F, Fut>(&self, handler: F)
    where
        F: FnOnce(Socket, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.handlers().add_disconnect(on_disconnect(handler));
    }

    /// Removes the handlers of an event.
    pub fn off(&self, event: &str) {
        self.handlers().remove(event);
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

fn on_passing<A, F, Fut, E>(middleware: F) -> OnPassing<Socket>
where
    A: FromEvent,
    F: FnOnce(Socket, A) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    Arc::new(move |socket: Socket, mut event| {
        let middleware = middleware.clone();
        Box::pin(async move {
            let asked = A::from_event(&mut event).map(|taken| middleware(socket.clone(), taken));
            let refused = match asked {
                Ok(asking) => asking.await.err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(error) = &refused {
                tracing::debug!(client = %socket.client(), event = %event.name, "an event was not let through: {error}");
            }
            refused.is_none()
        })
    })
}

fn on_disconnect<F, Fut>(handler: F) -> OnDisconnect<Socket>
where
    F: FnOnce(Socket, DisconnectReason) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |socket, reason| {
        let handler = handler.clone();
        Box::pin(async move { handler(socket, reason).await })
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
