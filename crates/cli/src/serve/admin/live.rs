//! `/admin/live`: the WebSocket of the admin page, which receives the figures once a second.

use std::sync::Arc;

use http::StatusCode;
use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Slow, Socket, Upgrade};

use super::access::{Denied, Operator};
use super::figures::FIGURES;
use super::page::Admin;
use crate::serve::access::{AccessLog, Visit};

pub(crate) const PATH: &str = "/admin/live";

/// The longest message of a page, which has nothing to say.
const MAX_MESSAGE: usize = 1 << 10;

/// The WebSockets of admin pages.
pub(crate) struct LivePages {
    pub(crate) page: Arc<Admin>,
    pub(crate) access: AccessLog,
}

/// The WebSocket of one page.
pub(crate) struct LivePage {
    operator: Operator,
    /// What the access log remembers, if there is one.
    visit: Option<Box<Visit>>,
}

impl Handler for LivePages {
    type State = LivePage;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<LivePage>, Refusal> {
        match self.page.access.judge(request.peer_addr(), request.uri(), request.headers()) {
            Ok(operator) => {
                let visit = self.access.upgrade(request, "admin", "");
                Ok(Accept::with(LivePage { operator, visit }).max_message(MAX_MESSAGE))
            }
            Err(Denied::SignIn) => Err(Refusal::new(StatusCode::UNAUTHORIZED, "sign in at /admin")),
            Err(Denied::TooManyTries(_)) => {
                Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many tries"))
            }
            Err(_) => Err(Refusal::new(StatusCode::FORBIDDEN, "only the admin page may connect")),
        }
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        if let Operator::SignedIn(session) = socket.state().operator {
            socket.subscribe(&session.topic());
        }
        // A sample that is taken from here on comes by the topic, and earlier ones are in the history. One may be in both.
        socket.subscribe_with(FIGURES, Slow::Latest);
        socket.send(self.page.figures.message()).or_drop();
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        if let Some(visit) = &socket.state().visit {
            visit.log_closed(socket.traffic(), closed);
        }
    }
}
