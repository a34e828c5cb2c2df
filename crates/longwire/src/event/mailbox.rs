//! What other threads want of an event loop.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use longwire_proto::{CloseFrame, Prepared};
use slotmap::Key as _;

use super::ask::Ask;
use super::dropped::Dropped;
use super::key::Key;
use super::registry::{TopicRecord, TopicRegistry};
use super::resumption::Resumption;
use super::topics::TopicTable;
use crate::message::Outgoing;
use crate::panic_message::panic_message;

/// How many bytes the publications that wait for one loop may cost. A publisher that is faster than that loses messages,
/// and they are counted: memory is not given to a backlog that only grows.
pub(super) const MAX_WAITING: usize = 64 << 20;

/// What mail costs beside its content, in bytes: its place in a queue that may be half empty.
const PLACE: usize = 2 * size_of::<Mail>();

/// What a publication costs beside its content: its place, and what all of its receivers share.
const PUBLICATION: usize = PLACE + size_of::<Prepared>();

/// What a message for one connection costs while it waits, in bytes. One without content is not free.
pub(super) fn cost_of_message(message: &Outgoing) -> usize {
    PLACE.saturating_add(message.message.len())
}

/// What waits for one event loop.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// Which of the server's mailboxes this is.
    index: usize,
    inner: Mutex<MailboxState>,
    /// Whether something may be in it: a look that costs no lock.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct MailboxState {
    mail: VecDeque<Mail>,
    /// What the publications cost that the loop has not given out.
    published: usize,
    /// Wakes the loop.
    waker: Option<Waker>,
    /// Whether the loop has ended and takes nothing more.
    is_over: bool,
}

/// What another thread wants of a loop.
#[derive(Debug)]
pub(super) enum Mail {
    Publish {
        topic: Arc<str>,
        message: Arc<Prepared>,
    },
    Send {
        to: Key,
        message: Outgoing,
        allowance: Arc<Allowance>,
    },
    Close {
        to: Key,
        frame: Option<CloseFrame>,
    },
    /// Answer a question about the loop's connections.
    Ask(Ask),
    /// A future that a connection has spawned has ended; an error is what it panicked with.
    Outcome {
        to: Key,
        number: u64,
        outcome: Result<Resumption, Box<dyn Any + Send>>,
    },
    /// Close every connection with 1001, and accept no more.
    ShutDown,
    /// Drop whatever is left.
    Stop,
}

impl Mail {
    /// The connection that it is for; that of nobody, if it is for all.
    pub(super) fn receiver(&self) -> Key {
        match self {
            Mail::Send { to, .. } | Mail::Close { to, .. } | Mail::Outcome { to, .. } => *to,
            Mail::Publish { .. } | Mail::Ask(_) | Mail::ShutDown | Mail::Stop => Key::null(),
        }
    }

    /// What it costs if it is a publication.
    pub(super) fn cost_of_publication(&self) -> usize {
        match self {
            Mail::Publish { topic, message } => {
                PUBLICATION.saturating_add(topic.len()).saturating_add(message.len())
            }
            _ => 0,
        }
    }
}

/// What waits between the handles of a connection and its queue costs so many bytes.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    waiting: AtomicUsize,
    /// Whether the connection has ended.
    over: AtomicBool,
}

impl Allowance {
    /// Takes room for a message that [costs](cost_of_message) this much, unless `ceiling` bytes wait already.
    pub(super) fn take(&self, cost: usize, ceiling: usize) -> bool {
        let taken = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            (waiting < ceiling).then(|| waiting.saturating_add(cost))
        });
        taken.is_ok()
    }

    pub(super) fn give_back(&self, cost: usize) {
        self.waiting.fetch_sub(cost, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }
}

impl Mailbox {
    /// Puts something in, and wakes the loop. `false`: too many publications wait. A loop that has ended takes nothing.
    pub(super) fn put(&self, mail: Mail) -> bool {
        let cost = mail.cost_of_publication();
        let mut inner = self.lock();
        if inner.is_over {
            drop(inner);
            return true;
        }
        if cost > 0 && inner.published > MAX_WAITING {
            return false;
        }
        inner.published += cost;
        inner.mail.push_back(mail);
        self.full.store(true, Ordering::Release);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Whom to wake when something comes. `false`: something is there already.
    pub(super) fn listen(&self, waker: &Waker) -> bool {
        let mut inner = self.lock();
        if !inner.mail.is_empty() {
            return false;
        }
        if !inner.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            inner.waker = Some(waker.clone());
        }
        true
    }

