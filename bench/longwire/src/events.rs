//! Socket.IO on the event loop.

use bench_kit::events::{Publication, Quote};
use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{Data, Reply, SocketIo};

/// A server with the events of `bench_kit::events`.
pub(crate) fn engine() -> Engine<SocketIo> {
    let io = SocketIo::new();
    let all = io.clone();
    io.on_connect(async move |socket, _auth| {
        socket.on("echo", |socket, Data(quote): Data<Quote>| async move {
            socket.emit("echo", quote).ok();
        });
        socket.on("ask", |_socket, Data(quote): Data<Quote>| async move { Reply(quote) });
        socket.on("join", |socket, Data(room): Data<String>| async move { socket.join(room) });
        socket.on("publish", async move |_socket, Data((room, content)): Data<(String, Publication)>| {
            all.to(room).emit("message", content).ok();
        });
    });
    let mut config = EngineConfig::default();
    // All clients come from one address.
    config.max_sessions_per_ip = config.max_sessions;
    Engine::new(io, config)
}
