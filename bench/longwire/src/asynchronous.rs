//! The async interface, used as in the README.

use anyhow::Result;
use bench_kit::Task;
use longwire::{Message, Server, WebSocket};
use tokio::sync::broadcast;

/// Serves until the process is killed.
pub(crate) async fn serve(server: Server, task: &Task) -> Result<()> {
    if *task == Task::Broadcast {
        let channel = broadcast::Sender::new(64);
        server.serve(move |socket| share(socket, channel.clone())).await?;
    } else {
        server.serve(echo).await?;
    }
    Ok(())
}

async fn echo(mut socket: WebSocket) -> longwire::HandlerResult {
    while let Some(message) = socket.recv().await? {
        socket.send(message).await?;
    }
    Ok(())
}

async fn share(mut socket: WebSocket, channel: broadcast::Sender<Message>) -> longwire::HandlerResult {
    let mut published = channel.subscribe();
    loop {
        tokio::select! {
            message = socket.recv() => match message? {
                // This connection is subscribed, so there is a receiver.
                Some(message) => drop(channel.send(message)),
                None => return Ok(()),
            },
            Ok(message) = published.recv() => socket.send(message).await?,
        }
    }
}
