//! Listens for the client under test.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::client_run::{ClientRun, Ending, Phase};
use crate::report::{CaseReport, Report};

/// How many connections may be open at a time. A client that opens more waits.
const CONNECTIONS: usize = 256;

/// How long to wait after an error of the system, such as too many open files.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// How long a client may take to ask for the reports after the last case.
const AFTER_LAST: Duration = Duration::from_secs(2);

/// How long the handshake of TLS may take.
const TLS_PATIENCE: Duration = Duration::from_secs(10);

/// Listens for the client under test.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use longwire_check::Listener;
///
/// let listener = Listener::bind(&["127.0.0.1:0".parse().unwrap()]).await?;
/// let listener = listener.idle(Duration::from_secs(10));
/// println!("ws://{}/", listener.address());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    idle: Duration,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Listener {
    /// Listens at the first of these addresses that the system has, for a minute without a connection.
    ///
    /// # Errors
    ///
    /// The system does not allow it, or another program listens there. None of the addresses can be used.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future ends the listening.
    pub async fn bind(addresses: &[SocketAddr]) -> io::Result<Listener> {
        let tcp = TcpListener::bind(addresses).await?;
        let address = tcp.local_addr()?;
        Ok(Listener { tcp, address, tls: None, idle: Duration::from_secs(60) })
    }

    /// Speaks TLS: clients connect with `wss://`.
    #[must_use]
    pub fn tls(self, config: Arc<ServerConfig>) -> Listener {
        Listener { tls: Some(TlsAcceptor::from(config)), ..self }
    }

    /// How long the run goes on without a connection.
    #[must_use]
    pub fn idle(self, idle: Duration) -> Listener {
        Listener { idle, ..self }
    }

    /// The address, with the port that the system chose if none was given.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the client until all cases have run, it asks for the reports, no connection is there for the idle time, or
    /// `stop` completes. Calls `done` after each case.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends all connections. The run keeps the results until then.
    pub async fn serve(
        &self,
        run: &Arc<ClientRun>,
        stop: impl Future<Output = ()>,
        mut done: impl FnMut(&CaseReport),
    ) -> Report {
        let mut stop = pin!(stop);
        let mut connections = JoinSet::new();
        let ending = loop {
            let idle = match run.phase() {
                Phase::Going => self.idle,
                Phase::Complete => AFTER_LAST.min(self.idle),
                Phase::Over => break Ending::Finished,
            };
            tokio::select! {
                accepted = self.tcp.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((socket, _)) => {
                        connections.spawn(attend(Arc::clone(run), socket, self.tls.clone()));
                    }
                    Err(_) => tokio::time::sleep(AFTER_ERROR).await,
                },
                Some(ended) = connections.join_next() => {
                    ended.ok().flatten().iter().for_each(&mut done);
                }
                () = tokio::time::sleep(idle), if connections.is_empty() => break Ending::Finished,
                () = &mut stop => break Ending::Stopped,
            }
        };
        // The last connections may still say that the run is over.
        if ending == Ending::Finished {
            while let Some(ended) = connections.join_next().await {
                ended.ok().flatten().iter().for_each(&mut done);
            }
        }
        run.report(ending)
    }
}

async fn attend(run: Arc<ClientRun>, socket: TcpStream, tls: Option<TlsAcceptor>) -> Option<CaseReport> {
    // Cases decide what a write is.
    socket.set_nodelay(true).ok()?;
    match tls {
        None => run.connection(Box::new(socket)).await,
        Some(tls) => {
            // A client that refuses the certificate is no case. It learns so from TLS.
            let stream = tokio::time::timeout(TLS_PATIENCE, tls.accept(socket)).await.ok()?.ok()?;
            run.connection(Box::new(stream)).await
        }
    }
}
