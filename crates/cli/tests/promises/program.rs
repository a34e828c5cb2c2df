//! `longwire serve`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

pub(crate) const API_KEY: &str = "an-api-key-of-the-tests";

/// The channels of the tests. All publications of the first stay in history. The second keeps so few that many clients
/// come back too late.
pub(crate) const CHANNELS: [&str; 2] = ["kept:a", "short:a"];

const CONFIG: &str = "
[api]
keys = ['an-api-key-of-the-tests']

[namespaces.kept]
subscribe = ['anonymous']
publish = ['subscriber']
history = { size = 10000000, ttl = '24h', bytes = '1GiB' }
max_page = 1000000
recovery = 'on_request'

[namespaces.short]
subscribe = ['anonymous']
publish = ['subscriber']
history = { size = 8, ttl = '24h' }
recovery = 'on_request'
";

/// The server, which is killed at the end of the test.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    engine: &'static str,
    _folder: TempDir,
}

impl Program {
    pub(crate) fn start(engine: &'static str) -> Program {
        Program::start_at("127.0.0.1:0", engine)
    }

    fn start_at(address: &str, engine: &'static str) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longwire.toml");
        std::fs::write(&file, CONFIG).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
            .args(["serve", "--listen", address, "--workers", "2", "--engine", engine, "--config"])
            .arg(&file)
            .env("LONGWIRE_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let echo = lines.find_map(|line| line.split_once("ws://")?.1.strip_suffix("/echo")?.parse().ok());
        let address = echo.unwrap();
        Program { child, address, engine, _folder: folder }
    }

    /// Kills the process, which cannot prepare for that.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to shut down, and waits for its end.
    pub(crate) fn shut_down(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// A new process in the place of one that has ended. The kernel frees the port of a killed process that used
    /// io_uring only a moment after its end, for which the new one waits.
    pub(crate) fn start_again(&mut self) {
        *self = Program::start_at(&self.address.to_string(), self.engine);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}
