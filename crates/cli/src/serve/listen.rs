//! Listening on the addresses of the settings.

pub(super) mod given;
mod place;
#[cfg(unix)]
mod socket_file;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use longwire::{Error, Listener, Server};
use tokio::time::{Instant, sleep};

use self::given::Given;
pub(super) use self::place::Place;
#[cfg(unix)]
use self::socket_file::SocketFile;
use crate::args::listen::{Addresses, ListenAddr, PortAddr};
use crate::failure::Failure;
use crate::terminal;

/// How long a port may be in use. After the kill of a process that used io_uring, the system frees its port only a moment
/// later.
const FREED_WITHIN: Duration = Duration::from_secs(1);

/// The time between two tries.
const TRIED_EVERY: Duration = Duration::from_millis(20);

/// Listeners, and where they listen.
#[derive(Default)]
pub(super) struct Listening {
    listeners: Vec<Listener>,
    pub(super) places: Vec<Place>,
    pub(super) files: SocketFiles,
}

/// The files of Unix sockets. They are removed when this is dropped.
#[derive(Default)]
pub(super) struct SocketFiles(#[cfg(unix)] Vec<SocketFile>);

impl Listening {
    /// Listens in all of these places.
    pub(super) async fn on(places: &[ListenAddr], given: &mut Given) -> Result<Listening, Failure> {
        let mut listening = Listening::default();
        for place in places {
            match place {
                ListenAddr::Port(address) => listening.bind(address).await?,
                ListenAddr::Unix(path) => listening.bind_unix(path).await?,
                ListenAddr::Given(name) => {
                    for (listener, place) in given.listeners(name.as_deref())? {
                        listening.add(listener, place);
                    }
                }
            }
        }
        Ok(listening)
    }

    /// The server on these listeners. `None` if there are none.
    pub(super) fn server(&mut self) -> Option<Server> {
        let mut listeners = self.listeners.drain(..);
        let first = Server::on(listeners.next()?);
        Some(listeners.fold(first, Server::also_on))
    }

    fn add(&mut self, listener: Listener, place: Place) {
        self.listeners.push(listener);
        self.places.push(place);
    }

    /// Binds the addresses that the system supports.
    async fn bind(&mut self, address: &PortAddr) -> Result<(), Failure> {
        let found = address.resolve().await.map_err(|error| {
            Failure::Other(format!("cannot look up {}: {error}", terminal::escape(&address.to_string())))
        })?;
        let (candidates, is_enough) = match found {
            Addresses::All(all) => (all, false),
            Addresses::First(candidates) => (candidates, true),
        };
        let (mut bound, mut failed) = (None, None);
        for mut candidate in candidates {
            // All addresses of a name have one port, even if it is any free one.
            candidate.set_port(bound.unwrap_or(candidate.port()));
            match bind_soon(candidate).await {
                Ok(listener) => {
                    let at = listener.local_addr().unwrap_or(candidate);
                    bound.get_or_insert(at.port());
                    self.add(listener, Place::Address(at));
                }
                // The address exists but is taken or forbidden. Listening on the next one would hide that.
                Err(error) if !is_absent(&error) => return Err(explained(&error, address)),
                Err(error) => failed = Some(error),
            }
            if bound.is_some() && is_enough {
                break;
            }
        }
        match (bound, failed) {
            (Some(_), _) => Ok(()),
            (None, Some(error)) => Err(explained(&error, address)),
            (None, None) => Err(Failure::Other(format!("{address} has no address"))),
        }
    }

    #[cfg(unix)]
    async fn bind_unix(&mut self, path: &std::path::Path) -> Result<(), Failure> {
        let (listener, file) = SocketFile::bind(path).await?;
        self.files.0.push(file);
        self.add(listener.into(), Place::Unix(path.to_owned()));
        Ok(())
    }

    #[cfg(not(unix))]
    async fn bind_unix(&mut self, _: &std::path::Path) -> Result<(), Failure> {
        Err(Failure::Other("this system has no Unix sockets".into()))
    }
}

/// Binds an address, as soon as it is free.
async fn bind_soon(address: SocketAddr) -> Result<Listener, Error> {
    let begun = Instant::now();
    loop {
        match Listener::bind(address).await {
            Err(error) if kind(&error) == Some(ErrorKind::AddrInUse) && begun.elapsed() < FREED_WITHIN => {
                sleep(TRIED_EVERY).await;
            }
            bound_or_failed => return bound_or_failed,
        }
    }
}

/// Whether the system lacks this address, for example an IPv6 address while IPv6 is disabled.
fn is_absent(error: &Error) -> bool {
    !matches!(kind(error), Some(ErrorKind::AddrInUse | ErrorKind::PermissionDenied))
}

fn kind(error: &Error) -> Option<ErrorKind> {
    match error {
        Error::Io { source, .. } => Some(io::Error::kind(source)),
        _ => None,
    }
}

fn explained(error: &Error, address: &PortAddr) -> Failure {
    Failure::Other(match kind(error) {
        Some(ErrorKind::AddrInUse) => {
            format!("cannot listen on {address}: it is already in use; choose another port with --listen")
        }
        Some(ErrorKind::PermissionDenied) => {
            format!(
                "cannot listen on {address}: ports below 1024 need privileges; choose another with --listen"
            )
        }
        _ => error.to_string(),
    })
}
