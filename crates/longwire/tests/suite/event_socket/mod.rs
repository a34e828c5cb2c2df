//! `EventSocket`, paragraph by paragraph of the WHATWG WebSockets Standard. Each file covers a section, or a part of
//! the section "The WebSocket interface"; each test covers a paragraph or a step of an algorithm. `docs/whatwg.md`
//! lists them all.

mod attributes;
mod closing;
mod constructor;
mod feedback;
mod garbage_collection;
mod listeners;
mod opening_handshake;
mod panics;
mod sending;

use longwire::EventSocket;
use longwire::event_socket::{Event, EventKind};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::deserted;

/// A URL on whose port no server listens.
fn nobody() -> String {
    format!("ws://{}/", deserted())
}

/// Adds no listeners yet. On a single-threaded runtime nothing happens until the test awaits.
fn later(_: &EventSocket) {}

/// Records the events that all listeners receive.
struct Heard {
    events: UnboundedReceiver<String>,
}

impl Heard {
    fn by(socket: &EventSocket) -> Heard {
        let (tell, events) = unbounded_channel();
        for kind in [EventKind::Open, EventKind::Message, EventKind::Error, EventKind::Close] {
            let tell = tell.clone();
            socket.add_event_listener(kind, move |_, event| {
                let _test_has_ended = tell.send(shown(event));
            });
        }
        Heard { events }
    }

    async fn next(&mut self) -> String {
        self.events.recv().await.unwrap()
    }

    async fn expect(&mut self, event: &str) {
        assert_eq!(self.next().await, event);
    }

    /// All events from here to the end, after which the listeners are dropped.
    async fn rest(&mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(event) = self.events.recv().await {
            rest.push(event);
        }
        rest
    }
}

fn shown(event: &Event) -> String {
    match event {
        Event::Open => "open".to_owned(),
        Event::Message(message) => format!("message {}", message.data()),
        Event::Error(_) => "error".to_owned(),
        Event::Close(close) => {
            let clean = if close.was_clean() { "clean" } else { "not clean" };
            format!("close {} {:?} {clean}", close.code().get(), close.reason())
        }
    }
}

/// The events of a connection that failed.
const FAILED: [&str; 2] = ["error", "close 1006 \"\" not clean"];
