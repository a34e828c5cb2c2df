//! Sessions with what they say of themselves.

use std::sync::{Arc, Mutex, PoisonError};

use bytestring::ByteString;

use crate::control::{DescriptionSink, SessionDescription};
use crate::hub::inspect::LiveSession;
use crate::hub::node::Hub;
use crate::hub::peers::question::{DescribedRow, SessionRow};
use crate::time::Millis;

/// A session on another node.
///
/// [`Hub::user_sessions_elsewhere`](Hub::user_sessions_elsewhere) returns them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSession {
    /// The node that it is on.
    pub node: ByteString,
    /// The session.
    pub session: LiveSession,
    /// What it says of itself; `None` if it did not answer.
    pub description: Option<NodeSessionDescription>,
}

/// Sessions on other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NodeSessions {
    /// The newest of each node, at most as many as were asked for.
    pub sessions: Vec<NodeSession>,
    /// How many there are, with those that are left out.
    pub total: usize,
}

/// What a session on another node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSessionDescription {
    /// How it is connected: [`TransportKind::name`](crate::TransportKind::name), or a name of the node's own version.
    pub transport: String,
    /// The client's address, if its node knows it.
    pub peer: Option<String>,
    /// Its subscriptions, by name.
    pub channels: Vec<String>,
}

impl NodeSession {
    pub(super) fn read(node: &ByteString, row: SessionRow) -> NodeSession {
        let description = row.described.map(|described| NodeSessionDescription {
            transport: described.transport,
            peer: described.peer,
            channels: described.channels,
        });
        let (client, user, since) = (row.client.into(), row.user.into(), Millis(row.since));
        NodeSession { node: node.clone(), session: LiveSession { client, user, since }, description }
    }
}

/// The sessions of an answer. When nobody holds it any more, each has described itself, or will not.
struct Describing {
    rows: Mutex<Vec<SessionRow>>,
    done: Mutex<Option<WhenDescribed>>,
}

type WhenDescribed = Box<dyn FnOnce(Vec<SessionRow>) + Send>;

impl Drop for Describing {
    fn drop(&mut self) {
        let rows = std::mem::take(self.rows.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(done) = self.done.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            done(rows);
        }
    }
}

impl Hub {
    /// Asks sessions to describe themselves, and calls `done` when each has, or has dropped the question.
    pub(super) fn describe_all(&self, sessions: &[LiveSession], done: WhenDescribed) {
        let row = |live: &LiveSession| SessionRow {
            client: live.client.to_string(),
            user: live.user.to_string(),
            since: live.since.0,
            described: None,
        };
        let rows = Mutex::new(sessions.iter().map(row).collect());
        let describing = Arc::new(Describing { rows, done: Mutex::new(Some(done)) });
        for (index, live) in sessions.iter().enumerate() {
            let describing = Arc::clone(&describing);
            let sink = DescriptionSink::new(move |description| describing.described(index, description));
            self.describe(&live.client, sink);
        }
    }
}

impl Describing {
    fn described(&self, index: usize, description: SessionDescription) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.get_mut(index) {
            row.described = Some(DescribedRow {
                transport: description.transport.name().to_owned(),
                peer: description.peer,
                channels: description.channels.iter().map(ToString::to_string).collect(),
            });
        }
    }
}
