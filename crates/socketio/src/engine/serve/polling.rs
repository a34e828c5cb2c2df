//! The requests of a session that polls.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use longwire::Message;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::engine_shared::EngineShared;
use super::live_session::LiveSession;
use super::reply::{HttpReply, empty, fault, text};
use crate::engine::fault::Fault;
use crate::engine::link::Wake;
use crate::engine::payload::{self, PayloadPacket};
use crate::engine::session::{Conflict, EngineSession, Ticket};
use crate::engine::{Application, CloseReason};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a poll waits that arrives in the middle of an upgrade. The upgrade may be complete by then, on another connection.
const UPGRADING: Duration = Duration::from_millis(50);

/// How many packets of a request the application gets at a time.
const CHUNK: usize = 32;

/// A poll that waits. Dropped before it is answered, it ends the session: its client has left.
struct WaitingPoll<A: Application> {
    engine: Arc<EngineShared<A>>,
    session: Arc<LiveSession<A>>,
    ticket: Ticket,
}

/// A request whose packets are being read, until it is dropped.
struct Posting<A: Application> {
    engine: Arc<EngineShared<A>>,
    session: Arc<LiveSession<A>>,
}

/// Answers a poll when there are packets.
pub(super) async fn poll<A: Application>(
    engine: Arc<EngineShared<A>>,
    session: Arc<LiveSession<A>>,
) -> HttpReply {
    let begun = session.link().step(EngineSession::begin_poll);
    engine.settle(&session);
    let Ok(ticket) = begun else { return fault(Fault::BadRequest) };
    let poll = WaitingPoll { engine, session, ticket };
    let packets = tokio::select! {
        biased;
        packets = poll.packets() => packets,
        packets = poll.released() => packets,
    };
    match packets {
        Ok(packets) => text(StatusCode::OK, payload::encode(&packets)),
        Err(Conflict) => fault(Fault::BadRequest),
    }
}

impl<A: Application> WaitingPoll<A> {
    /// The packets, once there are some.
    async fn packets(&self) -> Result<Vec<Message>, Conflict> {
        poll_fn(|cx| {
            let mut shared = self.session.link().lock();
            let packets = shared.session.poll(self.ticket);
            if packets.is_none() {
                shared.wake = Wake::Poll(cx.waker().clone());
            }
            drop(shared);
            packets.map_or(Poll::Pending, |packets| {
                self.session.link().took();
                Poll::Ready(packets)
            })
        })
        .await
    }

    /// The packets of a poll that arrives in the middle of an upgrade, which soon ends without any.
    async fn released(&self) -> Result<Vec<Message>, Conflict> {
        let is_upgrading = self.session.link().lock().session.is_upgrading();
        if !is_upgrading {
            return pending().await;
        }
        sleep(UPGRADING).await;
        self.session.link().lock().session.release_poll(self.ticket);
        self.packets().await
    }
}

impl<A: Application> Drop for WaitingPoll<A> {
    fn drop(&mut self) {
        self.session.link().lock().session.abandon_poll(self.ticket);
        self.engine.settle(&self.session);
    }
}

/// Takes the packets of a request.
pub(super) async fn post<A: Application, B>(
    engine: Arc<EngineShared<A>>,
    session: Arc<LiveSession<A>>,
    body: B,
) -> HttpReply
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let begun = session.link().step(EngineSession::begin_post);
    engine.settle(&session);
    if let Err(Conflict) = begun {
        return fault(Fault::BadRequest);
    }
    let posting = Posting { engine, session };
    let (engine, session) = (&posting.engine, &posting.session);
    let read = Limited::new(body, engine.config.max_payload).collect().await;
    let body = match read {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return empty(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => {
            session.connection.close_with(CloseReason::TransportError);
            return fault(Fault::BadRequest);
        }
    };
    let Ok(packets) = payload::decode(&body, engine.config.max_packets) else {
        session.connection.close_with(CloseReason::ParseError);
        return fault(Fault::BadRequest);
    };
    let mut waiting = packets.as_slice();
    while !waiting.is_empty() {
        waiting = take(engine, session, waiting);
        // What the application has begun gets its turn before more arrives.
        yield_now().await;
        session.link().resumed().await;
    }
    let end = session.link().lock().session.end();
    match end {
        Some(CloseReason::ParseError | CloseReason::TransportError) => fault(Fault::BadRequest),
        _ => text(StatusCode::OK, "ok"),
    }
}

/// Gives packets to the application, while it wants some. Returns those that are left.
fn take<'p, 'b, A: Application>(
    engine: &EngineShared<A>,
    session: &LiveSession<A>,
    packets: &'p [PayloadPacket<'b>],
) -> &'p [PayloadPacket<'b>] {
    let mut turn = session.turn();
    let mut taken = 0;
    for packet in packets.iter().take(CHUNK) {
        turn.receive(&engine.application, packet.as_message(), Instant::now());
        taken += 1;
        if session.link().is_paused() {
            break;
        }
    }
    turn.end(&engine.application);
    packets.get(taken..).unwrap_or_default()
}

impl<A: Application> Drop for Posting<A> {
    fn drop(&mut self) {
        self.session.link().lock().session.end_post();
        self.engine.settle(&self.session);
    }
}
