//! The trait that an application implements for its connections, and the connection that its methods receive.

use longwire_proto::Closed;
use longwire_proto::handshake::Refusal;

use super::connection::Open;
use super::key::Key;
use super::loop_context::LoopContext;
use super::message_ref::MessageRef;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::peer_address::PeerAddress;
use crate::error::{Error, Result};

/// Handles the connections of a server that is run with [`Server::run`](crate::Server::run), or those of one path with
/// [`Server::route`](crate::Server::route).
///
/// The event loop that owns a connection calls these methods, one at a time per loop; they must not block, and only
/// [`on_upgrade`](Handler::on_upgrade) may wait. They run in the context of the runtime that polls
/// [`Server::run`](crate::Server::run), so `tokio::spawn` starts a task there. The loop writes what they send after it
/// has handled everything that arrived. If a method panics, only its own connection is closed, with 1011. Events that a
/// method logs with `tracing` belong to the connection's span, `connection`, whose field `peer` is the client's address.
/// Without a subscriber for it, no span is created.
///
/// [`Socket::spawn`] waits for a future and [`Socket::after`] for a time. [`Socket::publish`] and
/// [`Server::every`](crate::Server::every) send to many connections. [`Stage`](crate::Stage) tests a handler.
///
/// ```no_run
/// use longwire::{Accept, Handler, MessageRef, Refusal, Server, Socket, Upgrade};
///
/// struct Chat;
///
/// impl Handler for Chat {
///     type State = String; // one per connection: here a nickname
///
///     async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
///         let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
///         Ok(Accept::with(name.into_owned()))
///     }
///
///     fn on_open(&self, socket: &mut Socket<'_, Self>) {
///         socket.subscribe("room");
///     }
///
///     fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
///         if let MessageRef::Text(text) = message {
///             let line = format!("{}: {text}", socket.state());
///             socket.publish("room", line);
///         }
///     }
/// }
///
/// # async fn serve() -> longwire::Result<()> {
/// Server::bind("127.0.0.1:8080").await?.run(Chat).await
/// # }
/// ```
#[expect(unused_variables, reason = "the names in the defaults are documentation")]
pub trait Handler: Sized + Send + Sync + 'static {
    /// The application's data for each connection.
    type State: Send + 'static;

    /// Decides about a request for a WebSocket: accepts it with the state of the new connection, or refuses it with any
    /// status. The server has already checked the request, including its origin. An implementation is an `async fn`.
    ///
    /// The decision may wait for a database or another service. The loop polls the future once, immediately. A decision
    /// that is ready then costs nothing more. A decision that waits becomes a task of the runtime that polls
    /// [`Server::run`](crate::Server::run), and the loop serves its other connections meanwhile. The waiting ends in one
    /// of these ways:
    ///
    /// - After [`Limits::handshake_time`](crate::Limits::handshake_time) the client is refused with 503.
    /// - If the client leaves or the server shuts down, the future is dropped at the `.await` that it has reached.
    /// - If the future panics, the client is refused with 500.
    ///
    /// ```
    /// use longwire::{Accept, Handler, MessageRef, Refusal, Socket, Upgrade};
    ///
    /// # struct Database;
    /// # impl Database {
    /// #     async fn user(&self, _token: &str) -> Option<String> { None }
    /// # }
    /// struct Chat(Database);
    ///
    /// impl Handler for Chat {
    ///     type State = String; // the user's name
    ///
    ///     async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
    ///         let token = request.query("token").ok_or_else(|| Refusal::unauthorized("a token is missing"))?;
    ///         let user = self.0.user(&token).await;
    ///         user.map(Accept::with).ok_or_else(|| Refusal::unauthorized("the token is not valid"))
    ///     }
    ///
    ///     fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
    ///         socket.send(message).or_drop();
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The refusal, if the request is refused.
    fn on_upgrade(
        &self,
        request: &Upgrade<'_>,
    ) -> impl Future<Output = Result<Accept<Self::State>, Refusal>> + Send;

    /// The connection is open. Messages sent here leave together with the response that opens it.
    fn on_open(&self, socket: &mut Socket<'_, Self>) {}

    /// A message arrived. It is borrowed for the duration of the call.
    ///
    /// After [`Socket::close`], messages that the peer sent before it received the Close frame still arrive; sending
    /// then returns [`SendStatus::Closed`](crate::SendStatus::Closed).
    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>);

    /// The queue has drained to [`Limits::low_water`](crate::Limits::low_water) after it was above
    /// [`Limits::high_water`](crate::Limits::high_water).
    fn on_drain(&self, socket: &mut Socket<'_, Self>) {}

    /// A period of [`Server::tick_every`](crate::Server::tick_every) has passed. The loop calls this once for each of
    /// its open connections.
    fn on_tick(&self, socket: &mut Socket<'_, Self>) {}

    /// The time of [`Socket::set_alarm`] has passed.
    fn on_alarm(&self, socket: &mut Socket<'_, Self>) {}

    /// The server shuts down, and closes this connection next. The handler may send a last message, or
    /// [close](Socket::close) it with another code than 1001. See
    /// [`Server::shutdown_spread`](crate::Server::shutdown_spread).
    fn on_shutdown(&self, socket: &mut Socket<'_, Self>) {}

    /// A ping arrived; its pong is already queued (RFC 6455 §5.5.2).
    fn on_ping(&self, socket: &mut Socket<'_, Self>, payload: &[u8]) {}

    /// A pong arrived, solicited or not (§5.5.3).
    fn on_pong(&self, socket: &mut Socket<'_, Self>, payload: &[u8]) {}

    /// The connection has ended. Nothing can be sent any more. Called once for every connection that was open.
    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {}

    /// The connection failed: the peer broke the protocol, or the transport failed. [`on_close`](Handler::on_close)
    /// follows.
    fn on_error(&self, socket: &mut Socket<'_, Self>, error: &Error) {}
}

/// The connection that a [`Handler`]'s method is called for. `H` is the handler type; inside its methods, write `Self`.
///
/// No method here waits: messages are queued, and the loop writes them after it has handled everything that arrived.
///
/// ```
/// use longwire::{Handler, MessageRef, Socket};
///
/// /// Counts the messages of each connection and publishes the count.
/// fn on_message<H: Handler<State = u64>>(socket: &mut Socket<'_, H>, message: MessageRef<'_>) {
///     *socket.state_mut() += 1;
///     let count = format!("{} messages", socket.state());
///     socket.send(message).or_drop();
///     socket.publish("room", count);
/// }
/// ```
pub struct Socket<'a, H: Handler> {
    pub(super) open: &'a mut Open,
    pub(super) state: &'a mut H::State,
    pub(super) context: &'a mut LoopContext,
    pub(super) key: Key,
    pub(super) peer: PeerAddress,
}

/// The parts of a [`Socket`], before the type of its handler is known.
pub(crate) struct SocketParts<'a> {
    pub(super) open: &'a mut Open,
    pub(super) context: &'a mut LoopContext,
    pub(super) key: Key,
    pub(super) peer: PeerAddress,
}

impl<'a> SocketParts<'a> {
    /// Makes the socket that the handler's methods receive.
    pub(super) fn with<H: Handler>(self, state: &'a mut H::State) -> Socket<'a, H> {
        let SocketParts { open, context, key, peer } = self;
        Socket { open, state, context, key, peer }
    }
}
