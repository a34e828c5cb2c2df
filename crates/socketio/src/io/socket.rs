//! A client in a namespace.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;
use http::HeaderMap;
use tokio::runtime::Handle;

use super::acks::{Acks, AwaitedAck};
use super::auth::Auth;
use super::caught::Running;
use super::client::Client;
use super::handlers::Handlers;
use super::incoming::{Incoming, send};
use super::key::Key;
use super::member::{Delivery, Member};
use super::members::Members;
use super::queue::{Earlier, Freed};
use super::reason::DisconnectReason;
use super::rooms::{Audience, Room, ToRooms};
use super::runner::{Runner, Runs};
use super::socket_data::SocketData;
use super::socket_id::SocketId;
use crate::engine::{Opening, TransportKind};
use crate::protocol::{Arguments, Draft, EncodeError, Encoded, ToArguments, disconnect, event};

/// A client in a namespace. It is cheap to clone; a clone is the same socket.
///
/// # Handlers
///
/// A handler is an async function or closure that takes the socket and what it needs of the event. What it returns is the
/// acknowledgement, if the client waits for one; see [`IntoReply`](crate::IntoReply).
///
/// ```
/// use longwire_socketio::{Data, Socket};
///
/// async fn connected(socket: Socket) {
///     socket.on("message", |socket, Data(text): Data<String>| async move {
///         socket.broadcast().emit("message", (socket.id(), text)).ok();
///     });
///     socket.on("add", |_socket, Data((a, b)): Data<(i64, i64)>| async move { a + b });
///     socket.on_disconnect(|socket, reason| async move { println!("{} has gone: {reason}", socket.id()) });
/// }
/// ```
///
/// The handlers of a socket run one at a time, in the order of its events: first that of its connection, and last that of its
/// disconnection. A handler that waits delays the later events of its socket, and no others. While
/// [`waiting_events`](crate::SocketIoConfig::waiting_events) wait, nothing more is read from the client: it is slowed down to the
/// pace of its handlers, and no event is lost. Work that should not delay events, such as a loop that never ends, belongs into
/// `tokio::spawn`. Acknowledgements of [`emit_with_ack`](Socket::emit_with_ack) are no events, so a handler can await them; one
/// that comes behind events for which there is no room yet arrives late.
///
/// A handler runs on the thread that received the event up to its first wait, so it must not block. It goes on when the client
/// leaves. Events that arrived before the client left are handled, too; if the server disconnected it, those that have not begun
/// are dropped. If a handler panics, only its client is disconnected.
#[derive(Clone)]
pub struct Socket {
    shared: Arc<SocketShared>,
}

struct SocketShared {
    id: SocketId,
    key: Key,
    namespace: ByteString,
    auth: Auth,
    is_recovered: bool,
    is_connected: AtomicBool,
    client: Arc<Client<Socket>>,
    members: Arc<Members<Socket>>,
    data: Arc<SocketData>,
    acks: Mutex<Acks>,
    runner: Runner<Socket>,
    /// The rooms of a socket that is disconnected.
    last_rooms: Mutex<Vec<Room>>,
}

/// What makes a socket.
pub(super) struct NewSocket {
    pub(super) id: SocketId,
    pub(super) key: Key,
    pub(super) namespace: ByteString,
    pub(super) auth: Auth,
    pub(super) client: Arc<Client<Socket>>,
    pub(super) members: Arc<Members<Socket>>,
    /// The data of the socket that it continues.
    pub(super) recovered: Option<Arc<SocketData>>,
}

impl Socket {
    pub(super) fn new(new: NewSocket) -> Socket {
        let NewSocket { id, key, namespace, auth, client, members, recovered } = new;
        let shared = SocketShared {
            id,
            key,
            namespace,
            auth,
            is_recovered: recovered.is_some(),
            is_connected: AtomicBool::new(false),
            client,
            members,
            data: recovered.unwrap_or_default(),
            acks: Mutex::default(),
            runner: Runner::new(),
            last_rooms: Mutex::default(),
        };
        Socket { shared: Arc::new(shared) }
    }

    /// The client is in the namespace from now on.
    pub(super) fn set_connected(&self) {
        self.shared.is_connected.store(true, Ordering::Release);
    }

    pub(super) fn members(&self) -> &Arc<Members<Socket>> {
        &self.shared.members
    }

    pub(super) fn namespace_name(&self) -> &ByteString {
        &self.shared.namespace
    }

