//! The cases for clients.

use std::collections::BTreeSet;
use std::sync::Arc;

use longwire_check::{
    Case, CaseReport, ClientRun, Ending, Family, Outcome, Payloads, Report, Style, Target, Verdict,
    client_cases,
};

use longwire_wire::bits::TEXT;
use longwire_wire::{Head, Peer, RawFrame};

use crate::client::connect;
use crate::fault::Fault;
use crate::{PATIENCE, ids};

/// A case that finds out that the client sends messages back.
const ECHO_CASE: &str = "6455/5.2/text-1";

/// Cases for clients that offer less than this one.
const OTHER_OFFERS: [&str; 2] = ["7692/7.1/answer-client-window-unasked", "7692/5/answer-unasked"];

fn run_of(cases: Vec<Case>) -> Arc<ClientRun> {
    let target = Target::new("ws://localhost/").unwrap();
    Arc::new(ClientRun::new(target, cases, PATIENCE))
}

fn chosen(is_chosen: impl Fn(&Case) -> bool) -> Vec<Case> {
    client_cases().into_iter().filter(is_chosen).collect()
}

/// All cases but those of TLS, which a client without it cannot fail.
fn without_tls() -> Vec<Case> {
    chosen(|case| case.family() != Family::Tls)
}

/// Runs the cases against a client.
async fn check(cases: Vec<Case>, fault: Option<Fault>) -> Report {
    let run = run_of(cases);
    for number in 1..=run.total() {
        connect(&run, &format!("/runCase?case={number}&agent=faulty"), fault).await;
    }
    run.report(Ending::Finished)
}

