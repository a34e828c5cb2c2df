//! Keys that the program fetches, such as those of a JWKS URL.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use super::jwks::RefusedKey;
use super::keys::Keys;
use super::refresh::{Refresh, RefreshPolicy, Step};
use crate::call::BoxFuture;
use crate::time::Millis;

/// The most clients that wait for one fetch. Further ones are asked to come back.
const MAX_WAITING: usize = 4_096;

/// The bytes of tokens that wait for one fetch. Clients with further ones are asked to come back.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// Fetches a JWK set for the hub, which does no I/O.
///
/// ```
/// use bytes::Bytes;
/// use longwire_hub::{BoxFuture, KeySource, RefreshPolicy};
///
/// struct Fixed;
///
/// impl KeySource for Fixed {
///     fn fetch(&self, _: &RefreshPolicy) -> BoxFuture<Result<Bytes, String>> {
///         Box::pin(async { Ok(Bytes::from_static(br#"{"keys": []}"#)) })
///     }
/// }
/// ```
pub trait KeySource: Send + Sync + 'static {
    /// Fetches the set. The source ends the attempt after [`RefreshPolicy::timeout`], and stops reading at
    /// [`RefreshPolicy::max_len`].
    fn fetch(&self, policy: &RefreshPolicy) -> BoxFuture<Result<Bytes, String>>;

    /// Called with the keys of a new set that are not used, for the log.
    fn refused(&self, keys: &[RefusedKey]) {
        let _unreported = keys;
    }
}

/// The keys of a source, fetched when they are needed. Clones share them.
#[derive(Clone)]
pub(super) struct RemoteKeys {
    shared: Arc<Shared>,
}

struct Shared {
    source: Box<dyn KeySource>,
    policy: RefreshPolicy,
    /// Keys of the configuration, which are in every set.
    local: Keys,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    refresh: Refresh,
    keys: Option<Arc<Keys>>,
    /// The keys of the source alone.
    fetched: Option<Keys>,
    /// Why the last fetch failed.
    failure: Option<String>,
    /// The fetch that goes on. Any waiting client polls it, so it does not depend on the one that began it.
    fetch: Option<Fetch>,
    waiting: BTreeMap<u64, Waker>,
    /// The bytes of their tokens.
    waiting_bytes: usize,
    next_waiter: u64,
}

type Fetch = BoxFuture<Result<Bytes, String>>;

impl RemoteKeys {
    pub(super) fn new(source: Box<dyn KeySource>, policy: RefreshPolicy, local: Keys) -> RemoteKeys {
        RemoteKeys { shared: Arc::new(Shared { source, policy, local, state: Mutex::default() }) }
    }

    /// Takes over what an earlier source has fetched. A fetch that goes on there is left to its clients.
    pub(super) fn take_over(&self, earlier: &RemoteKeys) {
        let (fetched, refresh) = {
            let state = earlier.shared.state();
            (state.fetched.clone(), state.refresh.without_running())
        };
        // With too many keys, they are fetched again, and the failure is reported.
        let Some((fetched, keys)) = fetched.and_then(|fetched| {
            let keys = fetched.clone().and(self.shared.local.clone()).ok()?;
            Some((fetched, keys))
        }) else {
            return;
        };
        let mut state = self.shared.state();
        state.refresh = refresh;
        state.keys = Some(Arc::new(keys));
        state.fetched = Some(fetched);
    }

    /// The newest keys, those of the configuration included; `None` if they are too old. Also whether it is time to
    /// fetch them.
    pub(super) fn current(&self, now: Millis) -> (Option<Arc<Keys>>, bool) {
        let (state, policy) = (self.shared.state(), &self.shared.policy);
        let usable = state.refresh.is_usable(policy, now);
        (state.keys.clone().filter(|_| usable), state.refresh.is_due(policy, now))
    }

