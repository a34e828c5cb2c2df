//! TLS between the sockets and the reactor.

use std::io::IoSlice;

use longwire_proto::Received;

use super::SocketLoop;
use super::driving::next_action;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::sockets::driver::{DriverAction, SocketDriver, SocketLink};
use crate::event::sockets::records::Records;

/// How many slices are encrypted at a time.
const SLICES: usize = 16;

impl<A: Application, D: SocketDriver> SocketLoop<A, D> {
    /// Handles bytes that were received.
    pub(in crate::event) fn received(&mut self, key: Key, data: &mut [u8]) {
        match self.lend_tls(key) {
            Some(tls) => self.received_sealed(key, tls, data),
            None => self.reactor.received(key, data, |_| {}),
        }
    }

    /// Handles bytes that were received, with nothing behind them. Answers leave at once if nothing else can join them.
    pub(in crate::event) fn received_all(&mut self, key: Key, data: &mut [u8]) {
        if let Some(tls) = self.lend_tls(key) {
            return self.received_sealed(key, tls, data);
        }
        let (driver, round) = (&mut self.driver, self.round);
        let mut next = DriverAction::Nothing;
        self.reactor.received(key, data, |visit| {
            if visit.answers_alone() {
                next = next_action(driver, visit, round);
            }
        });
        self.follow(key, next);
    }

    /// Takes a connection's TLS session for the time of a call.
    pub(in crate::event) fn lend_tls(&mut self, key: Key) -> Option<Box<dyn Records>> {
        self.secure.as_ref()?;
        self.reactor.link(key)?.state().tls.take()
    }

    /// Decrypts and handles received bytes.
    pub(in crate::event) fn received_sealed(&mut self, key: Key, mut tls: Box<dyn Records>, data: &[u8]) {
        let mut arrived = data;
        let outcome = loop {
            let received = self.reactor.in_span(key, || tls.receive(&mut arrived));
            loop {
                match tls.read(&mut self.plain) {
                    0 => break,
                    count => {
                        let plain = self.plain.get_mut(..count).unwrap_or_default();
                        self.reactor.received(key, plain, |_| {});
                    }
                }
            }
            if arrived.is_empty() || !matches!(received, Ok(true)) {
                break received;
            }
        };
        // TLS's own records, such as an alert, go out with the rest.
        let wants_write = tls.wants_write();
        if let Some(link) = self.reactor.link(key) {
            link.state().tls = Some(tls);
        }
        if wants_write {
            self.drive(key);
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => self.reactor.ended(key, None),
            Err(error) => self.reactor.ended(key, Some(error)),
        }
    }

    /// Encrypts queued data and writes it, together with TLS's own records.
    pub(super) fn write_tls(&mut self, key: Key) {
        while let Some(mut visit) = self.reactor.visit(key) {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let (link, filled) = visit.transmit(&mut slices);
            let Some(tls) = &mut link.state().tls else { return };
            let count = if filled > 0 && tls.has_room() {
                tls.seal(slices.get(..filled).unwrap_or_default())
            } else {
                0
            };
            if count == 0 {
                if self.driver.write_sealed(&mut visit).is_err() {
                    self.broken(key);
                }
                return;
            }
            if let Some(pending) = visit.written(count) {
                self.reactor.resolve(key, pending, &mut Received::default());
            }
        }
    }
}
