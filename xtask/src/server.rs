//! External programs that serve until they are dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{create_log, spawn};
use crate::process_tree;

/// A program that serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts the program and waits until it accepts connections at `address`.
    pub(crate) fn start(mut command: Command, address: SocketAddr, log: PathBuf) -> Result<Self> {
        const READY: Duration = Duration::from_secs(60);
        const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

        let stdout = create_log(&log)?;
        let stderr = stdout.try_clone()?;
        let child = spawn(command.stdin(Stdio::null()).stdout(stdout).stderr(stderr))?;
        let mut server = Self { child, log };
        let until = Instant::now() + READY;
        while TcpStream::connect_timeout(&address, READY).is_err() {
            server.check()?;
            if Instant::now() >= until {
                bail!(
                    "did not listen at {address} within {} s; see {}",
                    READY.as_secs(),
                    server.log.display()
                );
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(server)
    }

    /// Its process id. A shell that becomes the program with `exec` has the same.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails if the server has ended or if it has panicked.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended unexpectedly ({status}); see {}", self.log.display());
        }
        let log = std::fs::read(&self.log)?;
        if String::from_utf8_lossy(&log).contains("panicked at") {
            bail!("the server panicked; see {}", self.log.display());
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process_tree::kill(&mut self.child);
    }
}

/// A free address on the loopback interface.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?)
}
