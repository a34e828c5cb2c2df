//! Carries an attack out, and measures around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::connection::Attacker;
use super::effort::Effort;
use super::verdict::Observed;
use super::witness::{Newcomer, Witness, newcomer, newcomers};
use super::{handshakes, messages};
use crate::attack_kind::Kind;
use crate::cost::bounds::AttackBounds;
use crate::cost::figures::{AttackFigures, RoundTrips, WitnessFigures, milliseconds};
use crate::cost::memory::{MemoryFigures, MemoryMeter};
use crate::setting::Setting;
use crate::verdict::{Finding, Stop, Verdict};

/// How long the witness is alone before and after an attack, at most.
const ALONE: Duration = Duration::from_secs(1);

/// The pause between two looks at the memory.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The pause between two attempts to connect after an attack.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// The part of what an attack may cost that is worth a note if it was taken before.
const NOTABLE: u64 = 4;

/// What came of an attack.
pub(crate) struct Mounted {
    pub(crate) verdict: Verdict,
    pub(crate) finding: Option<Finding>,
    pub(crate) figures: AttackFigures,
}

/// Carries an attack out.
///
/// # Errors
///
/// The witness cannot connect before the attack.
pub(crate) async fn mount(kind: Kind, setting: &Arc<Setting>) -> Result<Mounted, Stop> {
    let bounds = &setting.attack;
    let mut witness = Witness::connect(setting).await?;
    let alone = bounds.time.min(ALONE);
    let (before, alive) = alone_for(alone, &mut witness).await;
    alive.map_err(|why| Stop::Unclear(format!("before the attack, the witness is lost: {why}")))?;
    let memory_before = bounds.meter.as_ref().and_then(MemoryMeter::resident);

    let begin = Instant::now();
    let effort = Arc::new(Effort::new(begin + bounds.time, bounds.bytes));
    let is_over = AtomicBool::new(false);
    let (seconds, (during, mut lost), newcomers, peak) = tokio::join!(
        async {
            carry_out(kind, setting, &effort).await;
            is_over.store(true, Ordering::Relaxed);
            begin.elapsed().as_secs_f64()
        },
        witness.watch(&is_over),
        newcomers(setting, &is_over),
        peak_memory(bounds.meter.as_ref(), &is_over),
    );

    let mut after = Vec::new();
    if lost.is_ok() {
        (after, lost) = alone_for(alone, &mut witness).await;
        witness.leave().await;
    }
    let accepts_after = accepts_soon(setting).await;
    let memory_after = bounds.meter.as_ref().and_then(MemoryMeter::resident);
    let memory = memory_before.zip(peak).map(|(before, peak)| MemoryFigures {
        before,
        peak: peak.max(before),
        after: memory_after.unwrap_or_default(),
        kept: kept(bounds, before),
    });
    let observed = Observed {
        lost: lost.err(),
        accepts_after,
        taken: effort.taken(),
        is_gone: memory_before.is_some() && memory_after.is_none(),
        figures: AttackFigures {
            seconds,
            connections: effort.connections(),
            bytes_sent: effort.sent(),
            answers: effort.answers(),
            witness: WitnessFigures {
                before: RoundTrips::of(before),
                during: RoundTrips::of(during),
                after: RoundTrips::of(after),
            },
            newcomers,
            memory,
        },
    };
    let (verdict, finding) = observed.judge(kind, bounds.memory, milliseconds(setting.patience));
    Ok(Mounted { verdict, finding, figures: observed.figures })
}

/// How much of the memory before an attack came during the run, if it is a large part of what the attack may cost: an attack
/// that uses the same memory again does not grow.
fn kept(bounds: &AttackBounds, before: u64) -> Option<u64> {
    let kept = bounds.meter.as_ref()?.taken_until(before);
    (kept > bounds.memory / NOTABLE).then_some(kept)
}

/// The round trips of the witness for this time.
async fn alone_for(time: Duration, witness: &mut Witness) -> (Vec<Duration>, Result<(), String>) {
    let is_over = AtomicBool::new(false);
    let clock = async {
        sleep(time).await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(witness.watch(&is_over), clock).0
}

/// Runs the attack in a task of its own, so that the measurement does not wait for it.
async fn carry_out(kind: Kind, setting: &Arc<Setting>, effort: &Arc<Effort>) {
    let attacker = Attacker { setting: Arc::clone(setting), effort: Arc::clone(effort) };
    let mut task = JoinSet::new();
    match kind {
        Kind::SlowHandshake => task.spawn(handshakes::slow_handshake(attacker)),
        Kind::HeaderFlood => task.spawn(handshakes::header_flood(attacker)),
        Kind::HandshakeFlood => task.spawn(handshakes::handshake_flood(attacker)),
        Kind::PingFlood => task.spawn(messages::ping_flood(attacker)),
        Kind::EchoUnread => task.spawn(messages::echo_unread(attacker)),
        Kind::EndlessMessage => task.spawn(messages::endless_message(attacker, 64 << 10)),
        Kind::TinyFragments => task.spawn(messages::endless_message(attacker, 1)),
        Kind::EmptyFragments => task.spawn(messages::endless_message(attacker, 0)),
        Kind::Bomb => task.spawn(messages::bomb(attacker)),
        Kind::DeclaredLengths => task.spawn(messages::declared_lengths(attacker)),
        Kind::Resets => task.spawn(messages::resets(attacker)),
    };
    // Each step of an attack ends with its time. What does not is ended here.
    let _ended = timeout(setting.attack.time + setting.patience, task.join_next()).await;
}

/// The highest memory until `is_over`. `None` without a meter, or if the endpoint is gone.
async fn peak_memory(meter: Option<&MemoryMeter>, is_over: &AtomicBool) -> Option<u64> {
    let meter = meter?;
    let kept = meter.begin_peak();
    let mut peak = meter.resident();
    while !is_over.load(Ordering::Relaxed) {
        sleep(BETWEEN_LOOKS).await;
        peak = peak.max(meter.resident());
    }
    peak.max(kept.and_then(|kept| kept.read()))
}

/// Whether a new client is accepted within the patience: a server may need a moment to notice that the others are gone.
async fn accepts_soon(setting: &Setting) -> bool {
    let accepted = async {
        while newcomer(setting).await != Newcomer::Accepted {
            sleep(BETWEEN_ATTEMPTS).await;
        }
    };
    timeout(setting.patience, accepted).await.is_ok()
}