    /// Everything that is there. When publications of it have been given out, tell [`given_out`](Mailbox::given_out).
    pub(super) fn empty(&self) -> VecDeque<Mail> {
        if !self.full.swap(false, Ordering::Acquire) {
            return VecDeque::new();
        }
        std::mem::take(&mut self.lock().mail)
    }

    /// Notes that publications have been given out that cost this much.
    pub(super) fn given_out(&self, cost: usize) {
        if cost > 0 {
            self.lock().published -= cost;
        }
    }

    /// The loop has ended: what waits for it is dropped, and what comes later is not kept.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        inner.is_over = true;
        let mail = std::mem::take(&mut inner.mail);
        drop(inner);
        for mail in mail {
            // The content of a message may be the application's, whose `Drop` may send something or panic.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(mail))) {
                tracing::error!(panic = panic_message(&*payload), "a message panicked when it was dropped");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the loops of a server share: their mailboxes and their topics.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Set when the loops start.
    mailboxes: OnceLock<Vec<Arc<Mailbox>>>,
    registry: Arc<TopicRegistry>,
}

impl Exchange {
    /// Sets the loops up, once.
    pub(super) fn connect(&self, loops: usize) -> &[Arc<Mailbox>] {
        let mailbox = |index| Arc::new(Mailbox { index, ..Mailbox::default() });
        self.mailboxes.get_or_init(|| (0..loops).map(mailbox).collect())
    }

    /// The mailboxes of all loops, as far as they run.
    pub(super) fn mailboxes(&self) -> &[Arc<Mailbox>] {
        self.mailboxes.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// The mailboxes of the loops in which a topic has subscribers.
    pub(super) fn mailboxes_of(&self, topic: &TopicRecord) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.mailboxes().iter().filter(|mailbox| topic.subscribers_in(mailbox.index) > 0)
    }

    pub(super) fn registry(&self) -> &Arc<TopicRegistry> {
        &self.registry
    }

    /// An empty table of topics for the loop with this mailbox.
    pub(super) fn topic_table(&self, mailbox: &Mailbox) -> TopicTable {
        TopicTable::new(Arc::clone(&self.registry), mailbox.index, self.mailboxes().len())
    }

    /// Gives a publication to every loop that has subscribers, except for one that has it already; gives for how many
    /// subscribers these loops took it.
    pub(super) fn publish(
        &self,
        topic: &TopicRecord,
        message: &Arc<Prepared>,
        except: Option<&Mailbox>,
    ) -> usize {
        let (mut queued, mut dropped) = (0, Dropped::default());
        for mailbox in self.mailboxes_of(topic) {
            if except.is_some_and(|except| except.index == mailbox.index) {
                continue;
            }
            let subscribers = topic.subscribers_in(mailbox.index);
            let mail = Mail::Publish { topic: Arc::clone(topic.name()), message: Arc::clone(message) };
            if mailbox.put(mail) {
                queued += subscribers;
            } else {
                dropped.backlog += subscribers as u64;
            }
        }
        self.registry.count_dropped(topic, &dropped);
        queued
    }
}

#[cfg(test)]
mod tests {
    use longwire_proto::MessageKind;

    use super::*;
    use crate::message::Message;

    /// A loop that gives out what it has taken, and slowly, is spared as much as one that takes nothing.
    #[test]
    fn publications_count_until_they_are_given_out_and_more_than_their_content() {
        let mailbox = Mailbox::default();
        let publication = || Mail::Publish {
            topic: "t".into(),
            message: Arc::new(Prepared::new(MessageKind::Binary, (&[0][..]).into())),
        };
        let cost = publication().cost_of_publication();
        assert!(cost > size_of::<Prepared>() + size_of::<Mail>(), "{cost}");
        let taken = (0..).take_while(|_| mailbox.put(publication())).count();
        assert_eq!(taken, MAX_WAITING / cost + 1);
        assert_eq!(mailbox.empty().len(), taken);
        assert!(!mailbox.put(publication()), "the loop has not given them out");
        mailbox.given_out(2 * cost);
        assert!(mailbox.put(publication()));
    }

    #[test]
    fn a_message_without_content_is_not_free() {
        let allowance = Allowance::default();
        let cost = cost_of_message(&Outgoing::from(Message::from("")));
        let taken = (0..).take_while(|_| allowance.take(cost, 10_000)).count();
        assert!(taken < 10_000 / size_of::<Mail>(), "{taken} wait");
        allowance.give_back(cost);
        assert!(allowance.take(cost, 10_000));
    }
}
