//! A run of cases against a client, which connects once for each case.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use longwire_wire::{Head, Peer};
use serde_json::json;

use crate::case::Case;
use crate::endpoint::Endpoint;
use crate::inbox::LIMIT;
use crate::judge_client::{Arrival, EchoState, judge_client};
use crate::plain_answer::{HELP, refuse, say};
use crate::report::{CaseReport, End, Report};
use crate::request::{may_be_accepted, offers};
use crate::route::{Route, Wish};
use crate::target::Target;
use crate::transport::Transport;
use crate::verdict::Verdict;

/// The longest request.
const LONGEST_REQUEST: usize = 64 << 10;

/// The longest key to remember. A valid one has 24 characters.
const LONGEST_KEY: usize = 64;

/// A run of cases against a client, over whatever connections it makes.
///
/// The path of its request says what a client wants, as Autobahn's fuzzing server has it: `/getCaseCount`,
/// `/getCaseInfo?case=N`, `/runCase?case=N&agent=NAME`, `/getCaseStatus?case=N`, `/updateReports`. At `/`, it runs a case that
/// has not run yet.
///
/// ```
/// use std::time::Duration;
/// use longwire_check::{ClientRun, Target, client_cases};
///
/// let target = Target::new("ws://127.0.0.1:9001/").unwrap();
/// let run = ClientRun::new(target, client_cases(), Duration::from_secs(5));
/// assert!(!run.is_complete());
/// ```
#[derive(Debug)]
pub struct ClientRun {
    target: Target,
    cases: Vec<Case>,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    agent: Option<String>,
    slots: Vec<Slot>,
    echo: EchoState,
    compresses: bool,
    keys: BTreeSet<String>,
    /// Whether the client asked how many cases there are, as those do that ask for the reports at their end.
    has_asked_count: bool,
    /// Whether the client asked for the reports.
    has_finished: bool,
}

/// What became of a case.
#[derive(Debug)]
enum Slot {
    Waiting,
    Running,
    Done(Box<CaseReport>),
}

impl ClientRun {
    /// A run of these cases at this URL, with this long a wait for each answer.
    #[must_use]
    pub fn new(target: Target, cases: Vec<Case>, patience: Duration) -> ClientRun {
        let state = State {
            agent: None,
            slots: cases.iter().map(|_| Slot::Waiting).collect(),
            echo: EchoState::default(),
            compresses: false,
            keys: BTreeSet::new(),
            has_asked_count: false,
            has_finished: false,
        };
        ClientRun { target, cases, patience, state: Mutex::new(state) }
    }

    /// Serves a connection to its end. Returns the result of the case that ran on it for the first time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the connection; its case counts as not run.
    pub async fn connection(&self, transport: Transport) -> Option<CaseReport> {
        let mut peer = Peer::server(transport).deadline(self.patience).limit(LONGEST_REQUEST);
        let bytes = peer.raw_head().await.ok()?;
        let (request, _) = Head::parse(&bytes)?;
        let wish = Wish::of(&request);
        let (agent, action) = (wish.agent.clone(), self.action(&wish, &request));
        match action {
            Action::Refuse(head, text) => {
                refuse(peer, head, text).await;
                None
            }
            Action::Say(text) => {
                say(peer, &request, text).await;
                None
            }
            Action::Run(place, times) => {
                let arrival = Arrival {
                    peer: peer.limit(LIMIT),
                    bytes,
                    has_new_key: self.note(&request, agent),
                    request,
                    is_secure: self.target.is_secure(),
                    patience: self.patience,
                };
                let report = self.run_case(place, arrival).await?;
                (times == Times::First).then_some(report)
            }
        }
    }

