//! `/connection/uni_websocket`: a client that connects by its first message, and then only receives.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Socket, Upgrade};
use longwire_hub::TransportKind;
use longwire_hub::centrifuge::Encoding;

use super::client::{self, Client, ClientHandler};
use super::node::Node;
use crate::serve::statistics::Statistics;

/// Where one-way clients connect.
pub(crate) const PATH: &str = "/connection/uni_websocket";

/// `/connection/uni_websocket`.
pub(crate) struct UniCentrifuge {
    pub(crate) node: Arc<Node>,
    pub(crate) statistics: Arc<Statistics>,
}

impl ClientHandler for UniCentrifuge {
    fn node(&self) -> &Node {
        &self.node
    }
}

impl Handler for UniCentrifuge {
    type State = Client;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Client>, Refusal> {
        let (kind, peer) = (TransportKind::UniWebSocket, request.peer_addr());
        let transport = self.node.hooks.transport(kind, Encoding::Json, peer, request.headers());
        Ok(Accept::with(Client::centrifuge(transport)))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        client::open(self, socket);
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        client::connect(self, socket, message);
    }

    fn on_shutdown(&self, socket: &mut Socket<'_, Self>) {
        client::shut_down(socket);
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, _: &Closed) {
        self.statistics.closed();
        client::closed(self, socket);
    }
}
