//! `/channel/{name}`: a channel for plain WebSockets.

use longwire::{Refusal, Upgrade};
use longwire_hub::centrifuge::Encoding;
use longwire_hub::{ChannelName, PlainRequest, TransportKind};

use super::client::Client;
use super::node::Node;
use super::sockets::{ClientKind, NewClient};

/// What a client sends is published, and what others publish it receives as it was sent. `?history=10` sends the newest
/// ten first; `?token=…` says who the client is.
pub(crate) struct Plain;

impl ClientKind for Plain {
    const KIND: TransportKind = TransportKind::Plain;

    fn accept(&self, node: &Node, request: &Upgrade<'_>) -> Result<NewClient, Refusal> {
        let name = request.param("name").unwrap_or_default();
        let channel: ChannelName = name
            .parse()
            .map_err(|error| Refusal::not_found(format!("{name:?} is not a channel: {error}")))?;
        let found = node.hub.config().namespaces.find(&channel).map(drop);
        found.map_err(|error| Refusal::not_found(error.to_string()))?;
        let history = match request.query("history") {
            None => 0,
            Some(count) => {
                count.parse().map_err(|_| Refusal::bad_request("history is a number of publications"))?
            }
        };
        let token = request.query("token").unwrap_or_default().into_owned();
        let (encoding, peer) = (Encoding::Json, request.peer_addr());
        let transport = node.hooks.transport(Self::KIND, encoding, peer, request.headers());
        let wanted = PlainRequest { channel: channel.to_string(), token, history };
        Ok(NewClient { client: Client::plain(transport, wanted), subprotocol: None, protocol: "" })
    }
}
