//! The documents of a server: in memory, bounded in number and size, forgotten when nobody has come for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::awareness::Awareness;
use super::document::{MergedDocument, Update};

/// Bounds on what documents may use. A weight is about the bytes of memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentLimits {
    /// The most documents at a time.
    pub(crate) documents: usize,
    /// The largest document.
    pub(crate) weight: usize,
    /// All documents together.
    pub(crate) total_weight: usize,
    /// A document that nobody has open is forgotten after this time.
    pub(crate) idle: Duration,
}

/// Between two measurements, a document may grow by this much and double.
const UNMEASURED: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Documents {
    limits: DocumentLimits,
    open: Mutex<HashMap<Arc<str>, Arc<Mutex<Shared>>>>,
    total_weight: AtomicUsize,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) document: MergedDocument,
    pub(super) awareness: Awareness,
    /// An estimate, at least what it is.
    weight: usize,
    measured: usize,
    connections: usize,
    idle_since: Option<Instant>,
}

/// A connection to a document, which is kept for as long as there is one.
#[derive(Debug)]
pub(super) struct Member {
    documents: Arc<Documents>,
    shared: Arc<Mutex<Shared>>,
}

/// Why an update was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpdateRefused {
    /// The document is as large as documents may be.
    DocumentFull,
    /// There is no memory for more in any document.
    NoRoom,
}

impl Default for DocumentLimits {
    fn default() -> DocumentLimits {
        DocumentLimits {
            documents: 1_000,
            weight: 16 << 20,
            total_weight: 128 << 20,
            idle: Duration::from_secs(30 * 60),
        }
    }
}

impl Documents {
    pub(crate) fn new(limits: DocumentLimits) -> Arc<Documents> {
        Arc::new(Documents { limits, open: Mutex::default(), total_weight: AtomicUsize::new(0) })
    }

    /// Opens a document, or begins it. `None` if there are too many.
    pub(super) fn join(self: &Arc<Documents>, name: &str) -> Option<Member> {
        let mut open = lock(&self.open);
        if !open.contains_key(name) && open.len() >= self.limits.documents {
            self.forget_oldest(&mut open).then_some(())?;
        }
        let shared = Arc::clone(open.entry(name.into()).or_default());
        let mut state = lock(&shared);
        state.connections += 1;
        state.idle_since = None;
        drop(state);
        Some(Member { documents: Arc::clone(self), shared })
    }

    /// Forgets documents that nobody has had open for long.
    pub(crate) fn forget_idle(&self, now: Instant) {
        lock(&self.open).retain(|_, shared| {
            let shared = lock(shared);
            let is_idle = |since| now.saturating_duration_since(since) >= self.limits.idle;
            let is_kept = !shared.idle_since.is_some_and(is_idle);
            if !is_kept {
                self.total_weight.fetch_sub(shared.weight, Ordering::Relaxed);
            }
            is_kept
        });
    }

    /// Forgets the document that nobody has had open for longest. Returns `false` if all are open.
    fn forget_oldest(&self, open: &mut HashMap<Arc<str>, Arc<Mutex<Shared>>>) -> bool {
        let idle =
            open.iter().filter_map(|(name, shared)| Some((lock(shared).idle_since?, Arc::clone(name))));
        let Some((_, name)) = idle.min() else { return false };
        if let Some(shared) = open.remove(&name) {
            self.total_weight.fetch_sub(lock(&shared).weight, Ordering::Relaxed);
        }
        true
    }

    /// Whether this much more fits, if need be in the place of documents that nobody has open.
    fn has_room(&self, weight: usize) -> bool {
        let fits =
            || self.total_weight.load(Ordering::Relaxed).saturating_add(weight) <= self.limits.total_weight;
        fits() || {
            let mut open = lock(&self.open);
            while !fits() {
                if !self.forget_oldest(&mut open) {
                    return false;
                }
            }
            true
        }
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        lock(&self.open).len()
    }
}

