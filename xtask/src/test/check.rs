//! The cases of `longwire check` against `longwire serve` and against our client.

mod client;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::command::Task;
use crate::server::{Server, free_address};
use crate::suite::certificates;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};

/// Some seconds on a machine that has nothing else to do.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// The part of a report that counts here.
#[derive(Debug, Deserialize)]
struct CheckReport {
    still_serves: bool,
    not_run: usize,
    cases: Vec<CheckedCase>,
}

#[derive(Debug, Deserialize)]
struct CheckedCase {
    id: String,
    verdict: String,
    expected: String,
    got: String,
}

/// Runs all cases against each engine, with and without TLS, and against the client. Ours pass each, recommendations included.
pub(crate) fn run(context: &Context<'_>) -> Result<Outcome, Stop> {
    let longwire = context.longwire()?;
    let certificates = certificates::make(&context.workspace.target)?;
    let mut outcome = Outcome::default();
    // `auto` is io_uring where the system allows it.
    for engine in ["auto", "readiness"] {
        for certificates in [None, Some(certificates.as_path())] {
            outcome.add(check(context, &longwire, engine, certificates)?);
        }
    }
    outcome.add(client::check_all(context, &longwire, &certificates)?);
    Ok(outcome)
}

fn check(
    context: &Context<'_>,
    longwire: &Path,
    engine: &str,
    certificates: Option<&Path>,
) -> Result<Outcome> {
    let scheme = if certificates.is_some() { "wss" } else { "ws" };
    let name = format!("check-{scheme}-{engine}");
    let address = free_address()?;
    let mut serve = Command::new(longwire);
    serve.args(["serve", "--listen", &address.to_string(), "--engine", engine]);
    let mut check = Command::new(longwire);
    let url = format!("{scheme}://localhost:{}/echo", address.port());
    check.args(["check", &url, "--json", "--patience", "60"]);
    if let Some(certificates) = certificates {
        serve.arg("--tls-cert").arg(certificates.join("cert.pem"));
        serve.arg("--tls-key").arg(certificates.join("key.pem"));
        check.arg("--ca").arg(certificates.join("ca.pem"));
    }
    let mut server = Server::start(serve, address, context.workspace.log(&format!("{name}-server")))?;
    let finished = Task::new(check, DEADLINE, context.workspace.log(&name)).run(|_| ())?;
    let report: CheckReport = serde_json::from_str(&finished.lines.join("\n"))
        .with_context(|| format!("{name}: {}", finished.explain()))?;
    let mut outcome = judge(&name, &report);
    outcome.agree_with(&name, &finished);
    if let Err(error) = server.check() {
        outcome.add(Outcome::failed(format!("{name}: {error:#}")));
    }
    Ok(outcome)
}

fn judge(name: &str, report: &CheckReport) -> Outcome {
    let mut outcome = Outcome::default();
    for case in &report.cases {
        match case.verdict.as_str() {
            "pass" => outcome.passed += 1,
            "not-offered" => {}
            verdict => {
                let CheckedCase { id, expected, got, .. } = case;
                outcome
                    .add(Outcome::failed(format!("{name}: {id}: {verdict}: expected {expected}, got {got}")));
            }
        }
    }
    if !report.still_serves {
        outcome.add(Outcome::failed(format!("{name}: the server accepts no connection any more")));
    }
    if report.not_run > 0 {
        outcome.add(Outcome::failed(format!("{name}: {} cases did not run", report.not_run)));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_passes() {
        let case = |verdict: &str| CheckedCase {
            id: "6455/5.5/ping-126".into(),
            verdict: verdict.into(),
            expected: "CLOSE 1002".into(),
            got: "PONG".into(),
        };
        let cases = ["pass", "should", "inconclusive", "fail", "not-offered"].map(case).into();
        let outcome = judge("check", &CheckReport { still_serves: false, not_run: 0, cases });
        assert_eq!((outcome.passed, outcome.failed), (1, 4));
        assert_eq!(outcome.notes[2], "check: 6455/5.5/ping-126: fail: expected CLOSE 1002, got PONG");
    }
}
