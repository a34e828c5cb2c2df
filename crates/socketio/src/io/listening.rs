//! Sets the handlers of a socket.

use std::future::Future;
use std::sync::Arc;

use super::extract::FromEvent;
use super::handlers::{OnDisconnect, OnEvent};
use super::reason::DisconnectReason;
use super::reply::IntoReply;
use super::socket::Socket;

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
        self.handlers().add_disconnect(handler);
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
