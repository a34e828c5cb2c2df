//! From what was read to messages, whole or in parts.

use std::borrow::Cow;
use std::task::{Context, Poll, ready};

#[cfg(feature = "axum")]
use bytes::Bytes;
use longwire_proto::{Event, Received};

use super::{Connection, Note};
use crate::error::{Error, Result};
use crate::message::{Message, Utf8Bytes};
use crate::telemetry;

/// A message, or what has arrived of one.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) content: Message,
    /// Whether the message is whole with it.
    pub(crate) is_last: bool,
}

/// Whether more can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    More,
    Full,
}

/// A message, ping or pong.
#[cfg(feature = "axum")]
#[derive(Debug)]
pub(crate) enum Arrival {
    Message(Message),
    Ping(Bytes),
    Pong(Bytes),
}

/// How messages are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageMode {
    Whole,
    InParts,
}

impl Connection {
    /// The next message among what was read. `None`: more has to be read, or the end is near.
    ///
    /// If a message was begun to be taken in parts, what is left of it is discarded.
    #[inline]
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>> {
        if self.is_amid_parts && !self.discard_parts()? {
            return Ok(None);
        }
        self.next(MessageMode::Whole, |message| message.content, |_| None)
    }

    /// The next message, ping or pong among what was read.
    #[cfg(feature = "axum")]
    pub(crate) fn next_arrival(&mut self) -> Result<Option<Arrival>> {
        self.next(MessageMode::Whole, |message| Arrival::Message(message.content), Arrival::control)
    }

    /// The first part of the next message, or all of it. What is left of the message before is discarded.
    pub(crate) fn first_part(&mut self) -> Result<Option<Part>> {
        if self.is_amid_parts && !self.discard_parts()? {
            return Ok(None);
        }
        self.next_part()
    }

    /// The next part of the message that is taken in parts.
    pub(crate) fn next_part(&mut self) -> Result<Option<Part>> {
        let part = self.next(MessageMode::InParts, |part| part, |_| None)?;
        if let Some(part) = &part {
            self.is_amid_parts = !part.is_last;
        }
        Ok(part)
    }

    /// Keeps messages among what was read for whoever receives next.
    pub(crate) fn keep_messages(&mut self) -> Result<Keeping> {
        if self.is_amid_parts && !self.discard_parts()? {
            return Ok(Keeping::More);
        }
        while self.kept.as_ref().is_none_or(|kept| !kept.is_full()) {
            let Some(message) = self.next_read(MessageMode::Whole, |message| message.content, |_| None)?
            else {
                return Ok(Keeping::More);
            };
            self.kept.get_or_insert_default().push(message);
        }
        Ok(Keeping::Full)
    }

