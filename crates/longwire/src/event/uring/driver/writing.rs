//! How a connection is written to.

use std::io::{self, IoSlice};

use longwire_ring::direct;
use slotmap::Key as _;

use super::Uring;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::uring::link::Writing;

/// How many pieces one write may gather.
const SLICES: usize = 16;

impl<A: Application> Uring<A> {
    pub(super) fn sent(&mut self, key: Key, result: &io::Result<()>) {
        let Some(link) = self.reactor.link(key) else { return };
        let Writing::Sending { length, .. } = link.has_written() else { return };
        // What TLS has encrypted was taken from the connection then.
        let length = if link.tls.is_some() { 0 } else { length };
        if link.ends_after_write {
            link.shut_down();
            self.reactor.shut(key);
        }
        self.reactor.written(key, length);
        if result.is_err() {
            self.reactor.broken(key);
        }
        self.drive(key);
        self.read_on(key);
    }

    /// Gives what waits to the kernel: by the ring, or at once what is too large to be copied.
    pub(super) fn write(&mut self, key: Key) {
        if self.reactor.link(key).is_some_and(|link| link.tls.is_some()) {
            return self.write_tls(key);
        }
        let token = key.data().as_ffi();
        if let Some((link, buffer)) = self.reactor.take_encoded(key) {
            let length = buffer.len();
            let operation = self.ring.send(link.socket(), buffer, token);
            link.begin_writing(Writing::Sending { operation, length });
            return;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let Some((link, filled)) = self.reactor.transmit(key, &mut slices) else { return };
        match direct::send(link.socket(), slices.get(..filled).unwrap_or_default()) {
            Ok(count) => {
                link.writes.note();
                self.reactor.written(key, count);
                self.read_on(key);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let operation = self.ring.poll_writable(link.socket(), token);
                link.begin_writing(Writing::Blocked(operation));
            }
            Err(_) => self.reactor.broken(key),
        }
    }

    /// Encrypts what waits and gives it to the kernel, with whatever TLS itself has to say.
    pub(super) fn write_tls(&mut self, key: Key) {
        let token = key.data().as_ffi();
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let Some((link, filled)) = self.reactor.transmit(key, &mut slices) else { return };
            let Some(tls) = &mut link.tls else { return };
            if filled == 0 || !tls.has_room() {
                break;
            }
            let count = tls.seal(slices.get(..filled).unwrap_or_default());
            if count == 0 {
                break;
            }
            self.reactor.written(key, count);
        }
        let Some(link) = self.reactor.link(key) else { return };
        if link.is_writing() {
            return;
        }
        if let Some(buffer) = link.tls.as_mut().map(|tls| tls.take())
            && !buffer.is_empty()
        {
            let length = buffer.len();
            let operation = self.ring.send(link.socket(), buffer, token);
            link.begin_writing(Writing::Sending { operation, length });
        }
    }

    pub(super) fn shut_down(&mut self, key: Key) {
        let Some(link) = self.reactor.link(key) else { return };
        match &mut link.tls {
            None => {
                link.shut_down();
                self.reactor.shut(key);
            }
            Some(tls) => {
                tls.say_end();
                link.ends_after_write = true;
                self.write_tls(key);
            }
        }
    }
}