impl Member {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    /// Applies an update. Returns whether anything in it is new.
    pub(super) fn apply(&self, update: Update) -> Result<bool, UpdateRefused> {
        let documents = &self.documents;
        let growth = self.shared().document.growth(&update);
        if !documents.has_room(growth) {
            return Err(UpdateRefused::NoRoom);
        }
        let mut shared = self.shared();
        if shared.weight.saturating_add(growth) > documents.limits.weight {
            shared.measure(&documents.total_weight);
            if shared.weight.saturating_add(growth) > documents.limits.weight {
                return Err(UpdateRefused::DocumentFull);
            }
        }
        let is_new = shared.document.apply(update);
        if is_new {
            shared.weight += growth;
            documents.total_weight.fetch_add(growth, Ordering::Relaxed);
            if shared.weight > 2 * shared.measured + UNMEASURED {
                shared.measure(&documents.total_weight);
            }
        }
        Ok(is_new)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.connections -= 1;
        if shared.connections == 0 {
            shared.idle_since = Some(Instant::now());
        }
    }
}

impl Shared {
    fn measure(&mut self, total: &AtomicUsize) {
        self.measured = self.document.weight();
        total.fetch_add(self.measured, Ordering::Relaxed);
        total.fetch_sub(std::mem::replace(&mut self.weight, self.measured), Ordering::Relaxed);
    }
}

/// No method leaves a document half changed, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::lib0::write_bytes;
    use super::*;

    const LIMITS: DocumentLimits = DocumentLimits {
        documents: 2,
        weight: 100_000,
        total_weight: 150_000,
        idle: Duration::from_secs(60),
    };

    /// Text of this length at the beginning of a root, by this client.
    fn text(client: u8, len: usize) -> Update {
        let mut bytes = vec![1, 1, client, 0, 4, 1, 1, b'a'];
        write_bytes(&mut bytes, &vec![b'x'; len]);
        bytes.push(0);
        Update::read(&bytes).unwrap()
    }

    #[test]
    fn documents_are_bounded_in_size_together_and_each() {
        let documents = Documents::new(LIMITS);
        let (one, two) = (documents.join("one").unwrap(), documents.join("two").unwrap());
        assert_eq!(one.apply(text(1, 60_000)), Ok(true));
        assert_eq!(one.apply(text(1, 60_000)), Ok(false), "it is known");
        assert_eq!(one.apply(text(2, 60_000)), Err(UpdateRefused::DocumentFull));
        assert_eq!(two.apply(text(1, 60_000)), Ok(true));
        assert_eq!(two.apply(text(2, 35_000)), Err(UpdateRefused::NoRoom));
        drop(one);
        assert_eq!(two.apply(text(2, 35_000)), Ok(true), "a document that nobody has open gives way");
        assert_eq!(documents.count(), 1);
    }

    #[test]
    fn documents_are_bounded_in_number() {
        let documents = Documents::new(LIMITS);
        let (one, two) = (documents.join("one").unwrap(), documents.join("two").unwrap());
        assert!(documents.join("three").is_none());
        drop(documents.join("two").unwrap());
        assert!(documents.join("three").is_none(), "two is still open");
        drop(two);
        let three = documents.join("three").unwrap();
        assert!(documents.join("two").is_none());
        drop((one, three));
    }

    #[test]
    fn a_document_is_forgotten_when_nobody_has_come_for_a_while() {
        let documents = Documents::new(LIMITS);
        let one = documents.join("one").unwrap();
        assert_eq!(one.apply(text(1, 50_000)), Ok(true));
        documents.forget_idle(Instant::now() + LIMITS.idle);
        assert_eq!(documents.count(), 1);
        drop(one);
        documents.forget_idle(Instant::now());
        assert_eq!(documents.count(), 1);
        documents.forget_idle(Instant::now() + LIMITS.idle);
        assert_eq!(documents.count(), 0);
        assert_eq!(documents.total_weight.load(Ordering::Relaxed), 0);
    }
}
