//! A run of one thread: connections are opened, the load runs, what is left arrives, and connections are closed.

use std::time::{Duration, Instant};

use crate::control::{Control, Phase, Progress};
use crate::crowd::{CLOSING, Crowd};
use crate::exchange::Role;
use crate::outcome::Outcome;
use crate::own_cost::Used;
use crate::plan::{Pace, Plan, Publishers, Waiting, Workload};
use crate::plan_error::PlanError;
use crate::rate::Schedule;
use crate::target::Target;

/// How often a run looks at what is not urgent.
const TICK: Duration = Duration::from_millis(100);

/// How often it tells how far it is.
const REPORT: Duration = Duration::from_millis(250);

/// Into how many parts the measured time is divided.
const INTERVALS: u32 = 20;

/// In a closed loop of publications, deliveries are given up when none has arrived for so long. Those that never arrive
/// must not end the load.
const STALLED: Duration = Duration::from_secs(1);

/// Is told when the measured time begins and ends.
pub trait Observer {
    /// It begins now.
    fn begins(&mut self) {}
    /// It ends now.
    fn ends(&mut self) {}
}

impl Observer for () {}

/// A publication whose deliveries are waited for.
struct Latest {
    channel: usize,
    /// How many deliveries are still to come, and since when.
    awaited: u64,
    since: Instant,
}

pub(crate) struct Run<'r> {
    crowd: Crowd<'r>,
    plan: &'r Plan,
    control: &'r Control,
    thread: usize,
    /// The due times in an open loop, and the next one of them.
    schedule: Option<(Instant, Schedule)>,
    next_due: Option<Instant>,
    /// In turn: the connection or the channel for the next message.
    turn: usize,
    /// In a closed loop of publications: the latest one.
    latest: Option<Latest>,
    reported: Instant,
    phase: Phase,
    began: Instant,
}

