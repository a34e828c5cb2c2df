//! The timers and spawned futures of a connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::key::{Key, SocketId};
use super::mailbox::Mailbox;
use super::resumption::Resumption;
use super::spawned::{SpawnOutcome, SpawnedFuture, SpawnedTasks};
use crate::panic_message::panic_message;

/// Identifies a timer that [`Socket::after`](crate::Socket::after) has set.
///
/// ```
/// use std::time::Duration;
///
/// use longwire::{Handler, Socket, Timer};
///
/// /// Closes the connection if no message arrives for a minute; called by `on_message`.
/// fn restart<H: Handler<State = Option<Timer>>>(socket: &mut Socket<'_, H>) {
///     if let Some(timer) = socket.state_mut().take() {
///         socket.cancel(timer);
///     }
///     let timer = socket.after(Duration::from_secs(60), |_, socket| {
///         let _valid = socket.close(4000, "idle");
///     });
///     *socket.state_mut() = Some(timer);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timer {
    pub(super) socket: SocketId,
    pub(super) at: Instant,
    pub(super) number: u64,
}

/// The timers and spawned futures of a connection; not allocated while there are none.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Sorted, the earliest last.
    timers: Vec<PendingTimer>,
    /// Not allocated for a connection that has only timers.
    work: Option<Box<SpawnedTasks>>,
}

#[derive(Debug)]
struct PendingTimer {
    at: Instant,
    number: u64,
    resumption: Resumption,
}

impl PendingTimer {
    fn order(&self) -> (Instant, u64) {
        (self.at, self.number)
    }
}

impl Deferred {
    /// Sets a timer; `number` is unique in the loop.
    pub(super) fn set(&mut self, at: Instant, number: u64, resumption: Resumption) {
        let place = self.timers.partition_point(|other| other.order() > (at, number));
        // Most connections have one.
        if self.timers.is_empty() {
            self.timers.reserve_exact(1);
        }
        self.timers.insert(place, PendingTimer { at, number, resumption });
    }

    /// Cancels a timer and returns its callback; `None` if it has fired or was cancelled before.
    pub(super) fn cancel(&mut self, timer: Timer) -> Option<Resumption> {
        let is_it = |other: &PendingTimer| (timer.at, timer.number).cmp(&other.order());
        let place = self.timers.binary_search_by(is_it).ok()?;
        Some(self.timers.remove(place).resumption)
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.last().map(|timer| timer.at)
    }

    /// The callback of the next timer, if it is due and its number is below `bound`.
    pub(super) fn take_due(&mut self, now: Instant, bound: u64) -> Option<Resumption> {
        let due = self.timers.pop_if(|timer| timer.at <= now && timer.number < bound)?;
        Some(due.resumption)
    }

    /// Runs a future, or keeps it waiting while `most` are running.
    pub(super) fn spawn(
        &mut self,
        task: SpawnedFuture,
        number: u64,
        to: Key,
        mailbox: &Arc<Mailbox>,
        most: usize,
    ) {
        self.work.get_or_insert_default().add(number, task);
        self.start(to, mailbox, most);
    }

    /// Starts waiting futures, up to `most`.
    pub(super) fn start(&mut self, to: Key, mailbox: &Arc<Mailbox>, most: usize) {
        if let Some(work) = &mut self.work {
            work.start(to, mailbox, most);
        }
    }

    /// No message is delivered until the handler has received the outcome of this future.
    pub(super) fn wait_for(&mut self, number: u64) {
        self.work.get_or_insert_default().wait_for(number);
    }

    /// Whether no more messages are delivered: they wait for a certain future, or `most` futures are running or have outcomes
    /// that wait.
    pub(super) fn is_busy(&self, most: usize) -> bool {
        self.work.as_ref().map_or(most == 0, |work| work.is_busy(most))
    }

    /// Records the outcome of a future; [`take_outcome`](Deferred::take_outcome) returns it.
    pub(super) fn finished(&mut self, number: u64, outcome: SpawnOutcome) {
        if let Some(work) = &mut self.work {
            work.finished(number, outcome);
        }
    }

    /// Takes an outcome that the handler has not received.
    pub(super) fn take_outcome(&mut self) -> Option<SpawnOutcome> {
        self.work.as_mut()?.take_outcome()
    }

    /// Whether an outcome waits for room for the handler's answer.
    pub(super) fn has_outcome(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.has_outcome())
    }

    /// Whether there is neither a timer nor a future.
    pub(super) fn is_empty(&self) -> bool {
        self.timers.is_empty() && self.work.as_ref().is_none_or(|work| work.is_empty())
    }
}

/// Drops a value of the application and contains its panic.
pub(super) fn discard<T>(owned: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(owned))) {
        tracing::error!(panic = panic_message(&*payload), "what belongs to the handler panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slotmap::Key as _;

    use super::*;
    use crate::event::key::LoopNumber;

    fn due(deferred: &mut Deferred, now: Instant, bound: u64) -> Vec<u64> {
        let next = || deferred.take_due(now, bound)?.into_call::<u64>();
        std::iter::from_fn(next).collect()
    }

    /// Every client of the hub has one.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn a_connection_with_one_timer_takes_little_memory() {
        let mut deferred = Deferred::default();
        deferred.set(Instant::now(), 0, Resumption::new(0));
        assert!(size_of::<Deferred>() <= 32, "{} bytes", size_of::<Deferred>());
        assert_eq!(deferred.timers.capacity(), 1);
    }

    #[test]
    fn timers_go_off_in_the_order_of_their_times_and_then_of_their_numbers() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut deferred = Deferred::default();
        for (number, milliseconds) in [(0, 30), (1, 10), (2, 20), (3, 10), (4, 20)] {
            deferred.set(at(milliseconds), number, Resumption::new(number));
        }
        let socket = SocketId::new(LoopNumber::next(), Key::null());
        let second = Timer { socket, at: at(20), number: 2 };
        assert!(deferred.cancel(second).is_some());
        assert!(deferred.cancel(second).is_none(), "it was cancelled");
        assert!(deferred.cancel(Timer { number: 0, ..second }).is_none(), "it has another time");
        assert_eq!(deferred.next_timer(), Some(at(10)));
        assert!(due(&mut deferred, at(9), 9).is_empty());
        assert_eq!(due(&mut deferred, at(20), 4), [1, 3], "that of number 4 was set later");
        assert_eq!(due(&mut deferred, at(30), 9), [4, 0]);
        assert!(deferred.is_empty());
    }
}