    pub(super) fn client(&self) -> &Arc<Client<Socket>> {
        &self.shared.client
    }

    pub(super) fn acks(&self) -> MutexGuard<'_, Acks> {
        self.shared.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn handlers(&self) -> &Handlers<Socket> {
        &self.shared.runner.handlers
    }

    /// Runs the handler of the connection, before those of events.
    pub(super) fn run_first(&self, handler: Running) {
        Runner::run_first(self, handler);
    }

    /// An event has arrived; with `id` if the client waits for an answer.
    pub(super) fn receive(&self, name: ByteString, id: Option<u64>, arguments: Arguments) {
        let bytes = arguments.size();
        let mut event = Incoming::new(name, arguments);
        if let Some(id) = id {
            event.expect_answer(&self.shared.client.connection, &self.shared.namespace, id);
        }
        Runner::receive(self, event, bytes);
    }

    /// The identifier of the socket, which the client knows as `socket.id`.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.shared.id
    }

    /// The name of the namespace, such as `/`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// Whether the client is in the namespace.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.is_connected.load(Ordering::Acquire)
    }

    /// Whether the socket continues after an interruption, with the identifier, rooms and data of before; see
    /// [`RecoveryConfig`](crate::RecoveryConfig).
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.shared.is_recovered
    }

    /// What the client sent to connect.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.shared.auth
    }

    /// The HTTP request that opened the connection, with headers, query and address.
    #[must_use]
    pub fn request(&self) -> &Opening {
        &self.shared.client.opening
    }

    /// The headers of the request that opened the connection; see [`Opening::headers`].
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.request().headers
    }

    /// The transport at the moment. A client usually begins with polling.
    #[must_use]
    pub fn transport(&self) -> TransportKind {
        self.shared.client.connection.transport()
    }

    /// Stores a value for the socket, in place of an earlier one of the same type. It survives an interruption.
    ///
    /// ```
    /// use longwire_socketio::{Auth, ConnectError, Data, Socket};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// async fn authenticate(socket: Socket, auth: Auth) -> Result<(), ConnectError> {
    ///     socket.insert(auth.parse::<User>()?);
    ///     Ok(())
    /// }
    ///
    /// async fn say(socket: Socket, Data(text): Data<String>) {
    ///     let Some(user) = socket.get::<User>() else { return };
    ///     socket.broadcast().emit("say", (&user.name, text)).ok();
    /// }
    /// ```
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.shared.data.insert(value);
    }

    /// The stored value of this type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.shared.data.get()
    }

    /// Sends an event to the client. A tuple is several arguments; see [`ToArguments`]. If the client has gone, nothing happens.
    ///
    /// Never waits. If the client reads so slowly that
    /// [`EngineConfig::max_queued`](crate::engine::EngineConfig::max_queued) bytes wait for it, it is disconnected.
    ///
    /// # Errors
    ///
    /// If the event's name is reserved, or the data cannot be JSON.
    pub fn emit(&self, event: &str, data: impl ToArguments) -> Result<(), EncodeError> {
        self.emit_as(event, data, Delivery::Reliable)
    }

    pub(super) fn emit_as(
        &self,
        name: &str,
        data: impl ToArguments,
        delivery: Delivery,
    ) -> Result<(), EncodeError> {
        let draft = event(&self.shared.namespace, name, data)?;
        if !self.is_connected() {
            return Ok(());
        }
        if self.shared.client.config.recovery.is_some() {
            self.shared.members.emit(&draft, Audience::room(self.shared.id.room()), delivery);
        } else {
            self.deliver(&draft.finish(None), delivery);
            self.tell_if_listens(&draft);
        }
        Ok(())
    }

    /// Tells the listeners of an event that was sent to this socket alone.
    pub(super) fn tell_if_listens(&self, event: &Draft) {
        if self.listens() {
            let (name, arguments) = event.content();
            self.tell_sent(&name, &arguments);
        }
    }

    /// Adds the socket to a room, or to several. A socket that would be in more than
    /// [`SocketIoConfig::rooms`](crate::SocketIoConfig::rooms) is disconnected, as is one that would be in a room with a
    /// longer name than allowed.
    pub fn join(&self, rooms: impl ToRooms) {
        let config = &self.shared.client.config;
        for room in rooms.to_rooms() {
            let is_too_long = room.len() > config.room_name;
            if is_too_long || !self.shared.members.join(self.shared.key, room, config.rooms) {
                tracing::warn!(client = %self.shared.client, "closing: too many rooms, or too long a name of one");
                self.shared.client.close(DisconnectReason::ForcedServerClose);
                return;
            }
        }
    }

    /// Removes the socket from a room, or from several.
    pub fn leave(&self, rooms: impl ToRooms) {
        for room in rooms.to_rooms() {
            self.shared.members.leave(self.shared.key, &room);
        }
    }

    /// The rooms of the socket. One of them has its [identifier](Socket::id) as its name. A disconnected socket returns those of
    /// before.
    #[must_use]
    pub fn rooms(&self) -> Vec<Arc<str>> {
        if self.is_connected() {
            return self.shared.members.rooms(self.shared.key);
        }
        self.shared.last_rooms.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes the client from the namespace. Its connection goes on, with its other namespaces.
    pub fn disconnect(&self) {
        if !self.is_connected() {
            return;
        }
        self.shared.client.session().expel(&self.shared.namespace);
        self.shared.client.send(&disconnect(&self.shared.namespace));
        self.finish(DisconnectReason::ServerNamespaceDisconnect);
    }

    /// Removes the client from all namespaces and closes its connection.
    pub fn close_client(&self) {
        let client = &self.shared.client;
        let sockets = client.session().close();
        for socket in sockets {
            socket.disconnect();
        }
        client.close(DisconnectReason::ServerNamespaceDisconnect);
    }

    /// Closes the connection without a word, with all of its namespaces. The official clients then reconnect, other than after
    /// [`disconnect`](Socket::disconnect) and [`close_client`](Socket::close_client).
    pub fn close_connection(&self) {
        self.shared.client.close(DisconnectReason::ForcedServerClose);
    }

    /// Closes the connection of a client that reads too slowly, with [`DisconnectReason::TooSlow`]. What waits for it is dropped.
    pub fn close_slow(&self) {
        self.shared.client.close(DisconnectReason::TooSlow);
    }

    /// Waits until nothing waits for the client any more: its transport has taken everything, or it has gone. It paces a sender
    /// that could overwhelm a slow client.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost if the future is dropped.
    pub async fn drained(&self) {
        self.shared.client.connection.drained().await;
    }
}

