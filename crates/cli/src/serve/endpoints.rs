//! What the WebSockets of `longwire serve` do.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use super::statistics::{Statistics, TICKER};

/// The subprotocols that `/echo` speaks: a client that has to name one can.
const ECHO_SUBPROTOCOLS: [&str; 2] = ["echo.longwire", "chat.longwire"];

/// `/echo`: sends every message back.
pub(super) struct Echo {
    pub(super) statistics: Arc<Statistics>,
}

/// `/channel/{name}`: passes each message on to all others of the channel. The state is its name.
pub(super) struct Channel {
    pub(super) statistics: Arc<Statistics>,
}

/// `/ticker`: sends what the server does, once a second.
pub(super) struct Ticker {
    pub(super) statistics: Arc<Statistics>,
}

impl Handler for Echo {
    type State = ();

    fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        let mut offered = request.subprotocols().iter();
        let spoken = offered.find(|offered| ECHO_SUBPROTOCOLS.contains(&offered.as_str()));
        Ok(match spoken {
            Some(subprotocol) => Accept::new().subprotocol(subprotocol),
            None => Accept::new(),
        })
    }

    fn on_open(&self, _: &mut Socket<'_, Self>) {
        self.statistics.opened();
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        socket.send(message).or_drop();
    }

    fn on_close(&self, _: &mut Socket<'_, Self>, _: &Closed) {
        self.statistics.closed();
    }
}

impl Handler for Channel {
    type State = Box<str>;

    fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Box<str>>, Refusal> {
        let name = request.param("name").filter(|name| is_channel_name(name));
        let name =
            name.ok_or_else(|| Refusal::not_found("a channel's name has 1 to 64 of A-Z a-z 0-9 - _ ."))?;
        Ok(Accept::with(name.into()))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        let name = socket.state().clone();
        socket.subscribe(&name);
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        let name = socket.state().clone();
        socket.publish_to_others(&name, message);
    }

    fn on_close(&self, _: &mut Socket<'_, Self>, _: &Closed) {
        self.statistics.closed();
    }
}

impl Handler for Ticker {
    type State = ();

    fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        socket.subscribe_with(TICKER, Slow::Latest);
        socket.send(self.statistics.report()).or_drop();
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}

    fn on_close(&self, _: &mut Socket<'_, Self>, _: &Closed) {
        self.statistics.closed();
    }
}

/// Whether a channel can have this name: 1 to 64 letters, digits, hyphens, underscores and dots.
fn is_channel_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_names_are_short_and_plain() {
        for name in ["a", "chat", "room-1_b.c", &"x".repeat(64)] {
            assert!(is_channel_name(name), "{name}");
        }
        for name in ["", "a/b", "a b", "ä", "%41", &"x".repeat(65), TICKER] {
            assert!(!is_channel_name(name), "{name}");
        }
    }
}
