//! The transport of a connection that hyper serves, and the timeouts of its client.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use longwire_proto::Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::admission::census::{Full, Place};
use crate::telemetry::phase::Phase;
use crate::transport::Transport;

/// How long after its deadline hyper may take to notice by itself that a head is late.
const GRACE: Duration = Duration::from_secs(1);

/// How long a client of plain HTTP may keep this end waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// For the head of a request.
    head: Duration,
    /// For the next byte of a body, and for reading the next byte of a response.
    silence: Duration,
}

/// A client of plain HTTP, shared by its transport and the code that answers it.
#[derive(Clone)]
pub(super) struct PlainClient(Arc<Mutex<PlainClientState>>);

struct PlainClientState {
    /// The place of the connection, until it becomes a WebSocket or the client sees the end.
    place: Option<Place>,
    /// Whether the next bytes may belong to a body.
    expects_body: bool,
    /// Whether a request is being answered; then the client waits for this end.
    is_answered: bool,
    /// Since when a read has been pending.
    reads_since: Option<Instant>,
    /// Since when a write has been pending.
    writes_since: Option<Instant>,
    /// Whether this end has finished sending.
    has_ended: bool,
}

/// A guard: the request is being answered until this is dropped.
pub(super) struct Answering(PlainClient);

impl Times {
    /// The same times as for a WebSocket: `handshake_time` for a head, and the keepalive times for a client that
    /// neither sends nor reads anything.
    pub(super) fn of(limits: &Limits) -> Times {
        let head = limits.handshake_time.saturating_add(GRACE);
        let silence = limits
            .keepalive
            .as_ref()
            .map_or(limits.handshake_time, |keepalive| keepalive.every.saturating_add(keepalive.within));
        Times { head, silence }
    }
}

impl PlainClient {
    pub(super) fn new(mut place: Place) -> PlainClient {
        place.show(Phase::Waiting);
        PlainClient(Arc::new(Mutex::new(PlainClientState {
            place: Some(place),
            expects_body: false,
            is_answered: false,
            reads_since: None,
            writes_since: None,
            has_ended: false,
        })))
    }

    /// Notes that hyper has read a request.
    pub(super) fn asks(&self) -> Answering {
        let mut state = self.lock();
        state.is_answered = true;
        state.show();
        Answering(self.clone())
    }

    /// Takes the place, since the client is to be a WebSocket.
    pub(super) fn take_place(&self) -> Option<Place> {
        self.lock().place.take()
    }

    /// Counts the connection for the client that a proxy has named, while it has a place.
    pub(super) fn count_for(&self, ip: Option<IpAddr>) -> Result<(), Full> {
        self.lock().place.as_mut().map_or(Ok(()), |place| place.count_for(ip))
    }

    /// When the client will have kept this end waiting for too long, if nothing happens until then.
    pub(super) fn deadline(&self, times: &Times) -> Option<Instant> {
        let state = self.lock();
        let patience = if state.expects_body { times.silence } else { times.head };
        let owes = state.expects_body || !state.is_answered;
        let read = state.reads_since.filter(|_| owes).and_then(|since| since.checked_add(patience));
        let written = state.writes_since.and_then(|since| since.checked_add(times.silence));
        read.into_iter().chain(written).min()
    }

    /// Notes that the client is about to see the end.
    fn note_end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        if let Some(place) = &mut state.place {
            place.drain();
        }
    }

    fn lock(&self) -> MutexGuard<'_, PlainClientState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlainClientState {
    fn show(&mut self) {
        if let Some(place) = &mut self.place
            && !self.has_ended
        {
            let is_amid = self.is_answered || self.writes_since.is_some();
            place.show(if is_amid { Phase::Request } else { Phase::Waiting });
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_answered = false;
        // Until now the client waited for this end, so its time starts anew.
        state.reads_since = None;
        state.show();
    }
}

/// A transport that records what it waits for.
pub(super) struct Wire {
    transport: Transport,
    client: PlainClient,
}

impl Wire {
    pub(super) fn new(transport: Transport, client: &PlainClient) -> Wire {
        Wire { transport, client: client.clone() }
    }

    /// Sets whether the next bytes to read may belong to a body.
    pub(super) fn expect(&self, body: bool) {
        self.client.lock().expects_body = body;
    }

    /// Records whether the transport accepted output.
    fn wrote<T>(&self, written: Poll<T>) -> Poll<T> {
        let mut state = self.client.lock();
        match &written {
            Poll::Ready(_) => state.writes_since = None,
            Poll::Pending => {
                state.writes_since.get_or_insert_with(Instant::now);
            }
        }
        state.show();
        written
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The place must be free before the client sees the end.
        let place = self.client.lock().place.take();
        drop(place);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.transport).poll_read(cx, buf);
        let mut state = self.client.lock();
        match &read {
            Poll::Ready(_) => state.reads_since = None,
            Poll::Pending => {
                state.reads_since.get_or_insert_with(Instant::now);
            }
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.transport).poll_flush(cx);
        self.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.client.note_end();
        let shut = Pin::new(&mut self.transport).poll_shutdown(cx);
        self.wrote(shut)
    }
}
