//! axum's own WebSocket extractor (over tungstenite).

use anyhow::{Result, bail};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bench_kit::{Arguments, Task};
use futures_util::{StreamExt, TryStreamExt, future};
use tokio::sync::broadcast;

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |socket| {
        let (write, read) = socket.split();
        let messages = read
            .try_filter(|message| future::ready(matches!(message, Message::Text(_) | Message::Binary(_))));
        // A connection that fails has ended.
        let _ = messages.forward(write).await;
    })
}

async fn broadcast(upgrade: WebSocketUpgrade, State(channel): State<broadcast::Sender<Message>>) -> Response {
    upgrade.on_upgrade(async |socket| {
        // A connection that fails has ended.
        let _ = share(socket, channel).await;
    })
}

async fn share(mut socket: WebSocket, channel: broadcast::Sender<Message>) -> Result<()> {
    let mut published = channel.subscribe();
    loop {
        tokio::select! {
            message = socket.next() => match message.transpose()? {
                Some(message @ (Message::Text(_) | Message::Binary(_))) => {
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
    let router = match arguments.task {
        Task::Echo => Router::new().route("/", get(echo)),
        Task::Broadcast => Router::new().route("/", get(broadcast)).with_state(broadcast::Sender::new(64)),
        Task::Deflate => bail!("axum has no permessage-deflate"),
        Task::Tls { .. } => bail!("axum leaves TLS to others"),
        Task::Topics | Task::Events => bail!("axum has neither topics nor events"),
    };
    bench_kit::block_on(async move {
        let listener = bench_kit::listen(arguments.port).await?.tap_io(|stream| {
            // Only a latency is lost where it fails.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}
