//! `/yjs/{name}`: documents for the provider `y-websocket` of Yjs.

mod awareness;
mod block;
mod blocks;
mod content;
mod deletions;
mod document;
mod documents;
mod lib0;

use std::sync::Arc;

use http::StatusCode;
use longwire::{Accept, Closed, Handler, MessageRef, Refusal, Socket, Upgrade};

use super::access::{AccessLog, Visit};
use super::statistics::Statistics;
use document::{StateVector, Update};
pub(super) use documents::{DocumentLimits, Documents};
use documents::{Member, UpdateRefused};
use lib0::{Lib0Reader, MalformedUpdate, write_bytes};

pub(super) const PATH: &str = "/yjs/{name}";

const LONGEST_NAME: usize = 128;
/// The largest message. That of a whole document is larger than any other.
const LARGEST_MESSAGE: usize = 4 << 20;

/// Messages of y-protocols: what they are about, and in those of documents which.
const SYNC: u8 = 0;
const AWARENESS: u8 = 1;
const AUTH: u8 = 2;
const QUERY_AWARENESS: u8 = 3;
const STATE: u8 = 0;
const MISSING: u8 = 1;
const UPDATE: u8 = 2;

pub(super) struct Yjs {
    pub(super) documents: Arc<Documents>,
    pub(super) statistics: Arc<Statistics>,
    pub(super) access: AccessLog,
}

pub(super) struct Editor {
    member: Member,
    topic: String,
    /// What the access log remembers, if there is one.
    visit: Option<Box<Visit>>,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NotBinary,
    Malformed(MalformedUpdate),
    Refused(UpdateRefused),
}

impl Handler for Yjs {
    type State = Editor;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Editor>, Refusal> {
        let name = request.param("name").unwrap_or_default();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(Refusal::not_found(format!("a document's name has 1 to {LONGEST_NAME} bytes")));
        }
        let member = self.documents.join(name);
        let member = member
            .ok_or_else(|| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many documents are open"))?;
        // It contains a space, so no channel can have this name.
        let topic = format!("document {name}");
        let visit = self.access.upgrade(request, "yjs", "");
        Ok(Accept::with(Editor { member, topic, visit }).max_message(LARGEST_MESSAGE))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        self.statistics.opened();
        let topic = socket.state().topic.clone();
        socket.subscribe(&topic);
        let shared = socket.state().member.shared();
        let (state, awareness) = (shared.document.state(), shared.awareness.all());
        drop(shared);
        socket.send(message(&[SYNC, STATE], &state)).or_drop();
        if let Some(awareness) = awareness {
            socket.send(message(&[AWARENESS], &awareness)).or_drop();
        }
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.statistics.count_message();
        if let Err(fault) = receive(socket, message) {
            let (code, reason) = fault.close();
            let _sent = socket.close(code, &reason);
        }
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        self.statistics.closed();
        let left = socket.state().member.shared().awareness.leave(socket.id());
        if let Some(left) = left {
            let topic = socket.state().topic.clone();
            socket.publish(&topic, message(&[AWARENESS], &left));
        }
        if let Some(visit) = &socket.state().visit {
            visit.log_closed(socket.traffic(), closed);
        }
    }
}

fn receive(socket: &mut Socket<'_, Yjs>, received: MessageRef<'_>) -> Result<(), Fault> {
    let MessageRef::Binary(bytes) = received else { return Err(Fault::NotBinary) };
    let mut reader = Lib0Reader::new(bytes);
    match reader.byte()? {
        SYNC => match reader.byte()? {
            STATE => {
                let state = StateVector::read(&mut Lib0Reader::new(reader.bytes()?))?;
                let missing = socket.state().member.shared().document.since(&state);
                socket.send(message(&[SYNC, MISSING], &missing)).or_drop();
            }
            MISSING | UPDATE => {
                let update = reader.bytes()?;
                let member = &socket.state().member;
                if member.apply(Update::read(update)?).map_err(Fault::Refused)? {
                    let topic = socket.state().topic.clone();
                    socket.publish_to_others(&topic, message(&[SYNC, UPDATE], update));
                }
            }
            _ => return Err(MalformedUpdate("a message has an unknown kind").into()),
        },
        AWARENESS => {
            let (update, id) = (reader.bytes()?, socket.id());
            if socket.state().member.shared().awareness.apply(update, id)? {
                // Its author gets it, too: the provider reconnects if it hears nothing for 30 seconds.
                let topic = socket.state().topic.clone();
                socket.publish(&topic, message(&[AWARENESS], update));
            }
        }
        QUERY_AWARENESS => {
            let all = socket.state().member.shared().awareness.all();
            if let Some(all) = all {
                socket.send(message(&[AWARENESS], &all)).or_drop();
            }
        }
        AUTH => {}
        _ => return Err(MalformedUpdate("a message has an unknown kind").into()),
    }
    Ok(())
}

fn message(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(kind.len() + content.len() + 4);
    message.extend_from_slice(kind);
    write_bytes(&mut message, content);
    message
}

impl Fault {
    /// The code and the reason of the closure.
    fn close(self) -> (u16, String) {
        match self {
            Fault::NotBinary => (1003, "messages of y-websocket are binary".to_owned()),
            Fault::Malformed(malformed) => (1007, malformed.to_string()),
            Fault::Refused(UpdateRefused::DocumentFull) => (1009, "the document is full".to_owned()),
            Fault::Refused(UpdateRefused::NoRoom) => (1013, "the server has no room for more".to_owned()),
        }
    }
}

impl From<MalformedUpdate> for Fault {
    fn from(malformed: MalformedUpdate) -> Fault {
        Fault::Malformed(malformed)
    }
}
