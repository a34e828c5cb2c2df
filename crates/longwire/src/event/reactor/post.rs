//! Mail from handlers and other threads: publications, messages, requests.

use std::collections::VecDeque;
use std::sync::Arc;

use longwire_proto::{CloseFrame, LARGE_PAYLOAD, Prepared, Protocol};

use super::{Life, Reactor};
use crate::event::application::Application;
use crate::event::connection::Lifecycle;
use crate::event::deferred::discard;
use crate::event::dropped::Dropped;
use crate::event::key::Key;
use crate::event::mailbox::{Mail, cost_of_message};
use crate::event::pool::Pool;
use crate::event::resumption::Resumption;
use crate::event::topics::{Fanout, PausedId};

/// How much mail is delivered before the connections get to run, in bytes for all receivers together. Each receiver
/// costs [`RECEIVER`] more.
const MAIL_AT_A_TIME: usize = 4 << 20;

/// The cost of delivering a message to one receiver, besides its content.
const RECEIVER: usize = 64;

impl<A: Application, L> Reactor<A, L> {
    /// Handles mail from other threads, up to a share of the round. [`has_more`](Reactor::has_more) returns `true` if
    /// some is left.
    pub(in crate::event) fn take_mail(&mut self) {
        if self.mail.is_empty() {
            self.mail = self.context.mailbox.empty();
        }
        let (mut spent, mut published) = (0, 0);
        while spent < MAIL_AT_A_TIME
            && let Some(mail) = self.mail.pop_front()
        {
            published += mail.cost_of_publication();
            // Dropping a message that the application made may panic.
            self.guarded(mail.receiver(), |reactor| spent += reactor.open_mail(mail));
        }
        if self.mail.is_empty() {
            self.mail = VecDeque::new();
        }
        self.context.mailbox.publications_delivered(published);
    }

    /// Handles one piece of mail. Returns its cost.
    fn open_mail(&mut self, mail: Mail) -> usize {
        match mail {
            Mail::Publish { topic, message, except } => {
                let receivers = self.deliver_to_subscribers(&topic, &message, except);
                return RECEIVER + receivers * (RECEIVER + message.len().min(LARGE_PAYLOAD));
            }
            Mail::Missed { topic, number } => {
                return RECEIVER * (1 + self.close_lossless(&topic, number));
            }
            Mail::Start { to, paused } => self.context.topics.start(paused, to),
            Mail::Abandon { to, paused } => self.abandon(to, paused),
            Mail::Send { to, message, allowance } => {
                let cost = cost_of_message(&message);
                let _entered = self.spans.enter(to);
                match self.connections.get_mut(to).and_then(|connection| connection.open_mut()) {
                    Some(open) => open.park(message, allowance, &mut self.context.traffic),
                    None => allowance.give_back(cost),
                }
                self.after_events(to);
                return cost;
            }
            Mail::Close { to, frame } => self.close(to, frame),
            Mail::Call { to, call, cost, allowance } => {
                allowance.give_back(cost);
                self.run_call(to, call);
                return cost;
            }
            Mail::Ask(ask) => return RECEIVER * (1 + self.answer(ask)),
            Mail::Outcome { to, number, outcome } => self.take_outcome(to, number, outcome),
            Mail::Decided { to } => self.take_decision(to),
            Mail::ShutDown { spread } => self.shut_down(spread),
            Mail::Stop => self.stop(),
        }
        RECEIVER
    }

    /// Delivers what the handlers have published to the subscribers.
    pub(super) fn deliver_publications(&mut self) {
        if std::mem::replace(&mut self.is_publishing, true) {
            // A handler published while the end of a slow subscriber was reported to it. The outer call delivers this
            // publication, too; a nested one could overflow the stack.
            return;
        }
        while let Some(publication) = self.context.publications.pop_front() {
            self.deliver_to_subscribers(&publication.topic, &publication.message, publication.except);
            // The message may belong to the application. If dropping it panics, the remaining ones are still delivered.
            discard(publication);
        }
        self.is_publishing = false;
    }

