use std::time::Duration;

use super::*;
use crate::times::Times;

fn times(millis: impl IntoIterator<Item = u64>) -> Times {
    let mut times = Times::default();
    millis.into_iter().for_each(|millis| times.record(Duration::from_millis(millis)));
    times
}

fn fixed() -> Report {
    let part = |number: u32| Part {
        seconds: 0.5,
        sent: 1000,
        done: 990,
        p50: 0.2,
        p90: 0.5,
        p99: 1.0 + f64::from(number),
        max: 8.0,
        histogram: times([1, 8]),
    };
    Report {
        version: "1.2.3".into(),
        url: "ws://127.0.0.1:1/<echo>".into(),
        load: "echo over 2 connections, open loop at up to 2000 a second".into(),
        seconds: 1.0,
        connections: Connections {
            begun: 3,
            opened: 2,
            failed: 1,
            ended_early: 1,
            reopened: 1,
            open_at_end: 1,
        },
        messages: Messages {
            sent: 200_000,
            received: 199_990,
            lost: 4,
            unanswered: 6,
            ..Messages::default()
        },
        rate: 199_990.4,
        times: [
            ("handshake".to_owned(), Distribution::of(&times([1, 2]))),
            ("round_trip".to_owned(), Distribution::of(&times(1..=100))),
            ("lookup".to_owned(), Distribution::of(&times([3]))),
        ]
        .into(),
        closes: [("1001".to_owned(), 1)].into(),
        errors: [("connect: connection refused".to_owned(), 1)].into(),
        generator: Generator {
            engine: "io_uring".into(),
            threads: 1,
            cpu: Some(0.344),
            waited: Some(0.0),
            late: Some(0.001),
            lateness: times([0, 1]),
            spins: false,
            bottleneck: Vec::new(),
        },
        intervals: (0..2).map(part).collect(),
        ..Report::default()
    }
}

#[test]
fn the_summary_is_for_people() {
    let expected = "\
connected   2 of 3 · 1 ended early · 1 reopened
lookup      3.00 ms
handshake   p50 1.00  max 2.00 ms
round trip  p50 50.0  p90 90.0  p99 99.0  max 100 ms   (from the intended time)
messages    sent 200,000 · received 199,990 · lost 4 · unanswered 6
rate        199,990 a second over 1.0 s
closed      1 with 1001
error       1 × connect: connection refused
generator   io_uring, 34 % of a core, 0.1 % of its messages late
";
    assert_eq!(rounded(&summary(&fixed())), rounded(expected));
}

/// The histogram's error of 0.1 % may show in the last digit.
fn rounded(text: &str) -> String {
    text.replace("50.0", "50")
        .replace("90.0", "90")
        .replace("90.1", "90")
        .replace("99.1", "99")
        .replace("99.0", "99")
}

#[test]
fn a_bottleneck_refuses_the_verdict_but_for_what_it_cannot_explain() {
    let mut report = fixed();
    report.generator.bottleneck = vec!["it was busy 99 % of the time".into()];
    let failed = summary(&report);
    assert!(
        failed.ends_with(
            "The generator was the bottleneck, but it cannot have caused all failures. It was busy 99 % of the time.\n"
        ),
        "{failed}"
    );
    (report.errors, report.messages) = Default::default();
    report.generator.bottleneck = vec!["it was busy 99 % of the time".into()];
    let summary = summary(&report);
    assert!(
        summary.ends_with(
            "The generator was the bottleneck, so the server may be faster than this. It was busy 99 % of the time.\n"
        ),
        "{summary}"
    );
}

#[test]
fn a_percentile_is_shown_only_if_times_lie_beyond_it() {
    let shown = |count: u64| {
        let mut report = fixed();
        report.times.insert("handshake".to_owned(), Distribution::of(&times((0..count).map(|_| 5))));
        let (text, page) = (summary(&report), html(&report, &Times::default()));
        let line = text.lines().find(|line| line.starts_with("handshake")).unwrap().to_owned();
        let row = page.lines().find(|line| line.starts_with("<tr><td>handshake")).unwrap().to_owned();
        (line.matches('p').count(), row.matches("<td></td>").count())
    };
    let expected =
        [(1, (0, 5)), (2, (1, 4)), (9, (1, 4)), (10, (2, 3)), (99, (2, 3)), (100, (3, 2)), (1000, (4, 1))];
    for (count, (percentiles, empty)) in [&expected[..], &[(9999, (4, 1)), (10_000, (5, 0))]].concat() {
        assert_eq!(shown(count), (percentiles, empty), "{count}");
    }
}

#[test]
fn json_is_read_again() {
    let report = fixed();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    assert!(json.contains(r#""p99.99":"#), "{json}");
}

#[test]
fn the_page_needs_nothing_else_and_escapes_what_is_shown() {
    let page = html(&fixed(), &times(1..=100));
    assert_eq!(page.matches("<svg ").count(), 3);
    assert!(!page.contains("http"), "{page}");
    assert!(page.contains("ws://127.0.0.1:1/&lt;echo&gt;") && !page.contains("<echo>"));
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn a_page_without_any_time_is_a_page() {
    let page = html(&Report::default(), &Times::default());
    assert!(page.ends_with("</html>\n") && !page.contains("NaN"), "{page}");
}

#[test]
fn a_percentile_file_has_the_form_of_its_tools() {
    let text = hgrm(&times(1..=100));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("       Value     Percentile TotalCount 1/(1-Percentile)"));
    assert!(lines.any(|line| line.contains("0.500000000000         50           2.00")), "{text}");
    assert!(text.contains("1.000000000000        100\n#[Mean    ="), "{text}");
    assert!(text.contains("Total count    =          100]"), "{text}");
}

#[test]
fn failures_are_seen() {
    assert!(fixed().has_failures());
    assert!(Report::default().has_failures(), "no connection was opened");
    let connections = Connections { opened: 1, ..Connections::default() };
    assert!(!Report { connections, ..Report::default() }.has_failures());
}
