//! The cases of a run: those that wait, those that run, and those that have ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::case::Case;
use crate::judge::judge;
use crate::judged::Reach;
use crate::report::CaseReport;
use crate::setting::Setting;
use crate::verdict::Verdict;

/// A case that waits.
struct Waiting {
    place: usize,
    case: Case,
    /// Whether it ran before, and the endpoint did not accept its connection.
    is_retry: bool,
}

/// A case that has ended.
struct Ran {
    waiting: Waiting,
    report: CaseReport,
    reach: Reach,
    ended: Instant,
}

/// The cases of a run.
pub(crate) struct Batch {
    jobs: usize,
    waiting: VecDeque<Waiting>,
    running: JoinSet<Ran>,
    /// Whether the case that is running runs alone.
    is_alone: bool,
    ran: Vec<Ran>,
    /// Cases whose connection the endpoint did not accept. Until it is known why, no other case begins.
    refused: Vec<Ran>,
}

/// What a case ended with.
pub(crate) enum Progress<'b> {
    /// A result.
    Done(&'b CaseReport),
    /// The endpoint did not accept its connection.
    Refused,
    /// Nothing: no case is running.
    Idle,
}

impl Batch {
    pub(crate) fn new(cases: Vec<Case>, jobs: usize) -> Batch {
        let waiting = |(place, case)| Waiting { place, case, is_retry: false };
        Batch {
            jobs,
            waiting: cases.into_iter().enumerate().map(waiting).collect(),
            running: JoinSet::new(),
            is_alone: false,
            ran: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Begins cases until as many run as may, and waits for one to end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the cases go on running.
    pub(crate) async fn next(&mut self, setting: &Arc<Setting>) -> Progress<'_> {
        while let Some(waiting) = self.next_to_begin() {
            let setting = Arc::clone(setting);
            self.running.spawn(async move { run_one(waiting, &setting).await });
        }
        match self.running.join_next().await {
            None => Progress::Idle,
            Some(Ok(ran)) if matches!(ran.reach, Reach::Connected(_) | Reach::Unknown) => {
                self.ran.push(ran);
                self.ran.last().map_or(Progress::Idle, |ran| Progress::Done(&ran.report))
            }
            Some(Ok(ran)) => {
                self.refused.push(ran);
                Progress::Refused
            }
            // A case neither panics nor is it cancelled. If one did, it would be missing from the report.
            Some(Err(_)) => Progress::Refused,
        }
    }

    /// The next case, if it may begin.
    fn next_to_begin(&mut self) -> Option<Waiting> {
        let is_free = match self.waiting.front()?.case.runs_alone() {
            true => self.running.is_empty(),
            false => self.running.len() < self.jobs && !self.is_alone,
        };
        let next = if is_free && self.refused.is_empty() { self.waiting.pop_front() } else { None };
        if let Some(waiting) = &next {
            self.is_alone = waiting.case.runs_alone();
        }
        next
    }

    /// Whether every case has ended with a result.
    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty() && self.refused.is_empty()
    }

    /// The endpoint serves again, or still: the cases that it refused run again, once. If it accepted no connection for a
    /// while, the case before that is the reason. Returns the cases that are not tried again.
    pub(crate) fn resume(&mut self) -> Vec<&CaseReport> {
        if self.refused.iter().any(|ran| ran.reach == Reach::Refused) {
            self.blame("it accepted none for a while");
        }
        let first_given_up = self.ran.len();
        for mut ran in std::mem::take(&mut self.refused).into_iter().rev() {
            if ran.waiting.is_retry {
                self.ran.push(ran);
            } else {
                ran.waiting.is_retry = true;
                self.waiting.push_front(ran.waiting);
            }
        }
        self.ran.iter().skip(first_given_up).map(|ran| &ran.report).collect()
    }

    /// The endpoint is gone. Returns the ids of the cases after which it accepted no connection.
    pub(crate) fn give_up(&mut self) -> Vec<String> {
        self.refused.clear();
        self.blame("it accepts none")
    }

    /// The results, in the order of the cases.
    pub(crate) fn into_reports(mut self) -> Vec<CaseReport> {
        self.ran.sort_by_key(|ran| ran.waiting.place);
        self.ran.into_iter().map(|ran| ran.report).collect()
    }

    /// Overrules the verdicts on the cases that ran when the endpoint last accepted a connection: a failure if it is one
    /// case, otherwise it cannot be told which of them it was.
    fn blame(&mut self, got: &str) -> Vec<String> {
        const EXPECTED: &str = "the endpoint accepts connections after the case";
        let last = self.ran.iter().filter_map(Ran::connected).max();
        let is_suspect = |ran: &&mut Ran| ran.connected().is_some() && Some(ran.ended) >= last;
        let mut suspects: Vec<&mut Ran> = self.ran.iter_mut().filter(is_suspect).collect();
        match suspects.as_mut_slice() {
            [one] if one.report.verdict() == Verdict::Fail => {}
            [one] => one.report.overrule(Verdict::Fail, EXPECTED, got.to_owned()),
            several => {
                let got = format!("{got}, after this case or another one that ran at the same time");
                several
                    .iter_mut()
                    .for_each(|ran| ran.report.overrule(Verdict::Inconclusive, EXPECTED, got.clone()));
            }
        }
        suspects.iter().map(|ran| ran.report.id().to_owned()).collect()
    }
}

impl Ran {
    fn connected(&self) -> Option<Instant> {
        match self.reach {
            Reach::Connected(since) => Some(since),
            Reach::Refused | Reach::Unanswered | Reach::Unknown => None,
        }
    }
}

async fn run_one(waiting: Waiting, setting: &Arc<Setting>) -> Ran {
    let begin = Instant::now();
    let judged = judge(&waiting.case, setting).await;
    let (reach, ended) = (judged.reach, Instant::now());
    let report = CaseReport::new(&waiting.case, judged, ended - begin);
    Ran { waiting, report, reach, ended }
}
