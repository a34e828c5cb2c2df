//! The list of connections that were woken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use super::key::Key;

/// The connections of a loop that were woken.
#[derive(Debug, Default)]
pub(super) struct WokenList(Mutex<Woken>);

#[derive(Debug, Default)]
struct Woken {
    keys: Vec<Key>,
    /// Wakes the loop.
    waker: Option<Waker>,
}

/// A waker that wakes a loop for one of its connections.
#[derive(Debug)]
pub(super) struct Call {
    key: Key,
    /// Whether the connection is already on the list.
    is_woken: AtomicBool,
    ready: Arc<WokenList>,
}

impl WokenList {
    /// Swaps the woken connections for an empty list. Connections that are woken from now on wake `waker`.
    pub(super) fn swap(&self, keys: &mut Vec<Key>, waker: &Waker) {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut woken.keys, keys);
        if !woken.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            woken.waker = Some(waker.clone());
        }
    }
}

impl Call {
    pub(super) fn new(key: Key, ready: Arc<WokenList>) -> Arc<Call> {
        Arc::new(Call { key, is_woken: AtomicBool::new(false), ready })
    }

    /// The loop looks at the connection now; later events wake it again.
    pub(super) fn answered(&self) {
        self.is_woken.store(false, Ordering::Release);
    }
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = self.ready.0.lock().unwrap_or_else(PoisonError::into_inner);
        woken.keys.push(self.key);
        let first = woken.keys.len() == 1;
        let waker = if first { woken.waker.clone() } else { None };
        drop(woken);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
