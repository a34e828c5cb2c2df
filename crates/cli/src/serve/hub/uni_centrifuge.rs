//! `/connection/uni_websocket`: a client that connects by its first message, and then only receives.

use longwire::{Refusal, Upgrade};
use longwire_hub::TransportKind;
use longwire_hub::centrifuge::Encoding;

use super::client::Client;
use super::node::Node;
use super::sockets::{ClientKind, NewClient};

/// Where one-way clients connect.
pub(crate) const PATH: &str = "/connection/uni_websocket";

/// One-way clients.
pub(crate) struct UniCentrifuge;

impl ClientKind for UniCentrifuge {
    const KIND: TransportKind = TransportKind::UniWebSocket;

    fn accept(&self, node: &Node, request: &Upgrade<'_>) -> Result<NewClient, Refusal> {
        let (encoding, peer) = (Encoding::Json, request.peer_addr());
        let transport = node.hooks.transport(Self::KIND, encoding, peer, request.headers());
        Ok(NewClient { client: Client::centrifuge(transport), subprotocol: None, protocol: "json" })
    }
}
