//! What the WebSockets of `longwire serve` do.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use super::statistics::{Statistics, TICKER};

/// The subprotocols that `/echo` speaks: a client that has to name one can.
const ECHO_SUBPROTOCOLS: [&str; 2] = ["echo.longwire", "chat.longwire"];

/// The WebSockets of `longwire serve`.
pub(super) struct Endpoints {
    pub(super) statistics: Arc<Statistics>,
}

/// What a connection asked for, settled when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Echo,
    Channel(Box<str>),
    Ticker,
}

impl Endpoint {
    fn of(path: &str) -> Result<Endpoint, Refusal> {
        match (path, path.strip_prefix("/channel/")) {
            ("/echo", _) => Ok(Endpoint::Echo),
            ("/ticker", _) => Ok(Endpoint::Ticker),
            (_, Some(name)) if is_channel_name(name) => Ok(Endpoint::Channel(name.into())),
            (_, Some(_)) => Err(Refusal::not_found("a channel's name has 1 to 64 of A-Z a-z 0-9 - _ .")),
            (_, None) => Err(Refusal::not_found("WebSockets are at /echo, /channel/{name} and /ticker")),
        }
    }
}

impl Handler for Endpoints {
    type State = Endpoint;

    fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Endpoint>, Refusal> {
        let endpoint = Endpoint::of(request.path())?;
        let speaks = endpoint == Endpoint::Echo;
        let mut offered = request.subprotocols().iter();
        let spoken = offered.find(|offered| speaks && ECHO_SUBPROTOCOLS.contains(&offered.as_str()));
        let accept = Accept::with(endpoint);
        Ok(match spoken {
            Some(subprotocol) => accept.subprotocol(subprotocol),
            None => accept,
        })
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        match socket.state().clone() {
            Endpoint::Echo => {}
            Endpoint::Channel(name) => socket.subscribe(&name),
            Endpoint::Ticker => {
                socket.subscribe_with(TICKER, Slow::Latest);
                socket.send(self.statistics.report()).or_drop();
            }
        }
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        match socket.state() {
            Endpoint::Echo => {
                self.statistics.count_message();
                socket.send(message).or_drop();
            }
            Endpoint::Channel(name) => {
                self.statistics.count_message();
                let name = name.clone();
                socket.publish_to_others(&name, message);
            }
            Endpoint::Ticker => {}
        }
    }

    fn on_close(&self, _socket: &mut Socket<'_, Self>, _closed: &Closed) {
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

    #[test]
    fn a_path_says_what_is_wanted() {
        assert_eq!(Endpoint::of("/echo").unwrap(), Endpoint::Echo);
        assert_eq!(Endpoint::of("/channel/a").unwrap(), Endpoint::Channel("a".into()));
        assert!(Endpoint::of("/channel/").is_err() && Endpoint::of("/other").is_err());
    }
}