impl<'r> Run<'r> {
    pub(crate) fn new(
        plan: &'r Plan,
        target: &'r Target,
        control: &'r Control,
        thread: usize,
    ) -> Result<Run<'r>, PlanError> {
        let now = Instant::now();
        #[cfg(target_os = "linux")]
        if plan.waiting == Waiting::Sleep {
            // Otherwise the kernel wakes the thread up to 50 µs late, to save power. If it refuses, it does that.
            let _coarse = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1_000));
        }
        Ok(Run {
            crowd: Crowd::new(plan, target)?,
            plan,
            control,
            thread,
            schedule: None,
            next_due: None,
            turn: 0,
            latest: None,
            reported: now,
            phase: Phase::Opening,
            began: now,
        })
    }

    /// Opens all connections. In a storm, there are none beforehand.
    pub(crate) fn open(&mut self) -> Result<(), PlanError> {
        let wanted = self.wanted();
        let start = Instant::now();
        let mut begun = 0;
        while (begun < wanted.len() || self.crowd.opening_count > 0) && !self.control.is_stopped() {
            let now = Instant::now();
            let due = self.due_by(now - start, wanted.len());
            for (role, channel) in wanted.iter().take(due).skip(begun) {
                if self.crowd.opening_count >= self.plan.together {
                    break;
                }
                self.crowd.begin(*role, *channel, now);
                begun += 1;
            }
            self.tick(now)?;
            self.crowd.turn(Some(if begun < due {
                Duration::ZERO
            } else {
                TICK.min(self.until_next(wanted.len()))
            }))?;
        }
        let settled = Instant::now() + self.plan.settling;
        while Instant::now() < settled && !self.control.is_stopped() {
            self.crowd.turn(Some(TICK.min(settled.saturating_duration_since(Instant::now()))))?;
        }
        Ok(())
    }

    /// How many connections are due after this time.
    fn due_by(&self, elapsed: Duration, wanted: usize) -> usize {
        if elapsed >= self.plan.ramp_up {
            return wanted;
        }
        let share = elapsed.as_secs_f64() / self.plan.ramp_up.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of the number of connections"
        )]
        let due = (wanted as f64 * share) as usize + 1;
        due.min(wanted)
    }

    /// The time between two connections that are due.
    fn until_next(&self, wanted: usize) -> Duration {
        self.plan.ramp_up.div_f64(wanted_f64(wanted))
    }

    /// The connections of the plan. Publishers come last, so that nobody publishes before all are subscribed.
    fn wanted(&self) -> Vec<(Role, usize)> {
        let all = 0..self.plan.connections;
        match &self.plan.workload {
            Workload::Echo { .. } => all.map(|_| (Role::Echo, 0)).collect(),
            Workload::Idle => all.map(|_| (Role::Idle, 0)).collect(),
            Workload::Storm { .. } => Vec::new(),
            Workload::Fanout { publishers, .. } => {
                let channels = self.plan.channels();
                let subscribers = all.map(|number| (Role::Subscriber, number % channels));
                let apart = if *publishers == Publishers::Apart { channels } else { 0 };
                subscribers.chain((0..apart).map(|channel| (Role::Publisher, channel))).collect()
            }
        }
    }

    /// Runs the load for the time of the plan, and returns what was found.
    pub(crate) fn load(&mut self, observer: &mut dyn Observer) -> Result<Outcome, PlanError> {
        self.phase = Phase::WarmingUp;
        if !self.plan.warm_up.is_zero() {
            self.restart_schedule(Instant::now());
            self.begin_loops();
            self.drive(Instant::now() + self.plan.warm_up, None)?;
        }
        let before = Used::now();
        observer.begins();
        let start = Instant::now();
        self.crowd.ledger.begin(start);
        self.restart_schedule(start);
        if self.plan.warm_up.is_zero() {
            self.begin_loops();
        }
        (self.phase, self.began) = (Phase::Measuring, start);
        self.drive(start + self.plan.measured, Some(self.plan.measured / INTERVALS))?;
        let end = Instant::now();
        self.crowd.ledger.end(end);
        observer.ends();
        let own = Used::now().since(before);
        let open_at_end = self.crowd.open.len();
        self.phase = Phase::Ending;
        self.crowd.reopenings.stop();
        if !self.is_storm() {
            self.crowd.drop_opening();
        }
        self.drain()?;
        let mut tally = self.crowd.ledger.finish();
        self.close()?;
        self.crowd.ledger.add_closes(&mut tally);
        Ok(Outcome {
            tally,
            measured: end - start,
            own: vec![own],
            engine: self.crowd.engine().to_owned(),
            open_at_end,
            was_stopped: self.control.is_stopped(),
        })
    }

    /// Sends the first messages of a closed loop.
    fn begin_loops(&mut self) {
        if self.control.is_stopped() {
            return;
        }
        let now = Instant::now();
        for token in self.crowd.open.clone() {
            self.crowd.begin_loop(token, now);
        }
    }

    fn restart_schedule(&mut self, start: Instant) {
        if let Some(Pace::Open(plan)) = self.plan.pace() {
            let mut schedule = plan.schedule();
            self.next_due = schedule.next().map(|due| start + due);
            self.schedule = Some((start, schedule));
        }
    }

    /// Runs the load until this time.
    fn drive(&mut self, end: Instant, interval: Option<Duration>) -> Result<(), PlanError> {
        let mut now = Instant::now();
        while now < end && !self.control.is_stopped() && !self.is_hopeless() {
            let wake = [self.act(now), self.crowd.reopen(now)].into_iter().flatten().min();
            self.tick(now)?;
            if let Some(interval) = interval
                && self.crowd.ledger.current_age(now) >= interval
            {
                self.crowd.ledger.end_interval(now);
            }
            let until = wake.map_or(end, |wake| wake.min(end));
            let time = match self.plan.waiting {
                Waiting::Spin if self.next_due.is_some() => Duration::ZERO,
                _ => until.saturating_duration_since(Instant::now()).min(TICK),
            };
            self.crowd.turn(Some(time))?;
            now = Instant::now();
        }
        if interval.is_some() {
            self.catch_up(end);
        }
        Ok(())
    }

    /// Sends what was due before the end, if the generator was late.
    fn catch_up(&mut self, end: Instant) {
        while self.next_due.is_some_and(|due| due < end) && !self.control.is_stopped() && !self.is_hopeless()
        {
            self.send_due(end, Instant::now());
        }
    }

    fn is_storm(&self) -> bool {
        matches!(self.plan.workload, Workload::Storm { .. })
    }

    /// Whether nothing can come any more, because all connections have ended.
    fn is_hopeless(&self) -> bool {
        let comes_again = self.is_storm() || self.crowd.reopenings.are_planned();
        !comes_again && self.crowd.open.is_empty()
    }

    /// Sends what is due. Returns when the next thing is.
    fn act(&mut self, now: Instant) -> Option<Instant> {
        match self.plan.pace() {
            None => None,
            Some(Pace::Open(_)) => {
                self.send_due(now, now);
                self.next_due
            }
            Some(Pace::Closed { depth, .. }) => match self.plan.workload {
                Workload::Storm { .. } => {
                    while self.crowd.opening_count + self.crowd.closing_count < *depth {
                        if self.crowd.begin(Role::Visitor, 0, Instant::now()).is_none() {
                            // The system has no more sockets: the next try is after others have ended.
                            break;
                        }
                    }
                    None
                }
                Workload::Fanout { .. } => {
                    self.publish_again(now);
                    None
                }
                Workload::Echo { .. } | Workload::Idle => self.crowd.wake(now),
            },
        }
    }

    /// Sends what is due before `until`.
    fn send_due(&mut self, until: Instant, now: Instant) {
        /// So many are sent before the sockets are looked at again.
        const BURST: usize = 1024;

        for _ in 0..BURST {
            let Some(due) = self.next_due.filter(|due| *due < until) else { return };
            self.crowd.ledger.late(due, now);
            self.send_one(due);
            self.next_due =
                self.schedule.as_mut().and_then(|(start, schedule)| schedule.next().map(|due| *start + due));
        }
    }

    fn send_one(&mut self, due: Instant) {
        let turn = self.turn;
        self.turn = self.turn.wrapping_add(1);
        match self.plan.workload {
            Workload::Echo { .. } => {
                let count = self.crowd.open.len().max(1);
                let token = self.crowd.open.get(turn % count).copied();
                if !token.is_some_and(|token| self.crowd.send(token, due)) {
                    self.crowd.ledger.not_sent(due, 1);
                }
            }
            Workload::Fanout { .. } => {
                let channel = turn % self.plan.channels();
                if !self.crowd.publish(channel, due) {
                    let subscribers =
                        self.crowd.ledger.channels.get(channel).map_or(0, |left| left.subscribers);
                    self.crowd.ledger.not_sent(due, subscribers);
                }
            }
            Workload::Storm { .. } => {
                self.crowd.begin(Role::Visitor, 0, due);
            }
            Workload::Idle => {}
        }
    }

    /// Publishes to the next channel if all subscribers that are left have got what was published before, or if that is
    /// given up.
    fn publish_again(&mut self, now: Instant) {
        if let Some(latest) = &mut self.latest
            && let Some(publications) = self.crowd.ledger.channels.get_mut(latest.channel)
        {
            let awaited = publications.awaited();
            if awaited != latest.awaited {
                (latest.awaited, latest.since) = (awaited, now);
            }
            if awaited > 0 && now.saturating_duration_since(latest.since) < STALLED {
                return;
            }
            publications.give_up();
        }
        // A channel whose publisher or subscribers have ended does not hold up the others.
        for _ in 0..self.plan.channels() {
            let channel = self.turn % self.plan.channels();
            self.turn = self.turn.wrapping_add(1);
            if self.crowd.awaited(channel).is_some() && self.crowd.publish(channel, now) {
                let awaited = self.crowd.awaited(channel).unwrap_or(0);
                self.latest = Some(Latest { channel, awaited, since: now });
                return;
            }
        }
    }

    /// Waits for the answers that are still to come.
    fn drain(&mut self) -> Result<(), PlanError> {
        let end = Instant::now() + self.plan.patience;
        let mut missing = self.crowd.missing();
        // What is under way when the run is stopped has its answers still to come, too. In a storm, that is connections.
        while (missing > 0 || self.crowd.opening_count > 0) && Instant::now() < end && !self.is_hopeless() {
            self.tick(Instant::now())?;
            self.crowd.turn(Some(TICK / 10))?;
            missing = self.crowd.missing();
        }
        self.crowd.give_up_all();
        Ok(())
    }

    /// Closes all connections.
    fn close(&mut self) -> Result<(), PlanError> {
        for token in self.crowd.all_open() {
            self.crowd.end(token);
        }
        let end = Instant::now() + CLOSING;
        while self.crowd.closing_count > 0 && Instant::now() < end {
            self.crowd.turn(Some(TICK / 10))?;
        }
        Ok(())
    }

    /// Does what is not urgent.
    fn tick(&mut self, now: Instant) -> Result<(), PlanError> {
        self.crowd.expire(now);
        if now.saturating_duration_since(self.reported) < REPORT {
            return Ok(());
        }
        self.reported = now;
        let tally = &self.crowd.ledger.tally;
        let is_storm = self.is_storm();
        self.control.report(
            self.thread,
            Progress {
                phase: self.phase,
                elapsed: if self.phase == Phase::Measuring { now - self.began } else { Duration::ZERO },
                open: self.crowd.open.len(),
                opening: self.crowd.opening_count,
                sent: if is_storm { tally.begun } else { tally.sent },
                done: if is_storm { tally.opened } else { tally.received },
                errors: tally.error_count(),
                misplaced: tally.lost + tally.repeated + tally.unexpected,
                latency: self.crowd.ledger.current().clone(),
            },
        );
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "the number of connections is small")]
fn wanted_f64(wanted: usize) -> f64 {
    wanted.max(1) as f64
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("phase", &self.phase).finish_non_exhaustive()
    }
}
