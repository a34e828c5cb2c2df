//! When a namespace is used no longer, and when what it keeps for recovery has expired.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::{Members, MembersState};
use crate::io::member::Member;
use crate::io::recovery::Recovery;

/// Use. It is counted only in a namespace that clients have asked for.
impl<S: Member> Members<S> {
    /// The application wants the namespace. Returns whether it did not before.
    pub(in crate::io) fn keep(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_kept, true)
    }

    /// A client is on its way into the namespace, which does not end until [`end_joining`](Members::end_joining) is called.
    pub(in crate::io) fn begin_joining(&self) {
        if self.on_unused.is_some() {
            let mut state = self.lock();
            state.joining = state.joining.saturating_add(1);
        }
    }

    /// A client has joined or was refused.
    pub(in crate::io) fn end_joining(&self) {
        if self.on_unused.is_some() {
            let mut state = self.lock();
            state.joining = state.joining.saturating_sub(1);
            drop(state);
            self.end_if_unused();
        }
    }

    /// Whether nobody needs the namespace.
    pub(in crate::io) fn is_unused(&self) -> bool {
        let state = self.lock();
        let may_come_back = state.recovery.as_ref().is_some_and(Recovery::has_parked);
        !state.is_kept && state.sockets.is_empty() && state.joining == 0 && !may_come_back
    }

    pub(super) fn end_if_unused(&self) {
        if let Some(on_unused) = &self.on_unused
            && self.is_unused()
        {
            on_unused();
        }
    }
}

/// Recovery.
impl<S: Member> Members<S> {
    /// Begins to forget what expires, unless that goes on already. Without a runtime, it is forgotten at the next event.
    pub(super) fn begin_expiring(self: &Arc<Self>, state: &mut MembersState<S>) {
        if state.is_expiring || state.recovery.as_ref().and_then(Recovery::next_expiry).is_none() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            state.is_expiring = true;
            runtime.spawn(forget_expired(Arc::downgrade(self)));
        }
    }

    /// Forgets what has expired. Returns when something will.
    fn expire(&self) -> Option<Instant> {
        let mut state = self.lock();
        let next = state.recovery.as_mut().and_then(|recovery| {
            recovery.drop_old(Instant::now().into_std());
            recovery.next_expiry()
        });
        state.is_expiring = next.is_some();
        drop(state);
        self.end_if_unused();
        next.map(Instant::from_std)
    }
}

/// Forgets what expires, until there is nothing.
async fn forget_expired<S: Member>(members: Weak<Members<S>>) {
    while let Some(next) = members.upgrade().and_then(|members| members.expire()) {
        sleep_until(next).await;
    }
}

#[cfg(test)]
impl<S: Member> Members<S> {
    /// How many events are kept.
    pub(in crate::io) fn kept_events(&self) -> usize {
        self.lock().recovery.as_ref().map_or(0, Recovery::kept_events)
    }
}
