//! A chat with rooms. The official client speaks to it:
//!
//! ```text
//! cargo run -p longwire-socketio --example rooms
//! ```
//!
//! ```js
//! import { io } from "socket.io-client";
//!
//! const socket = io("http://127.0.0.1:3000/chat", { auth: { name: "Ann" } });
//! socket.on("message", (name, text) => console.log(`${name}: ${text}`));
//! const members = await socket.emitWithAck("enter", "kitchen");
//! socket.emit("message", "kitchen", "Hello!");
//! ```

use longwire::Server;
use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{Auth, ConnectError, Data, RecoveryConfig, Socket, SocketIo, SocketIoConfig};

struct Name(String);

#[derive(serde::Deserialize)]
struct Login {
    name: String,
}

async fn log_in(socket: Socket, auth: Auth) -> Result<(), ConnectError> {
    let login: Login = auth.parse().map_err(|_| "say who you are: { auth: { name } }")?;
    if login.name.trim().is_empty() || login.name.len() > 40 {
        return Err(ConnectError::new("a name has 1 to 40 characters"));
    }
    socket.insert(Name(login.name));
    Ok(())
}

fn name(socket: &Socket) -> String {
    socket.get::<Name>().map_or_else(|| "somebody".to_owned(), |name| name.0.clone())
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let mut config = SocketIoConfig::default();
    config.recovery = Some(RecoveryConfig::default());
    let io = SocketIo::with(config);
    let chat = io.of("/chat");
    chat.use_middleware(log_in);
    let members = chat.clone();
    chat.on_connect(async move |socket, _auth| {
        socket.on("enter", async move |socket, Data(room): Data<String>| {
            socket.join(&room);
            socket.to(&room).emit("entered", name(&socket)).ok();
            members.to(&room).fetch_sockets().iter().map(name).collect::<Vec<_>>()
        });
        socket.on("message", |socket, Data((room, text)): Data<(String, String)>| async move {
            socket.to(&room).emit("message", (name(&socket), text)).ok();
        });
        socket.on_disconnect(|socket, reason| async move {
            socket.broadcast().emit("left", (name(&socket), reason.as_str())).ok();
        });
    });
    let engine = Engine::new(io, EngineConfig::default());
    let server = Server::bind("127.0.0.1:3000").await?.origins(["http://localhost:8080"]);
    println!("Socket.IO on http://{}", server.local_addr());
    server.route(engine.path(), engine.handler()).http(engine.service()).run().await
}
