//! `longwire serve`.

mod channels;
mod page;
mod statistics;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use longwire::{Accept, Deflate, Refusal, Server, Tls, Upgrade, WebSocket};
use tokio::sync::watch;

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::terminal;
use channels::Channels;
use statistics::{Statistics, Tick};

/// Descriptors for everything that is no connection.
const SPARE_DESCRIPTORS: u64 = 64;

/// How long a shutdown may take.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// The subprotocols that `/echo` speaks: a client that has to name one can.
const ECHO_SUBPROTOCOLS: [&str; 2] = ["echo.longwire", "chat.longwire"];

/// What a connection asked for, settled when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Endpoint {
    Echo,
    Channel(String),
    Ticker,
}

/// What all connections share.
struct Services {
    channels: Channels,
    statistics: Arc<Statistics>,
    ticks: watch::Receiver<Tick>,
}

pub(crate) async fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(Tls::pem_files(cert, key)?),
        _ => None,
    };
    raise_descriptor_limit(args.max_connections);
    let mut server =
        Server::bind(args.listen).await.map_err(|error| listening_failed(&error, args.listen))?;
    announce(server.local_addr(), tls.is_some());
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    let statistics = Arc::new(Statistics::default());
    let ticks = statistics::tick(Arc::clone(&statistics));
    let services = Arc::new(Services { channels: Channels::default(), statistics, ticks });
    server
        .limits(args.limits())
        .deflate((!args.no_compression).then(Deflate::default))
        .max_connections(args.max_connections)
        .max_connections_per_ip(args.max_connections_per_ip)
        .max_buffered(args.max_buffered)
        .origins(args.origin)
        .on_upgrade(admit)
        .http(page::router())
        .shutdown(asked_to_stop())
        .shutdown_time(SHUTDOWN_TIME)
        .serve(move |socket| handle(socket, Arc::clone(&services)))
        .await?;
    Ok(ExitCode::SUCCESS)
}

/// Systems give a program few descriptors unless it asks for more, and each connection takes one.
fn raise_descriptor_limit(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(SPARE_DESCRIPTORS);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(got) if got < wanted => {
            tracing::warn!(
                "the system allows {got} descriptors, too few for {connections} connections (ulimit -n)"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of descriptors could not be raised"),
    }
}

fn listening_failed(error: &longwire::Error, address: SocketAddr) -> Failure {
    let advice = match error {
        longwire::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            format!("cannot listen on {address}: another program does; choose another port with --listen")
        }
        longwire::Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            format!(
                "cannot listen on {address}: ports below 1024 need privileges; choose another with --listen"
            )
        }
        other => other.to_string(),
    };
    Failure::Other(advice)
}

fn announce(address: SocketAddr, secure: bool) {
    // Whoever listens on all addresses wants one that can be clicked on.
    let shown = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        address => address.to_string(),
    };
    let (http, ws) = if secure { ("https", "wss") } else { ("http", "ws") };
    let lines = format!(
        "Longwire {}\n  \
           page     {http}://{shown}/\n  \
           echo     {ws}://{shown}/echo\n  \
           channel  {ws}://{shown}/channel/{{name}}\n  \
           ticker   {ws}://{shown}/ticker\n\
         Ctrl-C closes every connection with 1001 and waits up to {} s.\n",
        env!("CARGO_PKG_VERSION"),
        SHUTDOWN_TIME.as_secs(),
    );
    // A server whose output nobody reads still serves.
    let _unread = std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes());
}

fn admit(request: &Upgrade<'_>) -> Result<Accept, Refusal> {
    let endpoint = match request.path() {
        "/echo" => Endpoint::Echo,
        "/ticker" => Endpoint::Ticker,
        path => match path.strip_prefix("/channel/") {
            Some(name) if channels::is_name(name) => Endpoint::Channel(name.to_owned()),
            Some(_) => return Err(Refusal::not_found("a channel's name has 1 to 64 of A-Z a-z 0-9 - _ .")),
            None => return Err(Refusal::not_found("WebSockets are at /echo, /channel/{name} and /ticker")),
        },
    };
    let spoken = request.subprotocols().iter().find(|offered| ECHO_SUBPROTOCOLS.contains(&offered.as_str()));
    let accept = match spoken {
        Some(subprotocol) if endpoint == Endpoint::Echo => Accept::new().subprotocol(subprotocol),
        _ => Accept::new(),
    };
    Ok(accept.attach(endpoint))
}

async fn handle(socket: WebSocket, services: Arc<Services>) -> longwire::Result<()> {
    let _counted = services.statistics.count_connection();
    match socket.attached::<Endpoint>().cloned() {
        Some(Endpoint::Channel(name)) => {
            channels::join(socket, &name, &services.channels, &services.statistics).await
        }
        Some(Endpoint::Ticker) => {
            statistics::show(socket, &services.statistics, services.ticks.clone()).await
        }
        Some(Endpoint::Echo) | None => echo(socket, &services.statistics).await,
    }
}

async fn echo(mut socket: WebSocket, statistics: &Statistics) -> longwire::Result<()> {
    while let Some(message) = socket.recv().await? {
        statistics.count_message();
        socket.send(message).await?;
    }
    Ok(())
}

/// Ready at the first Ctrl-C or SIGTERM; the second ends the program at once.
async fn asked_to_stop() {
    stop_signal().await;
    terminal::complain("Closing; once more to stop at once.");
    tokio::spawn(async {
        stop_signal().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM will end the program without closing its connections");
            let _asked = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    let _asked = tokio::signal::ctrl_c().await;
}
