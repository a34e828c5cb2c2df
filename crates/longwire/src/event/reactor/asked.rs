//! Answers to other threads' questions about the connections of a loop.

use std::panic::{AssertUnwindSafe, catch_unwind};

use longwire_proto::CloseFrame;

use super::Reactor;
use crate::event::application::Application;
use crate::event::ask::{Ask, CloseMany, Filter, Selection};
use crate::event::connection::Lifecycle;
use crate::event::key::{Key, SocketId};
use crate::event::topics::Topic;
use crate::event::view::SocketView;
use crate::panic_message::panic_message;

impl<A: Application, L> Reactor<A, L> {
    /// Answers a question. Returns how many connections it was about.
    pub(super) fn answer(&mut self, ask: Ask) -> usize {
        match ask {
            Ask::Members { topic, answer } => {
                let number = self.context.number;
                let members: Vec<SocketId> =
                    self.subscribers_of(&topic).map(|key| SocketId::new(number, key)).collect();
                let count = members.len();
                // The asker may have dropped the receiver.
                let _dropped = answer.send(members);
                count
            }
            Ask::Close(close) => {
                let CloseMany { which, frame, answer } = *close;
                let (looked_at, keys) = match which {
                    Selection::SubscribersOf(topic) => (0, self.subscribers_of(&topic).collect()),
                    Selection::Where(filter) => (self.connections.len(), self.open_where(&*filter)),
                };
                let count = self.close_all(&keys, &frame);
                let _dropped = answer.send(count);
                looked_at + count
            }
        }
    }

    fn subscribers_of(&self, topic: &str) -> impl Iterator<Item = Key> {
        let topics = &self.context.topics;
        let topic = topics.find(topic).and_then(|id| topics.get(id));
        topic.into_iter().flat_map(Topic::keys)
    }

    /// The open connections for which a filter returns `true`; if the filter panics, an empty list.
    fn open_where(&self, filter: &Filter) -> Vec<Key> {
        let chosen = catch_unwind(AssertUnwindSafe(|| {
            let chosen = self.connections.iter().filter(|(key, connection)| {
                let Lifecycle::Open(open) = &connection.stage else { return false };
                open.protocol.is_open()
                    && filter(&SocketView {
                        id: SocketId::new(self.context.number, *key),
                        peer: connection.place.peer(),
                        subprotocol: open.extra.as_ref().and_then(|extra| extra.subprotocol.as_deref()),
                        state: A::handler_state(&open.state),
                        subscriptions: open.subscriptions(),
                        topics: &self.context.topics,
                    })
            });
            chosen.map(|(key, _)| key).collect()
        }));
        chosen.unwrap_or_else(|payload| {
            tracing::error!(panic = panic_message(&*payload), "the filter of connections panicked");
            Vec::new()
        })
    }

    /// Closes those of the connections that are open. Returns how many there were.
    fn close_all(&mut self, keys: &[Key], frame: &CloseFrame) -> usize {
        let mut count = 0;
        for &key in keys {
            let open = self.connections.get_mut(key).and_then(|connection| connection.open_mut());
            if open.is_some_and(|open| open.protocol.is_open()) {
                count += 1;
                self.guarded(key, |reactor| reactor.close(key, Some(frame.clone())));
            }
        }
        count
    }
}
