//! What the generator itself costs: whether it was the bottleneck.

use std::time::{Duration, Instant};

/// What a thread has used, since some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    at: Instant,
    cpu: Option<Duration>,
    waited: Option<Duration>,
}

/// What a thread of the generator used while it measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OwnCost {
    /// How long it measured.
    pub time: Duration,
    /// Its CPU time. `None`: the system does not tell.
    pub cpu: Option<Duration>,
    /// How long it could have run, but had to wait for a processor.
    pub waited: Option<Duration>,
}

impl Used {
    /// What the calling thread has used.
    pub(crate) fn now() -> Used {
        Used { at: Instant::now(), cpu: cpu(), waited: waited() }
    }

    pub(crate) fn since(self, before: Used) -> OwnCost {
        let difference = |now: Option<Duration>, before: Option<Duration>| now?.checked_sub(before?);
        OwnCost {
            time: self.at - before.at,
            cpu: difference(self.cpu, before.cpu),
            waited: difference(self.waited, before.waited),
        }
    }
}

impl OwnCost {
    /// Adds what the thread used in another time.
    pub(crate) fn append(&mut self, later: OwnCost) {
        let sum = |one: Option<Duration>, other: Option<Duration>| Some(one? + other?);
        self.time += later.time;
        self.cpu = sum(self.cpu, later.cpu);
        self.waited = sum(self.waited, later.waited);
    }

    /// The share of the time in which it used a core.
    #[must_use]
    pub fn cpu_share(&self) -> Option<f64> {
        share(self.cpu, self.time)
    }

    /// The share of the time in which it had to wait for a core.
    #[must_use]
    pub fn waited_share(&self) -> Option<f64> {
        share(self.waited, self.time)
    }
}

fn share(part: Option<Duration>, whole: Duration) -> Option<f64> {
    part.filter(|_| !whole.is_zero()).map(|part| part.as_secs_f64() / whole.as_secs_f64())
}

#[cfg(target_os = "linux")]
fn cpu() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(target_os = "linux"))]
fn cpu() -> Option<Duration> {
    None
}

/// The second field of schedstat: the time on the run queue, in nanoseconds.
#[cfg(target_os = "linux")]
fn waited() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().nth(1)?.parse().ok()?))
}

#[cfg(not(target_os = "linux"))]
fn waited() -> Option<Duration> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_costs_cpu_time() {
        let before = Used::now();
        while cpu().unwrap() - before.cpu.unwrap() < Duration::from_millis(20) {}
        let cost = Used::now().since(before);
        assert!(
            cost.cpu.unwrap() >= Duration::from_millis(20) && cost.cpu_share().unwrap() <= 1.01,
            "{cost:?}"
        );
        assert!(cost.waited.is_some());
    }
}
