//! Mail from other threads to an event loop.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use longwire_proto::{CloseFrame, Prepared};
use slotmap::Key as _;

use super::ask::Ask;
use super::dropped::Dropped;
use super::key::Key;
use super::registry::{TopicRecord, TopicRegistry};
use super::resumption::Resumption;
use super::topics::{PausedId, TopicTable};
use crate::message::Outgoing;
use crate::panic_message::panic_message;

/// How many bytes of publications may wait for one loop. If publishers are faster than the loop, messages beyond that
/// are dropped and counted, so the backlog does not fill the memory. Subscribers that may not miss any are closed.
pub(super) const MAX_WAITING: usize = 64 << 20;

/// The overhead of mail, in bytes: its slot in a queue that may be half empty.
const PLACE: usize = 2 * size_of::<Mail>();

/// The overhead of a publication: its slot, and what all its receivers share.
const PUBLICATION: usize = PLACE + size_of::<Prepared>();

/// The overhead of a closure that waits: its allocations.
const BOXES: usize = 64;

/// The cost of a waiting message for one connection, in bytes. An empty message is not free.
pub(super) fn cost_of_message(message: &Outgoing) -> usize {
    PLACE.saturating_add(message.message.len())
}

/// The cost of a waiting call whose closure has this size, in bytes.
pub(super) fn cost_of_call(size: usize) -> usize {
    PLACE.saturating_add(BOXES).saturating_add(size)
}

/// The mailbox of one event loop.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// The index of this mailbox among the server's.
    index: usize,
    inner: Mutex<MailboxState>,
    /// Whether there may be mail: allows a check without the lock.
    full: AtomicBool,
    /// Whether a publication was ever dropped: allows a check without the lock.
    has_missed: AtomicBool,
}

#[derive(Debug, Default)]
struct MailboxState {
    mail: VecDeque<Mail>,
    /// The cost of the publications that the loop has not delivered.
    published: usize,
    /// Topics with dropped publications whose [`Mail::Missed`] waits, with no subscription that began after it. The next dropped
    /// publication needs no further `Missed`.
    missed: BTreeSet<Arc<str>>,
    /// How many times a loss was reported.
    reports: u64,
    /// Wakes the loop.
    waker: Option<Waker>,
    /// Whether the loop has ended and takes no more mail.
    is_over: bool,
}

/// A request to a loop.
#[derive(Debug)]
pub(super) enum Mail {
    Publish {
        topic: Arc<str>,
        message: Arc<Prepared>,
        /// A subscriber that does not get it.
        except: Option<Key>,
    },
    /// Publications of a topic were dropped at this point.
    Missed {
        topic: Arc<str>,
        /// Counts such reports. Subscriptions that began after it have lost nothing.
        number: u64,
    },
    /// Begin a paused subscription at this point.
    Start {
        to: Key,
        paused: PausedId,
    },
    /// End a subscription if it is still paused.
    Abandon {
        to: Key,
        paused: PausedId,
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
    /// Call the handler for a connection.
    Call {
        to: Key,
        call: Resumption,
        cost: usize,
        allowance: Arc<Allowance>,
    },
    /// Answer a question about the loop's connections.
    Ask(Ask),
    /// A future that a connection has spawned has ended; the error is its panic payload.
    Outcome {
        to: Key,
        number: u64,
        outcome: Result<Resumption, Box<dyn Any + Send>>,
    },
    /// The application has decided about the request of a connection.
    Decided {
        to: Key,
    },
    /// Close every connection within this time, and accept no more.
    ShutDown {
        spread: Duration,
    },
    /// Drop all remaining connections.
    Stop,
}

impl Mail {
    /// The connection that it is for; the null key if it is for all.
    pub(super) fn receiver(&self) -> Key {
        match self {
            Mail::Start { to, .. }
            | Mail::Abandon { to, .. }
            | Mail::Send { to, .. }
            | Mail::Close { to, .. }
            | Mail::Call { to, .. }
            | Mail::Outcome { to, .. }
            | Mail::Decided { to } => *to,
            Mail::Publish { .. }
            | Mail::Missed { .. }
            | Mail::Ask(_)
            | Mail::ShutDown { .. }
            | Mail::Stop => Key::null(),
        }
    }

    /// Its cost if it is a publication, otherwise 0.
    pub(super) fn cost_of_publication(&self) -> usize {
        match self {
            Mail::Publish { topic, message, .. } => {
                PUBLICATION.saturating_add(topic.len()).saturating_add(message.len())
            }
            _ => 0,
        }
    }
}

/// Bounds the bytes that wait between a connection's handles and its queue.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    waiting: AtomicUsize,
    /// Whether the connection has ended.
    over: AtomicBool,
}

impl Allowance {
    /// Reserves room for a message that [costs](cost_of_message) this much, unless `ceiling` bytes are already waiting.
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
    /// Adds mail and wakes the loop. Returns `false` if too many publications are waiting. A loop that has ended drops
    /// mail.
    pub(super) fn put(&self, mail: Mail) -> bool {
        let cost = mail.cost_of_publication();
        let mut inner = self.lock();
        if inner.is_over {
            drop(inner);
            return true;
        }
        if cost > 0 && inner.published > MAX_WAITING {
            self.has_missed.store(true, Ordering::Release);
            if let Some(missed) = inner.miss(&mail) {
                self.push(inner, missed);
            }
            return false;
        }
        if matches!(mail, Mail::Start { .. }) {
            // The loop handles an earlier `Missed` before this subscription begins, so the next loss needs its own.
            inner.missed.clear();
        }
        inner.published += cost;
        self.push(inner, mail);
        true
    }

