//! Runs a plan, on one thread or on several.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::control::Control;
use crate::outcome::Outcome;
use crate::plan::{Pace, Plan, Workload};
use crate::plan_error::PlanError;
use crate::run::{Observer, Run};
use crate::target::Target;

/// Runs a plan on the calling thread.
///
/// # Errors
///
/// The system refuses what the generator needs. What goes wrong with the endpoint is a part of the outcome.
pub fn run(
    plan: &Plan,
    target: &Target,
    control: &Control,
    observer: &mut dyn Observer,
) -> Result<Outcome, PlanError> {
    let mut run = Run::new(plan, target, control, 0)?;
    run.open()?;
    run.load(observer)
}

/// Runs a plan on several threads, each with its share of the connections and of the rate. There are no more threads than
/// connections.
///
/// # Errors
///
/// As [`run`]; and if the threads cannot divide the channels among them.
pub fn run_on_threads(
    plan: &Plan,
    target: &Target,
    control: &Control,
    threads: usize,
) -> Result<Outcome, PlanError> {
    if threads <= 1 {
        return run(plan, target, control, &mut ());
    }
    let plans = divide(plan, threads)?;
    // All begin to measure at the same time. A thread that fails does not keep the others waiting.
    let opened = Arc::new(Barrier::new(plans.len()));
    let outcomes: Vec<Result<Outcome, PlanError>> = thread::scope(|scope| {
        let running: Vec<_> = plans
            .iter()
            .enumerate()
            .map(|(number, plan)| {
                let opened = Arc::clone(&opened);
                scope.spawn(move || {
                    let mut run = Run::new(plan, target, control, number);
                    let result = run.as_mut().map_or(Ok(()), Run::open);
                    opened.wait();
                    result?;
                    run?.load(&mut ())
                })
            })
            .collect();
        let failed = || PlanError::failed("a thread of the generator failed");
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect()
    });
    let mut sum = Outcome::default();
    for outcome in outcomes {
        sum.add(outcome?);
    }
    Ok(sum)
}

/// The plans of the threads.
fn divide(plan: &Plan, threads: usize) -> Result<Vec<Plan>, PlanError> {
    if let Workload::Fanout { .. } = plan.workload {
        return Err(PlanError::new(
            "subscribers of a channel need one thread, which knows when each publication was due; use --threads 1",
        ));
    }
    // A thread without a connection would keep its share of the rate.
    let threads = match &plan.workload {
        Workload::Storm { pace: Pace::Open(_) } => threads,
        Workload::Storm { pace: Pace::Closed { depth, .. } } => threads.min(*depth),
        _ => threads.min(plan.connections),
    };
    let threads = threads.max(1);
    #[expect(clippy::cast_precision_loss, reason = "there are few threads")]
    let share = 1.0 / threads as f64;
    let part = |whole: usize, number: usize| whole / threads + usize::from(number < whole % threads);
    let plans = (0..threads).map(|number| {
        let mut mine = plan.clone();
        mine.connections = part(plan.connections, number);
        mine.together = part(plan.together, number).max(1);
        match &mut mine.workload {
            Workload::Echo { pace: Pace::Open(rate), .. } | Workload::Storm { pace: Pace::Open(rate) } => {
                *rate = rate.share(share);
            }
            Workload::Storm { pace: Pace::Closed { depth, .. } } => *depth = part(*depth, number),
            _ => {}
        }
        mine
    });
    Ok(plans.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::RatePlan;

    #[test]
    fn threads_share_connections_and_the_rate() {
        let rate = RatePlan::constant(900.0, std::time::Duration::from_secs(1));
        let plan = Plan::new(Workload::Storm { pace: Pace::Open(rate) }, 10);
        let plans = divide(&plan, 3).unwrap();
        assert_eq!(plans.iter().map(|plan| plan.connections).collect::<Vec<_>>(), [4, 3, 3]);
        for plan in &plans {
            let Some(Pace::Open(rate)) = plan.pace() else { panic!("an open loop") };
            assert!((rate.highest() - 300.0).abs() < 1e-6);
        }
    }

    fn whole_rate(plans: &[Plan]) -> f64 {
        let rates = plans.iter().map(|plan| match plan.pace() {
            Some(Pace::Open(rate)) => rate.highest(),
            _ => panic!("an open loop"),
        });
        rates.sum()
    }

    #[test]
    fn more_threads_than_connections_keep_the_whole_rate() {
        let rate = RatePlan::constant(800.0, std::time::Duration::from_secs(1));
        let series =
            crate::Series::new(vec![b"a".to_vec()], crate::Kind::Text, crate::Coding::Plain).unwrap();
        let pace = Pace::Open(rate);
        let echo = Workload::Echo { series: Arc::new(series), pace: pace.clone() };
        let plans = divide(&Plan::new(echo, 2), 4).unwrap();
        assert_eq!(plans.iter().map(|plan| plan.connections).collect::<Vec<_>>(), [1, 1]);
        assert!((whole_rate(&plans) - 800.0).abs() < 1e-6);
        // The connections of a storm are begun at its rate, however many are open.
        let plans = divide(&Plan::new(Workload::Storm { pace }, 10), 16).unwrap();
        assert_eq!(plans.len(), 16);
        assert!((whole_rate(&plans) - 800.0).abs() < 1e-6);
    }

    #[test]
    fn threads_keep_no_more_handshakes_of_a_storm_under_way_than_planned() {
        let pace = Pace::Closed { depth: 3, think: crate::Think::default() };
        let plans = divide(&Plan::new(Workload::Storm { pace }, 1), 8).unwrap();
        let depths = plans.iter().map(|plan| match plan.pace() {
            Some(Pace::Closed { depth, .. }) => *depth,
            _ => panic!("a closed loop"),
        });
        assert_eq!(depths.collect::<Vec<_>>(), [1, 1, 1]);
    }
}
