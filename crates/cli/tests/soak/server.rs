//! The server, observed from outside.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use longwire::{Client, ClientTls, Roots};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{self, Raw};

/// The connection limit per address. The crowd is smaller.
const PLACES: usize = 400;

/// The accepted growth in resident memory from the first half to the second, in KiB. The allocator's caches vary.
pub(crate) const GROWTH: usize = 12 << 10;

/// The most resident memory without connections, in KiB, in an unoptimized build.
pub(crate) const IDLE: usize = 64 << 10;

/// Longer than any timeout of the server.
const PATIENCE: Duration = Duration::from_secs(120);

/// The server's timeouts. They are longer than honest clients need, even on a busy machine, and shorter than
/// [`PATIENCE`], because a connection that ends only by its timeout is not a leak.
const TIMES: [&str; 8] =
    ["--handshake-timeout", "20", "--keepalive", "20", "--keepalive-timeout", "20", "--close-timeout", "20"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls,
}

/// `longwire serve` on its own port.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The certificate in PEM format, if the server uses TLS.
    certificate: Option<String>,
}

impl Server {
    pub(crate) fn start(engine: &str, security: Security) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--workers",
                "2",
                "--metrics",
                "--insecure",
                "--engine",
                engine,
            ])
            .args(["--max-connections-per-ip", &PLACES.to_string(), "--max-message", "1048576"])
            .args(TIMES)
            .env("LONGWIRE_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let folder = tempfile::tempdir().unwrap();
        let certificate = (security == Security::Tls).then(|| {
            let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
            fs::write(&certificate, identity.cert.pem()).unwrap();
            fs::write(&key, identity.signing_key.serialize_pem()).unwrap();
            command.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
            identity.cert.pem()
        });
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let address = stdout.lines().map_while(Result::ok).find_map(|line| announced_address(&line));
        Server { child, address: address.unwrap(), certificate }
    }

    /// A client that trusts the server.
    pub(crate) fn client(&self) -> Client {
        let tls = ClientTls::new(Roots::None);
        let tls = match &self.certificate {
            Some(certificate) => tls.add_pem(certificate).unwrap(),
            None => tls,
        };
        // Ignore the machine's proxy settings.
        Client::new().proxy(None).tls(tls)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() { "wss" } else { "ws" };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    /// A raw connection, inside of TLS if the server uses it.
    pub(crate) async fn connect(&self) -> std::io::Result<Raw> {
        self.secured(TcpStream::connect(self.address).await?).await
    }

    /// The same over an existing connection.
    pub(crate) async fn secured(&self, stream: TcpStream) -> std::io::Result<Raw> {
        wire::over(stream, self.certificate.as_deref()).await
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// The resident memory, in KiB.
    pub(crate) fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }

    /// The number of connections that it has not closed, from `/proc/net/tcp`: number, local address, remote address,
    /// state, and as the tenth field the inode, which is 0 after the program has closed the socket. A listening socket
    /// has state 0A.
    fn connections(&self) -> usize {
        let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id())).unwrap();
        let own = format!(":{:04X}", self.address.port());
        let is_connection = |line: &&str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields[1].ends_with(&own) && fields[3] != "0A" && fields[9] != "0"
        };
        sockets.lines().skip(1).filter(is_connection).count()
    }

    /// Waits until nobody is connected and no bytes are held.
    pub(crate) async fn is_idle(&self) {
        let begun = Instant::now();
        while self.connections() > 0 {
            let open = self.connections();
            assert!(begun.elapsed() < PATIENCE, "{open} connections are still open after {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        loop {
            let figures = self.figures().await;
            let left: Vec<&str> = figures.lines().filter(|line| is_left_over(line)).collect();
            if left.is_empty() {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "still after {PATIENCE:?}: {left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Also waits for the end of the last connection that requested the metrics.
    pub(crate) async fn has_no_more_descriptors_than(&self, count: usize) {
        let begun = Instant::now();
        while self.descriptors() > count {
            let open = self.descriptors();
            assert!(begun.elapsed() < PATIENCE, "{open} descriptors are open, where {count} were");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Checks that all places for one address are free.
    pub(crate) async fn has_all_its_places(&self) {
        let mut inside = Vec::new();
        let begun = Instant::now();
        while inside.len() < PLACES {
            match self.client().connect(self.url("/echo")).await {
                Ok(socket) => inside.push(socket),
                // The connection that requested the metrics may still occupy its place.
                Err(error) => {
                    let count = inside.len();
                    assert!(begun.elapsed() < PATIENCE, "{count} of {PLACES} places: {error}");
                }
            }
        }
    }

    async fn figures(&self) -> String {
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut text = String::new();
        let mut raw = self.connect().await.unwrap();
        raw.write_all(request.as_bytes()).await.unwrap();
        raw.flush().await.unwrap();
        raw.read_to_string(&mut text).await.unwrap();
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// Whether a metric shows a connection or held bytes.
fn is_left_over(line: &str) -> bool {
    let gauges = ["longwire_connections_open{", "longwire_connections{", "longwire_held_bytes "];
    // The request for the metrics uses a plain HTTP connection.
    let is_question = line.contains("\"request\"") || line.contains("\"waiting\"");
    gauges.iter().any(|gauge| line.starts_with(gauge)) && !is_question && !line.ends_with(" 0")
}

/// Finds `ws://127.0.0.1:8080/echo` in a line of the server's output.
fn announced_address(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("ws://").or_else(|| line.split_once("wss://"))?;
    address.strip_suffix("/echo")?.parse().ok()
}
