//! `/channel/{name}`: a channel for plain WebSockets.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Socket, Upgrade};
use longwire_hub::centrifuge::Encoding;
use longwire_hub::{ChannelName, PlainRequest, TransportKind};

use super::client::{self, Client, ClientHandler};
use super::node::Node;
use crate::serve::statistics::Statistics;

/// `/channel/{name}`: what a client sends is published, and what others publish it receives as it was sent.
/// `?history=10` sends the newest ten first; `?token=…` says who the client is.
pub(crate) struct Plain {
    pub(crate) node: Arc<Node>,
    pub(crate) statistics: Arc<Statistics>,
}

impl ClientHandler for Plain {
    fn node(&self) -> &Node {
        &self.node
    }
}

impl Handler for Plain {
    type State = Client;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Client>, Refusal> {
        let name = request.param("name").unwrap_or_default();
        let channel: ChannelName = name
            .parse()
            .map_err(|error| Refusal::not_found(format!("{name:?} is not a channel: {error}")))?;
        let found = self.node.hub.config().namespaces.find(&channel).map(drop);
        found.map_err(|error| Refusal::not_found(error.to_string()))?;
        let history = match request.query("history") {
            None => 0,
            Some(count) => {
                count.parse().map_err(|_| Refusal::bad_request("history is a number of publications"))?
            }
        };
        let token = request.query("token").unwrap_or_default().into_owned();
        let (kind, peer) = (TransportKind::Plain, request.peer_addr());
        let transport = self.node.hooks.transport(kind, Encoding::Json, peer, request.headers());
        let wanted = PlainRequest { channel: channel.to_string(), token, history };
        Ok(Accept::with(Client::plain(transport, wanted)))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        client::open(self, socket);
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        client::receive(self, socket, message);
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, _: &Closed) {
        self.statistics.closed();
        client::closed(self, socket);
    }
}
