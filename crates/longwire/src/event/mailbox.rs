//! What other threads want of an event loop.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use longwire_proto::{CloseFrame, Prepared};

use super::key::Key;
use crate::message::Outgoing;

/// How many bytes of publications may wait for one loop. A publisher that is faster than that loses messages, and they
/// are counted: memory is not given to a backlog that only grows.
const MAX_WAITING: usize = 64 << 20;

/// What waits for one event loop.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    inner: Mutex<Inner>,
    /// Whether something may be in it: a look that costs no lock.
    full: AtomicBool,
    /// Whether anybody in the loop has subscribed to anything.
    expects_publications: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    mail: VecDeque<Mail>,
    /// The bytes of the publications among it.
    published: usize,
    /// Wakes the loop.
    waker: Option<Waker>,
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
    /// Close every connection with 1001, and accept no more.
    ShutDown,
    /// Drop whatever is left.
    Stop,
}

/// How many bytes wait between the handles of a connection and its queue.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    waiting: AtomicUsize,
    /// Whether the connection has ended.
    over: AtomicBool,
}

impl Allowance {
    /// Takes room for a message, unless `ceiling` bytes wait already.
    pub(super) fn take(&self, bytes: usize, ceiling: usize) -> bool {
        let taken = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
            (waiting < ceiling).then(|| waiting.saturating_add(bytes))
        });
        taken.is_ok()
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }
}

impl Mailbox {
    /// Whether anybody in the loop has subscribed to anything. What is published before is not for it, so that a loop
    /// without subscribers is neither woken nor has anything wait for it.
    pub(super) fn expect_publications(&self, are_expected: bool) {
        // Whoever publishes after it has heard of a subscription, by whatever way, sees it here.
        self.expects_publications.store(are_expected, Ordering::SeqCst);
    }

    /// Puts something in, and wakes the loop. `false`: too many bytes of publications wait.
    pub(super) fn put(&self, mail: Mail) -> bool {
        let mut inner = self.lock();
        if let Mail::Publish { message, .. } = &mail {
            if inner.published > MAX_WAITING {
                return false;
            }
            inner.published += message.len();
        }
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

    /// Everything that is there.
    pub(super) fn empty(&self) -> VecDeque<Mail> {
        if !self.full.swap(false, Ordering::Acquire) {
            return VecDeque::new();
        }
        let mut inner = self.lock();
        inner.published = 0;
        std::mem::take(&mut inner.mail)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mailboxes of all loops of a server.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Set when the loops start.
    mailboxes: OnceLock<Vec<Arc<Mailbox>>>,
    dropped: AtomicU64,
}

impl Exchange {
    /// Sets the loops up, once.
    pub(super) fn connect(&self, loops: usize) -> &[Arc<Mailbox>] {
        self.mailboxes.get_or_init(|| (0..loops).map(|_| Arc::default()).collect())
    }

    /// The mailboxes of all loops, as far as they run.
    pub(super) fn mailboxes(&self) -> &[Arc<Mailbox>] {
        self.mailboxes.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Gives a publication to every loop but one that has it already.
    pub(super) fn publish(&self, topic: &Arc<str>, message: &Arc<Prepared>, but: Option<&Arc<Mailbox>>) {
        for mailbox in self.mailboxes() {
            let has_it = but.is_some_and(|but| Arc::ptr_eq(but, mailbox));
            if has_it || !mailbox.expects_publications.load(Ordering::SeqCst) {
                continue;
            }
            let mail = Mail::Publish { topic: Arc::clone(topic), message: Arc::clone(message) };
            if !mailbox.put(mail) {
                self.count_dropped();
            }
        }
    }

    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
