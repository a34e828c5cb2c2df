//! The program with a configuration, and its clients.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use longwire::WebSocket;
use serde_json::Value;
use tempfile::TempDir;

/// `longwire serve`, which is killed at the end of the test.
pub(crate) struct Program {
    child: Child,
    folder: TempDir,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) address: String,
}

impl Program {
    /// Starts it with a configuration and a port of its own.
    pub(crate) fn start(config: &str, flags: &[&str]) -> Program {
        Program::start_with(config, flags, |command| command)
    }

    /// Starts it as `prepare` changes the command.
    pub(crate) fn start_with(
        config: &str,
        flags: &[&str],
        prepare: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longwire.toml");
        std::fs::write(&file, config).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
        command
            .args(["serve", "--workers", "2", "--listen", &address, "--config"])
            .arg(&file)
            .args(flags)
            .env_remove("LONGWIRE_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = prepare(&mut command).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Program { child, folder, log, address }
    }

    /// Waits until it says on standard output that it serves.
    pub(crate) fn serving(mut self) -> Program {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("ws://")));
        self
    }

    /// What it prints on standard output when it serves.
    #[cfg(target_os = "linux")]
    pub(crate) fn announcement(&mut self) -> Vec<String> {
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines().map(Result::unwrap);
        lines.take_while(|line| !line.starts_with("Ctrl-C")).collect()
    }

    /// The next line of the log.
    pub(crate) fn line(&mut self) -> String {
        self.log.next().unwrap().unwrap()
    }

    /// The next line of the log, which is a JSON document.
    pub(crate) fn document(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Writes another configuration and has it read.
    pub(crate) fn reload(&self, config: &str) {
        std::fs::write(self.folder.path().join("longwire.toml"), config).unwrap();
        self.signal("HUP");
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) async fn connect(&self, path: &str) -> WebSocket {
        longwire::connect(&format!("ws://{}{path}", self.address)).await.unwrap()
    }

    /// The response to a request with this head.
    pub(crate) fn request(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}
