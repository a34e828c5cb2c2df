//! The program with a configuration, and its clients.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

use longwire::WebSocket;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const API_KEY: &str = "an-api-key-of-the-tests";

/// An API with one key, and a namespace in which everybody may do everything, without history.
pub(crate) const CONFIG: &str = "[api]\nkeys = ['an-api-key-of-the-tests']\n[namespaces.open]\n\
                                 subscribe = ['anonymous']\npublish = ['subscriber']\n\
                                 [namespaces.kept]\nsubscribe = ['anonymous']\npublish = ['subscriber']\n\
                                 read_history = ['subscriber']\nhistory = { size = 10, ttl = '1h' }\n\
                                 recovery = 'on_request'\n";

/// `longwire serve`, which is killed at the end of the test.
pub(crate) struct Hub {
    child: Child,
    pub(crate) log: Lines<BufReader<ChildStderr>>,
    folder: TempDir,
    pub(crate) address: String,
}

impl Hub {
    pub(crate) fn start(config: &str, flags: &[&str]) -> Hub {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longwire.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "2", "--config"])
            .arg(&file)
            .args(flags)
            .env_remove("LONGWIRE_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let echo = lines.find_map(|line| Some(line.split_once("ws://")?.1.strip_suffix("/echo")?.to_owned()));
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Hub { child, log, folder, address: echo.unwrap() }
    }

    /// Writes another configuration and has it read.
    pub(crate) fn reload(&mut self, config: &str) {
        std::fs::write(self.folder.path().join("longwire.toml"), config).unwrap();
        self.signal("HUP");
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) async fn connect(&self, path: &str) -> WebSocket {
        longwire::connect(&format!("ws://{}{path}", self.address)).await.unwrap()
    }

    /// The status and the body of a response to a POST with these lines in its head.
    pub(crate) fn post(&self, path: &str, head: &str, body: &str) -> (u16, String) {
        post(&self.address, path, head, body)
    }

    /// The answer of a method of the API.
    pub(crate) fn api(&self, method: &str, params: &Value) -> Value {
        let key = format!("X-API-Key: {API_KEY}\r\n");
        let (status, body) = self.post(&format!("/api/{method}"), &key, &params.to_string());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// The next message, which is JSON. A frame may have several replies, one in each line; the rest is in `later`.
pub(crate) async fn reply(socket: &mut WebSocket, later: &mut Vec<Value>) -> Value {
    if later.is_empty() {
        let message = socket.recv().await.unwrap().unwrap();
        let lines = message.as_text().unwrap().lines().rev();
        later.extend(lines.map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    later.pop().unwrap()
}

/// The status and the body of a response to a POST to this address.
pub(crate) fn post(address: &str, path: &str, head: &str, body: &str) -> (u16, String) {
    let response = request(address, "POST", path, &format!("Host: localhost\r\n{head}"), body);
    (response.status, response.body)
}

/// A response.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The response to a request with these lines in its head.
pub(crate) fn request(address: &str, method: &str, path: &str, head: &str, body: &str) -> Response {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head: head.to_owned(), body: body.to_owned() }
}
