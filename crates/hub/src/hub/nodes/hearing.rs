//! What other nodes tell.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;

use crate::hub::deliverer::{Deliverer, HearsNodes};
use crate::hub::node::Hub;
use crate::hub::peers::message::{AnsweredQuestion, AskedQuestion, NodeEvent, NodeMessage};
use crate::time::Millis;
use crate::uuid::Uuid;

impl HearsNodes for Hub {
    fn deliverer_of_it(&self) -> Arc<Deliverer> {
        self.deliverer().clone()
    }

    fn heard(self: Arc<Self>, message: Bytes) {
        let len = message.len();
        let Some(NodeMessage { from, to, event, .. }) = NodeMessage::read(message) else {
            return self.nodes_table().skipped.add(1);
        };
        let is_mine = *from == **self.node();
        if is_mine || (!to.is_empty() && *to != **self.node()) {
            return;
        }
        self.nodes_table().heard.add(1);
        // A node's id has one form.
        let is_known = Uuid::parse(&from).is_some()
            && event.is_some_and(|event| self.act(&ByteString::from(from), event, len));
        if !is_known {
            self.nodes_table().skipped.add(1);
        }
    }
}

impl Hub {
    /// Does what another node tells. Says whether this version knows what that is. Nothing here waits or calls the broker.
    fn act(self: &Arc<Hub>, from: &ByteString, event: NodeEvent, len: usize) -> bool {
        match event {
            NodeEvent::Heartbeat(figures) => self.nodes_table().heartbeat(from, figures),
            NodeEvent::Goodbye(_) => self.nodes_table().goodbye(from),
            NodeEvent::Control(control) => {
                let Some((filter, message)) = control.read() else { return false };
                return self.deliver_here(&filter, &message).is_ok();
            }
            NodeEvent::Block(block) => {
                // Without room, this node lets the user in; the one that was asked keeps the block, too.
                let _has_room = self.block_here(&block.user, block.until.map(Millis));
            }
            NodeEvent::Connected(newest) => self.end_older_connections(&newest),
            NodeEvent::Emulated(frame) => {
                let Some(session) = Uuid::parse(&frame.session) else { return false };
                // The client of a session that has ended sees it by its stream.
                let _found = self.emulate_here(session, frame.data);
            }
            NodeEvent::Asked(AskedQuestion { survey, question }) => {
                self.answer(from, survey, question.unwrap_or_default());
            }
            NodeEvent::Answered(AnsweredQuestion { survey, answer }) => {
                self.nodes_table().surveys.answered(survey, from, answer.unwrap_or_default(), len);
            }
        }
        true
    }
}
