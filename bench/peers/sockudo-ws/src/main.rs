//! sockudo-ws: `forward`, whose writes the library batches.

use anyhow::{Result, bail};
use bench_kit::{Arguments, Peer, Task, Transport};
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt, TryStreamExt, future};
use sockudo_ws::deflate::{DeflateConfig, negotiate_server_deflate};
use sockudo_ws::handshake::{build_response, generate_accept_key, parse_request};
use sockudo_ws::{CompressedWebSocketStream, Config, Error, Message, WebSocketStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast;

#[derive(Clone)]
enum Server {
    Echo,
    Deflate,
    Broadcast(broadcast::Sender<Message>),
}

impl Peer for Server {
    async fn serve<T: Transport>(self, mut transport: T) -> Result<()> {
        let deflate = shake_hands(&mut transport, matches!(self, Server::Deflate)).await?;
        match (self, deflate) {
            (Server::Broadcast(channel), _) => {
                share(WebSocketStream::server(transport, Config::default()), channel).await
            }
            (_, None) => echo(WebSocketStream::server(transport, Config::default())).await,
            (_, Some(deflate)) => {
                echo(CompressedWebSocketStream::server(transport, Config::default(), deflate)).await
            }
        }
    }
}

/// The opening handshake as the library's examples do it, and the compression that was agreed on.
async fn shake_hands<T: Transport>(transport: &mut T, compresses: bool) -> Result<Option<DeflateConfig>> {
    let mut head = BytesMut::with_capacity(4096);
    loop {
        if transport.read_buf(&mut head).await? == 0 {
            bail!("the client left");
        }
        if let Some((request, _)) = parse_request(&head)? {
            let offers = request.extensions.filter(|_| compresses);
            let agreed =
                offers.and_then(|offers| negotiate_server_deflate(offers, &DeflateConfig::default()));
            let extensions = agreed.as_ref().map(|agreed| agreed.to_response_header());
            let response: Bytes =
                build_response(&generate_accept_key(request.key), None, extensions.as_deref());
            transport.write_all(&response).await?;
            return Ok(agreed.map(|agreed| agreed.config));
        }
    }
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}

async fn echo<S>(socket: S) -> Result<()>
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error>,
{
    let (write, read) = socket.split();
    let messages = read.try_filter(|message| future::ready(is_data(message)));
    Ok(messages.forward(write).await?)
}

async fn share<T: Transport>(
    mut socket: WebSocketStream<T>,
    channel: broadcast::Sender<Message>,
) -> Result<()> {
    let mut published = channel.subscribe();
    loop {
        tokio::select! {
            message = socket.next() => match message.transpose()? {
                Some(message) if is_data(&message) => {
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
        Task::Deflate => Server::Deflate,
        Task::Broadcast => Server::Broadcast(broadcast::Sender::new(64)),
        Task::Topics | Task::Events => bail!("measured without topics and events"),
    };
    bench_kit::run(&arguments, server)
}
