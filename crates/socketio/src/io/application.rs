//! Socket.IO on top of Engine.IO.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use bytestring::ByteString;
use longwire::MessageRef;
use serde::Deserialize;
use tokio::task::AbortHandle;

use super::auth::{Auth, ConnectError};
use super::caught::Caught;
use super::client::Client;
use super::key::Key;
use super::member::Member;
use super::members::Continued;
use super::namespace::Namespace;
use super::reason::DisconnectReason;
use super::recovery::{Restored, new_pid};
use super::session::Addressee;
use super::socket::{NewSocket, Socket};
use super::socket_data::SocketData;
use super::socket_id::SocketId;
use super::socket_io::SocketIo;
use crate::engine::{Application, CloseReason, EngineConnection, Opening};
use crate::protocol::{Decoder, PacketContent, PacketError, SocketPacket, connect_error, connected};

/// A client's part of the application: what only the receiving side needs, and what all share.
#[doc(hidden)]
#[derive(Debug)]
pub struct ClientSession {
    decoder: Decoder,
    client: Arc<Client<Socket>>,
    /// Ends the client if attachments do not come.
    deadline: Option<AbortHandle>,
}

impl Application for SocketIo {
    type Session = ClientSession;

    fn on_open(&self, connection: &EngineConnection, opening: Opening) -> ClientSession {
        let config = Arc::clone(self.config());
        let decoder = Decoder::new(config.packets.clone());
        let client = Client::new(connection.clone(), opening, config);
        client.start_deadline();
        ClientSession { decoder, client, deadline: None }
    }

    fn on_message(
        &self,
        session: &mut ClientSession,
        _connection: &EngineConnection,
        message: MessageRef<'_>,
    ) {
        match session.decode(message) {
            Ok(None) => {}
            Ok(Some(packet)) => self.handle(&session.client, packet),
            Err(error) => {
                tracing::debug!(client = %session.client, "closing: {error}");
                session.client.close(DisconnectReason::ParseError);
            }
        }
    }

    fn on_close(&self, session: ClientSession, _connection: &EngineConnection, reason: CloseReason) {
        session.stop_waiting();
        session.client.finish(DisconnectReason::from(reason));
    }
}

impl ClientSession {
    fn decode(&mut self, message: MessageRef<'_>) -> Result<Option<SocketPacket>, PacketError> {
        let was_waiting = self.decoder.is_waiting();
        let packet = match message {
            MessageRef::Text(text) => self.decoder.text(&ByteString::from(text)),
            MessageRef::Binary(data) => self.decoder.binary(Bytes::copy_from_slice(data)),
        };
        match (was_waiting, self.decoder.is_waiting()) {
            (false, true) => self.start_waiting(),
            (true, false) => self.stop_waiting(),
            (true, true) | (false, false) => {}
        }
        packet
    }

    fn start_waiting(&mut self) {
        let (client, time) = (Arc::downgrade(&self.client), self.client.config.attachment_timeout);
        let task = self.client.runtime.spawn(async move {
            tokio::time::sleep(time).await;
            if let Some(client) = client.upgrade() {
                tracing::debug!(client = %client, "closing: the attachments of a packet did not arrive in time");
                client.close(DisconnectReason::ParseError);
            }
        });
        self.deadline = Some(task.abort_handle());
    }

    fn stop_waiting(&self) {
        if let Some(deadline) = &self.deadline {
            deadline.abort();
        }
    }
}

impl SocketIo {
    fn handle(&self, client: &Arc<Client<Socket>>, packet: SocketPacket) {
        let SocketPacket { namespace, content } = packet;
        match content {
            PacketContent::Connect { auth } => self.connect(client, &namespace, Auth::new(auth)),
            PacketContent::Disconnect => {
                let addressee = client.session().leave(&namespace);
                reach(client, addressee, |socket| socket.finish(DisconnectReason::ClientNamespaceDisconnect));
            }
            PacketContent::Event { name, id, arguments } => {
                let addressee = client.session().find(&namespace);
                reach(client, addressee, |socket| socket.receive(name, id, arguments));
            }
            PacketContent::Ack { id, arguments } => {
                let addressee = client.session().find(&namespace);
                reach(client, addressee, |socket| socket.acks().answer(id, arguments));
            }
        }
    }

    /// A client asks for a namespace.
    fn connect(&self, client: &Arc<Client<Socket>>, name: &ByteString, auth: Auth) {
        if !client.session().connect(name) {
            tracing::debug!(client = %client, "closing: a namespace was joined twice, or too many were");
            client.close(DisconnectReason::ForcedServerClose);
            return;
        }
        let Ok(namespace) = self.join(name, &auth) else {
            return refuse(client, name, &ConnectError::new("Invalid namespace"));
        };
        let joining = Joining { client: Arc::clone(client), namespace, name: name.clone(), auth };
        if !joining.restore() {
            joining.start();
        }
    }
}

