//! The server under test, and what stands before it.

use std::io::{self, BufRead as _, BufReader};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

/// `longwire serve` on its own port. It is killed at the end of the test.
pub(crate) struct Serving(Child, pub(crate) u16);

impl Serving {
    pub(crate) fn begin() -> Serving {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
        command.args(["serve", "--workers", "1", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let page = lines.by_ref().map(Result::unwrap).find(|line| line.contains("  page ")).unwrap();
        // The server may go on writing.
        thread::spawn(move || lines.for_each(drop));
        let port = page.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        Serving(child, port)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

/// Copies both ways until the connections end.
pub(crate) fn relay(client: TcpStream, server: TcpStream) {
    for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
        thread::spawn(move || {
            // Either side may end the connection as it likes.
            let _copied = io::copy(&mut from, &mut to);
            let _ended = to.shutdown(Shutdown::Write);
        });
    }
}
