//! The attacks, against a server that withstands all of them and against ones that each fall for one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod messages;
mod server;

use std::sync::Arc;
use std::time::Duration;

use longwire_check::{
    AttackBounds, CaseReport, Grade, MemoryMeter, Outcome, Pace, Payloads, Report, Style, Target, Verdict,
    attacks, measure, run,
};

use server::{Server, Weakness};

/// The clock of the tests is paused, so time costs nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an attack may cost.
const MEMORY: u64 = 256 << 10;

/// Whether the memory of the server is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meter {
    With,
    Without,
}

/// Runs the attacks whose ids begin so.
async fn attack(weakness: Option<Weakness>, id: &str, meter: Meter) -> Report {
    let target = Target::new("ws://localhost/echo").unwrap();
    let endpoint = measure(&Server::new(None), &target, PATIENCE).await.unwrap();
    assert!(endpoint.is_echo() && endpoint.compresses());
    let server = Server::new(weakness);
    let mut bounds = AttackBounds::default().time(Duration::from_secs(2)).bytes(1 << 20).memory(MEMORY);
    if meter == Meter::With {
        let measured = server.clone();
        bounds = bounds.meter(MemoryMeter::new(move || measured.memory()));
    }
    let pace = Pace::default().patience(PATIENCE).attack(bounds);
    let chosen = attacks().into_iter().filter(|attack| attack.id().starts_with(id)).collect();
    run(chosen, Arc::new(server), &target, &endpoint, pace, |_| {}).await
}

#[tokio::test(start_paused = true)]
async fn a_server_that_withstands_all_attacks_passes() {
    for meter in [Meter::With, Meter::Without] {
        let report = attack(None, "attack/", meter).await;
        let others: Vec<&CaseReport> =
            report.cases().iter().filter(|case| case.verdict() != Verdict::Pass).collect();
        assert!(others.is_empty(), "{others:#?}");
        assert_eq!(report.cases().len(), attacks().len());
        assert_eq!((report.outcome(), report.grade()), (Outcome::Passed, Grade::A));
    }
}

/// Each attack, a server that falls for it, the verdict, and what is said of it.
const FOUND_BY: &[(Weakness, &str, Verdict, &str)] = &[
    (Weakness::HandshakesInTurn, "slow-handshake", Verdict::Fail, "ms"),
    (Weakness::TakesEndlessHeads, "header-flood", Verdict::Fail, "it took a head of"),
    (Weakness::LosesPlaces, "handshake-flood", Verdict::Fail, "none was within"),
    (Weakness::KeepsWhatIsUnread, "ping-flood-unread", Verdict::Fail, "MiB"),
    (Weakness::KeepsWhatIsUnread, "echo-unread", Verdict::Fail, "MiB"),
    (Weakness::TakesEndlessMessages, "endless-message", Verdict::Fail, "of one message"),
    (Weakness::SlowWithFragments, "tiny-fragments", Verdict::Should, "ms"),
    (Weakness::StuckWithFragments, "empty-fragments", Verdict::Fail, "no answer in time"),
    (Weakness::InflatesEverything, "bomb", Verdict::Fail, "that inflates to 1.0 MiB"),
    (Weakness::ReservesWhatIsDeclared, "declared-lengths", Verdict::Fail, "MiB"),
    (Weakness::EndsAfterReset, "resets", Verdict::Fail, "it has ended"),
];

#[tokio::test(start_paused = true)]
async fn each_attack_is_seen_to_succeed() {
    for attack in attacks() {
        let is_found = |(_, name, ..): &(Weakness, &str, Verdict, &str)| attack.id().ends_with(name);
        assert!(FOUND_BY.iter().any(is_found), "no server falls for {}", attack.id());
    }
    for (weakness, name, verdict, word) in FOUND_BY {
        let report = attack(Some(*weakness), &format!("attack/{name}"), Meter::With).await;
        let [case] = report.cases() else { panic!("{weakness:?}: {report:#?}") };
        assert_eq!(case.verdict(), *verdict, "{weakness:?}: {case:#?}");
        assert!(case.got().contains(word), "{weakness:?}: {case:#?}");
        if *verdict == Verdict::Fail {
            assert!(report.grade() >= Grade::D, "{weakness:?}");
        }
    }
}

/// Without the memory, what is seen from outside has to do.
#[tokio::test(start_paused = true)]
async fn unread_echoes_are_found_without_the_memory() {
    let report = attack(Some(Weakness::KeepsWhatIsUnread), "attack/echo-unread", Meter::Without).await;
    assert_eq!(report.count(Verdict::Should), 1, "{report:#?}");
    let report = attack(Some(Weakness::EndsAfterReset), "attack/resets", Meter::Without).await;
    assert_eq!(report.count(Verdict::Fail), 1, "{report:#?}");
}

fn text(report: &Report) -> String {
    report.to_text(&Style {
        is_coloured: false,
        payloads: Payloads::Shortened,
        command: "longwire check --attack".to_owned(),
    })
}

/// An attack that uses the memory of an earlier one again seems to cost nothing.
#[tokio::test(start_paused = true)]
async fn memory_that_an_earlier_attack_took_is_noted() {
    let noted = |report: &Report| text(report).matches("can hide growth").count();
    let weak = Some(Weakness::KeepsWhatIsUnread);
    let alone = attack(weak, "attack/ping-flood-unread", Meter::With).await;
    assert_eq!(noted(&alone), 0, "{}", text(&alone));
    let all = attack(weak, "attack/", Meter::With).await;
    // Those before the flood of pings and the flood itself have no note.
    let behind = all.cases().iter().skip_while(|case| case.id() != "attack/ping-flood-unread").count() - 1;
    assert!(behind > 3 && noted(&all) == behind, "{}", text(&all));
    assert!(all.to_json().unwrap().contains("\"kept\""));
    assert_eq!(noted(&attack(weak, "attack/", Meter::Without).await), 0);
}

/// The figures are in every report, whatever the verdict.
#[tokio::test(start_paused = true)]
async fn reports_have_the_figures_of_an_attack_that_passed() {
    let report = attack(None, "attack/bomb", Meter::With).await;
    let text = text(&report);
    for word in ["attack/bomb   pass", "witness  ", "memory   ", " × CLOSE 1009", "new clients"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = report.to_json().unwrap();
    for word in ["\"witness\"", "\"p99_ms\"", "\"peak\"", "\"bytes_sent\""] {
        assert!(json.contains(word), "{word}: {json}");
    }
    assert!(report.to_html().unwrap().contains("each.attack"));
    assert!(report.to_junit().contains("name=\"attack/bomb\""));
}
