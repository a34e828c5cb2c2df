//! `longwire serve`.

mod certificate;
mod endpoints;
mod listen;
mod metrics;
mod page;
mod statistics;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use longwire::{Deflate, Engine};

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::signals::{Ending, HangUp};
use crate::terminal;
use certificate::{Certificate, read_at_hang_up};
use endpoints::{Channel, Echo, Ticker};
use listen::listen;
use statistics::Statistics;

/// File descriptors for everything except connections.
const SPARE_DESCRIPTORS: u64 = 64;

/// How long a shutdown may take.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    args.limits.check()?;
    let certificate = match args.tls_cert.zip(args.tls_key) {
        Some((certificate, key)) => Some(Certificate::read(certificate, key)?),
        None => None,
    };
    raise_descriptor_limit(args.limits.max_connections);
    let mut pages = page::router();
    if args.metrics {
        pages = pages.merge(metrics::router()?);
    }
    let mut server = listen(&args.listen).await?;
    // Listen before announcing the address: from then on, no signal may end the process without a shutdown.
    let (ending, hang_up) = (Ending::of_server(), HangUp::listen());
    let engine = Engine::from(args.engine).resolve();
    let workers = args.workers.map_or_else(cores, usize::from);
    announce(server.local_addr(), certificate.is_some(), engine, workers);
    if let Some(certificate) = &certificate {
        server = server.tls(certificate.tls());
    }
    tokio::spawn(read_at_hang_up(certificate, hang_up));
    if args.behind_tls_proxy {
        server = server.behind_tls_proxy();
    }
    let statistics = Arc::new(Statistics::new());
    let (server, topics) = server.topics();
    tokio::spawn(statistics::tick(Arc::clone(&statistics), topics));
    server
        .limits(args.limits.connection())
        .deflate((!args.no_compression).then(Deflate::default))
        .max_connections(args.limits.max_connections)
        .max_connections_per_ip(args.limits.max_connections_per_ip)
        .ipv6_prefix(args.limits.ipv6_prefix)
        .max_buffered(args.limits.max_buffered)
        .origins(args.origin)
        .http(pages)
        .shutdown(asked_to_stop(ending))
        .shutdown_time(SHUTDOWN_TIME)
        .engine(engine)
        .workers(workers)
        .route("/echo", Echo { statistics: Arc::clone(&statistics) })
        .route("/channel/{name}", Channel { statistics: Arc::clone(&statistics) })
        .route("/ticker", Ticker { statistics })
        .run()
        .await?;
    Ok(ExitCode::SUCCESS)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raises the limit on file descriptors. Systems start programs with a low limit, and each connection takes one.
fn raise_descriptor_limit(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(SPARE_DESCRIPTORS);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(got) if got < wanted => {
            tracing::warn!(
                "the system allows {got} file descriptors, too few for {connections} connections (ulimit -n)"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit on file descriptors"),
    }
}

fn announce(address: SocketAddr, secure: bool, engine: Engine, workers: usize) {
    // For a wildcard address, show a local one that can be clicked on.
    let shown = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        address => address.to_string(),
    };
    let (http, ws) = if secure { ("https", "wss") } else { ("http", "ws") };
    let lines = format!(
        "Longwire {} · event loops: {workers} × {engine}\n  \
           page     {http}://{shown}/\n  \
           echo     {ws}://{shown}/echo\n  \
           channel  {ws}://{shown}/channel/{{name}}\n  \
           ticker   {ws}://{shown}/ticker\n\
         Ctrl-C closes every connection with 1001 and waits up to {} s.\n",
        env!("CARGO_PKG_VERSION"),
        SHUTDOWN_TIME.as_secs(),
    );
    // Keep serving if nobody reads standard output.
    let _unread = std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes());
}

/// Waits for the first Ctrl-C or SIGTERM. The second one ends the program immediately.
async fn asked_to_stop(mut ending: Ending) {
    ending.next().await;
    terminal::complain("Shutting down; press Ctrl-C again to stop immediately.");
    tokio::spawn(async move {
        ending.next().await;
        std::process::exit(130);
    });
}
