//! Holds back the messages of a client.

use std::sync::Arc;

use super::link::Link;

/// While this lives, the application gets no messages of the session, and nothing more is read from its client; made by
/// [`EngineConnection::pause`](super::EngineConnection::pause). Of several, the last that is dropped counts.
#[must_use = "dropped, it lets the messages come again"]
#[derive(Debug)]
pub struct Pause {
    link: Arc<Link>,
}

impl Pause {
    pub(crate) fn new(link: Arc<Link>) -> Pause {
        link.pause();
        Pause { link }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.link.resume();
    }
}
