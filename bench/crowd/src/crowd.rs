//! All clients of the process.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet, spawn_local};
use tokio::time::{sleep, timeout};

use crate::client::{self, Arrived, PUBLICATION};

/// How long everything that an order does may take. A connection that the kernel's queues have no room for is tried again by
/// TCP, after 1, 3, 7, … s.
const PATIENCE: Duration = Duration::from_secs(300);

/// The time between two attempts to open a connection.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Crowd {
    server: SocketAddr,
    number: u8,
    /// `None` where a connection is not open.
    clients: Vec<Option<Client>>,
    tally: Rc<Tally>,
}

struct Client {
    stream: Rc<TcpStream>,
    attending: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.attending.abort();
    }
}

#[derive(Default)]
struct Tally {
    messages: Cell<usize>,
    pings: Cell<u64>,
    /// Attempts to open a connection that failed.
    failed: Cell<usize>,
    /// Connections that ended although nobody cut them.
    lost: Cell<usize>,
    changed: Notify,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr, connections: u16, number: u8) -> Self {
        let clients = (0..connections).map(|_| None).collect();
        Self { server, number, clients, tally: Rc::default() }
    }

    /// Opens all connections that are not open, so many at a time. A failed attempt is repeated after a pause, as clients do.
    /// Returns their number and the seconds.
    pub(crate) async fn open(&mut self, at_a_time: usize) -> Result<(usize, f64)> {
        let begin = Instant::now();
        let places = Rc::new(Semaphore::new(at_a_time.min(Semaphore::MAX_PERMITS)));
        let mut opening = JoinSet::new();
        for index in (0..self.clients.len()).filter(|index| self.clients[*index].is_none()) {
            let (server, source, places) = (self.server, self.source(index), Rc::clone(&places));
            let tally = Rc::clone(&self.tally);
            opening.spawn_local(async move {
                let _place = places.acquire().await;
                loop {
                    match client::connect(server, source).await {
                        Ok(connected) => return (index, connected),
                        Err(error) => tally.fail(&error),
                    }
                    sleep(PAUSE).await;
                }
            });
        }
        let opened = opening.len();
        timeout(PATIENCE, async {
            while let Some(finished) = opening.join_next().await {
                let (index, (stream, rest)) = finished?;
                self.clients[index] = Some(self.attended(stream, rest));
            }
            anyhow::Ok(())
        })
        .await
        .context("opening the connections takes too long")??;
        Ok((opened, begin.elapsed().as_secs_f64()))
    }

    /// An address for each connection: 127.1.0.0 to 127.NUMBER.255.255.
    fn source(&self, index: usize) -> Ipv4Addr {
        let [.., high, low] = index.to_be_bytes();
        Ipv4Addr::new(127, self.number.saturating_add(1), high, low.max(1))
    }

    fn attended(&self, stream: TcpStream, unparsed: Vec<u8>) -> Client {
        let (stream, tally) = (Rc::new(stream), Rc::clone(&self.tally));
        let own = Rc::clone(&stream);
        let attending = spawn_local(async move {
            let error = client::attend(&own, unparsed, |arrived| tally.count(arrived)).await;
            if tally.lost.get() == 0 {
                eprintln!("a connection is lost: {error}");
            }
            tally.lost.set(tally.lost.get() + 1);
            tally.changed.notify_one();
        });
        Client { stream, attending }
    }

    /// Publishes, and waits until every connection has the message. Returns their number and the seconds.
    pub(crate) async fn publish(&mut self) -> Result<(usize, f64)> {
        let begin = Instant::now();
        let audience = self.count()?;
        self.tally.messages.set(0);
        let publisher = self.clients.iter().flatten().next().context("nobody is connected")?;
        ensure!(publisher.stream.try_write(&PUBLICATION)? == PUBLICATION.len(), "the message does not fit");
        timeout(PATIENCE, async {
            while self.tally.messages.get() < audience {
                self.tally.changed.notified().await;
                self.count()?;
            }
            anyhow::Ok(())
        })
        .await
        .context("some connections have no message")??;
        Ok((audience, begin.elapsed().as_secs_f64()))
    }

    /// Resets every other connection, and returns how many.
    pub(crate) fn cut(&mut self) -> usize {
        self.clients.iter_mut().step_by(2).filter_map(Option::take).count()
    }

    /// The number of open connections.
    pub(crate) fn count(&self) -> Result<usize> {
        let lost = self.tally.lost.get();
        ensure!(lost == 0, "the server ended {lost} connections");
        Ok(self.clients.iter().flatten().count())
    }

    /// How many attempts to open a connection have failed.
    pub(crate) fn failed(&self) -> usize {
        self.tally.failed.get()
    }

    /// How many pings were answered.
    pub(crate) fn pings(&self) -> u64 {
        self.tally.pings.get()
    }
}

impl Tally {
    fn fail(&self, error: &std::io::Error) {
        if self.failed.get() == 0 {
            eprintln!("a connection is tried again: {error}");
        }
        self.failed.set(self.failed.get() + 1);
    }

    fn count(&self, arrived: Arrived) {
        match arrived {
            Arrived::Message => {
                self.messages.set(self.messages.get() + 1);
                self.changed.notify_one();
            }
            Arrived::Ping => self.pings.set(self.pings.get() + 1),
        }
    }
}
