//! What an application makes of its connections, and a connection in its hands.

use std::net::SocketAddr;

use longwire_proto::Closed;
use longwire_proto::handshake::Refusal;

use super::connection::Open;
use super::key::Key;
use super::loop_context::LoopContext;
use super::message_ref::MessageRef;
use crate::admission::decision::{Accept, Upgrade};
use crate::error::{Error, Result};

/// What an application makes of its connections, run by [`Server::run`](crate::Server::run).
///
/// The methods are called by the event loop that the connection belongs to, one at a time for each loop; they must not
/// block. They are called in the context of the runtime that [`Server::run`](crate::Server::run) is polled on, so that
/// `tokio::spawn` starts a task there. What they send is written when the loop has handled all that arrived. A method that panics closes its
/// connection with 1011 and no other. What they tell by `tracing` is told in the span of the connection, `connection`, whose
/// field `peer` is its address; while nobody listens, there is none.
///
/// ```no_run
/// use longwire::{Accept, Handler, MessageRef, Refusal, Server, Socket, Upgrade};
///
/// struct Chat;
///
/// impl Handler for Chat {
///     type State = String; // one per connection: here a nickname
///
///     fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
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
    /// What the application keeps of each connection.
    type State: Send + 'static;

    /// Decides about a request for a WebSocket: accepts it with the state of the new connection, or refuses it with any
    /// status. The request has been checked already, its origin included.
    ///
    /// # Errors
    ///
    /// The refusal, if it is one.
    fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Self::State>, Refusal>;

    /// The connection is open. What is sent here leaves together with the response that opens it.
    fn on_open(&self, socket: &mut Socket<'_, Self>) {}

    /// A message arrived. It is lent for the time of the call.
    ///
    /// After [`Socket::close`] the messages that the peer sent before it learned of that still come; what is sent then is
    /// [`SendStatus::Closed`](crate::SendStatus::Closed).
    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>);

    /// What waited to be written has fallen to [`Limits::low_water`](crate::Limits::low_water), after it had been above
    /// [`Limits::high_water`](crate::Limits::high_water).
    fn on_drain(&self, socket: &mut Socket<'_, Self>) {}

    /// A period of [`Server::tick_every`](crate::Server::tick_every) has passed. The loop calls this for each of its open
    /// connections in turn.
    fn on_tick(&self, socket: &mut Socket<'_, Self>) {}

    /// A ping arrived; its pong is queued already (RFC 6455 §5.5.2).
    fn on_ping(&self, socket: &mut Socket<'_, Self>, payload: &[u8]) {}

    /// A pong arrived, asked for or not (§5.5.3).
    fn on_pong(&self, socket: &mut Socket<'_, Self>, payload: &[u8]) {}

    /// The connection has ended like this. Nothing can be sent any more; called once for every connection that was open.
    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {}

    /// Something went wrong with the connection: the peer broke the protocol, or the transport failed.
    /// [`on_close`](Handler::on_close) follows.
    fn on_error(&self, socket: &mut Socket<'_, Self>, error: &Error) {}
}

/// A connection in the hands of a [`Handler`]. `H` is the handler: inside of its methods, `Self`.
///
/// Nothing here waits: what is sent is queued, and written when the loop has handled everything that arrived.
///
/// ```
/// use longwire::{Handler, MessageRef, Socket};
///
/// /// Counts the messages of each connection, and tells everybody in the room.
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
    pub(super) peer_addr: SocketAddr,
}

/// A connection in the hands of an application, before the handler it belongs to is known.
pub(crate) struct SocketParts<'a> {
    pub(super) open: &'a mut Open,
    pub(super) context: &'a mut LoopContext,
    pub(super) key: Key,
    pub(super) peer_addr: SocketAddr,
}

impl<'a> SocketParts<'a> {
    /// The connection in the hands of its handler.
    pub(super) fn with<H: Handler>(self, state: &'a mut H::State) -> Socket<'a, H> {
        let SocketParts { open, context, key, peer_addr } = self;
        Socket { open, state, context, key, peer_addr }
    }
}