fn reach(client: &Client<Socket>, addressee: Addressee<Socket>, use_socket: impl FnOnce(Socket)) {
    match addressee {
        Addressee::Socket(socket) => use_socket(socket),
        Addressee::Removed => {}
        Addressee::Invalid => {
            tracing::debug!(client = %client, "closing: a packet for a namespace that was not joined");
            client.close(DisconnectReason::ForcedServerClose);
        }
    }
}

fn refuse(client: &Client<Socket>, name: &str, error: &ConnectError) {
    if client.session().refuse(name) {
        client.send(&connect_error(name, &error.to_json()));
    }
}

/// A client on its way into a namespace.
struct Joining {
    client: Arc<Client<Socket>>,
    namespace: Namespace,
    name: ByteString,
    auth: Auth,
}

impl Drop for Joining {
    fn drop(&mut self) {
        self.namespace.members().end_joining();
    }
}

/// What the client adds to its credentials if it wants to continue.
#[derive(Deserialize)]
struct EarlierSession<'a> {
    #[serde(borrow)]
    pid: Cow<'a, str>,
    #[serde(borrow, default)]
    offset: Option<Cow<'a, str>>,
}

impl Joining {
    /// Continues an earlier session. `false`: there is none, or something of it is missing.
    fn restore(&self) -> bool {
        if self.client.config.recovery.is_none() {
            return false;
        }
        let Ok(EarlierSession { pid, offset }) = serde_json::from_str(self.auth.as_json()) else {
            return false;
        };
        let offset = offset.as_deref();
        let continued = match self.try_restore(&pid, offset) {
            Continued::StillConnected(socket) => {
                // The client has come back before the server noticed that it was gone.
                socket.client().close(DisconnectReason::TransportClose);
                self.try_restore(&pid, offset)
            }
            other => other,
        };
        match continued {
            Continued::Restored(socket) => {
                self.greet(&socket);
                true
            }
            Continued::Gone => true,
            Continued::StillConnected(_) | Continued::Unknown => false,
        }
    }

    fn try_restore(&self, pid: &str, offset: Option<&str>) -> Continued<Socket> {
        let make = |key, restored: &Restored| {
            let greeting = connected(&self.name, &restored.id, Some(&restored.pid()));
            let socket = self.socket(key, restored.id.clone(), Some(Arc::clone(&restored.data)));
            (socket, greeting)
        };
        self.namespace.members().restore(pid, offset, make, |socket| self.enter(socket))
    }

    fn socket(&self, key: Key, id: SocketId, recovered: Option<Arc<SocketData>>) -> Socket {
        Socket::new(NewSocket {
            id,
            key,
            namespace: self.name.clone(),
            auth: self.auth.clone(),
            client: Arc::clone(&self.client),
            members: Arc::clone(self.namespace.members()),
            recovered,
        })
    }

    /// Asks the middleware, here if it answers at once.
    fn start(self) {
        let socket = self.socket(self.namespace.members().next_key(), SocketId::random(), None);
        if !self.namespace.hooks().has_middleware() {
            return self.admit(&socket);
        }
        let client = Arc::clone(&self.client);
        let runtime = client.runtime.clone();
        let mut deciding = Box::pin(async move {
            if let Err(panic) = Caught(Box::pin(self.decide(socket))).await {
                tracing::error!(client = %client, "closing: a middleware panicked: {panic}");
                client.close(DisconnectReason::ForcedServerClose);
            }
        });
        if deciding.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            runtime.spawn(deciding);
        }
    }

    async fn decide(self, socket: Socket) {
        match self.namespace.hooks().decide(&socket, &self.auth).await {
            Ok(()) => self.admit(&socket),
            Err(error) => {
                self.namespace.members().forget(socket.key());
                refuse(&self.client, &self.name, &error);
            }
        }
    }

    fn admit(&self, socket: &Socket) {
        let pid = self.client.config.recovery.as_ref().map(|_| new_pid());
        let greeting = connected(&self.name, socket.id(), pid.as_deref());
        let members = self.namespace.members();
        if members.add(socket, socket.id(), pid, &greeting, || self.enter(socket)) {
            self.greet(socket);
        }
    }

    /// The client has the socket from now on, unless it has gone.
    fn enter(&self, socket: &Socket) -> bool {
        let is_joined = self.client.session().join(&self.name, socket.clone());
        if is_joined {
            socket.set_connected();
        }
        is_joined
    }

    fn greet(&self, socket: &Socket) {
        self.client.stop_deadline();
        socket.run_first(self.namespace.hooks().connected(socket.clone(), self.auth.clone()));
    }
}
