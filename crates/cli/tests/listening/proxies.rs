//! Behind `HAProxy` and nginx, if they are installed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::program::Program;

/// A client claims to be somebody else; its proxy knows better.
const UPGRADE: &str = "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       X-Forwarded-For: 6.6.6.6\r\n\r\n";

/// A proxy, which is killed at the end of the test.
struct Proxy(Child);

impl Proxy {
    /// Starts it with a configuration, and waits until it listens. `None` if it is not installed.
    async fn start(program: &str, args: &[&str], file: &Path, text: &str, at: SocketAddr) -> Option<Proxy> {
        std::fs::write(file, text).unwrap();
        let mut command = Command::new(program);
        command.args(args).arg(file).stdout(Stdio::null());
        let Ok(child) = command.spawn() else {
            println!("skipped: {program} is not installed");
            return None;
        };
        let mut proxy = Proxy(child);
        while TcpStream::connect(at).await.is_err() {
            assert!(proxy.0.try_wait().unwrap().is_none(), "{program} has ended");
            tokio::task::yield_now().await;
        }
        Some(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The status of a request for a WebSocket that a client with this address sends to the proxy, and its connection.
async fn status(client: [u8; 4], proxy: SocketAddr) -> (TcpStream, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((client, 0).into()).unwrap();
    let mut stream = socket.connect(proxy).await.unwrap();
    stream.write_all(UPGRADE.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    (stream, String::from_utf8_lossy(&status[9..]).into_owned())
}

/// Checks that the server knows the clients of a proxy apart. It has a place for one connection of each.
async fn expect_clients_apart(proxy: SocketAddr) {
    let mut open = Vec::new();
    for (client, expected) in [(2, "101"), (3, "101"), (2, "503"), (4, "101"), (3, "503")] {
        let (stream, status) = status([127, 0, 0, client], proxy).await;
        assert_eq!(status, expected, "127.0.0.{client}");
        open.push(stream);
    }
}

#[tokio::test]
async fn haproxy_names_its_clients_by_the_proxy_protocol() {
    for (mode, send) in [("http", "send-proxy-v2"), ("tcp", "send-proxy-v2"), ("tcp", "send-proxy")] {
        let one_each = ["--listen", "127.0.0.1:0", "--max-connections-per-ip", "1"];
        let by_protocol = ["--trusted-proxy", "127.0.0.1", "--proxy-protocol"];
        let program = Program::start(&[&one_each[..], &by_protocol].concat());
        let (folder, at) = (tempfile::tempdir().unwrap(), free_port().await);
        let text = format!(
            "defaults\n  mode {mode}\n  timeout connect 60s\n  timeout client 60s\n  timeout server 60s\n\
             frontend web\n  bind {at}\n  default_backend longwire\n\
             backend longwire\n  server longwire {} {send} check\n",
            program.places[0]
        );
        let file = folder.path().join("haproxy.cfg");
        let Some(_proxy) = Proxy::start("haproxy", &["-db", "-f"], &file, &text, at).await else { return };
        expect_clients_apart(at).await;
    }
}

#[tokio::test]
async fn nginx_names_its_clients_by_a_header_on_a_port_and_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().display();
    let unix = format!("unix:{dir}/socket");
    for (listen, trusted) in [("127.0.0.1:0", "127.0.0.1"), (&*unix, "unix")] {
        let one_each = ["--listen", listen, "--max-connections-per-ip", "1"];
        let program = Program::start(&[&one_each[..], &["--trusted-proxy", trusted]].concat());
        let at = free_port().await;
        let text = format!(
            "daemon off;\nmaster_process off;\nuser root;\npid {dir}/nginx.pid;\nerror_log stderr crit;\nevents {{}}\n\
             http {{ access_log off; client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};\n\
             uwsgi_temp_path {dir}; scgi_temp_path {dir};\n\
             server {{ listen {at}; location / {{ proxy_pass http://{}; proxy_http_version 1.1;\n\
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;\n\
             proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}\n",
            program.places[0]
        );
        let file = folder.path().join("nginx.conf");
        let Some(_proxy) = Proxy::start("nginx", &["-c"], &file, &text, at).await else { return };
        expect_clients_apart(at).await;
    }
}
