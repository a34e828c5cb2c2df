//! The cases, against servers and clients that keep all rules, and against some that do something wrong on purpose.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod clients;
#[path = "../../src/deflate.rs"]
mod deflate;
mod engine;
mod fault;
mod mortal;
mod opening;
mod secure;
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use longwire_check::{CaseReport, Endpoint, Pace, Report, Target, Verdict, measure, run, server_cases};

use fault::Fault;
use server::Server;

/// The clock of the tests is paused, so a long patience costs nothing.
const PATIENCE: Duration = Duration::from_secs(60);

fn target() -> Target {
    Target::new("ws://localhost/echo").unwrap().subprotocol(opening::SUBPROTOCOL)
}

/// What the right server offers.
async fn right_endpoint() -> Endpoint {
    let endpoint = measure(&Server { fault: None }, &target(), PATIENCE).await.unwrap();
    assert!(endpoint.is_echo() && endpoint.compresses());
    endpoint
}

async fn check(fault: Option<Fault>) -> Report {
    let endpoint = right_endpoint().await;
    let pace = Pace::default().jobs(64).patience(PATIENCE);
    run(server_cases(), Arc::new(Server { fault }), &target(), &endpoint, pace, |_| {}).await
}

fn ids(report: &Report, verdicts: &[Verdict]) -> BTreeSet<String> {
    let chosen = report.cases().iter().filter(|case| verdicts.contains(&case.verdict()));
    chosen.map(|case| case.id().to_owned()).collect()
}