    /// Whether all cases have run.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state().slots.iter().all(|slot| matches!(slot, Slot::Done(_)))
    }

    /// How far the run is.
    pub(crate) fn phase(&self) -> Phase {
        let is_complete = self.is_complete();
        let state = self.state();
        let is_running = state.slots.iter().any(|slot| matches!(slot, Slot::Running));
        match () {
            () if state.has_finished && !is_running => Phase::Over,
            () if is_complete && state.has_asked_count => Phase::Complete,
            () if is_complete => Phase::Over,
            () => Phase::Going,
        }
    }

    /// How many cases have run.
    #[must_use]
    pub fn done(&self) -> usize {
        self.state().slots.iter().filter(|slot| matches!(slot, Slot::Done(_))).count()
    }

    /// How many cases there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.cases.len()
    }

    /// The name of the client, as soon as it has said one.
    #[must_use]
    pub fn agent(&self) -> Option<String> {
        self.state().agent.clone()
    }

    /// The results until now.
    #[must_use]
    pub fn report(&self, ending: Ending) -> Report {
        let state = self.state();
        let endpoint = Endpoint {
            round_trip: Duration::ZERO,
            is_echo: matches!(state.echo, EchoState::After(_)),
            greetings: 0,
            deflate: None,
            deflates_echo: false,
            checks_origin: false,
            software: state.agent.clone(),
        };
        let done = state.slots.iter().filter_map(|slot| match slot {
            Slot::Done(report) => Some((**report).clone()),
            Slot::Waiting | Slot::Running => None,
        });
        let reports = done.collect();
        let still_serves = match ending {
            Ending::Finished => Some(true),
            Ending::Stopped => None,
        };
        let end = End { still_serves, ended_after: Vec::new() };
        let report = Report::new(&self.target, &endpoint, self.cases.len(), reports, end);
        Report { compresses: state.compresses, ..report }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn action(&self, wish: &Wish, request: &Head) -> Action {
        let mut state = self.state();
        let other = state.agent.as_ref().zip(wish.agent.as_ref()).filter(|(known, agent)| known != agent);
        if let Some((known, _)) = other {
            let text = format!("This run tests {known:?}. Start another one for another client.\n");
            return Action::Refuse("409 Conflict", text);
        }
        let numbered = |number: usize| {
            let place = number.checked_sub(1)?;
            Some((place, self.cases.get(place)?))
        };
        let nothing = || Action::Refuse("404 Not Found", "There is no such case or page.\n".to_owned());
        match wish.route {
            Route::Unknown => nothing(),
            Route::NextCase if !may_be_accepted(request) && request.field("Upgrade").is_none() => {
                Action::Refuse("426 Upgrade Required", HELP.to_owned())
            }
            Route::CaseCount => {
                state.has_asked_count = true;
                Action::Say(Some(self.cases.len().to_string()))
            }
            Route::CaseInfo(number) => numbered(number).map_or_else(nothing, |(_, case)| {
                let info = json!({"id": case.id(), "description": case.title()});
                Action::Say(Some(info.to_string()))
            }),
            Route::CaseStatus(number) => numbered(number).map_or_else(nothing, |(place, _)| {
                Action::Say(Some(state.slots.get(place).map_or_else(String::new, Slot::status)))
            }),
            Route::UpdateReports => {
                state.has_finished = true;
                Action::Say(None)
            }
            Route::RunCase(number) => match numbered(number) {
                Some((place, _)) => state.begin(place),
                None => nothing(),
            },
            Route::NextCase => match state.slots.iter().position(|slot| matches!(slot, Slot::Waiting)) {
                Some(place) => state.begin(place),
                None => Action::Refuse("410 Gone", "All cases have run.\n".to_owned()),
            },
        }
    }

    /// Notes what a request says of the client. Returns whether its key is new.
    fn note(&self, request: &Head, agent: Option<String>) -> bool {
        let mut state = self.state();
        state.compresses |= !offers(request).is_empty();
        if state.agent.is_none() {
            state.agent = agent.or_else(|| request.field("User-Agent").map(str::to_owned));
        }
        let key = request.field("Sec-WebSocket-Key").filter(|key| key.len() <= LONGEST_KEY);
        key.is_none_or(|key| state.keys.insert(key.to_owned()))
    }

    async fn run_case(&self, place: usize, arrival: Arrival) -> Option<CaseReport> {
        let case = self.cases.get(place)?;
        let mut echo = self.state().echo;
        let begin = Instant::now();
        let judged = judge_client(case, arrival, &mut echo).await;
        let report = CaseReport::new(case, judged, begin.elapsed());
        let mut state = self.state();
        if !matches!(state.echo, EchoState::After(_)) {
            state.echo = echo;
        }
        if let Some(slot) = state.slots.get_mut(place) {
            *slot = Slot::Done(Box::new(report.clone()));
        }
        Some(report)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Going,
    /// All cases have run; the client may still ask what became of them.
    Complete,
    Over,
}

/// Why a run ended.
///
/// ```
/// assert_ne!(longwire_check::Ending::Finished, longwire_check::Ending::Stopped);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All cases have run, or the client came no more.
    Finished,
    /// Somebody stopped it.
    Stopped,
}

impl State {
    /// Runs a case, or runs it again. The later verdict counts.
    fn begin(&mut self, place: usize) -> Action {
        match self.slots.get_mut(place) {
            Some(Slot::Running) | None => {
                Action::Refuse("409 Conflict", "This case is running on another connection.\n".to_owned())
            }
            Some(slot) => {
                let times = if matches!(slot, Slot::Done(_)) { Times::Again } else { Times::First };
                *slot = Slot::Running;
                Action::Run(place, times)
            }
        }
    }
}

impl Slot {
    /// The status in the words of Autobahn, and in ours.
    fn status(&self) -> String {
        let Slot::Done(report) = self else {
            return json!({"behavior": "INFORMATIONAL", "verdict": "not run"}).to_string();
        };
        let behavior = match report.verdict {
            Verdict::Pass => "OK",
            Verdict::Fail => "FAILED",
            Verdict::Should => "NON-STRICT",
            Verdict::NotOffered => "UNIMPLEMENTED",
            Verdict::Inconclusive => "INFORMATIONAL",
        };
        json!({"behavior": behavior, "verdict": report.verdict}).to_string()
    }
}

/// What to do about a request.
enum Action {
    /// With this status and text.
    Refuse(&'static str, String),
    /// With a connection, possibly a message, and a Close frame.
    Say(Option<String>),
    /// By running the case at this place.
    Run(usize, Times),
}

/// How often a case has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    First,
    Again,
}
