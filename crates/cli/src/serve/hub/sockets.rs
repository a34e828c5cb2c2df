//! The WebSockets of the hub's clients, whatever they speak.

use std::sync::Arc;

use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Socket, Upgrade};
use longwire_hub::{SessionLimits, TransportKind};

use super::client::{self, Client, ClientHandler};
use super::node::Node;
use super::settings::ENVELOPE;
use crate::serve::access::AccessLog;
use crate::serve::statistics::Statistics;

/// A kind of clients.
pub(crate) trait ClientKind: Send + Sync + 'static {
    const KIND: TransportKind;

    /// The client that a request is accepted for.
    fn accept(&self, node: &Node, request: &Upgrade<'_>) -> Result<NewClient, Refusal>;
}

/// A client whose request is accepted.
pub(crate) struct NewClient {
    pub(super) client: Client,
    pub(super) subprotocol: Option<&'static str>,
    /// The name of what it speaks, for the access log.
    pub(super) protocol: &'static str,
}

/// The WebSockets of a kind of clients.
pub(crate) struct HubSockets<K> {
    kind: K,
    node: Arc<Node>,
    statistics: Arc<Statistics>,
    access: AccessLog,
}

impl<K> HubSockets<K> {
    pub(crate) fn new(kind: K, node: &Arc<Node>, statistics: &Arc<Statistics>, access: AccessLog) -> Self {
        HubSockets { kind, node: Arc::clone(node), statistics: Arc::clone(statistics), access }
    }
}

/// The longest message that a client may send. Of a longer one, nothing is received.
fn longest_message(kind: TransportKind, limits: &SessionLimits) -> usize {
    match kind {
        // A publication that is little too long gets an answer of the hub.
        TransportKind::Plain => limits.publication.saturating_mul(2).saturating_add(ENVELOPE),
        _ => limits.frame_bytes,
    }
}

impl<K: ClientKind> ClientHandler for HubSockets<K> {
    fn node(&self) -> &Node {
        &self.node
    }
}

impl<K: ClientKind> Handler for HubSockets<K> {
    type State = Client;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Client>, Refusal> {
        let NewClient { mut client, subprotocol, protocol } = self.kind.accept(&self.node, request)?;
        client.visit = self.access.upgrade(request, K::KIND.name(), protocol);
        let accept =
            Accept::with(client).max_message(longest_message(K::KIND, &self.node.hub.config().limits));
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
        match K::KIND {
            TransportKind::Plain => client::publish(self, socket, message),
            kind if kind.is_one_way() => client::connect(self, socket, message),
            _ => client::receive(self, socket, message),
        }
    }

    fn on_alarm(&self, socket: &mut Socket<'_, Self>) {
        client::ring(self, socket);
    }

    fn on_shutdown(&self, socket: &mut Socket<'_, Self>) {
        // Plain clients know no codes of the hub.
        if K::KIND != TransportKind::Plain {
            client::shut_down(socket);
        }
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        self.statistics.closed();
        client::closed(self, socket, closed);
    }
}
