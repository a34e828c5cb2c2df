//! What comes to a stream's session and what leaves it: bounded queues, and the topics of streams.

pub(super) mod budget;
pub(super) mod inbox;
pub(super) mod outbox;
pub(super) mod topics;