    /// Delivers a publication to the loop's own subscribers. Returns how many there are.
    fn deliver_to_subscribers(&mut self, topic: &str, message: &Arc<Prepared>, except: Option<Key>) -> usize {
        let (mut too_slow, mut dropped, mut oldest) = (Vec::new(), Dropped::default(), Vec::new());
        let topics = &mut self.context.topics;
        let Some(topic) = topics.find(topic).and_then(|id| topics.get_mut(id)) else { return 0 };
        let receivers = topic.subscribers.len();
        let frame = message.frame();
        for (&key, subscriber) in &mut topic.subscribers {
            if except == Some(key) {
                continue;
            }
            let Some(connection) = self.connections.get_mut(key) else { continue };
            let Lifecycle::Open(open) = &mut connection.stage else { continue };
            let was_lent = lend_without_memory(&mut self.pool, &mut open.protocol);
            match subscriber.offer(&mut open.protocol, message, &frame) {
                Fanout::Queued => {
                    open.count(|traffic| traffic.messages_sent += 1);
                    self.context.traffic.message_sent();
                }
                Fanout::Closed => {}
                // A message that waits for another one to be finished does not mean that the peer is slow.
                Fanout::Waits if !open.protocol.is_above_high_water() => {}
                Fanout::Waits => open.fill(),
                Fanout::DroppedOldest(message) => {
                    subscriber.count_dropped(&mut dropped);
                    oldest.push(message);
                }
                Fanout::TooSlow => {
                    let _entered = self.spans.enter(key);
                    tracing::debug!("a subscriber is too slow and is disconnected");
                    open.shed_slow(subscriber.slow());
                    subscriber.count_dropped(&mut dropped);
                    too_slow.push(key);
                }
            }
            if was_lent && let Some(unused) = open.protocol.reclaim_buffer() {
                self.pool.give(unused);
            }
            if !connection.is_dirty {
                connection.is_dirty = true;
                self.dirty.push(key);
            }
        }
        self.context.exchange.registry().count_dropped(&topic.record, &dropped);
        // Dropping these may run code of the application, which may panic. All subscribers have got the message by now.
        oldest.into_iter().for_each(discard);
        self.end_slow(&too_slow);
        receivers
    }

    /// Closes the subscribers of a topic that may miss none of its messages, because one was dropped. Returns how many
    /// it closed.
    fn close_lossless(&mut self, topic: &str, loss: u64) -> usize {
        let topics = &self.context.topics;
        let Some(topic) = topics.find(topic).and_then(|id| topics.get(id)) else { return 0 };
        let mut too_slow = Vec::new();
        for (&key, subscriber) in &topic.subscribers {
            let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut())
            else {
                continue;
            };
            if subscriber.must_not_lose(loss) && open.protocol.is_open() {
                let _entered = self.spans.enter(key);
                tracing::debug!("the event loop is too far behind; a subscriber is disconnected");
                open.shed_slow(subscriber.slow());
                too_slow.push(key);
            }
        }
        self.end_slow(&too_slow);
        too_slow.len()
    }

    /// Handles the end of subscribers that are too slow.
    fn end_slow(&mut self, too_slow: &[Key]) {
        for &key in too_slow {
            let _entered = self.spans.enter(key);
            self.guarded(key, |reactor| reactor.after_closing(key));
        }
    }

    /// Ends a subscription that nobody will start, if it is still paused.
    fn abandon(&mut self, key: Key, paused: PausedId) {
        if !self.context.topics.is_paused(paused, key) {
            return;
        }
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.remove_subscription(paused.topic);
        }
        drop(self.context.topics.unsubscribe(paused.topic, key));
    }

    /// Runs a call of another thread, unless the handler has seen the end of the connection.
    fn run_call(&mut self, key: Key, call: Resumption) {
        let _entered = self.spans.enter(key);
        let open = self.connections.get_mut(key).and_then(|connection| connection.open_mut());
        if open.is_some_and(|open| !open.end_was_reported) {
            self.resume(key, call);
            self.after_events(key);
        }
    }

    pub(super) fn close(&mut self, key: Key, frame: Option<CloseFrame>) {
        let _entered = self.spans.enter(key);
        if let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) {
            open.unpark_all(&mut self.context.traffic);
            open.protocol.close(frame);
        }
        self.after_events(key);
    }

    /// Drops all connections without waiting.
    fn stop(&mut self) {
        self.life = Life::Stops;
        for key in self.keys() {
            let _entered = self.spans.enter(key);
            self.vanished(key);
        }
    }
}

/// Lends a connection that has nothing to write a buffer without memory: a frame that subscribers share needs none. Returns
/// whether it did.
fn lend_without_memory(pool: &mut Pool, protocol: &mut Protocol) -> bool {
    if protocol.queued() > 0 {
        return false;
    }
    let unused = protocol.lend_buffer(pool.take_without_memory());
    let was_lent = unused.is_none();
    unused.into_iter().for_each(|buffer| pool.give(buffer));
    was_lent
}
