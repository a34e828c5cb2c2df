//! Finds out whether a client sends messages back, before the steps of a case that needs it.

use longwire_wire::RawFrame;
use longwire_wire::bits::TEXT;

use super::{Conversation, Strays};
use crate::inbox::Incoming;
use crate::step::Reply;

/// The message that finds out whether an endpoint sends messages back.
pub(crate) const PROBE: &str = "longwire check: is this an echo?";

/// How many messages an endpoint may send before it sends back the first one.
pub(crate) const GREETINGS: usize = 8;

/// What a client did with the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probed {
    /// It sent it back, after this many messages of its own.
    Echo(usize),
    /// It sent nothing back in time.
    Open,
    /// It ended the connection.
    Ended,
}

impl Conversation {
    /// Sends a message and waits for it to come back.
    pub(crate) async fn probe(&mut self) -> Probed {
        if self.peer.send(RawFrame::text(PROBE)).await.is_err() {
            return Probed::Ended;
        }
        let mut greetings = 0;
        while greetings <= GREETINGS {
            let Ok(incoming) = self.inbox.next(&mut self.peer).await else { return Probed::Open };
            match incoming {
                Incoming::Reply(Reply::Message(TEXT, text) | Reply::Compressed(TEXT, text))
                    if text == PROBE.as_bytes() =>
                {
                    self.strays = Strays::Greetings(0);
                    return Probed::Echo(greetings);
                }
                Incoming::Reply(Reply::Pong(_)) | Incoming::Ping(_) => {}
                Incoming::Reply(_) => greetings += 1,
                Incoming::Close(_) | Incoming::End => return Probed::Ended,
            }
        }
        Probed::Open
    }
}
