//! `/connection/websocket`: the Centrifuge client protocol.

use longwire::{Refusal, Upgrade};
use longwire_hub::TransportKind;
use longwire_hub::centrifuge::Encoding;

use super::client::Client;
use super::node::Node;
use super::sockets::{ClientKind, NewClient};

/// Where official clients connect.
pub(crate) const PATH: &str = "/connection/websocket";

/// The subprotocol of the protobuf encoding.
const PROTOBUF: &str = "centrifuge-protobuf";

/// The subprotocol of the JSON encoding, which is also spoken without one.
const JSON: &str = "centrifuge-json";

/// Official clients, as JSON or protobuf.
pub(crate) struct Centrifuge;

impl ClientKind for Centrifuge {
    const KIND: TransportKind = TransportKind::WebSocket;

    fn accept(&self, node: &Node, request: &Upgrade<'_>) -> Result<NewClient, Refusal> {
        let offers = |name: &str| request.subprotocols().iter().any(|offered| offered == name);
        let subprotocol = [PROTOBUF, JSON].into_iter().find(|name| offers(name));
        let by_query = request.query("cf_protocol").is_some_and(|encoding| encoding == "protobuf");
        let (encoding, protocol) = match subprotocol {
            Some(PROTOBUF) => (Encoding::Protobuf, "protobuf"),
            None if by_query => (Encoding::Protobuf, "protobuf"),
            _ => (Encoding::Json, "json"),
        };
        let transport = node.hooks.transport(Self::KIND, encoding, request.peer_addr(), request.headers());
        Ok(NewClient { client: Client::centrifuge(transport), subprotocol, protocol })
    }
}
