//! Sends a file of any size as one message without holding it in memory, and says what arrived: `cargo run -p longwire
//! --example stream_file -- README.md`.

use longwire::{Error, Limits, Server, WebSocket, connect};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// Sends a file piece by piece. Each piece waits until there is room for it.
async fn send_file(socket: &mut WebSocket, path: &str) -> longwire::Result<()> {
    let mut file = File::open(path).await.map_err(Error::other)?;
    let mut message = socket.stream_binary().await?;
    let mut piece = Vec::with_capacity(64 << 10);
    while file.read_buf(&mut piece).await.map_err(Error::other)? > 0 {
        message.write(&piece).await?;
        piece.clear();
    }
    message.finish().await
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| Error::other("say which file to send"))?;
    let server = Server::bind("127.0.0.1:0").await?.limits(Limits::default().message(1 << 30));
    let url = format!("ws://{}", server.local_addr());
    tokio::spawn(server.serve(async |mut socket: WebSocket| {
        while let Some(message) = socket.recv().await? {
            socket.send(format!("got {} bytes in one message", message.len())).await?;
        }
        Ok(())
    }));

    let mut socket = connect(&url).await?;
    send_file(&mut socket, &path).await?;
    if let Some(answer) = socket.recv().await? {
        println!("{path}: {answer}");
    }
    socket.close(1000, "").await?;
    Ok(())
}
