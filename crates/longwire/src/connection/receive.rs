//! Receiving: turns the bytes that were read into messages, whole or in parts.

use std::borrow::Cow;
use std::task::{Context, Poll, ready};

#[cfg(feature = "axum")]
use bytes::Bytes;
use longwire_proto::{Event, Received};

use super::Connection;
use super::notes::{Note, Notes};
use crate::error::{Error, Result};
use crate::message::{Message, Utf8Bytes};
use crate::telemetry;

/// A message, or the part of one that has arrived.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) content: Message,
    /// Whether this part completes the message.
    pub(crate) is_last: bool,
}

/// Whether more messages can be kept.
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

/// Whether messages are returned whole or in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageMode {
    Whole,
    InParts,
}

impl Connection {
    /// Returns the next message from the bytes that were read. `None` if more must be read or the end is near.
    ///
    /// If the previous message was received in parts, its rest is discarded.
    #[inline]
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>> {
        if self.is_amid_parts && !self.discard_parts()? {
            return Ok(None);
        }
        self.next(MessageMode::Whole, |message| message.content, |_| None)
    }

    /// Returns the next message, ping or pong from the bytes that were read.
    #[cfg(feature = "axum")]
    pub(crate) fn next_arrival(&mut self) -> Result<Option<Arrival>> {
        self.next(MessageMode::Whole, |message| Arrival::Message(message.content), Arrival::control)
    }

    /// Returns the first part of the next message, or all of it. The rest of the previous message is discarded.
    pub(crate) fn first_part(&mut self) -> Result<Option<Part>> {
        if self.is_amid_parts && !self.discard_parts()? {
            return Ok(None);
        }
        self.next_part()
    }

    /// Returns the next part of the message that is being received in parts.
    pub(crate) fn next_part(&mut self) -> Result<Option<Part>> {
        let part = self.next(MessageMode::InParts, |part| part, |_| None)?;
        if let Some(part) = &part {
            self.is_amid_parts = !part.is_last;
        }
        Ok(part)
    }

    /// Keeps messages from the bytes that were read for the next receiver.
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

    /// Takes the error that ended the transport.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take().map(|failure| *failure)
    }

    /// Stores an error for the receiver.
    pub(crate) fn fail(&mut self, error: Error) {
        self.failure = Some(Box::new(error));
    }

    /// Whether messages are kept for the next receiver.
    pub(crate) fn has_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Discards the kept messages: the receiver is gone.
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

    /// Discards the rest of a message. Returns whether its last part was discarded.
    fn discard_parts(&mut self) -> Result<bool> {
        while self.is_amid_parts {
            if self.next_part()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Maps the next message or part with `of_message`, or a control frame before it with `of_control`. A control frame
    /// that maps to `None` is skipped.
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

    /// Like `next`, but ignores kept messages.
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
        // All borrowed data is consumed. Return the buffer at once: the next receive may be much later.
        if !self.has_unparsed() {
            // The protocol may already have parsed a Close frame behind a part.
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
                // A borrowed payload can take over its buffer.
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
                        Notes::add(&mut self.notes, Note::received(&event));
                    }
                    // A pong that is not queued is delayed, as RFC 6455 §5.5.3 allows.
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

    /// `Pending` if the share is used up: the task is woken again after other tasks have run.
    #[inline]
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.share.is_used_up() {
            return Poll::Ready(());
        }
        self.share.rest(cx);
        Poll::Pending
    }

    /// Whether the message to be sent is a reply to data that is being received.
    #[inline]
    pub(crate) fn takes_an_answer(&mut self) -> bool {
        self.has_unparsed() && self.share.take_answer()
    }

    /// Reads once and discards the data, but answers pings.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.discard_unparsed();
        ready!(self.poll_rest(cx));
        ready!(self.poll_read(cx));
        self.discard_unparsed();
        Poll::Ready(())
    }

    fn discard_unparsed(&mut self) {
        // Errors of the peer fail the connection anyway, and no task waits for them. Messages are discarded in parts,
        // so they are not assembled.
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

/// Converts to owned text; copies text that is borrowed from a read buffer.
#[inline]
fn owned_text(text: Cow<'_, str>) -> Utf8Bytes {
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => text.into(),
    }
}
