//! Sends a file of any size as one message, and writes it to another file. Neither end holds it in memory: `cargo
//! run -p longwire --example stream_file -- README.md /tmp/copy.md`.

use longwire::{Error, Limits, Server, WebSocket, connect};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, copy};

/// Sends a file in pieces. Each piece waits until there is room for it.
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

/// Writes one message to a file as it arrives.
async fn receive_file(socket: &mut WebSocket, path: &str) -> longwire::Result<()> {
    let mut file = File::create(path).await.map_err(Error::other)?;
    if let Some(mut message) = socket.recv_stream().await? {
        let bytes = copy(&mut message, &mut file).await.map_err(Error::other)?;
        socket.send(format!("{bytes} bytes are in {path}")).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let mut paths = std::env::args().skip(1);
    let (Some(from), Some(to)) = (paths.next(), paths.next()) else {
        return Err(Error::other("say which file to send, and where to put what arrives"));
    };
    let any_size = Limits::default().streamed(usize::MAX);
    let server = Server::bind("127.0.0.1:0").await?.limits(any_size);
    let url = format!("ws://{}", server.local_addr());
    tokio::spawn(server.serve(async move |mut socket: WebSocket| Ok(receive_file(&mut socket, &to).await?)));

    let mut socket = connect(&url).await?;
    send_file(&mut socket, &from).await?;
    if let Some(answer) = socket.recv().await? {
        println!("{answer}");
    }
    socket.close(1000, "").await?;
    Ok(())
}
