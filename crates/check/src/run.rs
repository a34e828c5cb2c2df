//! Runs cases, several at a time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::answer;
use crate::batch::{Batch, Progress};
use crate::case::Case;
use crate::conversation::dial;
use crate::cost::bounds::AttackBounds;
use crate::endpoint::Endpoint;
use crate::report::{CaseReport, End, Report};
use crate::setting::Setting;
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
#[derive(Debug, Clone)]
pub struct Pace {
    jobs: usize,
    patience: Option<Duration>,
    attack: AttackBounds,
}

impl Default for Pace {
    /// Eight cases at a time, with a patience that is measured.
    fn default() -> Pace {
        Pace { jobs: 8, patience: None, attack: AttackBounds::default() }
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

    /// What each attack may take and cost, if attacks are among the cases.
    #[must_use]
    pub fn attack(self, bounds: AttackBounds) -> Pace {
        Pace { attack: bounds, ..self }
    }

    /// How long to wait for an answer of this endpoint, or of one that is not known yet.
    #[must_use]
    pub fn patience_with(&self, endpoint: Option<&Endpoint>) -> Duration {
        let measured = endpoint.map_or(Duration::ZERO, |endpoint| endpoint.round_trip * ROUND_TRIPS);
        self.patience.unwrap_or(measured.max(SHORTEST))
    }
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

/// As [`run`], until `stop` completes: the report then has the cases that have ended, and says how many did not run. The run
/// also ends if the endpoint accepts no connection any more.
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
    let setting = Arc::new(Setting {
        dialer,
        target: target.clone(),
        endpoint: endpoint.clone(),
        patience: pace.patience_with(Some(endpoint)),
        attack: pace.attack,
    });
    let mut batch = Batch::new(cases, pace.jobs);
    let end = loop {
        let progress = tokio::select! {
            progress = batch.next(&setting) => progress,
            () = &mut stop => break End::default(),
        };
        match progress {
            Progress::Done(report) => done(report),
            Progress::Refused => {}
            Progress::Idle => {
                let serving = tokio::select! {
                    serving = serving(&setting) => serving,
                    () = &mut stop => break End::default(),
                };
                if serving == Serving::Gone {
                    break End { still_serves: Some(false), ended_after: batch.give_up() };
                }
                batch.resume().into_iter().for_each(&mut done);
                if batch.is_done() {
                    let still_serves = Some(serving == Serving::Accepts);
                    break End { still_serves, ended_after: Vec::new() };
                }
            }
        }
    };
    // Those that still run end their connections.
    Report::new(target, endpoint, total, batch.into_reports(), end)
}

/// Whether the endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serving {
    /// It accepts valid requests.
    Accepts,
    /// It answers a valid request in another way.
    Refuses,
    /// No connection can be opened, or it answers nothing.
    Gone,
}

/// Whether the endpoint serves, now or soon: it may be one that is started again when it ends.
async fn serving(setting: &Setting) -> Serving {
    const PAUSE: Duration = Duration::from_millis(200);
    let answers = async {
        loop {
            match answers(setting).await {
                Serving::Gone => tokio::time::sleep(PAUSE).await,
                serving => return serving,
            }
        }
    };
    tokio::time::timeout(setting.patience, answers).await.unwrap_or(Serving::Gone)
}

/// What the endpoint makes of a valid request.
async fn answers(setting: &Setting) -> Serving {
    let request = setting.target.request();
    let Ok(mut peer) = dial(&*setting.dialer, setting.patience).await else { return Serving::Gone };
    if peer.send_head(&request).await.is_err() {
        return Serving::Gone;
    }
    let Ok(response) = peer.head().await else { return Serving::Gone };
    let _polite = peer.send(longwire_wire::RawFrame::close(1000)).await;
    if answer::judge(&request, &response).is_ok() { Serving::Accepts } else { Serving::Refuses }
}
