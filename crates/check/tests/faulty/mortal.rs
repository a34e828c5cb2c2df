//! A server that ends when a ping is too long, and what is said of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longwire_check::{Dial, Dialing, Outcome, Pace, Payloads, Report, Style, Verdict, run, server_cases};
use longwire_wire::{Peer, RawFrame};
use tokio::io::DuplexStream;
use tokio::sync::watch;

use crate::{PATIENCE, right_endpoint, target};

/// The longest payload of a ping.
const LONGEST: usize = 125;

/// An echo that ends, with all its connections, when a ping is too long. It starts again after it has refused this many
/// connections.
#[derive(Debug, Clone)]
struct Mortal {
    is_dead: Arc<watch::Sender<bool>>,
    starts_after: usize,
    refused: Arc<AtomicUsize>,
}

impl Mortal {
    fn starting_after(starts_after: usize) -> Mortal {
        Mortal { is_dead: Arc::new(watch::Sender::new(false)), starts_after, refused: Arc::default() }
    }
}

impl Dial for Mortal {
    fn dial(&self) -> Dialing<'_> {
        if *self.is_dead.borrow() {
            if self.refused.fetch_add(1, Ordering::Relaxed) < self.starts_after {
                return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
            }
            self.refused.store(0, Ordering::Relaxed);
            self.is_dead.send_replace(false);
        }
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let is_dead = Arc::clone(&self.is_dead);
        tokio::spawn(async move {
            let mut death = is_dead.subscribe();
            tokio::select! {
                () = serve(Peer::server(theirs).deadline(PATIENCE), &is_dead) => {}
                _ = death.wait_for(|is_dead| *is_dead) => {}
            }
        });
        Box::pin(async { Ok(Box::new(ours) as _) })
    }
}

/// Answers pings, and a Close frame, until the connection ends.
async fn serve(mut peer: Peer<DuplexStream>, is_dead: &watch::Sender<bool>) {
    if peer.accept().await.is_err() {
        return;
    }
    while let Ok(frame) = peer.frame().await {
        let answer = match frame.opcode {
            9 if frame.payload.len() > LONGEST => {
                is_dead.send_replace(true);
                return;
            }
            9 => RawFrame::pong(frame.payload),
            8 => RawFrame::close(1000),
            _ => continue,
        };
        if peer.send(answer).await.is_err() {
            return;
        }
    }
}

async fn check(server: Mortal, jobs: usize) -> Report {
    let is_ping = |id: &str| id.starts_with("6455/5.5/ping-1") || id.starts_with("6455/5.5.3/ping-");
    let cases = server_cases().into_iter().filter(|case| is_ping(case.id())).collect();
    let pace = Pace::default().jobs(jobs).patience(PATIENCE);
    run(cases, Arc::new(server), &target(), &right_endpoint().await, pace, |_| {}).await
}

fn verdict(report: &Report, id: &str) -> Option<Verdict> {
    report.cases().iter().find(|case| case.id() == id).map(longwire_check::CaseReport::verdict)
}

fn text(report: &Report) -> String {
    let command = "longwire check".to_owned();
    report.to_text(&Style { is_coloured: false, payloads: Payloads::Shortened, command })
}

/// Regression: the end of the connection counted as a pass, and hundreds of cases behind it were inconclusive.
#[tokio::test(start_paused = true)]
async fn the_case_that_ends_the_endpoint_fails_and_the_run_ends() {
    let report = check(Mortal::starting_after(usize::MAX), 1).await;
    assert_eq!(verdict(&report, "6455/5.5/ping-126"), Some(Verdict::Fail), "{report:#?}");
    assert_eq!(report.count(Verdict::Inconclusive), 0, "{report:#?}");
    assert_eq!(report.outcome(), Outcome::Failed);
    let text = text(&report);
    assert!(
        text.contains("after 6455/5.5/ping-126, the endpoint accepts no connection any more; "),
        "{text}"
    );
    assert!(
        text.matches("1 case did not run").count() == 1
            && text.matches("did not run").count() == 1
            && text.contains("--jobs 1 --only 6455/5.5/ping-126"),
        "{text}"
    );
    assert!(report.to_junit().contains("after 6455/5.5/ping-126"));
}

#[tokio::test(start_paused = true)]
async fn several_cases_that_ran_at_the_same_time_are_suspects() {
    let report = check(Mortal::starting_after(usize::MAX), 8).await;
    assert_eq!(verdict(&report, "6455/5.5/ping-126"), Some(Verdict::Inconclusive), "{report:#?}");
    assert_eq!(report.outcome(), Outcome::Failed);
    let text = text(&report);
    assert!(text.contains("one of these ended it: ") && text.contains("--jobs 1 --only"), "{text}");
}

/// A server that is started again when it ends: the cases behind get their connections.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_back_is_tested_to_the_end() {
    let report = check(Mortal::starting_after(3), 1).await;
    assert_eq!(verdict(&report, "6455/5.5/ping-126"), Some(Verdict::Fail), "{report:#?}");
    assert_eq!(verdict(&report, "6455/5.5.3/ping-1"), Some(Verdict::Pass), "{report:#?}");
    assert_eq!(report.count(Verdict::Inconclusive), 0, "{report:#?}");
    assert!(report.cases().iter().any(|case| case.got() == "it accepted none for a while"), "{report:#?}");
}
