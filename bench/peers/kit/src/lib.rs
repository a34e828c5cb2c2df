//! What the measured servers have in common: their command line, a runtime of one thread, TLS.
//!
//! Each server is called as `PROGRAM PORT echo|deflate|broadcast|topics|events`, or `PROGRAM PORT tls CERTIFICATE KEY`, listens on
//! 127.0.0.1, and serves until it is ended. What goes wrong with a connection ends that connection and nothing else:
//! the load generator tells what it misses.

pub mod events;

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a server is started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Every message goes back to its sender.
    Echo,
    /// Like [`Task::Echo`], with permessage-deflate where the client offers it.
    Deflate,
    /// Every message goes to every connection, its sender included.
    Broadcast,
    /// Every message names a topic, and goes to the connections whose URL names it.
    Topics,
    /// The events of Socket.IO that [`events`] lists.
    Events,
    /// Like [`Task::Echo`], over TLS.
    Tls {
        /// A PEM file.
        certificate: PathBuf,
        /// A PEM file.
        key: PathBuf,
    },
}

/// The command line of a server.
#[derive(Debug)]
pub struct Arguments {
    /// Where to listen, on 127.0.0.1.
    pub port: u16,
    /// What to do.
    pub task: Task,
    /// What follows, for the server itself.
    pub rest: Vec<String>,
}

impl Arguments {
    /// Reads the command line of this process.
    ///
    /// # Errors
    ///
    /// It is not one of those that the crate's documentation shows.
    pub fn parse() -> Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let port = arguments.next().context("which port?")?.parse().context("the port")?;
        let task = match arguments.next().as_deref() {
            Some("echo") => Task::Echo,
            Some("deflate") => Task::Deflate,
            Some("broadcast") => Task::Broadcast,
            Some("topics") => Task::Topics,
            Some("events") => Task::Events,
            Some("tls") => Task::Tls {
                certificate: arguments.next().context("which certificate?")?.into(),
                key: arguments.next().context("which key?")?.into(),
            },
            other => {
                bail!("what to do is not {other:?}, but echo, deflate, broadcast, topics, events or tls")
            }
        };
        Ok(Self { port, task, rest: arguments.collect() })
    }
}

/// A byte stream that a connection runs over.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for T {}

/// A server that takes any byte stream.
pub trait Peer: Clone + Send + 'static {
    /// Serves one connection from its opening handshake to its end.
    fn serve<T: Transport>(self, transport: T) -> impl Future<Output = Result<()>> + Send;
}

/// Runs a server in a runtime of one thread until it is ended.
///
/// # Errors
///
/// The port is taken, or the certificate cannot be used.
pub fn run(arguments: &Arguments, peer: impl Peer) -> Result<()> {
    match &arguments.task {
        Task::Tls { certificate, key } => {
            let acceptor = acceptor(certificate.clone(), key.clone())?;
            accept_each(arguments.port, move |stream| {
                let (acceptor, peer) = (acceptor.clone(), peer.clone());
                async move { peer.serve(acceptor.accept(stream).await?).await }
            })
        }
        Task::Echo | Task::Deflate | Task::Broadcast | Task::Topics | Task::Events => {
            accept_each(arguments.port, move |stream| peer.clone().serve(stream))
        }
    }
}

/// Calls `serve` with each connection that comes, each in a task of its own.
///
/// # Errors
///
/// The port is taken.
pub fn accept_each<F, Fut>(port: u16, serve: F) -> Result<()>
where
    F: Fn(TcpStream) -> Fut,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    block_on(async move {
        let listener = listen(port).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

/// Listens on 127.0.0.1.
///
/// # Errors
///
/// The port is taken.
pub async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| format!("listening on port {port}"))
}

/// Runs a future in a runtime of one thread.
///
/// # Errors
///
/// Those of the future.
pub fn block_on(future: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future)
}

fn acceptor(certificate: PathBuf, key: PathBuf) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
