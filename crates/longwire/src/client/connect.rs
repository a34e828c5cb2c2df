//! Connects to the first of several addresses that answers (RFC 8305, "happy eyeballs").

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::destination::Destination;
use super::resolve::{Found, Lookup, in_turns};
use crate::error::{Error, Result};

/// The head start of an attempt over the next one (RFC 8305 §8).
const HEAD_START: Duration = Duration::from_millis(250);

/// How many addresses of a name are tried, at most.
const ATTEMPTS: usize = 16;

/// Connects to the first address that answers. `doing` names this operation in errors.
pub(super) async fn connect(
    destination: &Destination,
    found: Found,
    limit: Duration,
    doing: &str,
) -> Result<TcpStream> {
    let raced = race(found, TcpStream::connect, limit).await;
    let stream = raced.map_err(|lost| lost.into_error(doing, destination, limit))?;
    // Messages are already coalesced before writing; Nagle's algorithm would only delay them.
    stream.set_nodelay(true).map_err(|error| Error::io(doing, error))?;
    Ok(stream)
}

/// The outcome of attempts that all failed.
#[derive(Debug)]
struct Lost {
    failed: Vec<(SocketAddr, io::Error)>,
    /// Addresses that had not answered when the time was up.
    silent: Vec<SocketAddr>,
}

/// Dials the addresses one after the other, each with a head start over the next. The first connection wins, and the
/// other attempts are dropped. Addresses that become known in the meantime are inserted in alternation.
async fn race<T, F>(found: Found, dial: impl Fn(SocketAddr) -> F, limit: Duration) -> Result<T, Lost>
where
    F: Future<Output = io::Result<T>>,
{
    let mut deadline = pin!(sleep(limit));
    let mut next_turn = pin!(sleep(Duration::ZERO));
    let mut waiting = VecDeque::from(found.addresses);
    let mut later: FuturesUnordered<Lookup> = found.later.into_iter().collect();
    let mut dialled: Vec<SocketAddr> = Vec::new();
    let mut attempts = FuturesUnordered::new();
    let mut failed: Vec<(SocketAddr, io::Error)> = Vec::new();
    while !(attempts.is_empty() && waiting.is_empty() && later.is_empty()) {
        tokio::select! {
            biased;
            Some((address, outcome)) = attempts.next() => match outcome {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    failed.push((address, error));
                    // No attempt is pending, so dial the next address now.
                    next_turn.as_mut().reset(Instant::now());
                }
            },
            Some(answer) = later.next() => {
                // If the second lookup fails, only the known addresses are left.
                waiting.extend(answer.unwrap_or_default());
                // Alternate: the next address should differ in family from the one that was dialled last, or, before
                // the first dial, should not belong to the late family.
                let previous = dialled.last().or(waiting.back());
                let v6_first = previous.is_some_and(SocketAddr::is_ipv4);
                waiting = in_turns(waiting.into(), v6_first).into();
            }
            () = &mut next_turn, if !waiting.is_empty() => {
                next_turn.as_mut().reset(Instant::now() + HEAD_START);
                if let Some(address) = waiting.pop_front() {
                    tracing::trace!(%address, "dial");
                    let attempt = dial(address);
                    attempts.push(async move { (address, attempt.await) });
                    dialled.push(address);
                }
                if dialled.len() == ATTEMPTS {
                    waiting.clear();
                    later.clear();
                }
            }
            () = &mut deadline => {
                dialled.retain(|address| failed.iter().all(|(lost, _)| lost != address));
                return Err(Lost { failed, silent: dialled });
            }
        }
    }
    Err(Lost { failed, silent: Vec::new() })
}

impl Lost {
    fn into_error(mut self, doing: &str, destination: &Destination, limit: Duration) -> Error {
        // Without a name, `doing` already contains the address.
        let is_name = destination.ip().is_none();
        if !self.silent.is_empty() {
            let doing = if is_name { format!("{doing} ({self})") } else { doing.to_owned() };
            return Error::timeout(doing, limit);
        }
        if !is_name && let Some((_, error)) = self.failed.pop() {
            return Error::io(doing, error);
        }
        let kind = self.failed.first().map_or(io::ErrorKind::NotFound, |(_, error)| error.kind());
        Error::io(doing, io::Error::new(kind, self.to_string()))
    }
}

/// All attempts with their outcomes.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (address, error) in &self.failed {
            write!(f, "{separator}{address}: {error}")?;
            separator = "; ";
        }
        for address in &self.silent {
            write!(f, "{separator}{address}: no answer")?;
            separator = "; ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
