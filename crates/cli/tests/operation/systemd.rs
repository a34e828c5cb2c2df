//! What the program tells a service manager, here a socket of the test.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::program::Program;

/// The socket that the program's variable names.
struct ServiceManager {
    socket: UnixDatagram,
    _folder: tempfile::TempDir,
}

impl ServiceManager {
    /// Starts the program under it, with a watchdog of 100 ms.
    fn start(config: &str) -> (ServiceManager, Program) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let program = Program::start_with(config, &[], |command| {
            command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "100000")
        });
        (ServiceManager { socket, _folder: folder }, program)
    }

    /// The next message with this line.
    fn wait_for(&self, line: &str) -> String {
        loop {
            let mut bytes = [0; 4096];
            let count = self.socket.recv(&mut bytes).unwrap();
            let message = std::str::from_utf8(bytes.get(..count).unwrap()).unwrap().to_owned();
            if message.lines().any(|told| told == line) {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn readiness_reloads_the_watchdog_and_the_end_are_told() {
    let (manager, mut program) = ServiceManager::start("[shutdown]\nspread = '2s'\n");
    manager.wait_for("READY=1");
    let mut socket = program.connect("/echo").await;
    let one = "STATUS=1 WebSockets, 0 messages received in the last second";
    assert!(manager.wait_for(one).contains("WATCHDOG=1"));

    program.reload("");
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading.lines().any(|line| line.starts_with("MONOTONIC_USEC=")), "{reloading}");
    manager.wait_for("READY=1");

    program.signal("TERM");
    let stopping = manager.wait_for("STOPPING=1");
    assert!(stopping.contains("STATUS=Closing 1 connections within 2 s"), "{stopping}");
    while socket.recv().await.unwrap().is_some() {}
    assert!(program.wait().success());
}
