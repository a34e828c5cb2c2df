//! From the steps that the reactor wants to the driver that takes them.

use longwire_proto::Received;

use super::SocketLoop;
use crate::event::application::Application;
use crate::event::key::Key;
use crate::event::reactor::Step;
use crate::event::reactor::visit::Visit;
use crate::event::sockets::driver::{DriverAction, SocketDriver, SocketLink};
use crate::event::sockets::handed_over::HandedOver;

impl<A: Application, D: SocketDriver> SocketLoop<A, D> {
    /// Starts or stops reading a connection, as its state requires.
    pub(in crate::event) fn read_on(&mut self, key: Key) {
        if let Some(mut visit) = self.reactor.visit(key) {
            self.driver.read_on(&mut visit);
        }
    }

    /// Does all pending steps of all connections.
    pub(in crate::event) fn drive_dirty(&mut self) {
        while let Some(key) = self.reactor.next_dirty() {
            self.drive(key);
        }
    }

    /// Continues with connections that used up their writes of the last round.
    pub(in crate::event) fn drive_put_off(&mut self) {
        for key in std::mem::take(&mut self.put_off) {
            if let Some(link) = self.reactor.link(key) {
                link.state().is_put_off = false;
                self.drive(key);
            }
        }
    }

    /// Does all pending steps of a connection.
    pub(in crate::event) fn drive(&mut self, key: Key) {
        if let Some(mut visit) = self.reactor.visit(key) {
            let next = next_action(&mut self.driver, &mut visit, self.round);
            self.follow(key, next);
        }
    }

    /// Handles the end of a write of `length` queued bytes, and does all pending steps of the connection.
    #[cfg(all(target_os = "linux", feature = "uring"))]
    pub(in crate::event) fn written(&mut self, key: Key, length: usize, result: &std::io::Result<()>) {
        let Some(mut visit) = self.reactor.visit(key) else { return };
        let pending = visit.written(length);
        if pending.is_none() && result.is_ok() {
            let next = next_action(&mut self.driver, &mut visit, self.round);
            if matches!(next, DriverAction::Nothing) {
                return self.driver.read_on(&mut visit);
            }
            self.follow(key, next);
        } else {
            if let Some(pending) = pending {
                self.reactor.resolve(key, pending, &mut Received::default());
            }
            if result.is_err() {
                self.broken(key);
            }
            self.drive(key);
        }
        self.read_on(key);
    }

    /// Records that the transport of a connection takes no more data.
    pub(in crate::event) fn broken(&mut self, key: Key) {
        self.reactor.broken(key);
        if let Some(mut visit) = self.reactor.visit(key) {
            self.driver.broken(&mut visit);
        }
    }

    /// Does the next work for a connection, until there is none.
    pub(super) fn follow(&mut self, key: Key, mut next: DriverAction) {
        loop {
            match next {
                DriverAction::Nothing => return,
                DriverAction::PutOff => return self.put_off.push(key),
                DriverAction::Seal => self.write_tls(key),
                DriverAction::SealLast => return self.write_tls(key),
                DriverAction::Resolve(pending) => {
                    self.reactor.resolve(key, pending, &mut Received::default());
                    self.read_on(key);
                }
                DriverAction::Broken => self.broken(key),
                DriverAction::Unwritable if self.reactor.unwritable(key) == Step::Drop => {
                    return self.drop(key);
                }
                DriverAction::Unwritable => return self.write_tls(key),
                DriverAction::HandOver => return self.hand_over(key),
                DriverAction::Drop => return self.drop(key),
            }
            let Some(mut visit) = self.reactor.visit(key) else { return };
            next = next_action(&mut self.driver, &mut visit, self.round);
        }
    }

    /// Hands a connection to hyper once the driver has let it go.
    fn hand_over(&mut self, key: Key) {
        let Some(mut visit) = self.reactor.visit(key) else { return };
        if !self.driver.lets_go(&mut visit) {
            return;
        }
        let Some(removed) = self.reactor.remove(key) else { return };
        let (link, removed) = removed.split();
        if let Some((socket, tls)) = self.driver.release(link) {
            // If hyper's side is gone, this drops the connection.
            let _nobody = self.handed_over.send(HandedOver { socket, tls, removed });
        }
    }

    fn drop(&mut self, key: Key) {
        if let Some(removed) = self.reactor.remove(key) {
            let (link, rest) = removed.split();
            // The place is given back before the client sees the end.
            drop(rest);
            self.driver.forget(link);
        }
    }
}

/// Does all pending steps that concern only this connection.
pub(super) fn next_action<A: Application, D: SocketDriver>(
    driver: &mut D,
    visit: &mut Visit<'_, A, D::Link>,
    round: u16,
) -> DriverAction {
    loop {
        let has_ended = visit.has_ended();
        let link = visit.link();
        if link.is_writing() {
            // The system takes no more, and the last try is in its hands.
            return if has_ended { DriverAction::Drop } else { DriverAction::Nothing };
        }
        let state = link.state();
        if state.writes.are_used_up(round) {
            let was_put_off = std::mem::replace(&mut state.is_put_off, true);
            return if was_put_off { DriverAction::Nothing } else { DriverAction::PutOff };
        }
        let is_plain = state.tls.is_none();
        let next = match visit.step() {
            None => Some(DriverAction::Unwritable),
            Some(Step::Wait) => Some(if is_plain { DriverAction::Nothing } else { DriverAction::SealLast }),
            Some(Step::Write) if is_plain => driver.write(visit),
            Some(Step::Write) => Some(DriverAction::Seal),
            Some(Step::Shutdown) => shut_down(driver, visit),
            Some(Step::HandOver) => Some(DriverAction::HandOver),
            Some(Step::Drop) => Some(DriverAction::Drop),
        };
        if let Some(next) = next {
            return next;
        }
    }
}

fn shut_down<A: Application, D: SocketDriver>(
    driver: &D,
    visit: &mut Visit<'_, A, D::Link>,
) -> Option<DriverAction> {
    let state = visit.link().state();
    let Some(tls) = &mut state.tls else {
        driver.shut_down(visit.link());
        visit.shut();
        return None;
    };
    tls.queue_close_notify();
    state.ends_after_write = true;
    Some(DriverAction::Seal)
}
