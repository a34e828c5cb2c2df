//! Longwire's own servers, one per interface: `bench-longwire PORT TASK… async|readiness|uring`.

mod asynchronous;
mod event_loop;
mod events;

use anyhow::{Result, bail};
use bench_kit::{Arguments, Task};
use longwire::{Deflate, Engine, Server, Tls};

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let interface = arguments.rest.first().cloned();
    bench_kit::block_on(async move {
        let server = server(&arguments).await?;
        let task = arguments.task;
        match interface.as_deref() {
            Some("async") => asynchronous::serve(server, &task).await,
            Some("readiness") => event_loop::serve(server, &task, Engine::Readiness).await,
            Some("uring") => event_loop::serve(server, &task, Engine::Uring).await,
            other => bail!("unknown interface {other:?}: use async, readiness or uring"),
        }
    })
}

/// The common settings: default limits, except for the number of connections, which all come from one address.
async fn server(arguments: &Arguments) -> Result<Server> {
    let server = Server::bind(format!("127.0.0.1:{}", arguments.port))
        .await?
        .max_connections(usize::MAX)
        .max_connections_per_ip(usize::MAX)
        .deflate((arguments.task == Task::Deflate).then(Deflate::default));
    Ok(match &arguments.task {
        Task::Tls { certificate, key } => server.tls(Tls::pem_files(certificate, key)?),
        Task::Echo | Task::Deflate | Task::Broadcast | Task::Topics | Task::Events => server,
    })
}
