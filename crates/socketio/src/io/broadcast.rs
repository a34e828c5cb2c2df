//! Events for several sockets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use super::cluster::message::Order;
use super::cluster::{Cluster, Replies};
use super::member::Delivery;
use super::members::Members;
use super::rooms::{Audience, ToRooms};
use super::socket::Socket;
use crate::protocol::{Draft, EncodeError, ToArguments, event};

/// Several sockets of a namespace: those in some rooms, or all, except those in other rooms. A method of it does something with
/// all of them.
///
/// ```
/// # fn run(io: longwire_socketio::SocketIo) {
/// io.to("news").emit("headline", "It rains").ok();
/// io.to(["tea", "coffee"]).except("closed").emit("order", ("cake", 2)).ok();
/// io.of("/chat").to("lobby").sockets_join("room 1");
/// # }
/// ```
///
/// An event is encoded once for all of them. A socket that is in several of the rooms gets it once. All sockets of a namespace
/// get its broadcasts in the same order.
#[must_use = "choose what to do with these sockets, such as `emit`"]
#[derive(Clone)]
pub struct Broadcast {
    namespace: ByteString,
    members: Arc<Members<Socket>>,
    audience: Audience,
    delivery: Delivery,
    ack_time: Option<Duration>,
    /// Whether other nodes are left out.
    is_local: bool,
}

impl Broadcast {
    pub(super) fn new(namespace: ByteString, members: Arc<Members<Socket>>) -> Broadcast {
        let (audience, delivery) = (Audience::default(), Delivery::Reliable);
        Broadcast { namespace, members, audience, delivery, ack_time: None, is_local: false }
    }

    /// These sockets of this node.
    pub(super) fn of(namespace: ByteString, members: Arc<Members<Socket>>, audience: Audience) -> Broadcast {
        Broadcast { audience, is_local: true, ..Broadcast::new(namespace, members) }
    }

    /// The other nodes, unless they are left out.
    fn others(&self) -> Option<&Arc<Cluster>> {
        self.members.context.cluster.as_ref().filter(|_| !self.is_local)
    }

    /// Wants something done by the other nodes.
    fn order_others(&self, order: impl FnOnce() -> Order) {
        if let Some(others) = self.others() {
            others.order(&self.namespace, self.audience.clone(), order(), Vec::new());
        }
    }

    /// Asks the other nodes, if there are any.
    pub(super) fn ask_others(
        &self,
        order: impl FnOnce(u64) -> Order,
        attachments: Vec<Bytes>,
    ) -> Option<Replies> {
        Some(self.others()?.ask(&self.namespace, self.audience.clone(), order, attachments))
    }

    /// Sends an event to the sockets of this node.
    pub(super) fn emit_draft(self, event: &Draft, delivery: Delivery) {
        self.members.emit(event, self.audience, delivery);
    }

    pub(super) fn namespace(&self) -> &ByteString {
        &self.namespace
    }

    pub(super) fn members(&self) -> &Members<Socket> {
        &self.members
    }

    pub(super) fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Leaves out the sockets of other nodes.
    pub fn local(mut self) -> Broadcast {
        self.is_local = true;
        self
    }

    /// How long clients may take to answer.
    pub(super) fn ack_time(&self) -> Duration {
        self.ack_time.unwrap_or(self.members.context.config.ack_timeout)
    }

    /// Adds the sockets of a room, or of several. Without it, all sockets are addressed.
    pub fn to(mut self, rooms: impl ToRooms) -> Broadcast {
        self.audience.rooms.extend(rooms.to_rooms());
        self
    }

    /// Leaves out the sockets of a room, or of several.
    pub fn except(mut self, rooms: impl ToRooms) -> Broadcast {
        self.audience.except.extend(rooms.to_rooms());
        self
    }

    /// A client that cannot take the event at once, such as one between two polls or one that reads slowly, does not get it.
    pub fn volatile(mut self) -> Broadcast {
        self.delivery = Delivery::Volatile;
        self
    }

