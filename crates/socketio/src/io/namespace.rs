//! Namespaces.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;

use super::auth::{Auth, ConnectError};
use super::broadcast::Broadcast;
use super::context::Context;
use super::hooks::Hooks;
use super::members::{Members, OnUnused};
use super::rooms::ToRooms;
use super::socket::Socket;
use crate::protocol::{EncodeError, ToArguments};

/// A namespace: clients join several over one connection. It is cheap to clone; a clone is the same namespace. Made by
/// [`SocketIo::of`](crate::SocketIo::of).
#[derive(Clone)]
pub struct Namespace {
    shared: Arc<NamespaceShared>,
}

struct NamespaceShared {
    name: ByteString,
    members: Arc<Members<Socket>>,
    hooks: Hooks,
}

impl Namespace {
    pub(super) fn new(name: ByteString, context: Arc<Context>) -> Namespace {
        Namespace::with(name, Members::new(context), Hooks::default())
    }

    /// A namespace that a client has asked for.
    pub(super) fn dynamic(
        name: ByteString,
        context: Arc<Context>,
        hooks: Hooks,
        on_unused: Box<OnUnused>,
    ) -> Namespace {
        Namespace::with(name, Members::dynamic(context, on_unused), hooks)
    }

    fn with(name: ByteString, members: Members<Socket>, hooks: Hooks) -> Namespace {
        Namespace { shared: Arc::new(NamespaceShared { name, members: Arc::new(members), hooks }) }
    }

    pub(super) fn members(&self) -> &Arc<Members<Socket>> {
        &self.shared.members
    }

    pub(super) fn to_owned_name(&self) -> ByteString {
        self.shared.name.clone()
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.shared.hooks
    }

    /// The name, such as `/chat`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Calls `handler` for each client that joins the namespace. It sets the handlers of the client's events, which arrive when
    /// it has ended, so none is missed. A loop that goes on for the life of the client belongs into `tokio::spawn`.
    ///
    /// ```
    /// use longwire_socketio::{Data, SocketIo};
    ///
    /// let io = SocketIo::new();
    /// io.of("/chat").on_connect(|socket, auth| async move {
    ///     println!("{} connected with {}", socket.id(), auth.as_json());
    ///     socket.on("message", |socket, Data(text): Data<String>| async move {
    ///         socket.broadcast().emit("message", text).ok();
    ///     });
    /// });
    /// ```
    pub fn on_connect<F, Fut>(&self, handler: F)
    where
        F: FnOnce(Socket, Auth) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.shared.hooks.on_connect(handler);
    }

    /// Asks `middleware` whether a client may join. With an error, it may not, and learns the error's message and data. It may
    /// take its time, up to [`connect_timeout`](crate::SocketIoConfig::connect_timeout) for the client's first namespace.
    ///
    /// The socket is not connected yet. The middleware may [store](Socket::insert) what it finds out, and
    /// [join](Socket::join) rooms.
    ///
    /// ```
    /// use longwire_socketio::{ConnectError, SocketIo};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     token: String,
    /// }
    ///
    /// let io = SocketIo::new();
    /// io.use_middleware(|socket, auth| async move {
    ///     let login: Login = auth.parse().map_err(|_| "a token is required")?;
    ///     if login.token != "secret" {
    ///         return Err(ConnectError::new("not authorized").data("log in again"));
    ///     }
    ///     socket.insert(login);
    ///     Ok(())
    /// });
    /// ```
    pub fn use_middleware<F, Fut>(&self, middleware: F)
    where
        F: FnOnce(Socket, Auth) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        self.shared.hooks.use_middleware(middleware);
    }

    /// All sockets of the namespace.
    pub fn everybody(&self) -> Broadcast {
        Broadcast::new(self.shared.name.clone(), Arc::clone(&self.shared.members))
    }

    /// The sockets of a room, or of several.
    pub fn to(&self, rooms: impl ToRooms) -> Broadcast {
        self.everybody().to(rooms)
    }

    /// The sockets that are not in a room, or in any of several.
    pub fn except(&self, rooms: impl ToRooms) -> Broadcast {
        self.everybody().except(rooms)
    }

    /// Events that may be lost; see [`Broadcast::volatile`].
    pub fn volatile(&self) -> Broadcast {
        self.everybody().volatile()
    }

    /// All sockets, whose clients may take this long to answer; see [`Broadcast::emit_with_ack`].
    pub fn timeout(&self, time: Duration) -> Broadcast {
        self.everybody().timeout(time)
    }

    /// Sends an event to all sockets; see [`Broadcast::emit`].
    ///
    /// # Errors
    ///
    /// If the event's name is reserved, or the data cannot be JSON.
    pub fn emit(&self, event: &str, data: impl ToArguments) -> Result<(), EncodeError> {
        self.everybody().emit(event, data)
    }

    /// All sockets of this server; see [`Broadcast::fetch_sockets`].
    #[must_use]
    pub fn fetch_sockets(&self) -> Vec<Socket> {
        self.everybody().fetch_sockets()
    }

    /// Adds all sockets to a room, or to several.
    pub fn sockets_join(&self, rooms: impl ToRooms) {
        self.everybody().sockets_join(rooms);
    }

    /// Removes all sockets from a room, or from several.
    pub fn sockets_leave(&self, rooms: impl ToRooms) {
        self.everybody().sockets_leave(rooms);
    }

    /// Removes all clients from the namespace.
    pub fn disconnect_sockets(&self) {
        self.everybody().disconnect_sockets();
    }

    /// Closes the connections of all clients in the namespace.
    pub fn close_clients(&self) {
        self.everybody().close_clients();
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
