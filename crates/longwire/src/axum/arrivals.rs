//! What has arrived and has not been taken, in the order in which it came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum_core::Error;
use bytes::Bytes;
use longwire_proto::{ControlOpcode, Direction, FrameKind, FrameObserver, SeenFrame};

use super::message::Message;

/// How many pings and pongs are kept. With the longest payload they are 16 KiB.
pub(super) const MOST: usize = 128;

/// What has arrived and has not been taken: pings and pongs, which an observer of the connection's frames puts in while a
/// message is received, and the message behind them.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<VecDeque<Result<Message, Error>>>>);

impl Arrivals {
    /// The observer that puts pings and pongs in. A peer that sends too many of them at once moves out the oldest: it gets
    /// no more than that of this end's memory.
    pub(super) fn observer(&self) -> FrameObserver {
        let arrivals = self.clone();
        FrameObserver::new(move |frame| {
            let Some(control) = ping_or_pong(frame) else { return };
            let mut queue = arrivals.lock();
            if queue.len() == MOST {
                queue.pop_front();
            }
            queue.push_back(Ok(control));
        })
    }

    /// Puts in what came after everything that is in.
    pub(super) fn push(&self, arrival: Result<Message, Error>) {
        self.lock().push_back(arrival);
    }

    /// Takes out what came first.
    pub(super) fn pop(&self) -> Option<Result<Message, Error>> {
        self.lock().pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Result<Message, Error>>> {
        // Nothing that holds the lock leaves the queue half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ping_or_pong(frame: &SeenFrame<'_>) -> Option<Message> {
    let payload = || Bytes::copy_from_slice(frame.control_payload);
    match (frame.direction, frame.header.kind) {
        (Direction::Received, FrameKind::Control { opcode: ControlOpcode::Ping, .. }) => {
            Some(Message::Ping(payload()))
        }
        (Direction::Received, FrameKind::Control { opcode: ControlOpcode::Pong, .. }) => {
            Some(Message::Pong(payload()))
        }
        _ => None,
    }
}
