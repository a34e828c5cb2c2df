//! `/admin/live`: the WebSocket of the admin page, which receives the figures once a second.

use std::sync::Arc;

use http::StatusCode;
use longwire::{Accept, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use super::access::{Denied, Operator};
use super::figures::FIGURES;
use super::page::Admin;

pub(crate) const PATH: &str = "/admin/live";

/// The WebSockets of admin pages.
pub(crate) struct LivePages(pub(crate) Arc<Admin>);

impl Handler for LivePages {
    type State = Operator;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Operator>, Refusal> {
        match self.0.access.judge(request.uri(), request.headers()) {
            Ok(operator) => Ok(Accept::with(operator)),
            Err(Denied::SignIn) => Err(Refusal::new(StatusCode::UNAUTHORIZED, "sign in at /admin")),
            Err(Denied::TooManyTries(_)) => {
                Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many tries"))
            }
            Err(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "only the admin page may connect")),
        }
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        if let Operator::SignedIn(session) = *socket.state() {
            socket.subscribe(&session.topic());
        }
        // A sample that is taken from here on comes by the topic, and earlier ones are in the history. One may be in both.
        socket.subscribe_with(FIGURES, Slow::Latest);
        socket.send(self.0.figures.message()).or_drop();
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
}
