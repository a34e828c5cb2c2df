//! Presents what was found, and decides the exit code.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use longwire_load::{
    Condition, Finding, Outcome, Ratio, Report, compare, compare_rounds, hgrm, html, summary,
};

use super::found::{Found, INTERRUPTED};
use crate::args::LoadArgs;
use crate::failure::Failure;
use crate::terminal;

/// The exit code if the generator was the bottleneck.
const NO_VERDICT: u8 = 3;

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
) -> Result<ExitCode, Failure> {
    let Some(first) = found.first().filter(|found| !found.rounds.is_empty()) else {
        return Ok(INTERRUPTED.into());
    };
    if first.report.stopped && first.report.seconds < 0.001 {
        return Ok(INTERRUPTED.into());
    }
    let is_json_out = args.output.json.as_deref() == Some(Path::new("-"));
    if !is_json_out {
        print(&text(found, before))?;
    }
    let versus = found.get(1).map(|second| Box::new(second.report.clone()));
    write_files(args, &Report { versus, ..first.report.clone() }, &first.outcome)?;
    Ok(verdict(args, found))
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
            text.push_str(&ratios(&compare(before, &only.report)));
        }
    }
    text
}

/// The summary, safe to show.
fn shown(report: &Report) -> String {
    let lines = summary(report).lines().map(terminal::escape).collect::<Vec<_>>();
    lines.join("\n") + "\n"
}

fn ratios(ratios: &[Ratio]) -> String {
    let mut text = String::new();
    for ratio in ratios.iter().filter(|ratio| ratio.ratio.is_finite()) {
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
                format!("95 %: {low:.2} to {high:.2}, {verdict}")
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
    text
}

fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn write_files(args: &LoadArgs, report: &Report, outcome: &Outcome) -> Result<(), Failure> {
    if let Some(path) = &args.output.json {
        let json = serde_json::to_string_pretty(report).map_err(|error| Failure::Other(error.to_string()))?;
        if path == Path::new("-") { print(&(json + "\n"))? } else { write(path, &(json + "\n"))? }
    }
    let latency = if outcome.tally.round_trip.count() > 0 {
        &outcome.tally.round_trip
    } else {
        &outcome.tally.handshake
    };
    if let Some(path) = &args.output.html {
        write(path, &html(report, latency))?;
    }
    if let Some(path) = &args.output.hgrm {
        write(path, &hgrm(latency))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Other(format!("cannot write {}: {error}", path.display())))
}

/// The exit code. The conditions are about the first endpoint.
fn verdict(args: &LoadArgs, found: &[Found]) -> ExitCode {
    let reports = || found.iter().map(|found| &found.report);
    let has_failed = if args.output.fail_if.is_empty() {
        reports().any(|report| report.without_excuses().has_failures())
    } else {
        found.first().is_some_and(|found| is_failed(&args.output.fail_if, &found.report))
    };
    if has_failed {
        ExitCode::FAILURE
    } else if reports().any(|report| !report.generator.bottleneck.is_empty()) {
        NO_VERDICT.into()
    } else {
        ExitCode::SUCCESS
    }
}

/// Says which conditions are true. Returns whether one certainly is.
fn is_failed(conditions: &[Condition], report: &Report) -> bool {
    let mut is_failed = false;
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
    }
    is_failed
}
