//! Takes a sample of the figures once a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire::Topics;
use longwire_hub::HubCounts;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::figures::{FIGURES, Sample};
use super::page::Admin;
use crate::serve::hub::Streams;
use crate::serve::statistics::Statistics;
use crate::serve::tally::{Sums, Tally};

const EVERY: Duration = Duration::from_secs(1);

/// Where the figures come from.
pub(crate) struct Sources {
    pub(crate) statistics: Arc<Statistics>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) streams: Arc<Streams>,
    /// Those of the event loops that serve clients.
    pub(crate) topics: Topics,
}

/// The counters at one moment.
struct Counted {
    at: Instant,
    sums: Sums,
    hub: HubCounts,
}

/// Takes samples of the figures from now on. Must be called within a runtime.
pub(crate) fn watch(admin: &Arc<Admin>, sources: Sources) {
    tokio::spawn(run(Arc::clone(admin), sources));
}

/// Publishes a sample once a second, and ends the sessions whose time is over. Never returns.
async fn run(admin: Arc<Admin>, sources: Sources) {
    let mut seconds = interval(EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let probe = Probe::start(sources.topics.clone());
    let mut last = sources.count(&admin);
    loop {
        seconds.tick().await;
        let counted = sources.count(&admin);
        if counted.at.duration_since(last.at) < EVERY / 2 {
            // The first tick comes at once, and has nothing to compare with.
            continue;
        }
        let sample = sources.sample(&admin, &last, &counted, probe.delay());
        last = counted;
        let message = admin.figures.add(sample);
        for pages in &admin.pages {
            pages.publish(FIGURES, message.as_str());
        }
        let ended = admin.access.sessions.expire(Instant::now());
        admin.close_pages(&ended);
    }
}

impl Sources {
    fn count(&self, admin: &Admin) -> Counted {
        Counted { at: Instant::now(), sums: self.tally.sums(), hub: admin.node.hub.counts() }
    }

    fn sample(&self, admin: &Admin, last: &Counted, counted: &Counted, delay: Duration) -> Sample {
        let time = counted.at.duration_since(last.at).as_secs_f64();
        let rate = |after: u64, before: u64| after.saturating_sub(before) as f64 / time;
        let (hub, sums, before) = (&counted.hub, &counted.sums, &last.sums);
        let streams = u64::try_from(self.streams.count()).unwrap_or(u64::MAX);
        Sample {
            time: admin.node.now().0,
            connections: self.statistics.connections().saturating_add(streams),
            clients: hub.clients,
            users: hub.users,
            subscriptions: hub.subscribes.saturating_sub(hub.unsubscribes),
            channels: hub.channels,
            publications: rate(hub.publications, last.hub.publications),
            messages_in: rate(sums.messages_received, before.messages_received),
            messages_out: rate(sums.messages_sent, before.messages_sent),
            bytes_in: rate(sums.bytes_received, before.bytes_received),
            bytes_out: rate(sums.bytes_sent, before.bytes_sent),
            delay: Some(delay.as_secs_f64() * 1_000.0),
            memory: memory(),
            slow: sums.slow.saturating_add(self.streams.slow()),
            refused: sums.refused,
        }
    }
}

/// Measures how long event loops take to deliver, by questions that wait behind what was published before.
struct Probe {
    asked: watch::Receiver<ProbeState>,
}

/// A question to all event loops.
#[derive(Debug, Clone, Copy)]
enum ProbeState {
    Waiting(Instant),
    Answered(Duration),
}

impl Probe {
    fn start(topics: Topics) -> Probe {
        let (sender, asked) = watch::channel(ProbeState::Answered(Duration::ZERO));
        tokio::spawn(async move {
            let mut seconds = interval(EVERY);
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !sender.is_closed() {
                seconds.tick().await;
                let begun = Instant::now();
                let _seen = sender.send(ProbeState::Waiting(begun));
                // No connection is closed. Each loop handles its mail in order, so what was published comes first.
                let Ok(closing) = topics.close_where(1001, "", |_| false) else { return };
                closing.await;
                let _seen = sender.send(ProbeState::Answered(begun.elapsed()));
            }
        });
        Probe { asked }
    }

    /// How long the last question took, or the present one does already.
    fn delay(&self) -> Duration {
        match *self.asked.borrow() {
            ProbeState::Waiting(since) => since.elapsed(),
            ProbeState::Answered(delay) => delay,
        }
    }
}

/// The resident memory of this process, in bytes.
#[cfg(target_os = "linux")]
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1 << 10)
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}
