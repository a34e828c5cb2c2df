//! Runs cases, several at a time.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::case::Case;
use crate::conversation::{dial, open};
use crate::endpoint::Endpoint;
use crate::judge::{Judged, Setting, judge};
use crate::report::{CaseReport, Report};
use crate::target::Target;
use crate::transport::Dial;

/// The shortest patience: a busy machine needs it even for an endpoint that is near.
const SHORTEST: Duration = Duration::from_secs(5);

/// How many round trips an endpoint may take for an answer.
const ROUND_TRIPS: u32 = 50;

/// How to run cases.
///
/// ```
/// use std::time::Duration;
///
/// let pace = longwire_check::Pace::default().jobs(2).patience(Duration::from_secs(20));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    jobs: usize,
    patience: Option<Duration>,
}

impl Default for Pace {
    /// Eight cases at a time, with a patience that is measured.
    fn default() -> Pace {
        Pace { jobs: 8, patience: None }
    }
}

impl Pace {
    /// How many cases run at a time, each on a connection. At least one does.
    #[must_use]
    pub fn jobs(self, jobs: usize) -> Pace {
        Pace { jobs: jobs.max(1), ..self }
    }

    /// How long to wait for an answer, instead of fifty round trips or five seconds, whichever is longer.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Pace {
        Pace { patience: Some(patience), ..self }
    }

    /// How long to wait for an answer of this endpoint, or of one that is not known yet.
    #[must_use]
    pub fn patience_with(&self, endpoint: Option<&Endpoint>) -> Duration {
        let measured = endpoint.map_or(Duration::ZERO, |endpoint| endpoint.round_trip * ROUND_TRIPS);
        self.patience.unwrap_or(measured.max(SHORTEST))
    }
}

/// What all cases of a run share.
#[derive(Debug)]
struct Shared {
    dialer: Arc<dyn Dial>,
    target: Target,
    endpoint: Endpoint,
    patience: Duration,
}

/// Runs the cases, and calls `done` after each, in the order in which they end. The report has them in their own order.
///
/// # Cancel safety
///
/// Dropping the future stops all cases and ends their connections; there is no report then.
pub async fn run(
    cases: Vec<Case>,
    dialer: Arc<dyn Dial>,
    target: &Target,
    endpoint: &Endpoint,
    pace: Pace,
    done: impl FnMut(&CaseReport),
) -> Report {
    run_until(cases, dialer, target, endpoint, pace, std::future::pending(), done).await
}

/// As [`run`], until `stop` completes: the report then has the cases that have ended, and says how many did not run.
///
/// # Cancel safety
///
/// As [`run`].
pub async fn run_until(
    cases: Vec<Case>,
    dialer: Arc<dyn Dial>,
    target: &Target,
    endpoint: &Endpoint,
    pace: Pace,
    stop: impl Future<Output = ()>,
    mut done: impl FnMut(&CaseReport),
) -> Report {
    let total = cases.len();
    let mut stop = pin!(stop);
    let patience = pace.patience_with(Some(endpoint));
    let shared = Arc::new(Shared { dialer, target: target.clone(), endpoint: endpoint.clone(), patience });
    let mut running = JoinSet::new();
    let mut waiting = cases.into_iter().enumerate();
    let mut reports: Vec<(usize, CaseReport)> = Vec::new();
    let is_stopped = loop {
        while running.len() < pace.jobs
            && let Some((place, case)) = waiting.next()
        {
            let shared = Arc::clone(&shared);
            running.spawn(async move { (place, run_one(&case, &shared).await) });
        }
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            () = &mut stop => break true,
        };
        match ended {
            None => break false,
            Some(Ok((place, report))) => {
                done(&report);
                reports.push((place, report));
            }
            // A case neither panics nor is it cancelled. If one did, it would be missing from the report.
            Some(Err(_)) => {}
        }
    };
    // Those that still run end their connections.
    drop(running);
    reports.sort_by_key(|(place, _)| *place);
    let serves = if is_stopped {
        None
    } else {
        tokio::select! {
            serves = still_serves(&shared) => Some(serves),
            () = stop => None,
        }
    };
    let reports = reports.into_iter().map(|(_, report)| report).collect();
    Report::new(target, endpoint, total, reports, serves)
}

async fn run_one(case: &Case, shared: &Shared) -> CaseReport {
    let setting = Setting {
        dialer: &*shared.dialer,
        target: &shared.target,
        endpoint: &shared.endpoint,
        patience: shared.patience,
    };
    let begin = Instant::now();
    let judged: Judged = judge(case, &setting).await;
    CaseReport::new(case, judged, begin.elapsed())
}

/// Whether the endpoint still accepts connections after all that.
async fn still_serves(shared: &Shared) -> bool {
    match dial(&*shared.dialer, shared.patience).await {
        Ok(mut peer) => {
            let opened = open(&mut peer, &shared.target.request()).await.is_ok();
            let _polite = peer.send(longwire_wire::RawFrame::close(1000)).await;
            opened
        }
        Err(_) => false,
    }
}
