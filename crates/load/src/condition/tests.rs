use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::plan::{Pace, Workload};
use crate::rate::RatePlan;
use crate::report::Distribution;
use crate::report::{Connections, Generator, Messages, Part};
use crate::target::RequestOptions;
use crate::times::Times;

/// The setup of this workload.
fn setup_of(workload: &str) -> BTreeMap<String, String> {
    [("workload".to_owned(), workload.to_owned())].into()
}

fn report() -> Report {
    let mut report = Report { rate: 5000.0, setup: setup_of("echo"), ..Report::default() };
    report
        .times
        .insert("round_trip".into(), Distribution { p99: 12.0, p99_9: 60.0, ..Distribution::default() });
    report.times.insert("handshake".into(), Distribution { max: 1500.0, ..Distribution::default() });
    report.messages.sent = 1000;
    report.messages.expected = 1000;
    report.messages.lost = 5;
    report
}

fn find(condition: &str) -> Finding {
    condition.parse::<Condition>().unwrap().find(&report())
}

#[test]
fn a_condition_is_true_or_not() {
    for (condition, finding) in [
        ("p99 > 50ms", Finding::Fine),
        ("p99.9>50ms", Finding::True("60.0 ms".into())),
        ("p99 >= 0.012s", Finding::True("12.0 ms".into())),
        ("p99 < 12000us", Finding::Fine),
        ("handshake.max > 1s", Finding::True("1500 ms".into())),
        ("lost > 0", Finding::True("5".into())),
        ("lost > 0.5%", Finding::Fine),
        ("lost >= 0.5 %", Finding::True("0.500 %".into())),
        ("rate < 10000", Finding::True("5000".into())),
        ("rate <= 4999", Finding::Fine),
    ] {
        assert_eq!(find(condition), finding, "{condition}");
    }
}

#[test]
fn a_share_of_a_fan_out_is_one_of_its_deliveries() {
    let mut report = report();
    report.messages = Messages {
        sent: 10,
        expected: 10_000,
        received: 5000,
        lost: 4000,
        unanswered: 1000,
        ..Messages::default()
    };
    for (condition, figure) in
        [("received < 99%", "50.000 %"), ("lost > 1%", "40.000 %"), ("unanswered > 1%", "10.000 %")]
    {
        let finding = condition.parse::<Condition>().unwrap().find(&report);
        assert_eq!(finding, Finding::True(figure.into()), "{condition}");
    }
}

#[test]
fn what_was_not_measured_is_unknown() {
    assert_eq!(find("tls.p50 > 1s"), Finding::Unknown);
    assert_eq!(find("errors > 1%"), Finding::Unknown);
    assert_eq!("p50 > 1s".parse::<Condition>().unwrap().find(&Report::default()), Finding::Unknown);
}

#[test]
fn other_times_do_not_stand_for_a_latency_that_was_not_measured() {
    let p99 = |workload: &str| {
        let mut report = Report { setup: setup_of(workload), ..Report::default() };
        report.times.insert("handshake".into(), Distribution { p99: 1.0, ..Distribution::default() });
        "p99 > 50ms".parse::<Condition>().unwrap().find(&report)
    };
    for workload in ["echo", "fan-out", "storm", "unheard of"] {
        assert_eq!(p99(workload), Finding::Unknown, "{workload}");
    }
    assert_eq!(p99("idle"), Finding::Fine);
}

#[test]
fn what_is_no_condition_is_refused() {
    for text in [
        "",
        "p99",
        "p99 > 50",
        "p99 = 50ms",
        "p98 > 1s",
        "lost > many",
        "rate > -1",
        "x.p99 > 1s",
        "p99 > NaNs",
    ] {
        assert!(text.parse::<Condition>().is_err(), "{text}");
    }
}

fn error(text: &str) -> String {
    text.parse::<Condition>().unwrap_err()
}

#[test]
fn a_refusal_says_what_there_is() {
    let unknown = error("p98 > 1s");
    for name in ["p50", "p95", "p99.99", "max", "handshake", "rate", "errors", "lost", "unanswered"] {
        assert!(unknown.contains(name), "{unknown}");
    }
    assert!(unknown.contains("\"p98\"") && error("handshake.lost > 1").contains("\"handshake.lost\""));
    assert!(error("p99 > 50").contains("\"50\" is not a time"), "{}", error("p99 > 50"));
    assert!(error("lost > many").contains("'lost > 1%'"), "{}", error("lost > many"));
    assert!(error("p99").contains("> >= < <="), "{}", error("p99"));
}

#[test]
fn a_rate_may_have_a_unit() {
    assert_eq!(find("rate < 5.5k/s"), Finding::True("5000".into()));
    assert_eq!(find("rate < 4k"), Finding::Fine);
}

/// A report of a run whose generator sent one message in ten 30 ms late, as one of two slow messages in ten was.
fn late() -> Report {
    let times = |parts: &[(u64, u64)]| {
        let mut times = Times::default();
        for (millis, count) in parts {
            (0..*count).for_each(|_| times.record(Duration::from_millis(*millis)));
        }
        times
    };
    let latency = times(&[(1, 800), (40, 100), (200, 100)]);
    let mut report = report();
    report.times.insert("round_trip".into(), Distribution::of(&latency));
    report.intervals = vec![Part { histogram: latency, ..Part::default() }];
    report.generator.lateness = times(&[(0, 900), (30, 100)]);
    report.generator.bottleneck = vec!["10.0 % of its messages left more than 1 ms late".into()];
    report.generator.cpu = Some(0.5);
    report.generator.waited = Some(0.2);
    report
}

