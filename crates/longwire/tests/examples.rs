//! The examples that have a `Handler` work on every engine.
#![cfg(all(target_os = "linux", feature = "client", feature = "server", feature = "uring"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod skipped;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use longwire::Message;

/// A running example, on its own port.
struct Example {
    child: Child,
    address: String,
}

impl Example {
    fn start(name: &str, engine: &str) -> Example {
        let mut child = Command::new(built(name))
            .args(["127.0.0.1:0", engine])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // For example `chat: ws://127.0.0.1:8080/?name=`.
        let line = lines.find(|line| line.contains("ws://")).unwrap();
        let (_, behind) = line.split_once("ws://").unwrap();
        let address = behind.split('/').next().unwrap().to_owned();
        // Keep reading, so that the example never blocks on its output.
        std::thread::spawn(move || lines.count());
        Example { child, address }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The path of an example, which is built if necessary. With the features of the whole workspace, `cargo test
/// --workspace` has built it and all that it needs.
fn built(name: &str) -> std::path::PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // Cargo sets these for this test. Build scripts that read them would run again.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&variable);
        }
    }
    let done = cargo
        .args(["build", "--quiet", "--offline", "--workspace", "--all-features", "--example", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(done.success(), "{name} cannot be built");
    // target/debug/deps/examples-0123 beside target/debug/examples/.
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples").join(name)
}

/// The engines that this system supports. Without io_uring, the examples would fall back to readiness.
fn engines() -> Vec<&'static str> {
    if longwire::Engine::Uring.resolve() == longwire::Engine::Uring {
        return vec!["readiness", "uring"];
    }
    skipped::skipped_without("io_uring");
    vec!["readiness"]
}

#[tokio::test]
async fn echo_sends_every_message_back() {
    for engine in engines() {
        let echo = Example::start("event_echo", engine);
        let mut socket = longwire::connect(format!("ws://{}/", echo.address)).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::from("hello")), "{engine}");
    }
}

#[tokio::test]
async fn chat_tells_everybody_what_is_said() {
    for engine in engines() {
        let chat = Example::start("chat", engine);
        let url = |name: &str| format!("ws://{}/?name={name}", chat.address);
        let mut ada = longwire::connect(url("Ada")).await.unwrap();
        assert_eq!(ada.recv().await.unwrap(), Some(Message::from("Ada is here")), "{engine}");
        let mut bob = longwire::connect(url("Bob")).await.unwrap();
        assert_eq!(ada.recv().await.unwrap(), Some(Message::from("Bob is here")), "{engine}");
        bob.send("hello").await.unwrap();
        assert_eq!(ada.recv().await.unwrap(), Some(Message::from("Bob: hello")), "{engine}");
    }
}
