//! `longwire check`.

mod attacking;
mod dialing;
mod files;
mod listening;
mod progress;

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use longwire_check::{
    Baseline, Case, CaseReport, Grade, Outcome, Pace, Pattern, Payloads, Report, Style, Target, attacks,
    client_cases, server_cases,
};

use crate::args::{CheckArgs, EndpointUrl};
use crate::failure::Failure;
use crate::report_file::{print_report, unwritten};
use crate::signals::{Ending, INTERRUPTED};
use crate::{standard_output, terminal};

use self::dialing::EndpointDialer;
use self::files::Files;
use self::listening::ClientTest;
use self::progress::FamilyProgress;

/// The exit code if nothing failed, and something could not be found out.
const INCONCLUSIVE: u8 = 3;

pub(crate) async fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    let cases = chosen(&args)?;
    if args.list {
        let listed = if args.json { list_as_json(&cases)? } else { list(&cases) };
        return standard_output::print(listed.as_bytes());
    }
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    let (outcome, files) = match &args.listen {
        Some(at) => {
            let test = ClientTest::listen(at, &args).await?;
            let files = Files::check(&args)?;
            (test.check(cases).await.map(Some), files)
        }
        None => {
            let target = target(&args)?;
            let dialer = Arc::new(EndpointDialer::new(&args, &target)?);
            let mut pace = Pace::default().jobs(args.jobs.into());
            if let Some(patience) = args.patience {
                pace = pace.patience(patience);
            }
            let pace = pace.attack(attacking::bounds(&args, &target).await?);
            let files = Files::check(&args)?;
            (check(pace, cases, dialer, &target, args.quiet).await, files)
        }
    };
    let mut report = match outcome {
        Ok(Some(report)) => report,
        Ok(None) => return Ok(INTERRUPTED.into()),
        Err(why) => {
            terminal::complain(&format!("longwire: nothing ran: {}", terminal::escape(&why)));
            return Ok(INCONCLUSIVE.into());
        }
    };
    let mended = baseline.map(|baseline| report.compare_with(&baseline)).unwrap_or_default();
    if args.grade {
        report = report.with_grade();
    }
    let shown = show(&args, &report, &mended);
    shown.and(files.write(&report))?;
    Ok(match report.outcome() {
        _ if report.is_stopped() => INTERRUPTED.into(),
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Failed => ExitCode::FAILURE,
        Outcome::Inconclusive => INCONCLUSIVE.into(),
    })
}

/// The cases that the patterns select, all without a pattern.
fn chosen(args: &CheckArgs) -> Result<Vec<Case>, Failure> {
    let patterns: Vec<Pattern> = args.only.iter().map(|text| Pattern::new(text)).collect();
    let mut all = if args.listen.is_some() { client_cases() } else { server_cases() };
    if args.attacks.attack {
        all.extend(attacks());
    }
    let matches_any = |pattern: &Pattern, cases: &[Case]| cases.iter().any(|case| pattern.matches(case));
    let without = args.only.iter().zip(&patterns).find(|(_, pattern)| !matches_any(pattern, &all));
    if let Some((text, pattern)) = without {
        let why = if matches_any(pattern, &attacks()) {
            "attacks run with --attack only"
        } else {
            "no case matches; `longwire check --list` shows all"
        };
        return Err(Failure::Usage(format!("--only {text}: {why}")));
    }
    let is_chosen = |case: &Case| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(case));
    Ok(all.into_iter().filter(is_chosen).collect())
}

fn list(cases: &[Case]) -> String {
    let line = |case: &Case| format!("{:<40} {:<6} {}\n", case.id(), case.level().to_string(), case.title());
    cases.iter().map(line).collect()
}

fn list_as_json(cases: &[Case]) -> Result<String, Failure> {
    let object = |case: &Case| {
        serde_json::json!({
            "id": case.id(),
            "title": case.title(),
            "family": case.family().to_string(),
            "level": case.level().to_string(),
            "paragraph": case.paragraph(),
            "rule": case.rule(),
        })
    };
    let all: Vec<serde_json::Value> = cases.iter().map(object).collect();
    let json = serde_json::to_string_pretty(&all).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(json + "\n")
}

