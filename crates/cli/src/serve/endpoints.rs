//! The WebSocket endpoints of `longwire serve`.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use super::statistics::{Statistics, TICKER};

/// The subprotocols that `/echo` accepts, for clients that require one.
const ECHO_SUBPROTOCOLS: [&str; 2] = ["echo.longwire", "chat.longwire"];

/// `/echo`: sends every message back.
pub(super) struct Echo {
    pub(super) statistics: Arc<Statistics>,
}

/// `/channel/{name}`: forwards each message to everyone else in the channel. The state is the channel's name.
pub(super) struct Channel {
    pub(super) statistics: Arc<Statistics>,
}

/// `/ticker`: sends the server's statistics once a second.
pub(super) struct Ticker {
    pub(super) statistics: Arc<Statistics>,
}

/// No WebSockets: only HTTP is served.
pub(super) struct NoSockets;

impl Handler for NoSockets {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Err(Refusal::not_found("there are no WebSockets here"))
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
}

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
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

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Box<str>>, Refusal> {
        let name = request.param("name").filter(|name| is_channel_name(name));
        let name = name.ok_or_else(|| {
            Refusal::not_found("a channel name has 1 to 64 characters of A-Z a-z 0-9 - _ .")
        })?;
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

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
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

/// Whether this is a valid channel name: 1 to 64 letters, digits, hyphens, underscores and dots.
fn is_channel_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use longwire::{Error, Stage};

    use super::*;

    fn stage() -> (Stage, Arc<Statistics>) {
        let statistics = Arc::new(Statistics::new());
        let of = || Arc::clone(&statistics);
        let stage = Stage::routes()
            .route("/echo", Echo { statistics: of() })
            .route("/channel/{name}", Channel { statistics: of() })
            .route("/ticker", Ticker { statistics: of() });
        (stage.start().unwrap(), statistics)
    }

    #[test]
    fn an_echo_comes_back_and_speaks_the_subprotocol_that_the_client_names() {
        let (mut stage, _) = stage();
        let client = stage.request("/echo").subprotocols(["other", "echo.longwire"]).connect().unwrap();
        assert_eq!(client.subprotocol(), Some("echo.longwire"));
        client.send("hello");
        client.send(vec![0, 255]);
        assert_eq!(client.received(), ["hello".into(), longwire::Message::from(vec![0, 255])]);
        assert_eq!(stage.connect("/echo").unwrap().subprotocol(), None);
    }

    #[test]
    fn a_channel_passes_messages_on_to_its_others() {
        let (mut stage, _) = stage();
        let [ann, bob, eve] =
            ["/channel/tea", "/channel/tea", "/channel/coffee"].map(|path| stage.connect(path).unwrap());
        ann.send("hello");
        assert_eq!(bob.received(), ["hello"]);
        assert!(ann.received().is_empty() && eve.received().is_empty());
        let Err(Error::Refused(refused)) = stage.connect("/channel/a%20b") else { panic!("it was let in") };
        assert_eq!(refused.status(), 404);
    }

    #[test]
    fn a_ticker_begins_with_a_report_and_goes_on_with_what_is_published() {
        let (mut stage, statistics) = stage();
        let client = stage.connect("/ticker").unwrap();
        let [report] = &client.received()[..] else { panic!("a report comes first") };
        assert!(report.as_text().unwrap().contains(r#""connections":1,"#), "{report}");
        stage.topics().publish(TICKER, "news");
        assert_eq!(client.received(), ["news"]);
        drop(client);
        assert!(statistics.report().contains(r#""connections":0,"#), "{}", statistics.report());
    }

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