    /// What ended the transport, once.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Lets whoever receives find out what went wrong.
    pub(crate) fn fail(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// Whether messages are kept for whoever receives next.
    pub(crate) fn has_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Nobody will receive any more.
    pub(crate) fn discard_kept(&mut self) {
        self.kept = None;
    }

    #[cold]
    fn next_kept(&mut self) -> Option<Part> {
        let content = self.kept.as_mut().and_then(|kept| kept.pop());
        if content.is_none() {
            self.kept = None;
        }
        content.map(|content| Part { content, is_last: true })
    }

    /// Whether the last part has been discarded.
    fn discard_parts(&mut self) -> Result<bool> {
        while self.is_amid_parts {
            if self.next_part()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What `of_message` makes of the next message or part, or `of_control` of a control frame before it, if it wants it.
    #[inline]
    fn next<T>(
        &mut self,
        delivery: MessageMode,
        of_message: impl Fn(Part) -> T,
        of_control: impl Fn(Event<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        if self.kept.is_some()
            && let Some(part) = self.next_kept()
        {
            return Ok(Some(of_message(part)));
        }
        self.next_read(delivery, of_message, of_control)
    }

    /// The same, of what nobody has looked at.
    #[inline]
    fn next_read<T>(
        &mut self,
        delivery: MessageMode,
        of_message: impl Fn(Part) -> T,
        of_control: impl Fn(Event<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        if !self.has_news || self.share.is_used_up() {
            return Ok(None);
        }
        let outcome = self.parse(delivery, of_message, of_control);
        // What was lent has been taken. A buffer goes back at once: it may be long before anybody receives again.
        if !self.has_unparsed() {
            // Behind a part there may be a Close frame that the protocol has taken already.
            self.has_news = delivery == MessageMode::InParts && matches!(outcome, Ok(Some(_)));
            self.has_glimpsed_only = false;
            self.inbox.clear();
            self.settle();
        }
        outcome
    }

    #[inline]
    fn parse<T>(
        &mut self,
        delivery: MessageMode,
        of_message: impl Fn(Part) -> T,
        of_control: impl Fn(Event<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        loop {
            let before = self.inbox.unparsed_len();
            let mut received = Received::new(self.inbox.unparsed());
            let queued = self.protocol.queued();
            let event = match delivery {
                MessageMode::Whole => self.protocol.next_event(&mut received),
                MessageMode::InParts => self.protocol.next_part(&mut received),
            };
            let taken = before - received.len();
            let (content, is_last) = match event {
                // A payload that is lent can take its buffer along.
                Ok(Some(Event::Binary(Cow::Borrowed(payload)))) => {
                    let len = payload.len();
                    let payload = self.inbox.parsed_payload(taken, len);
                    self.traffic.message_received();
                    self.share.take(taken);
                    return Ok(Some(of_message(Part { content: Message::Binary(payload), is_last: true })));
                }
                Ok(Some(Event::Text(text))) => (Message::Text(owned_text(text)), true),
                Ok(Some(Event::TextPart(text))) => (Message::Text(owned_text(text)), false),
                Ok(Some(Event::Binary(payload))) => (Message::Binary(payload.into_owned().into()), true),
                Ok(Some(Event::BinaryPart(payload))) => (Message::Binary(payload.into_owned().into()), false),
                Ok(Some(event)) => {
                    if tracing::enabled!(tracing::Level::TRACE) {
                        self.notes.push(Note::received(&event));
                    }
                    // A pong that is not queued is put off, as RFC 6455 §5.5.3 allows.
                    if matches!(event, Event::Ping(_))
                        && self.protocol.is_open()
                        && self.protocol.queued() == queued
                    {
                        self.traffic.ping_put_off();
                    }
                    let is_pong = matches!(event, Event::Pong(_));
                    let wanted = of_control(event);
                    self.inbox.parsed(taken);
                    self.share.take(taken);
                    if is_pong {
                        self.note_answers();
                    }
                    if wanted.is_some() || self.share.is_used_up() {
                        return Ok(wanted);
                    }
                    continue;
                }
                Ok(None) => {
                    self.inbox.parsed(taken);
                    self.share.take(taken);
                    return Ok(None);
                }
                Err(error) => {
                    self.inbox.parsed(taken);
                    telemetry::failed(self.protocol.role(), &error);
                    return Err(error.into());
                }
            };
            self.inbox.parsed(taken);
            self.share.take(taken.max(content.len()));
            if is_last {
                self.traffic.message_received();
            }
            return Ok(Some(of_message(Part { content, is_last })));
        }
    }

    /// Whether more waits to be taken than may be before other tasks have had their turn: then whoever takes it waits, and
    /// is woken after them.
    #[inline]
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.share.is_used_up() {
            return Poll::Ready(());
        }
        self.share.rest(cx);
        Poll::Pending
    }

    /// Whether what is to be sent is an answer to what is being taken.
    #[inline]
    pub(crate) fn takes_an_answer(&mut self) -> bool {
        self.has_unparsed() && self.share.take_answer()
    }

    /// Reads and discards once, answering pings on the way.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.discard_unparsed();
        ready!(self.poll_rest(cx));
        ready!(self.poll_read(cx));
        self.discard_unparsed();
        Poll::Ready(())
    }

    fn discard_unparsed(&mut self) {
        // Errors of the peer fail the connection by themselves; nobody is there to be told.
        // In parts, so that a message that is still to come is not put together for nobody.
        while let Ok(Some(_)) | Err(_) = self.next_read(MessageMode::InParts, |part| part, |_| None) {}
    }
}

#[cfg(feature = "axum")]
impl Arrival {
    fn control(event: Event<'_>) -> Option<Arrival> {
        match event {
            Event::Ping(payload) => Some(Arrival::Ping(payload.into_owned().into())),
            Event::Pong(payload) => Some(Arrival::Pong(payload.into_owned().into())),
            _ => None,
        }
    }
}

/// Text of its own: a copy if it is lent from a read buffer.
#[inline]
fn owned_text(text: Cow<'_, str>) -> Utf8Bytes {
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => text.into(),
    }
}
