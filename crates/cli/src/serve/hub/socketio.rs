//! `/socket.io/`: the hub for clients of Socket.IO, over polling and WebSocket.

mod client;
mod commands;
mod events;

use std::sync::Arc;

use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{Ack, Arguments, ConnectError, Socket, SocketIo, SocketIoConfig};

use super::streams::Streams;
use crate::config::LimitsSection;
use client::HubClient;
use commands::Method;

/// Events of a client that wait for room in its session's inbox, which has room for fewer.
const WAITING_EVENTS: usize = 4_096;

/// The bytes of these events.
const WAITING_EVENT_BYTES: usize = 1 << 20;

/// What a packet has beside a publication.
const ENVELOPE: usize = 64 << 10;

/// The hub's server for clients of Socket.IO. Each client is a session of the hub, in the main namespace.
pub(crate) fn engine(streams: Arc<Streams>, limits: &LimitsSection) -> Engine<SocketIo> {
    let mut config = SocketIoConfig::default();
    config.namespaces = 1;
    config.waiting_events = WAITING_EVENTS;
    config.waiting_event_bytes = WAITING_EVENT_BYTES;
    let io = SocketIo::with(config);
    io.use_middleware(async move |socket, _auth| connect(&streams, &socket).await);
    io.on_connect(async |socket, _auth| begin(&socket));
    let mut config = EngineConfig::default();
    config.max_sessions = limits.max_connections;
    config.max_sessions_per_ip = limits.max_connections_per_ip;
    // Each character of a JSON string may be escaped.
    let longest = limits.max_publication.0.saturating_mul(2).saturating_add(ENVELOPE);
    config.max_payload = config.max_payload.max(longest).min(limits.max_message.0);
    // One message at a time leaves the outbox of a client, whatever its length.
    config.max_queued = limits.max_buffered.0;
    config.max_queued_in_total = limits.max_buffered.0;
    Engine::new(io, config)
}

/// Asks the hub whether the client may connect.
async fn connect(streams: &Arc<Streams>, socket: &Socket) -> Result<(), ConnectError> {
    let client = HubClient::connect(streams, socket).await?;
    socket.insert(client);
    Ok(())
}

/// Lets a client speak that has connected.
fn begin(socket: &Socket) {
    let Some(client) = socket.get::<HubClient>() else { return };
    for method in Method::ALL {
        socket.on(method.event(), async move |socket: Socket, (arguments, ack): (Arguments, Ack)| {
            request(&socket, method, &arguments, ack).await;
        });
    }
    let leaving = Arc::clone(&client);
    socket.on_disconnect(async move |_socket, _reason| leaving.leave());
    let socket = socket.clone();
    tokio::spawn(async move { client.speak(&socket).await });
}

/// Hands a command to the client's session. It waits while many do.
async fn request(socket: &Socket, method: Method, arguments: &Arguments, ack: Ack) {
    let Some(client) = socket.get::<HubClient>() else { return };
    let request = match arguments.attachments() {
        [] => commands::request(method, arguments.as_json()),
        _ => Err("binary data cannot be sent to a channel".into()),
    };
    match request {
        Ok(request) => client.request(request, ack).await,
        Err(problem) => HubClient::refuse(ack, &problem),
    }
}
