//! wtx: a frame is read, and written back from the buffer that it was read to.

use anyhow::{Result, bail};
use bench_kit::{Arguments, Task};
use tokio::net::TcpStream;
use wtx::collection::Vector;
use wtx::web_socket::compression::{Flate2, NegotiatedCompression};
use wtx::web_socket::{
    Compression, DeflateConfig, OpCode, WebSocketAcceptor, WebSocketBuffer, WebSocketPayloadOrigin,
};

async fn echo<C>(stream: TcpStream, compression: C) -> Result<()>
where
    C: Compression<false>,
    C::NegotiatedCompression: NegotiatedCompression,
{
    let mut socket = WebSocketAcceptor::default()
        .compression(compression)
        .no_masking(false)
        .wsb(WebSocketBuffer::default())
        .accept(stream)
        .await?;
    let (mut common, mut reader, mut writer) = socket.split_mut();
    let mut buffer = Vector::new();
    loop {
        let mut frame = reader.read_frame(&mut buffer, &mut common, WebSocketPayloadOrigin::Adaptive).await?;
        match frame.op_code() {
            OpCode::Binary | OpCode::Text => writer.write_frame(&mut common, &mut frame).await?,
            OpCode::Close => return Ok(()),
            OpCode::Continuation | OpCode::Ping | OpCode::Pong => {}
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    match arguments.task {
        Task::Echo => bench_kit::accept_each(arguments.port, |stream| echo(stream, ())),
        Task::Deflate => bench_kit::accept_each(arguments.port, |stream| {
            echo(stream, Flate2::from(DeflateConfig::default()))
        }),
        Task::Broadcast | Task::Topics | Task::Events | Task::Tls { .. } => {
            bail!("measured with echo and deflate only")
        }
    }
}
