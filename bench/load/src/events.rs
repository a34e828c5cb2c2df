//! Events of Socket.IO: every client sends again after an answer.

use anyhow::Result;
use longwire_load::{Coding, Series, Step};

use crate::arguments::{Answer, Events, Speech, Target};
use crate::closed_loop::{Report, measure};

/// At least so many different events are sent, to detect lost, repeated or reordered answers.
const LEAST: usize = 8;

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// Opens clients in the main namespace; a server of plain TCP gets the same frames without. A ping of Engine.IO needs no
/// answer: a run is over before the server misses it.
pub(crate) fn run(target: &Target, events: &Events) -> Result<Report> {
    let (coding, joining) = match target.speech {
        Speech::Tcp => (Coding::Tcp, Vec::new()),
        Speech::Ws | Speech::Deflate | Speech::Wss => (Coding::Plain, joining()),
    };
    let (sent, replies) = exchanges(events.answer, events.outstanding);
    let series = Series::with_replies(&sent, replies, coding)?;
    measure(target, PATH, series, joining, (events.connections, events.outstanding), events.time)
}

fn joining() -> Vec<Step> {
    vec![
        Step { send: None, until: "0{".to_owned() },
        Step { send: Some("40".to_owned()), until: "40{".to_owned() },
    ]
}

fn exchanges(answer: Answer, outstanding: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    (0..outstanding.max(LEAST)).map(|number| exchange(answer, number)).unzip()
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
        let (sent, replies) = exchanges(Answer::Ack, 1);
        assert_eq!(replies.len(), LEAST);
        let first = br#"43100[{"id":100,"symbol":"ACME","price":100.25,"volume":51200,"open":true}]"#;
        assert_eq!(replies[0], first);
        assert_ne!(sent[0], replies[0]);
    }
}
