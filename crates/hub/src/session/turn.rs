//! What every command needs.

use std::sync::Arc;

use super::client::Client;
use super::state::{Answer, Outcome, Phase, Session, Turn, WorkQueue};
use crate::backend::BackendError;
use crate::call::Call;
use crate::centrifuge::{
    Batch, CommandResult, Disconnect, DisconnectPush, Encoded, ErrorCode, ErrorReply, Push, PushEvent,
    PushTarget, Reply,
};
use crate::channel::ChannelName;
use crate::delivery::HubEvent;
use crate::frame::Frame;
use crate::hub::Hub;
use crate::link::Link;
use crate::namespace::NamespaceOptions;
use crate::time::Millis;
use crate::transport::TransportKind;

impl<'a> Turn<'a> {
    pub(super) fn new(session: &'a mut Session, link: &'a mut dyn Link, now: Millis) -> Turn<'a> {
        let config = session.hub.config();
        let batch = Batch::new(session.transport.encoding, session.transport.wrapping());
        Turn { session, link, config, queue: WorkQueue::default(), frame: None, batch, now }
    }

    pub(super) fn hub(&self) -> Arc<Hub> {
        self.session.hub.clone()
    }

    /// The client, if it is connected.
    pub(super) fn client(&self) -> Option<&Client> {
        match &self.session.phase {
            Phase::Open(client) => Some(client),
            Phase::New { .. } | Phase::Closed => None,
        }
    }

    pub(super) fn client_mut(&mut self) -> Option<&mut Client> {
        match &mut self.session.phase {
            Phase::Open(client) => Some(client),
            Phase::New { .. } | Phase::Closed => None,
        }
    }

    /// Applies `next` to the answer of a call, at once or later.
    pub(super) fn then<T: Send + 'static>(
        &mut self,
        call: Call<T>,
        next: impl FnOnce(&mut Turn<'_>, T) -> Outcome + Send + 'static,
    ) -> Outcome {
        match call {
            Call::Ready(answer) => next(self, answer),
            Call::Later(future) => Outcome::Wait(Box::pin(async move {
                let answer = future.await;
                Answer(Box::new(move |turn: &mut Turn<'_>| next(turn, answer)))
            })),
        }
    }

    /// Replies to a command.
    pub(super) fn reply(&mut self, id: u32, result: CommandResult) -> Outcome {
        if self.session.transport.kind == TransportKind::Plain {
            return Outcome::Done;
        }
        self.batch.push(Reply::Result { id, result });
        Outcome::Done
    }

    /// Replies with an error. A client that causes too many is disconnected.
    pub(super) fn fail(&mut self, id: u32, code: ErrorCode) -> Outcome {
        self.fail_with(id, code.into())
    }

    pub(super) fn fail_with(&mut self, id: u32, error: ErrorReply) -> Outcome {
        self.session.hub.counters().errors.add(1);
        if self.session.transport.kind == TransportKind::Plain {
            return Outcome::Close(plain_disconnect(error.code));
        }
        let is_expected = error.temporary || error.code == ErrorCode::TokenExpired.code();
        let limits = &self.config.limits;
        self.batch.push(Reply::Error { id, error });
        let rates = self.session.rates.get_or_insert_default();
        if is_expected || rates.errors.take(limits.errors, limits.errors_per, self.now) {
            Outcome::Done
        } else {
            Outcome::Close(Disconnect::TOO_MANY_ERRORS)
        }
    }

    /// What the back end's refusal means for the client.
    pub(super) fn refused(&mut self, id: u32, error: BackendError) -> Outcome {
        match error {
            BackendError::Error(error) => self.fail_with(id, error),
            BackendError::Disconnect(why) => Outcome::Close(why),
            BackendError::Unavailable => self.fail(id, ErrorCode::Internal),
        }
    }

    /// Disconnects with 3501. The problem is for the log.
    pub(super) fn bad_request(&mut self, problem: &str) -> Outcome {
        let client = self.client().map(|client| client.id.text()).unwrap_or_default();
        self.session.hub.delivery().report(&HubEvent::BadRequest { client: &client, problem });
        Outcome::Close(Disconnect::BAD_REQUEST)
    }

    /// Adds a push to what is sent.
    pub(super) fn push(&mut self, target: PushTarget, event: PushEvent) {
        if self.session.transport.kind == TransportKind::Plain {
            return;
        }
        self.batch.push(Reply::Push(Push { target, event }));
    }

    /// Adds a message that is encoded for the client already.
    pub(super) fn pass(&mut self, frame: Frame) {
        match (self.session.transport.kind, frame) {
            (TransportKind::Plain, frame) => self.link.send(frame),
            (_, Frame::Text(text)) => self.batch.append(Encoded::Text(text)),
            (_, Frame::Binary(bytes)) => self.batch.append(Encoded::Binary(bytes)),
        }
    }

    /// Sends what has been collected.
    pub(super) fn flush(&mut self) {
        if let Some(encoded) = self.batch.take() {
            self.link.send(Frame::from(encoded));
        }
    }

    /// Closes the connection and ends the session.
    pub(super) fn close(&mut self, why: &Disconnect) {
        if !self.session.transport.kind.has_close_codes() {
            self.push(PushTarget::Client, PushEvent::Disconnect(DisconnectPush::from(why)));
        }
        self.flush();
        self.session.closed(self.now);
        self.link.close(why);
    }

    /// A channel's name and options, or the error of a client that cannot use it.
    pub(super) fn channel(&self, name: &str) -> Result<(ChannelName, Arc<NamespaceOptions>), ErrorCode> {
        if name.len() > self.config.limits.channel_name {
            return Err(ErrorCode::LimitExceeded);
        }
        let channel: ChannelName = name.parse().map_err(|_| ErrorCode::BadRequest)?;
        let options = self.config.namespaces.find(&channel)?.clone();
        Ok((channel, options))
    }
}

/// How a plain client learns of an error: it has no replies.
fn plain_disconnect(code: u32) -> Disconnect {
    let is_any = |codes: &[ErrorCode]| codes.iter().any(|known| known.code() == code);
    if is_any(&[ErrorCode::Internal]) {
        Disconnect::SERVER_ERROR
    } else if is_any(&[ErrorCode::TooManyRequests]) {
        Disconnect::TOO_MANY_REQUESTS
    } else if is_any(&[ErrorCode::PermissionDenied, ErrorCode::Unauthorized]) {
        Disconnect::PERMISSION_DENIED
    } else if is_any(&[ErrorCode::TokenExpired, ErrorCode::Expired]) {
        Disconnect::EXPIRED
    } else if is_any(&[ErrorCode::NotAvailable]) {
        Disconnect::NOT_AVAILABLE
    } else {
        Disconnect::BAD_REQUEST
    }
}
