//! The server against which the official test suite of the Socket.IO protocol runs:
//!
//! ```text
//! cargo run -p longwire-socketio --example protocol
//! ```

use std::time::Duration;

use longwire::Server;
use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{Arguments, Reply, SocketIo, SocketIoConfig};

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let mut config = SocketIoConfig::default();
    config.connect_timeout = Duration::from_secs(1);
    let io = SocketIo::with(config);
    for name in ["/", "/custom"] {
        io.of(name).on_connect(|socket, auth| async move {
            socket.emit("auth", auth.parse::<serde_json::Value>().unwrap_or_default()).ok();
            socket.on("message", |socket, arguments: Arguments| async move {
                socket.emit("message-back", arguments).ok();
            });
            socket.on("message-with-ack", |_socket, arguments: Arguments| async move { Reply(arguments) });
        });
    }
    let mut config = EngineConfig::default();
    config.ping_interval = Duration::from_millis(300);
    config.ping_timeout = Duration::from_millis(200);
    let engine = Engine::new(io, config);
    let server = Server::bind("127.0.0.1:3000").await?;
    println!("Socket.IO on http://{}", server.local_addr());
    server.route(engine.path(), engine.handler()).http(engine.service()).run().await
}
