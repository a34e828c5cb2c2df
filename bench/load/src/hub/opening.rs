//! Connections that are opened together, and take the same number of steps until they are subscribed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use rustix::net::sockopt::set_socket_linger;

use super::dialect::{Dialect, Step};
use super::incoming::Incoming;
use crate::arguments::Target;
use crate::handshake::Handshake;

/// How many connections are opened at a time.
const TOGETHER: usize = 64;

/// How long a server may take for one step.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that has taken all steps.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) stream: TcpStream,
    pub(super) incoming: Incoming,
    /// The frame that answered the last step.
    pub(super) answer: Vec<u8>,
}

/// What a connection asks for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) dialect: Dialect,
    pub(super) channel: String,
    pub(super) steps: Vec<Step>,
    /// The node to connect to, if it is not the target's first.
    pub(super) node: Option<SocketAddr>,
}

impl Request {
    /// Subscribes to a channel.
    pub(super) fn subscriber(dialect: Dialect, channel: String) -> Self {
        Self { dialect, steps: dialect.subscribing(&channel), channel, node: None }
    }

    /// Only connects, to publish.
    pub(super) fn publisher(dialect: Dialect) -> Self {
        Self { dialect, channel: "publisher".to_owned(), steps: dialect.connecting(), node: None }
    }

    /// The same, at this node.
    pub(super) fn at(self, node: SocketAddr) -> Self {
        Self { node: Some(node), ..self }
    }
}

/// Opens connections, so many at a time that the server need not wait.
pub(super) fn open(target: &Target, requests: &[Request]) -> Result<Vec<Opened>> {
    let mut opened = Vec::with_capacity(requests.len());
    for (number, together) in requests.chunks(TOGETHER).enumerate() {
        let first = number * TOGETHER;
        opened.extend(
            open_together(target, first, together).with_context(|| format!("from connection {first}"))?,
        );
    }
    Ok(opened)
}

fn open_together(target: &Target, first: usize, requests: &[Request]) -> Result<Vec<Opened>> {
    let mut handshakes = Vec::new();
    for (number, request) in (first as u32..).zip(requests) {
        let mut stream = TcpStream::connect(request.node.unwrap_or(target.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // End with a reset. Otherwise all ports would soon be in TIME-WAIT.
        set_socket_linger(&stream, Some(Duration::ZERO))?;
        let (path, subprotocol) = (request.dialect.target(&request.channel), request.dialect.subprotocol());
        let handshake = Handshake::new(number, path, subprotocol);
        stream.write_all(handshake.request().as_bytes())?;
        handshakes.push((stream, handshake));
    }
    let mut opened = Vec::new();
    for (mut stream, handshake) in handshakes {
        let rest = handshake.finish(&mut stream)?;
        opened.push((Opened { stream, incoming: Incoming::default(), answer: Vec::new() }, rest));
    }
    let steps = requests.iter().map(|request| request.steps.len()).max().unwrap_or(0);
    for step in 0..steps {
        for ((opened, _), request) in opened.iter_mut().zip(requests) {
            if let Some(send) = &request.steps[step].send {
                opened.stream.write_all(send)?;
            }
        }
        for ((opened, rest), request) in opened.iter_mut().zip(requests) {
            opened.read_until(&request.steps[step].until, std::mem::take(rest))?;
        }
    }
    Ok(opened.into_iter().map(|(opened, _)| opened).collect())
}

impl Opened {
    /// Reads until a frame contains this. Before it come the answers to earlier steps; behind it, nothing yet.
    fn read_until(&mut self, until: &[u8], mut bytes: Vec<u8>) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let mut answer = None;
            self.incoming.take(&bytes, |payload| {
                if memmem::find(payload, until).is_some() {
                    answer = Some(payload.to_vec());
                }
                Ok(())
            })?;
            if let Some(answer) = answer {
                ensure!(
                    memmem::find(&answer, b"\"error\"").is_none(),
                    "the server refuses: {}",
                    answer.escape_ascii()
                );
                self.answer = answer;
                return Ok(());
            }
            let length = self
                .stream
                .read(&mut buffer)
                .with_context(|| format!("waiting for {}", until.escape_ascii()))?;
            ensure!(length > 0, "the server ended the connection before {}", until.escape_ascii());
            bytes = buffer[..length].to_vec();
        }
    }
}
