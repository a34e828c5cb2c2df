//! The attacked server, in its own process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use crate::process::Process;

/// `longwire serve` on its own port.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    complaints: Option<JoinHandle<String>>,
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_longwire"))
            // One event loop: more loops would only multiply the buffers.
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"])
            .args(flags)
            .env_remove("LONGWIRE_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let complaints = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let address = stdout.lines().map_while(Result::ok).find_map(|line| announced_address(&line));
        let Some(address) = address else {
            panic!("the server did not start: {}", complaints.join().unwrap());
        };
        Server { child, address, complaints: Some(complaints) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Resets [`Process::peak_memory`] to the memory that is resident now.
    pub(crate) fn forget_peak(&self) {
        fs::write(self.process().file("clear_refs"), "5").unwrap();
    }

    /// The number of open descriptors, most of them connections.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(self.process().file("fd")).unwrap().count()
    }

    /// The number of bytes that clients have sent and the server has not read, over all connections, plus the number of
    /// connections that it has not accepted.
    pub(crate) fn unread(&self) -> usize {
        let sockets = fs::read_to_string(self.process().file("net/tcp")).unwrap();
        sockets.lines().skip(1).filter_map(|line| self.unread_of(line)).sum()
    }

    /// The number of connections that it has not closed.
    pub(crate) fn connections(&self) -> usize {
        let sockets = fs::read_to_string(self.process().file("net/tcp")).unwrap();
        sockets.lines().skip(1).filter(|line| self.is_connection(line)).count()
    }

    /// Reads a line of `/proc/net/tcp`: number, local address, remote address, state, and as the tenth field the inode,
    /// which is 0 after the program has closed the socket. A listening socket has state 0A.
    fn is_connection(&self, line: &str) -> bool {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let own = fields[1].ends_with(&format!(":{:04X}", self.address.port()));
        own && fields[3] != "0A" && fields[9] != "0"
    }

    /// Reads a line of `/proc/net/tcp`: number, local address, remote address, state, queues. The receive queue of a
    /// listening socket contains connections.
    fn unread_of(&self, line: &str) -> Option<usize> {
        let mut fields = line.split_whitespace().skip(1);
        let (_, port) = fields.next()?.split_once(':')?;
        let (_, received) = fields.nth(2)?.split_once(':')?;
        let own = u16::from_str_radix(port, 16).ok()? == self.address.port();
        own.then(|| usize::from_str_radix(received, 16).unwrap())
    }

    /// Ends the server, and returns its standard error.
    pub(crate) fn complaints(mut self) -> String {
        self.child.kill().unwrap();
        self.complaints.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// Finds `ws://127.0.0.1:8080/echo` in a line of the server's output.
fn announced_address(line: &str) -> Option<SocketAddr> {
    line.split_once("ws://")?.1.strip_suffix("/echo")?.parse().ok()
}