fn is_certain(condition: &str, report: &Report) -> bool {
    match condition.parse::<Condition>().unwrap().find(report) {
        Finding::True(_) => true,
        Finding::Uncertain(_) => false,
        other => panic!("{condition}: {other:?}"),
    }
}

#[test]
fn what_a_late_generator_cannot_explain_is_true_of_the_server() {
    let report = late();
    // Without the 60 ms that the generator may have added, the slowest tenth took 140 ms.
    assert!(is_certain("p99 > 50ms", &report) && is_certain("max > 139ms", &report));
    assert!(!is_certain("max > 141ms", &report) && !is_certain("p90 > 30ms", &report));
    assert!(is_certain("round_trip.p99 > 50ms", &report) && is_certain("p50 < 2ms", &report));
    assert!(is_certain("mean > 1ms", &report) && !is_certain("mean > 20ms", &report));
    assert!(is_certain("handshake.max > 1s", &report) && !is_certain("handshake.max > 1450ms", &report));
    assert!(!is_certain("rate < 10000", &report) && is_certain("rate > 10", &report));
    assert!(is_certain("lost > 0", &report));
    // In a closed loop, nobody knows how late the generator was.
    let closed = Report { generator: Generator { lateness: Times::default(), ..late().generator }, ..late() };
    assert!(!is_certain("p99 > 50ms", &closed));
}

#[test]
fn a_generator_that_was_never_idle_may_explain_what_came_too_late() {
    let mut report = late();
    report.connections = Connections { begun: 10, opened: 7, failed: 3, ..Connections::default() };
    report.errors =
        [("handshake: timed out".to_owned(), 2), ("connect: connection refused".to_owned(), 1)].into();
    report.messages.unanswered = 5;
    assert!(is_certain("errors > 2", &report) && is_certain("unanswered > 0", &report));
    assert!(report.without_excuses().has_failures());
    report.generator.cpu = Some(0.8);
    assert!(!is_certain("errors > 2", &report) && is_certain("errors > 0", &report));
    assert!(!is_certain("failed > 2", &report) && is_certain("failed > 0", &report));
    assert!(!is_certain("unanswered > 0", &report));
    assert!(report.without_excuses().has_failures());
    report.errors.remove("connect: connection refused");
    report.messages.lost = 0;
    assert!(report.has_failures() && !report.without_excuses().has_failures());
}

#[test]
fn a_generator_that_never_sleeps_may_explain_what_came_too_late_if_it_was_mostly_late() {
    let mut report = late();
    report.generator = Generator { spins: true, cpu: Some(1.0), late: Some(0.1), ..report.generator };
    report.messages.unanswered = 5;
    assert!(is_certain("unanswered > 0", &report));
    report.generator.late = Some(0.6);
    assert!(!is_certain("unanswered > 0", &report));
}

#[test]
fn the_latency_of_an_idle_crowd_is_that_of_its_handshakes() {
    let mut report = Report { setup: setup_of("idle"), ..late() };
    report.times.remove("round_trip");
    report.intervals = vec![Part::default()];
    let handshake = Distribution { p99: 200.0, max: 300.0, ..Distribution::default() };
    report.times.insert("handshake".into(), handshake);
    assert!(is_certain("p99 > 50ms", &report) && !is_certain("p99 > 150ms", &report));
    assert!(is_certain("handshake.max > 239ms", &report) && !is_certain("max > 241ms", &report));
}

/// What conditions find in a report of a late generator that are not true of it.
#[test]
fn what_holds_in_spite_of_a_late_generator_is_fine_and_the_rest_has_no_verdict() {
    let mut report = late();
    report.messages.received = 995;
    let find = |condition: &str| condition.parse::<Condition>().unwrap().find(&report);
    for condition in [
        "p99 > 1s",
        "mean > 1s",
        "rate < 1000",
        "errors > 0",
        "lost > 1%",
        "received < 99%",
        "lost < 2",
        "received > 99.9%",
    ] {
        assert_eq!(find(condition), Finding::Fine, "{condition}");
    }
    for condition in ["p99 < 1ms", "rate > 10000"] {
        assert!(matches!(find(condition), Finding::Uncertain(_)), "{condition}");
    }
}

#[test]
fn a_figure_that_the_run_never_measures_is_refused() {
    let pace = || Pace::Open(RatePlan::constant(1.0, Duration::from_secs(1)));
    let target = Target::resolve("ws://127.0.0.1:1/", &RequestOptions::default()).unwrap();
    let check = |workload: Workload, condition: &str| {
        condition.parse::<Condition>().unwrap().check(&Plan::new(workload, 1), &target)
    };
    let storm = || Workload::Storm { pace: pace() };
    for condition in
        ["p99 > 1s", "opening.p99 > 1s", "handshake.p99 > 1s", "connect.max > 1s", "rate < 5", "errors > 1%"]
    {
        assert_eq!(check(storm(), condition), Ok(()), "{condition}");
    }
    let error = check(storm(), "fan_out.p99 > 1s").unwrap_err();
    assert_eq!(
        error,
        "fan_out.p99 > 1s: a storm at this endpoint has no fan_out; it has connect, handshake, opening"
    );
    for condition in ["tls.p99 > 1s", "lookup.p50 > 1s", "round_trip.p50 > 1s", "lost > 0", "received < 99%"]
    {
        assert!(check(storm(), condition).is_err(), "{condition}");
    }
    assert!(check(Workload::Idle, "rate < 5").is_err() && check(Workload::Idle, "p99 > 1s").is_ok());
}
