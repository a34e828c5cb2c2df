//! yawc over hyper, as its `echo_server` example does it, but that it answers all messages that have come before it
//! flushes, as its own benchmark does.

use std::convert::Infallible;

use anyhow::{Result, bail};
use bench_kit::{Arguments, Peer, Task, Transport};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, future};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use yawc::{DeflateOptions, OpCode, Options, UpgradeFut, WebSocket};

/// How many messages are answered before a flush, at most.
const BATCH: usize = 32;

#[derive(Clone)]
struct Server {
    options: Options,
}

impl Peer for Server {
    async fn serve<T: Transport>(self, transport: T) -> Result<()> {
        let answer = |request| future::ready(answer(request, self.options.clone()));
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(transport), service_fn(answer))
            .with_upgrades();
        Ok(connection.await?)
    }
}

fn answer(mut request: Request<Incoming>, options: Options) -> Result<Response<Empty<Bytes>>, Infallible> {
    let Ok((response, upgraded)) = WebSocket::upgrade_with_options(&mut request, options) else {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    tokio::spawn(echo(upgraded));
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> yawc::Result<()> {
    let (mut write, read) = upgraded.await?.split();
    let mut batches = read.ready_chunks(BATCH);
    while let Some(batch) = batches.next().await {
        for frame in batch {
            if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
                write.feed(frame).await?;
            }
        }
        write.flush().await?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let options = Options::default().with_utf8().with_limits(16 << 20, 16 << 20);
    let options = match arguments.task {
        Task::Echo | Task::Tls { .. } => options.without_compression(),
        Task::Deflate => Options { compression: Some(DeflateOptions::default()), ..options },
        Task::Broadcast | Task::Topics | Task::Events => bail!("measured with echo, deflate and TLS only"),
    };
    bench_kit::run(&arguments, Server { options })
}
