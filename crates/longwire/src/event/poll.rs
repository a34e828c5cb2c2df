//! The event loop over readiness events of the system: epoll, kqueue.

mod doors;
mod driver;
mod link;
mod reading;

pub(super) use driver::PollLoop;
#[cfg(test)]
pub(super) use link::PolledSocket;
