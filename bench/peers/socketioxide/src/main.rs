//! socketioxide, as a layer of axum.

use anyhow::{Result, ensure};
use axum::Router;
use axum::serve::ListenerExt as _;
use bench_kit::events::{Publication, Quote};
use bench_kit::{Arguments, Task};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

async fn connected(socket: SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data(quote): Data<Quote>| {
        socket.emit("echo", &quote).ok();
    });
    socket.on("ask", async |Data(quote): Data<Quote>, ack: AckSender| {
        ack.send(&quote).ok();
    });
    socket.on("join", async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
        socket.join(room);
        ack.send(&()).ok();
    });
    socket.on("publish", async |socket: SocketRef, Data((room, content)): Data<(String, Publication)>| {
        socket.within(room).emit("message", &content).await.ok();
    });
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    ensure!(arguments.task == Task::Events, "socketioxide has only events");
    bench_kit::block_on(async move {
        let (layer, io) = SocketIo::new_layer();
        io.ns("/", connected);
        let listener = bench_kit::listen(arguments.port).await?.tap_io(|stream| {
            // Only a latency is lost where it fails.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, Router::new().layer(layer)).await?)
    })
}
