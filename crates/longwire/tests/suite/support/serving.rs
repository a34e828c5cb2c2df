//! Servers under test.

use std::future::Future;
use std::net::SocketAddr;

use longwire::mode::CanServe;
use longwire::{HandlerResult, Result, Server, WebSocket};
use longwire_wire::Head;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::patient;
use super::raw::Raw;

/// A running server.
pub(crate) struct Serving {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<()>>,
}

/// Starts a server on any free port.
pub(crate) async fn serve<M, F, Fut>(set_up: impl FnOnce(Server) -> Server<M>, handler: F) -> Serving
where
    M: CanServe + Send + 'static,
    F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = HandlerResult> + Send + 'static,
{
    Serving::start(set_up, |server| server.serve(handler)).await
}

/// Echoes every message.
pub(crate) async fn echo(mut socket: WebSocket) -> HandlerResult {
    while let Some(message) = socket.recv().await? {
        socket.send(message).await?;
    }
    Ok(())
}

impl Serving {
    /// Starts a server on any free port with `run`.
    pub(crate) async fn start<M, Fut>(
        set_up: impl FnOnce(Server) -> Server<M>,
        run: impl FnOnce(Server<M>) -> Fut,
    ) -> Serving
    where
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::bind("127.0.0.1:0").await.unwrap().limits(patient());
        let server = set_up(server).shutdown(async {
            // A test that drops its server early needs no shutdown.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let addr = server.local_addr();
        Serving { addr, stop: Some(stop), served: tokio::spawn(run(server)) }
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("ws://{}{target}", self.addr)
    }

    /// A raw client.
    pub(crate) async fn raw(&self) -> Raw<TcpStream> {
        Raw::new(TcpStream::connect(self.addr).await.unwrap())
    }

    /// A raw client after its opening handshake.
    pub(crate) async fn raw_open(&self) -> Raw<TcpStream> {
        let mut raw = self.raw().await;
        raw.send(upgrade_request("")).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// Sends a request repeatedly until it is answered: the handshake timeout may be so short that it expires on a busy
    /// machine.
    pub(crate) async fn ask_in_time(&self, request: impl AsRef<[u8]>) -> Raw<TcpStream> {
        loop {
            let mut stream = TcpStream::connect(self.addr).await.unwrap();
            let asked = stream.write_all(request.as_ref()).await;
            if asked.is_ok() && stream.peek(&mut [0]).await.is_ok_and(|heard| heard > 0) {
                return Raw::new(stream);
            }
        }
    }

    /// The server's whole response to `request`, until it closes the connection.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut raw = self.raw().await;
        raw.send(request).await;
        String::from_utf8(raw.rest().await).unwrap()
    }

    /// The status line of the server's response.
    pub(crate) async fn status(&self, request: impl AsRef<[u8]>) -> String {
        let mut raw = self.raw().await;
        raw.send(request).await;
        let head = raw.head().await;
        head.lines().next().unwrap_or_default().to_owned()
    }

    /// Begins the shutdown.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Drops the future that serves.
    pub(crate) fn abort(&self) {
        self.served.abort();
    }

    /// Whether `serve` has returned.
    pub(crate) fn has_returned(&self) -> bool {
        self.served.is_finished()
    }

    /// Waits for `serve` to return.
    pub(crate) async fn returned(self) {
        self.served.await.unwrap().unwrap();
    }
}

/// A valid request for a WebSocket, with extra header lines (each with its CR LF).
pub(crate) fn upgrade_request(more: &str) -> String {
    with_more(&Head::upgrade("/", "example.com"), more)
}

/// The 101 response to a request, with `more` header lines.
pub(crate) fn agreement(request: &str, more: &str) -> String {
    let (request, _) = Head::parse(request.as_bytes()).unwrap();
    with_more(&Head::switching_protocols(&request), more)
}

fn with_more(head: &Head, more: &str) -> String {
    let mut text = String::from_utf8(head.encode()).unwrap();
    text.insert_str(text.len() - "\r\n".len(), more);
    text
}
