//! `tokio-websockets` as an echo, with its default limits: `cargo run --bin tokio-websockets-server PORT`.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::ServerBuilder;

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn echo(stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (_request, mut socket) = ServerBuilder::new().accept(stream).await?;
    while let Some(message) = socket.next().await {
        // The Close frame for an error is sent when the stream is polled again.
        let Ok(message) = message else { continue };
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let port: u16 = std::env::args().nth(1).ok_or("which port?")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        // What goes wrong ends that connection alone.
        tokio::spawn(echo(stream));
    }
}
