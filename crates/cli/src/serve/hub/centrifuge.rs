//! `/connection/websocket`: the Centrifuge client protocol.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Socket, Upgrade};
use longwire_hub::TransportKind;
use longwire_hub::centrifuge::Encoding;

use super::client::{self, Client, ClientHandler};
use super::node::Node;
use crate::serve::statistics::Statistics;

/// Where official clients connect.
pub(crate) const PATH: &str = "/connection/websocket";

/// The subprotocol of the protobuf encoding.
const PROTOBUF: &str = "centrifuge-protobuf";

/// The subprotocol of the JSON encoding, which is also spoken without one.
const JSON: &str = "centrifuge-json";

/// `/connection/websocket`.
pub(crate) struct Centrifuge {
    pub(crate) node: Arc<Node>,
    pub(crate) statistics: Arc<Statistics>,
}

impl ClientHandler for Centrifuge {
    fn node(&self) -> &Node {
        &self.node
    }
}

impl Handler for Centrifuge {
    type State = Client;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Client>, Refusal> {
        let offers = |name: &str| request.subprotocols().iter().any(|offered| offered == name);
        let subprotocol = [PROTOBUF, JSON].into_iter().find(|name| offers(name));
        let by_query = request.query("cf_protocol").is_some_and(|encoding| encoding == "protobuf");
        let encoding = match subprotocol {
            Some(PROTOBUF) => Encoding::Protobuf,
            None if by_query => Encoding::Protobuf,
            _ => Encoding::Json,
        };
        let (kind, peer) = (TransportKind::WebSocket, request.peer_addr());
        let transport = self.node.hooks.transport(kind, encoding, peer, request.headers());
        let accept = Accept::with(Client::centrifuge(transport));
        Ok(match subprotocol {
            Some(subprotocol) => accept.subprotocol(subprotocol),
            None => accept,
        })
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        client::open(self, socket);
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        client::receive(self, socket, message);
    }

    fn on_shutdown(&self, socket: &mut Socket<'_, Self>) {
        client::shut_down(socket);
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, _: &Closed) {
        self.statistics.closed();
        client::closed(self, socket);
    }
}
