//! Events of Socket.IO: every client sends again after an answer.

use anyhow::Result;

use crate::arguments::{Answer, Events, Speech, Target};
use crate::closed_loop::{Report, measure};
use crate::crowd::{Beginning, Crowd};
use crate::frames::Frames;
use crate::hub::{Dialect, Request, open};
use crate::replies::Expected;

/// At least so many different events are sent, to detect lost, repeated or reordered answers.
const LEAST: usize = 8;

/// A ping of Engine.IO. It needs no answer: a run is over before the server misses it.
const PING: &[u8] = b"\x81\x012";

/// Opens clients in the main namespace; a server of plain TCP gets the same frames without.
pub(crate) fn run(target: &Target, events: &Events) -> Result<Report> {
    let frames = frames(events.answer, events.outstanding);
    let crowd = if target.speech == Speech::Tcp {
        Crowd::open(target, frames, events.connections, Beginning::Staggered)?
    } else {
        let clients = vec![Request::publisher(Dialect::SocketIo); events.connections as usize];
        let streams = open(target, &clients)?.into_iter().map(|opened| opened.stream).collect();
        Crowd::over(streams, frames, |frames| Expected::new(frames, target.speech).interrupted_by(PING))?
    };
    measure(crowd, target, events.outstanding, events.time)
}

fn frames(answer: Answer, outstanding: usize) -> Frames {
    let exchanges = (0..outstanding.max(LEAST)).map(|number| exchange(answer, number));
    let (sent, replies): (Vec<_>, Vec<_>) = exchanges.unzip();
    Frames::with_replies(&sent, replies)
}

/// An event, and its answer.
fn exchange(answer: Answer, number: usize) -> (Vec<u8>, Vec<u8>) {
    // Every number has three digits, so that all answers are of the same length.
    let id = 100 + number;
    let quote = format!(r#"{{"id":{id},"symbol":"ACME","price":{id}.25,"volume":51200,"open":true}}"#);
    let (event, answer) = match answer {
        Answer::Event => {
            let event = format!(r#"42["echo",{quote}]"#);
            (event.clone(), event)
        }
        Answer::Ack => (format!(r#"42{id}["ask",{quote}]"#), format!("43{id}[{quote}]")),
    };
    (event.into_bytes(), answer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_not_the_event_that_it_answers() {
        let frames = frames(Answer::Ack, 1);
        assert_eq!(frames.count(), LEAST);
        let replies = frames.replies(Speech::Ws);
        let first = br#"43100[{"id":100,"symbol":"ACME","price":100.25,"volume":51200,"open":true}]"#;
        assert_eq!(replies[2..][..first.len()], *first);
        assert_eq!(replies.len(), LEAST * (2 + first.len()));
    }
}
