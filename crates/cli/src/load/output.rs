//! Presents what was found, and decides the exit code.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use longwire_load::{Condition, Finding, Ratio, Report, compare, compare_rounds};

use super::files::OutputFiles;
use super::found::Found;
use crate::args::LoadArgs;
use crate::failure::Failure;
use crate::signals::INTERRUPTED;
use crate::terminal;

/// The exit code if the generator was the bottleneck.
const NO_VERDICT: u8 = 3;

/// What the ranges of all lines are worth together.
const BY_CHANCE: &str = "if the runs differ by chance alone, about 5 of 100 comparisons show a difference\n";

/// Reads an earlier report.
pub(super) fn read(path: &Path) -> Result<Report, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::Usage(format!("cannot read the report {}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(&error))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| refused(&error))?;
    if report.rate > 0.0 && report.intervals.iter().all(|part| part.histogram.count() == 0) {
        return Err(refused(&"it has no histograms; measure again with this version"));
    }
    Ok(report)
}

/// Presents what was found at one endpoint or at two.
pub(super) fn present(
    args: &LoadArgs,
    found: &[Found],
    before: Option<&Report>,
    files: OutputFiles,
) -> Result<ExitCode, Failure> {
    let Some(first) = found.first().filter(|found| !found.rounds.is_empty()) else {
        return Ok(INTERRUPTED.into());
    };
    if first.report.stopped && first.report.seconds < 0.001 {
        return Ok(INTERRUPTED.into());
    }
    let versus = found.get(1).map(|second| Box::new(second.report.clone()));
    let report = Report { versus, ..first.report.clone() };
    let summary = if files.is_json_out() { String::new() } else { text(found, before) };
    let written = files.write(&summary, &report, &first.outcome);
    for Found { report, .. } in found {
        if let Some(hint) = report.hint() {
            terminal::complain(&format!("longwire: {}: {hint}", terminal::escape(&report.url)));
        }
    }
    let code = verdict(args, found);
    written.map(|()| code)
}

fn text(found: &[Found], before: Option<&Report>) -> String {
    let mut text = String::new();
    if let [one, other] = found {
        for Found { report, rounds, .. } in [one, other] {
            let url = terminal::escape(&report.url);
            let _infallible = write!(text, "{url}, {} rounds\n{}\n", rounds.len(), shown(report));
        }
        let pairs: Vec<(Report, Report)> =
            one.rounds.iter().cloned().zip(other.rounds.iter().cloned()).collect();
        text.push_str("second endpoint / first endpoint, by rounds that took turns\n");
        text.push_str(&ratios(&compare_rounds(&pairs)));
    } else if let Some(only) = found.first() {
        text.push_str(&shown(&only.report));
        if let Some(before) = before {
            text.push_str("\nthis run / the earlier run, by the parts of both; another run may differ by more than that\n");
            for doubt in only.report.doubts(before) {
                let _infallible = writeln!(text, "caution     {}", terminal::escape(&doubt));
            }
            text.push_str(&ratios(&compare(before, &only.report)));
        }
    }
    text
}

/// The summary, safe to show.
fn shown(report: &Report) -> String {
    let lines = longwire_load::summary(report).lines().map(terminal::escape).collect::<Vec<_>>();
    lines.join("\n") + "\n"
}

fn ratios(ratios: &[Ratio]) -> String {
    let mut text = String::new();
    let finite = || ratios.iter().filter(|ratio| ratio.ratio.is_finite());
    for ratio in finite() {
        let Ratio { name, before, after, .. } = ratio;
        let value = |value: &f64| {
            if *name == "rate" {
                format!("{value:.0}")
            } else {
                format!("{} ms", longwire_load::time(*value))
            }
        };
        let certainty = match ratio.range {
            None => "too few parts or messages to say how certain".to_owned(),
            Some((low, high)) => {
                let verdict = if ratio.is_difference() { "a difference" } else { "no difference shown" };
                format!("99 %: {low:.2} to {high:.2}, {verdict}")
            }
        };
        let _infallible = writeln!(
            text,
            "{name:<5} {} → {}   {:.2}×   ({certainty})",
            value(before),
            value(after),
            ratio.ratio
        );
    }
    if finite().any(|ratio| ratio.range.is_some()) {
        text.push_str(BY_CHANCE);
    }
    text
}

/// The exit code. The conditions are about the first endpoint.
fn verdict(args: &LoadArgs, found: &[Found]) -> ExitCode {
    let conditions = &args.output.fail_if;
    if let Some(first) = found.first().filter(|_| !conditions.is_empty()) {
        return judged(conditions, &first.report);
    }
    let reports = || found.iter().map(|found| &found.report);
    if reports().any(|report| report.without_excuses().has_failures()) {
        ExitCode::FAILURE
    } else if reports().any(|report| !report.generator.bottleneck.is_empty()) {
        terminal::complain("longwire: no verdict on the server: the generator was the bottleneck");
        NO_VERDICT.into()
    } else {
        ExitCode::SUCCESS
    }
}

/// Says which conditions are true, and which may be. Returns the exit code.
fn judged(conditions: &[Condition], report: &Report) -> ExitCode {
    let (mut is_failed, mut is_uncertain) = (false, false);
    for condition in conditions {
        let (found, why) = match condition.find(report) {
            Finding::Fine => continue,
            Finding::True(figure) => ("failed", format!("it is {figure}")),
            Finding::Unknown => ("failed", "nothing was measured of it".to_owned()),
            Finding::Uncertain(figure) => {
                ("no verdict", format!("it is {figure}, which the generator may explain"))
            }
        };
        terminal::complain(&format!("longwire: {found}: {condition}: {why}"));
        is_failed |= found == "failed";
        is_uncertain |= found != "failed";
    }
    if is_failed {
        return ExitCode::FAILURE;
    }
    if is_uncertain {
        return NO_VERDICT.into();
    }
    if !report.generator.bottleneck.is_empty() {
        terminal::complain(
            "longwire: passed although the generator was the bottleneck, which only makes times longer and the rate lower",
        );
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ranges_are_worth_is_said_only_beside_a_range() {
        let line = |range| Ratio { name: "rate", before: 10.0, after: 20.0, ratio: 2.0, range };
        let said = |lines: &[Ratio]| ratios(lines).ends_with(BY_CHANCE);
        assert!(said(&[line(None), line(Some((1.5, 2.5)))]));
        assert!(!said(&[line(None)]) && !said(&[]));
        // No rate was measured, so the line is not shown.
        assert!(!said(&[Ratio { ratio: f64::NAN, ..line(Some((1.5, 2.5))) }]));
    }
}