/// Cases that a server without TLS cannot fail.
fn needs_tls(case: &&CaseReport) -> bool {
    case.verdict() == Verdict::NotOffered && case.got() == "the connection is not encrypted"
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_all_rules_passes_every_case() {
    let report = check(None).await;
    let others: Vec<&CaseReport> =
        report.cases().iter().filter(|case| case.verdict() != Verdict::Pass && !needs_tls(case)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(report.cases().len() > 600, "{}", report.cases().len());
}

#[tokio::test(start_paused = true)]
async fn every_case_fails_against_a_server_that_does_it_wrong() {
    let mut never_failed: BTreeSet<String> = check(None)
        .await
        .cases()
        .iter()
        .filter(|case| !needs_tls(case))
        .map(|case| case.id().to_owned())
        .collect();
    for fault in Fault::BROAD {
        let failed = ids(&check(Some(fault)).await, &[Verdict::Fail, Verdict::Should]);
        never_failed.retain(|id| !failed.contains(id));
    }
    assert!(never_failed.is_empty(), "{never_failed:#?}");
}

/// Faults, each with a case that finds it and the verdict on that case.
const FOUND_BY: &[(Fault, &str, Verdict)] = &[
    (Fault::AcceptOfAnotherKey, "6455/4.2.2/key-random", Verdict::Pass),
    (Fault::AcceptOfAnotherKey, "6455/4.2.2/key-zeros", Verdict::Fail),
    (Fault::FindsTokensAnywhere, "6455/4.2.1/connection-within-token", Verdict::Fail),
    (Fault::FindsTokensAnywhere, "6455/4.2.1/connection-list", Verdict::Pass),
    (Fault::ComparesHeadersByCase, "6455/4.2.1/upgrade-upper-case", Verdict::Fail),
    (Fault::TakesAnyKey, "6455/4.2.1/key-15-bytes", Verdict::Should),
    (Fault::TakesAnyVersion, "6455/4.4/version-14", Verdict::Fail),
    (Fault::OriginByPrefix, "6455/10.2/origin-suffix", Verdict::Should),
    (Fault::OriginByPrefix, "6455/10.2/origin-prefix", Verdict::Pass),
    (Fault::TakesWronglyMasked, "6455/5.1/unmasked-text", Verdict::Fail),
    (Fault::TakesReservedBits, "6455/5.2/text-rsv2", Verdict::Fail),
    (Fault::TakesReservedOpcodes, "6455/5.2/opcode-11", Verdict::Fail),
    (Fault::TakesLongControlFrames, "6455/5.5/ping-126", Verdict::Fail),
    (Fault::TakesLongControlFrames, "6455/5.5/ping-not-final", Verdict::Fail),
    (Fault::TakesLongerLengths, "6455/5.2/longer-5-in-16", Verdict::Should),
    (Fault::TakesAnyOrder, "6455/5.4/text-within-text", Verdict::Fail),
    (Fault::TakesAnyText, "6455/8.1/invalid-latin-1", Verdict::Fail),
    (Fault::JudgesTextAtTheEnd, "6455/8.1/at-once-byte-ff", Verdict::Should),
    (Fault::JudgesTextAtTheEnd, "6455/8.1/invalid-byte-ff", Verdict::Pass),
    (Fault::TakesAnyCloseCode, "6455/7.4.2/close-1005", Verdict::Fail),
    (Fault::TakesAnyReason, "6455/5.5.1/close-one-byte", Verdict::Fail),
    (Fault::TakesAnyReason, "6455/5.5.1/close-reason-not-utf8-ff", Verdict::Fail),
    (Fault::TakesAnyCloseCode, "6455/7.4.2/close-5000", Verdict::Should),
    (Fault::FailsWith1000, "6455/5.2/opcode-3", Verdict::Fail),
    (Fault::FailsWith1000, "6455/5.1/unmasked-text", Verdict::Pass),
    (Fault::FailsAbruptly, "6455/5.1/unmasked-text", Verdict::Pass),
    (Fault::AnswersCloseWith1001, "6455/5.5.1/close-reason-1", Verdict::Should),
    (Fault::AnswersCloseWith1001, "6455/5.4/close-between", Verdict::Should),
    (Fault::AnswersCloseWith1001, "6455/7.4.1/close-3000", Verdict::Pass),
    (Fault::TakesUpTo32Kib, "6455/5.2/text-128", Verdict::Pass),
    (Fault::TakesUpTo32Kib, "6455/5.2/text-65535", Verdict::NotOffered),
    (Fault::TakesUpTo32Kib, "6455/5.2/text-1024k", Verdict::NotOffered),
    (Fault::TakesUpTo32Kib, "6455/5.2/binary-4-fragments-of-64k", Verdict::NotOffered),
    (Fault::TakesUpTo32Kib, "6455/10.4/late-reader", Verdict::NotOffered),
    (Fault::TakesUpTo32Kib, "6455/10.4/16-messages-of-4096", Verdict::Pass),
    (Fault::TakesUpTo32Kib, "7692/6/prose-131072", Verdict::NotOffered),
    (Fault::PongsUnasked, "6455/5.2/text-125", Verdict::Pass),
    (Fault::PongsUnasked, "6455/5.5.3/ping-1", Verdict::Pass),
    (Fault::PongsUnasked, "6455/5.2/opcode-3", Verdict::Pass),
    (Fault::ChoosesNoSubprotocol, "6455/4.2.2/subprotocol-known", Verdict::Should),
    (Fault::ChoosesUnoffered, "6455/4.2.2/subprotocol-known", Verdict::Fail),
    (Fault::EndlessFragments, "6455/5.2/text-1", Verdict::Fail),
    (Fault::FailsWith1011, "6455/5.2/opcode-3", Verdict::Should),
    (Fault::FailsAbruptly, "6455/5.2/opcode-3", Verdict::Should),
    (Fault::NeverEnds, "6455/7.1.1/server-ends", Verdict::Should),
    (Fault::GoesOnAfterClose, "6455/5.5.1/close-then-text", Verdict::Fail),
    (Fault::EmptyPongs, "6455/5.5.3/ping-1", Verdict::Fail),
    (Fault::EmptyPongs, "6455/5.5.3/ping-0", Verdict::Pass),
    (Fault::PongsAfterTheMessage, "6455/5.4/ping-between-is-answered-first", Verdict::Fail),
    (Fault::PongsAfterTheMessage, "6455/5.4/ping-between", Verdict::Pass),
    (Fault::MasksWrongly, "6455/5.2/text-125", Verdict::Fail),
    (Fault::SendsLongerLengths, "6455/5.2/text-125", Verdict::Fail),
    (Fault::SwapsTypes, "6455/5.2/binary-1", Verdict::Fail),
    (Fault::CutsLongMessages, "6455/5.2/text-65536", Verdict::Fail),
    (Fault::CutsLongMessages, "6455/5.2/text-65535", Verdict::Pass),
    (Fault::LosesEarlyBytes, "6455/4.1/message-behind-request", Verdict::Should),
    (Fault::KeepsContext, "7692/7.1.1/context-server-alone", Verdict::Fail),
    (Fault::KeepsContext, "7692/7.1.1/context-takeover", Verdict::Pass),
    (Fault::TakesRsv1Anywhere, "7692/6/rsv1-on-ping", Verdict::Fail),
];

/// A case finds its own fault and no other: each verdict is that of one case against a server with one fault.
#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_case_about_it() {
    let endpoint = right_endpoint().await;
    let mut wrong = Vec::new();
    for (fault, id, expected) in FOUND_BY {
        let cases = server_cases().into_iter().filter(|case| case.id() == *id).collect();
        let pace = Pace::default().patience(PATIENCE);
        let server = Arc::new(Server { fault: Some(*fault) });
        let report = run(cases, server, &target(), &endpoint, pace, |_| {}).await;
        let verdicts: Vec<Verdict> = report.cases().iter().map(CaseReport::verdict).collect();
        if verdicts != [*expected] {
            wrong.push(format!("{fault:?}: {id}: {verdicts:?} instead of {expected:?}: {}", report.totals()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ids_are_unique() {
    let cases = server_cases();
    let ids: BTreeSet<&str> = cases.iter().map(longwire_check::Case::id).collect();
    assert_eq!(ids.len(), cases.len());
}
