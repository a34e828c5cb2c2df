//! tokio-websockets, as its `echo_server` example does it, but that it answers all messages that have come before it
//! flushes. (`forward` would not do: reading flushes what waits to be written.)

use anyhow::{Result, bail};
use bench_kit::{Arguments, Peer, Task, Transport};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;
use tokio_websockets::{Config, Limits, Message, ServerBuilder, WebSocketStream};

/// How many messages are answered before a flush, at most.
const BATCH: usize = 32;

#[derive(Clone)]
enum Server {
    Echo,
    Broadcast(broadcast::Sender<Message>),
}

impl Peer for Server {
    async fn serve<T: Transport>(self, transport: T) -> Result<()> {
        let (_request, socket) = ServerBuilder::new()
            .config(Config::default().frame_size(usize::MAX))
            .limits(Limits::unlimited())
            .accept(transport)
            .await?;
        match self {
            Server::Echo => echo(socket).await,
            Server::Broadcast(channel) => broadcast(socket, channel).await,
        }
    }
}

async fn echo<T: Transport>(socket: WebSocketStream<T>) -> Result<()> {
    let (mut write, read) = socket.split();
    let mut batches = read.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        for message in batch {
            let message = message?;
            if message.is_text() || message.is_binary() {
                write.feed(message).await?;
            }
        }
        write.flush().await?;
    }
    Ok(())
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
        Task::Deflate => bail!("tokio-websockets has no permessage-deflate"),
    };
    bench_kit::run(&arguments, server)
}