/// The same, after a case in which the client was right.
async fn check_echo(cases: Vec<Case>, fault: Fault) -> Report {
    let first = chosen(|case| case.id() == ECHO_CASE);
    let cases: Vec<Case> = first.into_iter().chain(cases).collect();
    let run = run_of(cases);
    connect(&run, "/runCase?case=1", None).await;
    for number in 1..=run.total() {
        connect(&run, &format!("/runCase?case={number}"), Some(fault)).await;
    }
    run.report(Ending::Finished)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_all_rules_passes_every_case() {
    let report = check(without_tls(), None).await;
    let others: Vec<&CaseReport> = report
        .cases()
        .iter()
        .filter(|case| case.verdict() != Verdict::Pass && !OTHER_OFFERS.contains(&case.id()))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(report.outcome(), Outcome::Passed);
    assert!(report.cases().len() > 550, "{}", report.cases().len());
}

#[tokio::test(start_paused = true)]
async fn every_case_fails_against_a_client_that_does_it_wrong() {
    let mut never_failed: BTreeSet<String> = without_tls().iter().map(|case| case.id().to_owned()).collect();
    for fault in Fault::BROAD_OF_CLIENTS {
        let failed = ids(&check_echo(without_tls(), fault).await, &[Verdict::Fail, Verdict::Should]);
        never_failed.retain(|id| !failed.contains(id));
    }
    assert!(never_failed.is_empty(), "{never_failed:#?}");
}

/// Faults and habits, each with a case and the verdict on it.
const FOUND_BY: &[(Fault, &str, Verdict)] = &[
    (Fault::TakesAnyAccept, "6455/4.1/accept-of-another-key", Verdict::Fail),
    (Fault::TakesAnyAccept, "6455/4.1/response-upgrade-other", Verdict::Pass),
    (Fault::TakesAnySubprotocol, "6455/4.1/chosen-unknown", Verdict::Fail),
    (Fault::TakesAnySubprotocol, "6455/4.1/chosen-first", Verdict::Pass),
    (Fault::TakesAnyExtension, "7692/5/answer-unknown", Verdict::Fail),
    (Fault::TakesAnyExtension, "7692/6/prose-1000", Verdict::NotOffered),
    (Fault::TakesAnyResponse, "6455/4.1/response-status-200", Verdict::Fail),
    (Fault::TakesAnyResponse, "6455/4.1/response-http-1.0", Verdict::Should),
    (Fault::TakesNoResponse, "6455/4.1/response-valid", Verdict::Fail),
    (Fault::SendsEarly, "6455/4.1/request-waits", Verdict::Fail),
    (Fault::WrongRequest, "6455/4.1/request-version", Verdict::Fail),
    (Fault::SameKey, "6455/5.3/keys-of-pongs", Verdict::Fail),
    (Fault::CountsKeys, "6455/5.3/keys-of-messages", Verdict::Fail),
    (Fault::MasksWrongly, "6455/5.5.3/ping-1", Verdict::Fail),
    (Fault::TakesWronglyMasked, "6455/5.1/masked-text", Verdict::Fail),
    (Fault::TakesWronglyMasked, "6455/5.5.1/close-then-masked", Verdict::Pass),
    (Fault::TakesReservedBits, "6455/5.2/text-rsv2", Verdict::Fail),
    (Fault::TakesLongControlFrames, "6455/5.5/ping-126", Verdict::Fail),
    (Fault::TakesLongerLengths, "6455/5.2/longer-5-in-16", Verdict::Should),
    (Fault::TakesAnyOrder, "6455/5.4/text-within-text", Verdict::Fail),
    (Fault::TakesAnyText, "6455/8.1/invalid-latin-1", Verdict::Fail),
    (Fault::TakesAnyCloseCode, "6455/7.4.2/close-1005", Verdict::Fail),
    (Fault::FailsWith1000, "6455/5.2/opcode-3", Verdict::Fail),
    (Fault::FailsAbruptly, "6455/5.2/opcode-3", Verdict::Should),
    (Fault::NeverEnds, "6455/7.1.1/close-then-end", Verdict::Should),
    (Fault::GoesOnAfterClose, "6455/5.5.1/close-then-text", Verdict::Fail),
    (Fault::EmptyPongs, "6455/5.5.3/ping-1", Verdict::Fail),
    (Fault::SendsLongerLengths, "6455/5.2/text-125", Verdict::Fail),
    (Fault::KeepsContext, "7692/7.1.1/context-client-alone", Verdict::Fail),
    (Fault::KeepsContext, "7692/7.1.1/context-server-alone", Verdict::Pass),
    (Fault::TakesRsv1Anywhere, "7692/6/rsv1-on-ping", Verdict::Fail),
    (Fault::TakesUpTo32Kib, "6455/5.2/text-65535", Verdict::NotOffered),
    (Fault::PongsUnasked, "6455/5.2/text-125", Verdict::Pass),
    (Fault::EndsFirst, "6455/7.1.1/client-waits", Verdict::Should),
    (Fault::EndsFirst, "6455/7.4.1/close-3000", Verdict::Pass),
    (Fault::OffersNoWindow, "7692/7.1/answer-client-window-unasked", Verdict::Pass),
    (Fault::OffersNoWindow, "7692/7.1.2/window-10", Verdict::NotOffered),
    (Fault::OffersNoCompression, "7692/5/answer-unasked", Verdict::Pass),
    (Fault::OffersNoCompression, "7692/7.1/answer-plain", Verdict::NotOffered),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_case_about_it() {
    let mut wrong = Vec::new();
    for (fault, id, expected) in FOUND_BY {
        let report = check_echo(chosen(|case| case.id() == *id), *fault).await;
        let found = report.cases().last().unwrap();
        if (found.id(), found.verdict()) != (*id, *expected) {
            wrong.push(format!(
                "{fault:?}: {id}: {} instead of {expected:?}: {}",
                found.verdict(),
                found.got()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A client need not send messages back, and what needs that is not held against it.
#[tokio::test(start_paused = true)]
async fn a_client_without_echo_fails_nothing() {
    let report = check(without_tls(), Some(Fault::NoEcho)).await;
    let failed = ids(&report, &[Verdict::Fail, Verdict::Should, Verdict::Inconclusive]);
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(
        report.count(Verdict::NotOffered) > 150 && report.count(Verdict::Pass) > 300,
        "{}",
        report.totals()
    );
}

/// A client that only connects, again and again, runs each case once.
#[tokio::test(start_paused = true)]
async fn each_connection_to_the_root_runs_the_next_case() {
    let run = run_of(chosen(|case| case.id().starts_with("6455/5.5.3/ping-")));
    for number in 1..=run.total() {
        assert!(!run.is_complete());
        connect(&run, "/?agent=simple", None).await;
        assert_eq!(run.done(), number);
    }
    let report = run.report(Ending::Finished);
    assert_eq!((report.count(Verdict::Pass), report.outcome()), (run.total(), Outcome::Passed));
    assert_eq!(run.agent().as_deref(), Some("simple"));
}

/// What did not run is neither a pass nor a failure.
#[tokio::test(start_paused = true)]
async fn a_run_that_ends_early_is_inconclusive() {
    let run = run_of(chosen(|case| case.family() == Family::Control));
    let nothing = run.report(Ending::Finished);
    assert_eq!((nothing.outcome(), nothing.cases().len()), (Outcome::Inconclusive, 0));
    connect(&run, "/", None).await;
    let report = run.report(Ending::Finished);
    assert_eq!((report.outcome(), report.count(Verdict::Pass)), (Outcome::Inconclusive, 1));
    let text = report.to_text(&Style {
        is_coloured: false,
        payloads: Payloads::Shortened,
        command: "again".to_owned(),
    });
    assert!(text.contains(&format!("{} cases did not run", run.total() - 1)), "{text}");
}

/// The first message of a connection with this path, or the status of its refusal.
async fn asked(run: &Arc<ClientRun>, path: &str) -> Result<Option<String>, u16> {
    let (ours, theirs) = tokio::io::duplex(4096);
    let serving = tokio::spawn({
        let run = Arc::clone(run);
        async move { run.connection(Box::new(theirs)).await }
    });
    let mut peer = Peer::client(ours);
    peer.send_head(&Head::upgrade(path, "localhost")).await.unwrap();
    let status = peer.head().await.unwrap().status().unwrap();
    if status != 101 {
        return Err(status);
    }
    let frame = peer.frame().await.unwrap();
    let text = (frame.opcode == TEXT).then(|| String::from_utf8(frame.payload).unwrap());
    if text.is_some() {
        peer.expect_close(1000).await.unwrap();
    }
    peer.send(RawFrame::close(1000)).await.unwrap();
    peer.expect_end().await.unwrap();
    serving.await.unwrap();
    Ok(text)
}

/// What the clients ask that were written for Autobahn's fuzzing server.
#[tokio::test(start_paused = true)]
async fn the_endpoints_are_those_of_autobahn() {
    let run = run_of(chosen(|case| case.id().starts_with("6455/5.5.3/ping-")));
    let count = run.total().to_string();
    assert_eq!(asked(&run, "/getCaseCount").await, Ok(Some(count)));
    let info = asked(&run, "/getCaseInfo?case=1").await.unwrap().unwrap();
    assert!(info.contains("\"6455/5.5.3/ping-0\""), "{info}");
    connect(&run, "/runCase?case=1&agent=a", None).await;
    connect(&run, "/runCase?case=2&agent=a", Some(Fault::EmptyPongs)).await;
    for (path, status) in [("1", "\"OK\""), ("2", "\"FAILED\""), ("3", "\"not run\"")] {
        let said = asked(&run, &format!("/getCaseStatus?case={path}&agent=a")).await.unwrap().unwrap();
        assert!(said.contains(status), "{said}");
    }
    assert_eq!(asked(&run, "/updateReports?agent=a").await, Ok(None));
    assert_eq!(asked(&run, "/runCase?case=99&agent=a").await, Err(404));
    assert_eq!(asked(&run, "/runCase?case=1&agent=b").await, Err(409));
    assert_eq!(asked(&run, "/elsewhere").await, Err(404));
}
