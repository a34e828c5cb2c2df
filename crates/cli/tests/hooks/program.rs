//! `longwire serve` with a configuration, and its clients.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use longwire::{Client, WebSocket};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// The machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program, which is killed at the end of the test.
pub(crate) struct Program {
    child: Child,
    address: String,
    lines: Receiver<String>,
    folder: TempDir,
}

/// A client of the hub.
pub(crate) struct Caller {
    socket: WebSocket,
    last_id: u64,
    /// Pushes that came while waiting for a reply.
    pub(crate) pushes: Vec<Value>,
}

impl Program {
    pub(crate) fn start(config: &str, variables: &[(&str, &str)]) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longwire.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--config"])
            .arg(&file)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let page = stdout.lines().map_while(Result::ok).find_map(|line| {
            line.trim().strip_prefix("page ").map(|url| url.trim().trim_end_matches('/').to_owned())
        });
        let Some(page) = page else {
            panic!("it does not start: {:?}", lines.iter().collect::<Vec<_>>());
        };
        Program { child, address: page.replace("http://", ""), lines, folder }
    }

    /// A client that has not sent anything, whose request has these headers.
    pub(crate) async fn caller(&self, headers: &[(&str, &str)]) -> Caller {
        let mut client = Client::new().proxy(None);
        for (name, value) in headers {
            client = client.header(*name, *value);
        }
        let url = format!("ws://{}/connection/websocket", self.address);
        Caller { socket: client.connect(url).await.unwrap(), last_id: 0, pushes: Vec::new() }
    }

    /// Opens a stream with this header and first command. The client leaves when the stream is dropped, and the hub may
    /// then ask no hook.
    pub(crate) async fn stream(
        &self,
        path: &str,
        (name, value): (&str, &str),
        body: &str,
    ) -> BufStream<TcpStream> {
        let mut stream = BufStream::new(TcpStream::connect(&self.address).await.unwrap());
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: a\r\n{name}: {value}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        stream
    }

    /// A client that is connected.
    pub(crate) async fn connected(&self) -> Caller {
        let mut caller = self.caller(&[]).await;
        let reply = caller.call("connect", json!({})).await;
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        caller
    }

    /// Has the program read another configuration, and waits until its log contains a text.
    #[cfg(unix)]
    pub(crate) fn reload(&self, config: &str, logged: &str) {
        std::fs::write(self.folder.path().join("longwire.toml"), config).unwrap();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "HUP", &pid]).status().unwrap().success());
        self.logged(logged);
    }

    /// The next line of the log that contains a text.
    pub(crate) fn logged(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends the program, and returns the rest of its log.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.lines.iter().collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}

impl Caller {
    /// Sends a command, and returns its reply.
    pub(crate) async fn call(&mut self, command: &str, request: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.socket.send(json!({ "id": id, command: request }).to_string()).await.unwrap();
        loop {
            for message in self.receive().await.unwrap() {
                if message["id"] == id {
                    return message;
                }
                self.pushes.push(message);
            }
        }
    }

    /// Sends a command that ends the connection, and returns the close code.
    pub(crate) async fn ended_by(&mut self, command: &str, request: Value) -> u16 {
        self.socket.send(json!({ "id": 1, command: request }).to_string()).await.unwrap();
        self.closed().await
    }

    /// The close code, at the end.
    pub(crate) async fn closed(&mut self) -> u16 {
        while self.receive().await.is_some() {}
        self.socket.closed().code.into()
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> Value {
        while self.pushes.is_empty() {
            let messages = self.receive().await.unwrap();
            self.pushes.extend(messages.into_iter().filter(|message| message["push"].is_object()));
        }
        self.pushes.remove(0)
    }

    async fn receive(&mut self) -> Option<Vec<Value>> {
        let message = tokio::time::timeout(PATIENCE, self.socket.recv()).await.unwrap().unwrap()?;
        let text = message.to_string();
        Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}
