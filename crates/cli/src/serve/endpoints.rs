//! The WebSocket endpoints of `longwire serve`.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use super::access::{AccessLog, Visit};
use super::statistics::{Statistics, TICKER};

/// The subprotocols that `/echo` accepts, for clients that require one.
const ECHO_SUBPROTOCOLS: [&str; 2] = ["echo.longwire", "chat.longwire"];

/// `/echo`: sends every message back.
pub(super) struct Echo {
    pub(super) statistics: Arc<Statistics>,
    pub(super) access: AccessLog,
}

/// `/ticker`: sends the server's statistics once a second.
pub(super) struct Ticker {
    pub(super) statistics: Arc<Statistics>,
    pub(super) access: AccessLog,
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
    /// What the access log remembers, if there is one.
    type State = Option<Box<Visit>>;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Self::State>, Refusal> {
        let mut offered = request.subprotocols().iter();
        let spoken = offered.find_map(|offered| ECHO_SUBPROTOCOLS.into_iter().find(|known| known == offered));
        let visit = self.access.upgrade(request, "echo", spoken.unwrap_or_default());
        Ok(match spoken {
            Some(subprotocol) => Accept::with(visit).subprotocol(subprotocol),
            None => Accept::with(visit),
        })
    }

    fn on_open(&self, _: &mut Socket<'_, Self>) {
        self.statistics.opened();
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        socket.send(message).or_drop();
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        self.statistics.closed();
        log(socket, closed);
    }
}

impl Handler for Ticker {
    /// What the access log remembers, if there is one.
    type State = Option<Box<Visit>>;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Self::State>, Refusal> {
        Ok(Accept::with(self.access.upgrade(request, "ticker", "")))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        socket.subscribe_with(TICKER, Slow::Latest);
        socket.send(self.statistics.report()).or_drop();
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        self.statistics.closed();
        log(socket, closed);
    }
}

fn log<H: Handler<State = Option<Box<Visit>>>>(socket: &Socket<'_, H>, closed: &Closed) {
    if let Some(visit) = socket.state() {
        visit.log_closed(socket.traffic(), closed);
    }
}

#[cfg(test)]
mod tests {
    use longwire::Stage;

    use super::*;

    fn stage() -> (Stage, Arc<Statistics>) {
        let statistics = Arc::new(Statistics::new());
        let of = || Arc::clone(&statistics);
        let access = AccessLog { is_on: false };
        let stage = Stage::routes()
            .route("/echo", Echo { statistics: of(), access })
            .route("/ticker", Ticker { statistics: of(), access });
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
}
