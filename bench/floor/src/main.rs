//! TCP echo as fast as the kernel allows: `bench-floor PORT epoll|uring`.

mod epoll;
mod uring;

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().context("a port is required")?.parse().context("invalid port")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    match arguments.next().as_deref() {
        Some("epoll") => epoll::serve(&listener),
        Some("uring") => uring::serve(&listener),
        other => bail!("unknown interface {other:?}: use epoll or uring"),
    }
}
