//! A server of a test.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Where Debian has it, which is not on every path.
const PROGRAMS: [&str; 2] = ["nats-server", "/usr/sbin/nats-server"];

/// A `nats-server` on a port and in a folder of its own. It is killed at the end of the test.
pub(crate) struct NatsServer {
    process: Child,
    pub(crate) at: SocketAddr,
    folder: TempDir,
}

impl NatsServer {
    /// A server with JetStream.
    pub(crate) async fn start() -> NatsServer {
        NatsServer::with("").await
    }

    /// A server with JetStream and more lines of configuration.
    pub(crate) async fn with(lines: &str) -> NatsServer {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let lines = format!("jetstream {{ store_dir: {:?} }}\n{lines}", store.display().to_string());
        NatsServer::configured(folder, &lines).await
    }

    /// A server with only these lines of configuration.
    pub(crate) async fn bare(lines: &str) -> NatsServer {
        NatsServer::configured(tempfile::tempdir().unwrap(), lines).await
    }

    /// Three servers of one cluster.
    pub(crate) async fn cluster() -> Vec<NatsServer> {
        let mut routes = Vec::new();
        let mut listeners = Vec::new();
        for _ in 0..3 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            routes.push(listener.local_addr().unwrap());
            listeners.push(listener);
        }
        drop(listeners);
        let all = routes.iter().map(|route| format!("\"nats://{route}\"")).collect::<Vec<_>>().join(", ");
        let servers = routes.iter().enumerate().map(|(index, route)| {
            let lines =
                format!("server_name: s{index}\ncluster {{ name: c, listen: \"{route}\", routes: [{all}] }}");
            async move { NatsServer::with(&lines).await }
        });
        futures_util::future::join_all(servers).await
    }

    async fn configured(folder: TempDir, lines: &str) -> NatsServer {
        // Another process may take the port before the server does.
        for _ in 0..5 {
            let at = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let mut text = lines.to_owned();
            writeln!(text, "\nlisten: \"{at}\"").unwrap();
            std::fs::write(folder.path().join("nats.conf"), text).unwrap();
            let mut process = spawn(folder.path());
            if is_ready(&mut process, at).await {
                return NatsServer { process, at, folder };
            }
        }
        panic!("nats-server does not start with this configuration: {lines}");
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.at)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Where it stores messages.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Starts it again, with the same port, folder and configuration.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(self.folder.path());
        assert!(is_ready(&mut self.process, self.at).await, "nats-server does not start again");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill().and_then(|()| self.process.wait().map(drop));
    }
}

fn spawn(folder: &Path) -> Child {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.arg("-c").arg(folder.join("nats.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(process) = command.spawn() {
            return process;
        }
    }
    panic!("these tests need nats-server 2.9 or later: install the Debian package `nats-server`");
}

/// Waits until a server greets. Says whether it does so before it ends.
async fn is_ready(process: &mut Child, at: SocketAddr) -> bool {
    while process.try_wait().unwrap().is_none() {
        if let Ok(mut stream) = TcpStream::connect(at).await {
            let mut greeting = [0; 5];
            if stream.read_exact(&mut greeting).await.is_ok() && greeting == *b"INFO " {
                return true;
            }
        }
        tokio::task::yield_now().await;
    }
    false
}
