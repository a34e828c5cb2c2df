//! fastwebsockets, as its `echo_server` example does it.

use std::convert::Infallible;

use anyhow::{Result, bail};
use bench_kit::{Arguments, Peer, Task, Transport};
use bytes::Bytes;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

#[derive(Clone)]
struct Server;

impl Peer for Server {
    async fn serve<T: Transport>(self, transport: T) -> Result<()> {
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(transport), service_fn(answer))
            .with_upgrades();
        Ok(connection.await?)
    }
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let Ok((response, upgraded)) = upgrade(&mut request) else {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    tokio::spawn(tokio::task::unconstrained(echo(upgraded)));
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgraded.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    match arguments.task {
        Task::Echo | Task::Tls { .. } => bench_kit::run(&arguments, Server),
        Task::Deflate => bail!("fastwebsockets has no permessage-deflate"),
        Task::Topics | Task::Events => bail!("fastwebsockets has neither topics nor events"),
        Task::Broadcast => {
            bail!("fastwebsockets can be shared by a reader and a writer only by an unstable feature")
        }
    }
}