    /// How long clients may take to answer [`emit_with_ack`](Broadcast::emit_with_ack);
    /// [`SocketIoConfig::ack_timeout`](crate::SocketIoConfig::ack_timeout) otherwise.
    pub fn timeout(mut self, time: Duration) -> Broadcast {
        self.ack_time = Some(time);
        self
    }

    /// Sends an event to the sockets. A tuple is several arguments; see [`ToArguments`]. Never waits.
    ///
    /// # Errors
    ///
    /// If the event's name is reserved, or the data cannot be JSON.
    pub fn emit(self, name: &str, data: impl ToArguments) -> Result<(), EncodeError> {
        let event = event(&self.namespace, name, data)?;
        if let Some(others) = self.others() {
            let ((elements, attachments), delivery) = (event.parts(), self.delivery);
            let order = Order::Emit { elements, delivery };
            others.order(&self.namespace, self.audience.clone(), order, attachments);
        }
        self.members.emit(&event, self.audience, self.delivery);
        Ok(())
    }

    /// The sockets of this server. [`fetch_all_sockets`](Broadcast::fetch_all_sockets) asks the other nodes, too.
    #[must_use]
    pub fn fetch_sockets(&self) -> Vec<Socket> {
        self.members.select(&self.audience)
    }

    /// Adds the sockets to a room, or to several.
    pub fn sockets_join(&self, rooms: impl ToRooms) {
        let rooms = rooms.to_rooms();
        self.order_others(|| Order::Join(rooms.clone()));
        self.fetch_sockets().iter().for_each(|socket| socket.join(&rooms));
    }

    /// Removes the sockets from a room, or from several.
    pub fn sockets_leave(&self, rooms: impl ToRooms) {
        let rooms = rooms.to_rooms();
        self.order_others(|| Order::Leave(rooms.clone()));
        self.fetch_sockets().iter().for_each(|socket| socket.leave(&rooms));
    }

    /// Removes the clients from the namespace; see [`Socket::disconnect`].
    pub fn disconnect_sockets(&self) {
        self.order_others(|| Order::Disconnect);
        self.fetch_sockets().iter().for_each(Socket::disconnect);
    }

    /// Closes the clients' connections; see [`Socket::close_client`].
    pub fn close_clients(&self) {
        self.order_others(|| Order::CloseClients);
        self.fetch_sockets().iter().for_each(Socket::close_client);
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("namespace", &self.namespace)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Socket {
    /// All sockets of the namespace except this one.
    pub fn broadcast(&self) -> Broadcast {
        let everybody = Broadcast::new(self.namespace_name().clone(), Arc::clone(self.members()));
        everybody.except(self.id())
    }

    /// The sockets of a room, or of several, except this one.
    pub fn to(&self, rooms: impl ToRooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// All sockets of the namespace except this one and those of a room, or of several.
    pub fn except(&self, rooms: impl ToRooms) -> Broadcast {
        self.broadcast().except(rooms)
    }

    /// Sends events that may be lost: a client that cannot take one at once does not get it.
    ///
    /// ```
    /// # fn run(socket: longwire_socketio::Socket) {
    /// socket.volatile().emit("position", (3, 4)).ok();
    /// # }
    /// ```
    pub fn volatile(&self) -> VolatileSocket<'_> {
        VolatileSocket { socket: self }
    }
}

/// Sends events that may be lost; see [`Socket::volatile`].
#[must_use = "send something with `emit`"]
#[derive(Debug, Clone, Copy)]
pub struct VolatileSocket<'s> {
    socket: &'s Socket,
}

impl VolatileSocket<'_> {
    /// Sends an event if the client can take it at once.
    ///
    /// # Errors
    ///
    /// If the event's name is reserved, or the data cannot be JSON.
    pub fn emit(self, event: &str, data: impl ToArguments) -> Result<(), EncodeError> {
        self.socket.emit_as(event, data, Delivery::Volatile)
    }
}
