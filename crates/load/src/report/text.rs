//! The report for people.

use std::fmt::Write as _;

use super::document::{Distribution, Report};

/// A summary of some lines.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        let _infallible = writeln!(text, "{line}");
    };
    if report.stopped {
        line("stopped early: the figures are those until then".to_owned());
    }
    line(connections(report));
    for (name, label) in [
        ("lookup", "lookup"),
        ("connect", "connect"),
        ("tls", "tls"),
        ("handshake", "handshake"),
        ("opening", "opening"),
        ("round_trip", "round trip"),
        ("fan_out", "fan-out"),
    ] {
        if let Some(times) = report.times.get(name) {
            let note = match (name, report.generator.late) {
                ("opening" | "round_trip" | "fan_out", Some(_)) => "   (from the intended time)",
                _ => "",
            };
            line(format!("{label:<11} {}{note}", distribution(times)));
        }
    }
    if report.messages.sent + report.messages.received > 0 {
        line(messages(report));
    }
    if report.rate > 0.0 || report.messages.sent > 0 {
        line(format!("rate        {} a second over {:.1} s", thousands_of(report.rate), report.seconds));
    }
    for (code, count) in &report.closes {
        line(format!("closed      {} with {code}", thousands(*count)));
    }
    for (kind, count) in &report.errors {
        line(format!("error       {} × {kind}", thousands(*count)));
    }
    line(generator(report));
    text
}

fn connections(report: &Report) -> String {
    let connections = &report.connections;
    let mut text =
        format!("connected   {} of {}", thousands(connections.opened), thousands(connections.begun));
    for (count, what) in [(connections.ended_early, "ended early"), (connections.reopened, "reopened")] {
        if count > 0 {
            let _infallible = write!(text, " · {} {what}", thousands(count));
        }
    }
    text
}

fn messages(report: &Report) -> String {
    let messages = &report.messages;
    let mut text = format!(
        "messages    sent {} · received {} · lost {}",
        thousands(messages.sent),
        thousands(messages.received),
        thousands(messages.lost)
    );
    for (name, count) in [
        ("repeated", messages.repeated),
        ("unexpected", messages.unexpected),
        ("unanswered", messages.unanswered),
    ] {
        if count > 0 {
            let _infallible = write!(text, " · {name} {}", thousands(count));
        }
    }
    text
}

fn generator(report: &Report) -> String {
    let generator = &report.generator;
    let mut text = format!("generator   {}", generator.engine);
    if let Some(cpu) = generator.cpu {
        let _infallible = write!(text, ", {:.0} % of a core", cpu * 100.0);
    }
    if let Some(late) = generator.late {
        let _infallible = write!(text, ", {:.1} % of its messages late", late * 100.0);
    }
    if let Some(bottleneck) = bottleneck(report) {
        let _infallible = write!(text, "\n{bottleneck}");
    }
    text
}

/// What it means for the verdict that the generator was the bottleneck. `None`: it was not.
pub(super) fn bottleneck(report: &Report) -> Option<String> {
    let reasons = &report.generator.bottleneck;
    let verdict = match report.without_excuses().has_failures() {
        true => "The generator was the bottleneck, but it cannot have caused all failures",
        false => "The generator was the bottleneck, so the server may be faster than this",
    };
    (!reasons.is_empty()).then(|| format!("{verdict}. {}.", capitalised(&reasons.join("; "))))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn distribution(times: &Distribution) -> String {
    if times.count == 1 {
        return format!("{} ms", time(times.max));
    }
    let known = times.percentiles().into_iter().filter_map(|(name, value)| Some((name, value?)));
    let shown: String = known.map(|(name, value)| format!("{name} {}  ", time(value))).collect();
    format!("{shown}max {} ms", time(times.max))
}

/// Milliseconds with three significant digits.
#[must_use]
pub fn time(millis: f64) -> String {
    let digits = match millis {
        millis if millis < 1.0 => 3,
        millis if millis < 10.0 => 2,
        millis if millis < 100.0 => 1,
        _ => 0,
    };
    format!("{millis:.digits$}")
}

/// A count with separators.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate with separators.
pub(super) fn thousands_of(rate: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is a small number")]
    let whole = rate.round() as u64;
    if rate < 10.0 { format!("{rate:.1}") } else { thousands(whole) }
}
