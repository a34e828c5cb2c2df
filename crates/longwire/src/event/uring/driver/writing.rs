//! Writing to a connection.

use std::io::{self, IoSlice};

use longwire_proto::Received;
use longwire_ring::{Ring, direct};
use slotmap::Key as _;

use super::{DriverAction, Uring};
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::Step;
use crate::event::reactor::visit::Visit;
use crate::event::uring::link::{Link, Writing};

/// How many slices one write may gather.
const SLICES: usize = 16;

impl<A: Application> Uring<A> {
    pub(super) fn sent(&mut self, key: Key, result: &io::Result<()>) {
        let Some(mut visit) = self.reactor.visit(key) else { return };
        let link = visit.link();
        let Writing::Sending { length, .. } = link.has_written() else { return };
        // With TLS, the bytes left the connection's queue when they were encrypted.
        let length = if link.tls.is_some() { 0 } else { length };
        if link.ends_after_write {
            link.shut_down();
            visit.shut();
        }
        let pending = visit.written(length);
        if pending.is_none() && result.is_ok() {
            let next = visit.drive(&mut self.ring, self.round);
            if matches!(next, DriverAction::Nothing) {
                return visit.read_on(&mut self.ring);
            }
            self.follow(key, next);
        } else {
            if let Some(pending) = pending {
                self.reactor.resolve(key, pending, &mut Received::default());
            }
            if result.is_err() {
                self.reactor.broken(key);
            }
            self.drive(key);
        }
        self.read_on(key);
    }

    /// Encrypts queued data and sends it, together with TLS's own records.
    pub(super) fn write_tls(&mut self, key: Key) {
        while let Some(mut visit) = self.reactor.visit(key) {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let (link, filled) = visit.transmit(&mut slices);
            let Some(tls) = &mut link.tls else { return };
            let count = if filled > 0 && tls.has_room() {
                tls.seal(slices.get(..filled).unwrap_or_default())
            } else {
                0
            };
            if count == 0 {
                return visit.send_sealed(&mut self.ring);
            }
            if let Some(pending) = visit.written(count) {
                self.reactor.resolve(key, pending, &mut Received::default());
            }
        }
    }
}

impl<A: Application> Visit<'_, A, Link> {
    /// Does all pending steps that concern only this connection.
    pub(super) fn drive(&mut self, ring: &mut Ring, round: u32) -> DriverAction {
        loop {
            let has_ended = self.has_ended();
            let link = self.link();
            if link.is_writing() {
                // The kernel takes no more, and the last try is in its hands.
                return if has_ended { DriverAction::Drop } else { DriverAction::Nothing };
            }
            if link.writes.are_used_up(round) {
                let was_put_off = std::mem::replace(&mut link.is_put_off, true);
                return if was_put_off { DriverAction::Nothing } else { DriverAction::PutOff };
            }
            let is_plain = link.tls.is_none();
            let next = match self.step() {
                None => Some(DriverAction::Unwritable),
                Some(Step::Wait) => {
                    Some(if is_plain { DriverAction::Nothing } else { DriverAction::SealLast })
                }
                Some(Step::Write) if is_plain => self.write(ring),
                Some(Step::Write) => Some(DriverAction::Seal),
                Some(Step::Shutdown) => self.shut_down(),
                Some(Step::HandOver) => Some(DriverAction::HandOver),
                Some(Step::Drop) => Some(DriverAction::Drop),
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    /// Writes queued data: with the ring, or directly if it is too large to copy.
    fn write(&mut self, ring: &mut Ring) -> Option<DriverAction> {
        let token = self.key().data().as_ffi();
        if let Some(buffer) = self.take_encoded() {
            self.link().send(ring, buffer, token);
            return None;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (link, filled) = self.transmit(&mut slices);
        match direct::send(link.socket(), slices.get(..filled).unwrap_or_default()) {
            Ok(count) => {
                link.writes.note();
                let pending = self.written(count);
                if pending.is_none() {
                    self.read_on(ring);
                }
                pending.map(DriverAction::Resolve)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let operation = ring.poll_writable(link.socket(), token);
                link.begin_writing(Writing::Blocked(operation));
                None
            }
            Err(_) => Some(DriverAction::Broken),
        }
    }

    /// Sends what TLS has encrypted.
    fn send_sealed(&mut self, ring: &mut Ring) {
        let token = self.key().data().as_ffi();
        let link = self.link();
        if !link.is_writing()
            && let Some(buffer) = link.tls.as_mut().map(|tls| tls.take())
            && !buffer.is_empty()
        {
            link.send(ring, buffer, token);
        }
    }

    fn shut_down(&mut self) -> Option<DriverAction> {
        let link = self.link();
        match &mut link.tls {
            None => {
                link.shut_down();
                self.shut();
                None
            }
            Some(tls) => {
                tls.queue_close_notify();
                link.ends_after_write = true;
                Some(DriverAction::Seal)
            }
        }
    }
}
