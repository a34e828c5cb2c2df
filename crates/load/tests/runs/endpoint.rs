//! Servers to load.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use longwire::{Server, WebSocket};
use longwire_load::{
    Coding, Content, Control, Engine, Kind, Outcome, Pace, Plan, RequestOptions, Series, Sizes, Target,
    Think, Workload,
};

/// A server that lives as long as the process.
pub(crate) fn serve<F, Fut>(deflate: bool, handler: F) -> SocketAddr
where
    F: Fn(WebSocket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = longwire::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let server = server.deflate(deflate.then(longwire::Deflate::default)).max_connections_per_ip(1000);
    let address = server.local_addr();
    let handler = move |socket| {
        let handling = handler(socket);
        async move { Ok(handling.await?) }
    };
    thread::spawn(move || runtime.block_on(server.serve(handler)));
    address
}

pub(crate) fn echo() -> SocketAddr {
    serve(true, async |mut socket: WebSocket| {
        while let Some(message) = socket.recv().await? {
            socket.send(message).await?;
        }
        Ok(())
    })
}

/// An echo at this Unix socket, as long as the process lives.
#[cfg(unix)]
pub(crate) fn serve_at_unix_socket(path: &std::path::Path) {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::on(listener);
    let handler = async |mut socket: WebSocket| {
        while let Some(message) = socket.recv().await? {
            socket.send(message).await?;
        }
        Ok(())
    };
    thread::spawn(move || runtime.block_on(server.serve(handler)));
}

pub(crate) fn series(count: usize, coding: Coding) -> Arc<Series> {
    let sizes = Sizes::fixed(200).draw(count);
    let messages = sizes.iter().enumerate().map(|(number, size)| Content::Json.message(number, *size));
    Arc::new(Series::new(messages.collect(), Kind::Text, coding).unwrap())
}

/// A short run of an echo in a closed loop.
pub(crate) fn echo_plan(connections: usize, depth: usize, coding: Coding) -> Plan {
    let pace = Pace::Closed { depth, think: Think::default() };
    let workload = Workload::Echo { series: series(depth, coding), pace };
    short(Plan::new(workload, connections))
}

/// Short, but with patience for a slow machine.
pub(crate) fn short(plan: Plan) -> Plan {
    Plan { measured: Duration::from_millis(200), patience: Duration::from_secs(60), ..plan }
}

pub(crate) fn target(address: SocketAddr, coding: Coding) -> Target {
    let options = RequestOptions { coding, ..RequestOptions::default() };
    Target::resolve(&format!("ws://{address}/"), &options).unwrap()
}

pub(crate) fn run(plan: &Plan, target: &Target) -> Outcome {
    longwire_load::run(plan, target, &Control::default(), &mut ()).unwrap()
}

/// The same with each way of I/O that works here.
pub(crate) fn each_engine(test: impl Fn(Engine)) {
    test(Engine::Readiness);
    test(Engine::Auto);
}
