//! The interface between an event loop and the application: one handler, or several by path.
//!
//! A loop keeps an [`Application::State`] of each connection without knowing its handler, and lends the rest of the
//! connection as [`SocketParts`]. The application finds the handler, and calls it with a
//! [`Socket`](super::handler::Socket). With one handler, the application is that handler, and everything is monomorphic.

use std::any::Any;
use std::borrow::Cow;

use bytes::Bytes;
use longwire_proto::handshake::Refusal;
use longwire_proto::{Closed, Event, LARGE_PAYLOAD, ProtocolError, Received, Role};

use super::handler::{Handler, Socket, SocketParts};
use super::message_ref::MessageRef;
use super::resumption::Resumption;
use super::scheduling::ResumeCall;
use crate::admission::decision::{Accept, Upgrade};
use crate::error::Error;
use crate::message::Message;
use crate::telemetry;

/// The application that an event loop runs.
pub(crate) trait Application: Send + Sync + 'static {
    /// The data that is kept for each connection.
    type State: Send + 'static;

    /// Decides about a request for a WebSocket.
    fn decide(
        &self,
        request: &Upgrade<'_>,
    ) -> impl Future<Output = Result<Accept<Self::State>, Refusal>> + Send;

    /// Delivers the received events to the handler, one after another.
    fn give(
        &self,
        parts: SocketParts<'_>,
        state: &mut Self::State,
        received: &mut Received<'_>,
    ) -> DeliveryPause;

    /// Calls the handler for something other than a received event.
    fn call(&self, parts: SocketParts<'_>, state: &mut Self::State, call: HandlerCall<'_>);

    /// The handler's own state, for a caller that may know its type.
    fn handler_state(state: &Self::State) -> &dyn Any;
}

/// A reason to call the handler, other than a received event.
pub(crate) enum HandlerCall<'a> {
    Open,
    Drain,
    Tick,
    Alarm,
    ShutDown,
    Error(&'a Error),
    Close(&'a Closed),
    /// A callback that the handler has asked for; its type belongs to this handler.
    Resume(Resumption),
}

/// Why delivery of received events has paused.
pub(crate) enum DeliveryPause {
    /// Everything was delivered.
    Empty,
    /// The queue is full; the rest waits.
    Full,
    /// The handler has published messages, which are delivered first.
    Published,
    /// The connection has used up its share of the round; the rest waits for the next one.
    RoundBudget,
}

impl<H: Handler> Application for H {
    type State = <H as Handler>::State;

    fn decide(
        &self,
        request: &Upgrade<'_>,
    ) -> impl Future<Output = Result<Accept<<H as Handler>::State>, Refusal>> + Send {
        self.on_upgrade(request)
    }

    fn give(
        &self,
        parts: SocketParts<'_>,
        state: &mut <H as Handler>::State,
        received: &mut Received<'_>,
    ) -> DeliveryPause {
        run(self, &mut parts.with(state), received)
    }

    fn call(&self, parts: SocketParts<'_>, state: &mut <H as Handler>::State, call: HandlerCall<'_>) {
        let socket = &mut parts.with(state);
        match call {
            HandlerCall::Open => self.on_open(socket),
            HandlerCall::Drain => self.on_drain(socket),
            HandlerCall::Tick => self.on_tick(socket),
            HandlerCall::Alarm => self.on_alarm(socket),
            HandlerCall::ShutDown => self.on_shutdown(socket),
            HandlerCall::Error(error) => self.on_error(socket, error),
            HandlerCall::Close(closed) => self.on_close(socket, closed),
            HandlerCall::Resume(resumption) => {
                if let Some(call) = resumption.into_call::<ResumeCall<H>>() {
                    call(self, socket);
                }
            }
        }
    }

    fn handler_state(state: &<H as Handler>::State) -> &dyn Any {
        state
    }
}

/// Delivers the received events to the handler, one after another.
fn run<H: Handler>(handler: &H, socket: &mut Socket<'_, H>, received: &mut Received<'_>) -> DeliveryPause {
    loop {
        if !received.is_empty() {
            if socket.open.protocol.is_above_high_water() {
                return DeliveryPause::Full;
            }
            if socket.open.share.left == 0 {
                return DeliveryPause::RoundBudget;
            }
        }
        let queued = socket.open.protocol.queued();
        match socket.open.protocol.next_event(received) {
            Ok(Some(Event::Text(Cow::Owned(text)))) if text.len() >= LARGE_PAYLOAD => {
                lend(handler, socket, &text.into());
            }
            Ok(Some(Event::Binary(Cow::Owned(bytes)))) if bytes.len() >= LARGE_PAYLOAD => {
                lend(handler, socket, &bytes.into());
            }
            Ok(Some(Event::Text(text))) => {
                count_received(socket);
                socket.open.share.spend(text.len());
                handler.on_message(socket, MessageRef::Text(&text));
            }
            Ok(Some(Event::Binary(bytes))) => {
                count_received(socket);
                socket.open.share.spend(bytes.len());
                handler.on_message(socket, MessageRef::Binary(&bytes));
            }
            Ok(Some(other)) => rare(handler, socket, other, queued),
            Ok(None) => return DeliveryPause::Empty,
            Err(error) => failed(handler, socket, error),
        }
        if !socket.context.publications.is_empty() {
            return DeliveryPause::Published;
        }
    }
}

/// Delivers a large message, which the handler may send back without a copy.
fn lend<H: Handler>(handler: &H, socket: &mut Socket<'_, H>, message: &Message) {
    count_received(socket);
    socket.open.share.spend(message.len());
    socket.context.lent = message.clone().into_bytes();
    handler.on_message(socket, message.into());
    socket.context.lent = Bytes::new();
}

#[inline]
fn count_received<H: Handler>(socket: &mut Socket<'_, H>) {
    socket.open.count(|traffic| traffic.messages_received += 1);
    socket.context.traffic.message_received();
}

#[cold]
fn failed<H: Handler>(handler: &H, socket: &mut Socket<'_, H>, error: ProtocolError) {
    telemetry::failed(Role::Server, &error);
    handler.on_error(socket, &error.into());
}

/// Delivers an event that is not a message; `queued` bytes were queued before it arrived.
#[cold]
fn rare<H: Handler>(handler: &H, socket: &mut Socket<'_, H>, event: Event<'_>, queued: usize) {
    socket.open.share.spend(0);
    match event {
        Event::Ping(payload) => {
            // The pong was not queued but deferred, as RFC 6455 §5.5.3 allows.
            if socket.is_open() && socket.queued() == queued {
                socket.context.traffic.ping_put_off();
            }
            handler.on_ping(socket, &payload);
        }
        Event::Pong(payload) => handler.on_pong(socket, &payload),
        // The loop handles a Close frame after everything that arrived.
        _ => {}
    }
}
