//! Connections that the application opens.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::destination::Destination;
use crate::transport::Transport;

type ConnectorFuture = Pin<Box<dyn Future<Output = io::Result<Transport>> + Send>>;

/// The application's function that connects.
#[derive(Clone)]
pub(super) struct Connector(Arc<dyn Fn(Destination) -> ConnectorFuture + Send + Sync>);

impl Connector {
    pub(super) fn new<F, Fut, T>(connect: F) -> Connector
    where
        F: Fn(Destination) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<T>> + Send + 'static,
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Connector(Arc::new(move |destination| {
            let connecting = connect(destination);
            Box::pin(async { Ok(Transport::Other(Box::new(connecting.await?))) })
        }))
    }

    pub(super) async fn connect(&self, destination: &Destination) -> io::Result<Transport> {
        (self.0)(destination.clone()).await
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