    /// Fetches the keys for a token of so many bytes, or waits for a fetch that goes on; `None` if the last one is too
    /// recent, or too many wait.
    pub(super) fn refresh(&self, bytes: usize, now: Millis) -> Option<BoxFuture<()>> {
        let step = self.shared.state().refresh.want(&self.shared.policy, now);
        let fetch = match step {
            Step::Fetch(_) => Some(self.shared.source.fetch(&self.shared.policy)),
            Step::Wait(_) => None,
            Step::TooSoon => return None,
        };
        let mut state = self.shared.state();
        let (Step::Fetch(number) | Step::Wait(number)) = step else { return None };
        if fetch.is_some() && state.refresh.is_running(number) {
            state.fetch = fetch;
        }
        let waiting_bytes = state.waiting_bytes.saturating_add(bytes);
        if state.waiting.len() >= MAX_WAITING || waiting_bytes > MAX_WAITING_BYTES {
            return None;
        }
        state.waiting_bytes = waiting_bytes;
        let id = state.next_waiter;
        state.next_waiter += 1;
        state.waiting.insert(id, Waker::noop().clone());
        drop(state);
        let mut waiter = Waiter { shared: Arc::clone(&self.shared), number, id, bytes };
        Some(Box::pin(async move { poll_fn(|context| waiter.poll(context)).await }))
    }

    /// Why there are no keys.
    pub(super) fn failure(&self) -> String {
        self.shared.state().failure.clone().unwrap_or_else(|| "they have not been fetched yet".into())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a set. Returns its keys alone, and with the local ones.
    fn read(&self, body: &Bytes) -> Result<(Keys, Keys), String> {
        if body.len() > self.policy.max_len {
            return Err(format!("the JWK set has more than {} bytes", self.policy.max_len));
        }
        let set = Keys::from_jwks(body).map_err(|error| error.to_string())?;
        if !set.refused.is_empty() {
            self.source.refused(&set.refused);
        }
        let all = set.keys.clone().and(self.local.clone()).map_err(|error| error.to_string())?;
        Ok((set.keys, all))
    }

    /// A fetch has ended.
    fn end(&self, number: u64, answer: Result<Bytes, String>) {
        let read = answer.and_then(|body| self.read(&body));
        let mut state = self.state();
        if !state.refresh.is_running(number) {
            return;
        }
        state.refresh.ended(number, read.is_ok());
        match read {
            Ok((fetched, keys)) => {
                state.keys = Some(Arc::new(keys));
                state.fetched = Some(fetched);
                state.failure = None;
            }
            Err(failure) => state.failure = Some(failure),
        }
        drop(state);
        self.wake_all();
    }

    fn wake_all(&self) {
        let waiting: Vec<Waker> = self.state().waiting.values().cloned().collect();
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Wakes every client that waits for a fetch. The fetch holds this, so it must not keep the fetch alive.
struct WakeAll(Weak<Shared>);

impl Wake for WakeAll {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            shared.wake_all();
        }
    }
}

/// A client that waits for a fetch, and polls it unless another one does at this moment.
struct Waiter {
    shared: Arc<Shared>,
    number: u64,
    id: u64,
    bytes: usize,
}

impl Waiter {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.state();
        if !state.refresh.is_running(self.number) {
            return Poll::Ready(());
        }
        // Before the fetch is polled: it may wake at once, and this client is to hear of it.
        state.waiting.insert(self.id, context.waker().clone());
        let Some(mut fetch) = state.fetch.take() else { return Poll::Pending };
        drop(state);
        let waker = Waker::from(Arc::new(WakeAll(Arc::downgrade(&self.shared))));
        match fetch.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => {
                self.shared.end(self.number, answer);
                Poll::Ready(())
            }
            Poll::Pending => {
                let mut state = self.shared.state();
                if state.refresh.is_running(self.number) {
                    state.fetch = Some(fetch);
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.waiting.remove(&self.id);
        state.waiting_bytes = state.waiting_bytes.saturating_sub(self.bytes);
        // This client may have been woken for the fetch, which another one polls from now on.
        let next = state.waiting.values().next().cloned().filter(|_| state.fetch.is_some());
        drop(state);
        if let Some(next) = next {
            next.wake();
        }
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}
