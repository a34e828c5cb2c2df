//! A server that sends every message back: `cargo run -p longwire --example echo`, then `longwire connect
//! ws://127.0.0.1:8080`.

use longwire::{Server, WebSocket};

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::bind(address).await?;
    println!("echo: ws://{}", server.local_addr());
    server
        .serve(async |mut socket: WebSocket| {
            while let Some(message) = socket.recv().await? {
                socket.send(message).await?;
            }
            Ok(())
        })
        .await
}