    /// Notes that a subscription begins at once, ahead of the mail that waits. Returns the number of the last loss that was
    /// reported before.
    pub(super) fn last_loss(&self, topic: &str) -> u64 {
        if !self.has_missed.load(Ordering::Acquire) {
            return 0;
        }
        let mut inner = self.lock();
        // A report that waits is older than the subscription, so the next loss needs its own.
        inner.missed.remove(topic);
        inner.reports
    }

    #[inline]
    fn push(&self, mut inner: MutexGuard<'_, MailboxState>, mail: Mail) {
        inner.mail.push_back(mail);
        self.full.store(true, Ordering::Release);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Registers the waker for new mail. Returns `false` if there already is some.
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

    /// Takes all mail. After its publications have been delivered, call [`publications_delivered`](Mailbox::publications_delivered).
    pub(super) fn empty(&self) -> VecDeque<Mail> {
        if !self.full.swap(false, Ordering::Acquire) {
            return VecDeque::new();
        }
        let mut inner = self.lock();
        inner.missed.clear();
        std::mem::take(&mut inner.mail)
    }

    /// Records that publications of this cost have been delivered.
    pub(super) fn publications_delivered(&self, cost: usize) {
        if cost > 0 {
            self.lock().published -= cost;
        }
    }

    /// Records that the loop has ended: waiting mail is dropped, and later mail is not kept.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        inner.is_over = true;
        let mail = std::mem::take(&mut inner.mail);
        drop(inner);
        for mail in mail {
            // The content of a message may belong to the application, and its `Drop` may send mail or panic.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(mail))) {
                tracing::error!(panic = panic_message(&*payload), "a message panicked when it was dropped");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MailboxState {
    /// Records that a publication is dropped. Returns the mail that reports it to the loop, unless such mail waits.
    #[cold]
    fn miss(&mut self, publication: &Mail) -> Option<Mail> {
        let Mail::Publish { topic, .. } = publication else { return None };
        if !self.missed.insert(Arc::clone(topic)) {
            return None;
        }
        self.reports += 1;
        Some(Mail::Missed { topic: Arc::clone(topic), number: self.reports })
    }
}

/// State that the loops of a server share: their mailboxes and their topics.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Set when the loops start.
    mailboxes: OnceLock<Vec<Arc<Mailbox>>>,
    registry: Arc<TopicRegistry>,
}

impl Exchange {
    /// Creates the mailboxes of the loops, once.
    pub(super) fn connect(&self, loops: usize) -> &[Arc<Mailbox>] {
        let mailbox = |index| Arc::new(Mailbox { index, ..Mailbox::default() });
        self.mailboxes.get_or_init(|| (0..loops).map(mailbox).collect())
    }

    /// The mailboxes of all loops; empty before they start.
    pub(super) fn mailboxes(&self) -> &[Arc<Mailbox>] {
        self.mailboxes.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// The mailboxes of the loops on which a topic has subscribers.
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

    /// Sends a publication to every loop with subscribers, except to the loop that already has it. Returns for how many
    /// subscribers it was queued.
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
            let mail =
                Mail::Publish { topic: Arc::clone(topic.name()), message: Arc::clone(message), except: None };
            if mailbox.put(mail) {
                queued += subscribers;
            } else {
                dropped.backlog += subscribers as u64;
            }
        }
        self.registry.count_dropped(topic, &dropped);
        queued
    }

    /// Sends a publication to the loop with this mailbox, for `receivers` subscribers. Returns how many of them it was
    /// queued for.
    pub(super) fn publish_to(
        &self,
        mailbox: &Mailbox,
        topic: &TopicRecord,
        message: Arc<Prepared>,
        except: Option<Key>,
        receivers: usize,
    ) -> usize {
        if mailbox.put(Mail::Publish { topic: Arc::clone(topic.name()), message, except }) {
            return receivers;
        }
        self.registry.count_dropped(topic, &Dropped { backlog: receivers as u64, ..Dropped::default() });
        0
    }
}

#[cfg(test)]
mod tests {
    use longwire_proto::MessageKind;

    use super::*;
    use crate::message::Message;

    /// The bound also holds for a loop that takes its mail but delivers it slowly.
    #[test]
    fn publications_count_until_they_are_given_out_and_more_than_their_content() {
        let mailbox = Mailbox::default();
        let publication = || Mail::Publish {
            topic: "t".into(),
            message: Arc::new(Prepared::new(MessageKind::Binary, (&[0][..]).into())),
            except: None,
        };
        let cost = publication().cost_of_publication();
        assert!(cost > size_of::<Prepared>() + size_of::<Mail>(), "{cost}");
        let taken = (0..).take_while(|_| mailbox.put(publication())).count();
        assert_eq!(taken, MAX_WAITING / cost + 1);
        assert!(!mailbox.put(publication()), "too many wait");
        let mail = mailbox.empty();
        assert_eq!(mail.len(), taken + 1);
        assert!(matches!(mail.back(), Some(Mail::Missed { .. })), "one report of all dropped publications");
        assert!(!mailbox.put(publication()), "the loop has not delivered them");
        mailbox.publications_delivered(2 * cost);
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
