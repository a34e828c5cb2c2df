//! tokio-tungstenite, as its `echo-server` example does it: `forward` flushes only when nothing more is ready.

use anyhow::{Result, bail};
use bench_kit::{Arguments, Peer, Task, Transport};
use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

#[derive(Clone)]
enum Server {
    Echo,
    Broadcast(broadcast::Sender<Message>),
}

impl Peer for Server {
    async fn serve<T: Transport>(self, transport: T) -> Result<()> {
        let socket = accept_async(transport).await?;
        match self {
            Server::Echo => echo(socket).await,
            Server::Broadcast(channel) => broadcast(socket, channel).await,
        }
    }
}

async fn echo<T: Transport>(socket: WebSocketStream<T>) -> Result<()> {
    let (write, read) = socket.split();
    let messages = read.try_filter(|message| future::ready(message.is_text() || message.is_binary()));
    Ok(messages.forward(write).await?)
}

async fn broadcast<T: Transport>(
    mut socket: WebSocketStream<T>,
    channel: broadcast::Sender<Message>,
) -> Result<()> {
    let mut published = channel.subscribe();
    loop {
        tokio::select! {
            message = socket.next() => match message.transpose()? {
                Some(message) if message.is_text() || message.is_binary() => {
                    channel.send(message)?;
                }
                Some(_) => {}
                None => return Ok(()),
            },
            message = published.recv() => socket.send(message?).await?,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let server = match arguments.task {
        Task::Echo | Task::Tls { .. } => Server::Echo,
        Task::Broadcast => Server::Broadcast(broadcast::Sender::new(64)),
        Task::Topics | Task::Events => bail!("measured without topics and events"),
        Task::Deflate => bail!("tungstenite has no permessage-deflate"),
    };
    bench_kit::run(&arguments, server)
}
