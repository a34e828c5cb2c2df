//! An Engine.IO server that sends every message back. The official test suite of the protocol passes against it:
//!
//! ```text
//! cargo run -p longwire-socketio --example engine_echo -- 127.0.0.1:3000 /engine.io/ 300 200
//! ```
//!
//! The arguments are the address, the path, and the interval and timeout of pings in milliseconds.

use std::time::Duration;

use longwire::{MessageRef, Server};
use longwire_socketio::engine::{
    Application, CloseReason, Engine, EngineConfig, EngineConnection, EngineMessage, Opening,
};

struct Echo;

impl Application for Echo {
    type Session = ();

    fn on_open(&self, connection: &EngineConnection, opening: Opening) {
        println!("{connection:?} opened by {}", opening.transport);
    }

    fn on_message(&self, _session: &mut (), connection: &EngineConnection, message: MessageRef<'_>) {
        connection.send(EngineMessage::from(message)).or_drop();
    }

    fn on_close(&self, _session: (), connection: &EngineConnection, reason: CloseReason) {
        println!("{connection:?} ended: {reason}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let mut config = EngineConfig::default();
    if let Some(path) = arguments.next() {
        config.path = path;
    }
    if let (Some(interval), Some(timeout)) = (arguments.next(), arguments.next()) {
        config.ping_interval = Duration::from_millis(interval.parse()?);
        config.ping_timeout = Duration::from_millis(timeout.parse()?);
    }
    let engine = Engine::new(Echo, config);
    let stopping = engine.clone();
    let server = Server::bind(&address).await?;
    println!("Engine.IO on http://{}{}", server.local_addr(), engine.path());
    server
        .shutdown(async move {
            tokio::signal::ctrl_c().await.unwrap_or_default();
            stopping.shut_down();
        })
        .route(engine.path(), engine.handler())
        .http(engine.service())
        .run()
        .await?;
    Ok(())
}
