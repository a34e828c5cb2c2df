//! How sockets reach the endpoint.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::io::is_in_progress;
use crate::plan_error::PlanError;
use crate::sources::Sources;

/// Where sockets connect to.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// To these addresses in turn, from those.
    Tcp { addresses: Vec<SocketAddr>, sources: Sources },
    /// To a Unix socket.
    Unix(SockAddr),
}

impl Route {
    /// Looks a host up. This blocks. Returns how long the lookup took, if the host has a name.
    pub(crate) fn resolve(
        host: &str,
        port: u16,
        sources: &Sources,
    ) -> Result<(Route, Option<Duration>), PlanError> {
        let start = Instant::now();
        let addresses: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|error| PlanError::failed(format!("cannot look up {host}: {error}")))?
            .collect();
        let lookup = host.parse::<IpAddr>().is_err().then(|| start.elapsed());
        let addresses = reachable(sources.matching(addresses));
        if addresses.is_empty() {
            return Err(PlanError::failed(format!("{host} has no address that the sources can reach")));
        }
        Ok((Route::Tcp { addresses, sources: sources.clone() }, lookup))
    }

    /// To the Unix socket with this path.
    pub(crate) fn unix(path: &Path) -> Result<Route, PlanError> {
        let refused = |error| PlanError::new(format!("{} cannot be a Unix socket: {error}", path.display()));
        SockAddr::unix(path).map(Route::Unix).map_err(refused)
    }

    /// Whether everything stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Route::Tcp { addresses, .. } => addresses.iter().all(|address| address.ip().is_loopback()),
            Route::Unix(_) => true,
        }
    }

    /// The address of the first connection.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Route::Tcp { addresses, .. } => addresses.first().copied(),
            Route::Unix(_) => None,
        }
    }

    /// Begins to connect, without blocking.
    pub(crate) fn connect(&self, number: usize) -> io::Result<Socket> {
        let (addresses, sources) = match self {
            Route::Tcp { addresses, sources } => (addresses, sources),
            Route::Unix(path) => {
                let socket = socket(Domain::UNIX, None)?;
                // This never goes on in the background.
                return socket.connect(path).map(|()| socket);
            }
        };
        let Some(address) = addresses.get(number % addresses.len().max(1)) else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        let socket = socket(Domain::for_address(*address), Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = sources.of(number) {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&(*address).into()) {
            Err(error) if !is_in_progress(&error) => Err(error),
            _ => Ok(socket),
        }
    }
}

/// A socket that does not block. A storm opens so many that each call of the system counts.
fn socket(domain: Domain, protocol: Option<Protocol>) -> io::Result<Socket> {
    #[cfg(target_os = "linux")]
    return Socket::new(domain, Type::STREAM.nonblocking(), protocol);
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, Type::STREAM, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Of several addresses, those that accept a connection: a name often has addresses of both versions of IP, and the
/// server listens at one of them. If none does, the first one shows why.
fn reachable(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    const PATIENCE: Duration = Duration::from_secs(3);

    if addresses.len() < 2 {
        return addresses;
    }
    let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, PATIENCE).is_ok();
    let reachable: Vec<SocketAddr> = addresses.iter().filter(answers).copied().collect();
    if reachable.is_empty() { addresses.into_iter().take(1).collect() } else { reachable }
}