impl Member for Socket {
    fn key(&self) -> Key {
        self.shared.key
    }

    fn deliver(&self, packet: &Encoded, delivery: Delivery) {
        let connection = &self.shared.client.connection;
        match delivery {
            Delivery::Reliable => send(connection, packet),
            Delivery::Volatile => connection.send_if_writable(packet.messages()).or_drop(),
        }
    }

    fn expect_ack(&self, id: u64, limit: usize) -> Option<AwaitedAck> {
        self.acks().expect(id, limit)
    }

    fn listens(&self) -> bool {
        self.handlers().has_outgoing()
    }

    fn tell_sent(&self, name: &str, arguments: &Arguments) {
        for listener in self.handlers().outgoing() {
            listener(self, name, arguments);
        }
    }

    fn finish(&self, reason: DisconnectReason) {
        if !self.shared.is_connected.swap(false, Ordering::AcqRel) {
            return;
        }
        let parked = reason.is_recoverable().then(|| Arc::clone(&self.shared.data));
        let rooms = self.shared.members.remove(self.shared.key, &self.shared.id, parked);
        *self.shared.last_rooms.lock().unwrap_or_else(PoisonError::into_inner) = rooms;
        self.acks().clear();
        let earlier = if reason.drops_waiting_events() { Earlier::Dropped } else { Earlier::Run };
        Runner::run_last(self, reason, earlier);
    }
}

impl Runs for Socket {
    fn runner(&self) -> &Runner<Socket> {
        &self.shared.runner
    }

    fn runtime(&self) -> &Handle {
        &self.shared.client.runtime
    }

    fn fail(&self) {
        self.shared.client.close(DisconnectReason::ForcedServerClose);
    }

    fn event_waits(&self, bytes: usize) {
        let client = &self.shared.client;
        client.backlog.enter(bytes, &client.connection);
    }

    fn events_freed(&self, freed: Freed) {
        self.shared.client.backlog.leave(freed);
    }
}

/// The address of the client, and the namespace.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.shared.client, self.shared.namespace)
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Socket) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Socket {}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.shared.id)
            .field("namespace", &self.shared.namespace)
            .field("is_connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}
