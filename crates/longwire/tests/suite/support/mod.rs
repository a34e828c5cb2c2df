//! Shared by the tests: time limits, raw peers, servers, and misbehaving transports.

mod counting;
#[cfg(feature = "metrics")]
mod counts;
mod dialled;
mod event_server;
#[cfg(target_os = "linux")]
mod fronts;
mod peer;
mod raw;
mod run;
#[cfg(feature = "tls")]
mod secure;
mod serving;
mod trickle;

use std::sync::Arc;
use std::time::Duration;

use longwire::{Config, Limits, Role, WebSocket};
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};

pub(crate) use counting::{Counting, Seen};
pub(crate) use dialled::{Dialled, dialled, dialled_byte_by_byte};
pub(crate) use event_server::{Conn, EventServer, Noted, Script, Told, for_each_engine};
#[cfg(all(target_os = "linux", feature = "metrics"))]
pub(crate) use fronts::fronts;
#[cfg(target_os = "linux")]
pub(crate) use fronts::{Front, for_each_front, named};
pub(crate) use peer::{Peer, deserted};
pub(crate) use raw::{BINARY, CLOSE, Frame, PING, PONG, Raw, TEXT, close, masked, plain};
pub(crate) use run::{poll_once, polled, run, run_on_threads, run_paused, settle};
#[cfg(feature = "metrics")]
pub(crate) use run::{run_counted, run_paused_counted};
#[cfg(feature = "tls")]
pub(crate) use secure::{Identity, RawTls, send_in_records};
pub(crate) use serving::{Serving, agreement, echo, serve, upgrade_request};
pub(crate) use trickle::Trickle;

/// The default capacity between the two ends of a transport in memory, in bytes.
pub(crate) const ROOMY: usize = 1 << 20;

/// Limits with timeouts that never expire, even on a slow machine. The default of servers under test.
pub(crate) fn patient() -> Limits {
    let hour = Duration::from_secs(3600);
    Limits::default().handshake_time(hour).close_time(hour).keepalive(None)
}

pub(crate) fn config(limits: Limits) -> Arc<Config> {
    Arc::new(Config::new(limits.keepalive(None)))
}

/// A WebSocket over a transport in memory, with a raw peer.
pub(crate) fn against_raw(role: Role, capacity: usize, limits: Limits) -> (WebSocket, Raw<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    (WebSocket::over(ours, role, config(limits), Vec::new()), Raw::new(theirs))
}

/// A server's WebSocket with default limits, with a raw client.
pub(crate) fn server_and_raw() -> (WebSocket, Raw<DuplexStream>) {
    against_raw(Role::Server, ROOMY, Limits::default())
}

/// Client and server over a transport in memory.
pub(crate) fn pair(capacity: usize, limits: Limits) -> (WebSocket, WebSocket) {
    let (client, server) = tokio::io::duplex(capacity);
    let config = config(limits);
    (
        WebSocket::over(client, Role::Client, Arc::clone(&config), Vec::new()),
        WebSocket::over(server, Role::Server, config, Vec::new()),
    )
}

/// Two connected TCP streams.
pub(crate) async fn tcp_streams() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

/// Client and server over TCP.
pub(crate) async fn tcp_pair(limits: Limits) -> (WebSocket, WebSocket) {
    let (client, server) = tcp_streams().await;
    let config = config(limits);
    (
        WebSocket::over(client, Role::Client, Arc::clone(&config), Vec::new()),
        WebSocket::over(server, Role::Server, config, Vec::new()),
    )
}

/// How a connection ended, for comparison: code, reason, initiator, clean.
pub(crate) fn end(closed: &longwire::Closed) -> (u16, &str, longwire::By, bool) {
    (closed.code.get(), &closed.reason, closed.by, closed.clean)
}