fn read_baseline(file: &Path) -> Result<Baseline, Failure> {
    let problem = |why: String| Failure::Usage(format!("--baseline {}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
    Baseline::parse(&text).map_err(|error| problem(error.to_string()))
}

fn target(args: &CheckArgs) -> Result<Target, Failure> {
    let url = args.url.as_ref().map(EndpointUrl::as_str).unwrap_or_default();
    let mut target = Target::new(url).map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some(path) = &args.echo_path {
        if !path.starts_with('/') {
            return Err(Failure::Usage(format!("--echo-path {path}: a path begins with a slash")));
        }
        target = target.at_path(path);
    }
    for name in &args.request.subprotocol {
        target = target.subprotocol(name);
    }
    for (name, value) in &args.request.header {
        let value = value.to_str().map_err(|_| {
            Failure::Usage(format!("--header {name}: the value has characters other than those of ASCII"))
        })?;
        target = target.header(name.as_str(), value);
    }
    Ok(target)
}

/// Measures the endpoint and runs the cases until Ctrl-C. `None` if that came before the first case.
async fn check(
    pace: Pace,
    cases: Vec<Case>,
    dialer: Arc<EndpointDialer>,
    target: &Target,
    is_quiet: bool,
) -> Result<Option<Report>, String> {
    let mut ending = Ending::of_client();
    let endpoint = tokio::select! {
        measured = longwire_check::measure(&*dialer, target, pace.patience_with(None)) => {
            measured.map_err(|problem| problem.to_string())?
        }
        () = ending.next() => return Ok(None),
    };
    let mut progress = FamilyProgress::of(&cases, is_quiet);
    progress.begin(target, &endpoint);
    let stop = ending.next();
    let count = |case: &CaseReport| progress.count(case);
    let report = longwire_check::run_until(cases, dialer, target, &endpoint, pace, stop, count).await;
    progress.end();
    Ok(Some(report))
}

/// The command that repeats the run. Values of headers may be secret, and are left out.
fn command(args: &CheckArgs) -> String {
    let mut words = vec!["longwire check".to_owned()];
    words.extend(args.listen.as_ref().map(|at| format!("--listen {at}")));
    words.extend(args.url.as_ref().map(EndpointUrl::shown));
    words.extend(args.echo_path.iter().map(|path| format!("--echo-path {path}")));
    words.extend(args.request.subprotocol.iter().map(|name| format!("--subprotocol {name}")));
    words.extend(args.request.header.iter().map(|(name, _)| format!("--header '{name}: …'")));
    words.extend(args.route.proxy.flag().map(str::to_owned));
    words.extend(args.route.certificates.ca.iter().map(|file| format!("--ca {}", file.display())));
    if args.listen.is_some() {
        words.extend(args.route.certificates.cert.iter().map(|file| format!("--cert {}", file.display())));
        words.extend(args.route.certificates.key.iter().map(|file| format!("--key {}", file.display())));
    }
    words.extend(args.attacks.words());
    words.extend(args.route.certificates.insecure.then(|| "--insecure".to_owned()));
    words.join(" ")
}

fn show(args: &CheckArgs, report: &Report, mended: &[String]) -> Result<(), Failure> {
    if args.json {
        let json = report.to_json().map_err(|error| unwritten(error.to_string()))?;
        return print_report(&format!("{json}\n"));
    }
    let command = command(args);
    let is_coloured = terminal::colour_on(io::stdout().is_terminal());
    let payloads = if args.verbose { Payloads::Whole } else { Payloads::Shortened };
    let style = Style { is_coloured, payloads, command };
    let mut text = report.to_text(&style);
    for id in mended {
        text.push_str(&format!("{id} fails no more; remove it from the baseline\n"));
    }
    if args.grade {
        text.push_str(&format!("grade {} ({})\n", report.grade(), Grade::RULE));
    }
    print_report(&text)
}
