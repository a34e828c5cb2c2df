//! The cases and attacks of `longwire check` against `longwire serve`, and its cases against our client.

mod client;
mod report;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::Task;
use crate::server::{Server, free_address};
use crate::suite::certificates;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};

use self::report::{CheckReport, DEADLINE, judge};

/// Runs all cases and attacks against each engine, with and without TLS, and the cases for clients against ours. Ours pass each,
/// recommendations included.
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
    // Standard error, where progress goes, would stand among the lines of the report.
    check.args(["check", &url, "--json", "--quiet", "--patience", "60"]);
    check.args(["--attack", "--attack-time", "300ms", "--attack-memory", "128MiB"]);
    if let Some(certificates) = certificates {
        serve.arg("--tls-cert").arg(certificates.join("cert.pem"));
        serve.arg("--tls-key").arg(certificates.join("key.pem"));
        check.arg("--ca").arg(certificates.join("ca.pem"));
    }
    let mut server = Server::start(serve, address, context.workspace.log(&format!("{name}-server")))?;
    check.arg("--pid").arg(server.pid().to_string());
    let finished = Task::new(check, DEADLINE, context.workspace.log(&name)).run(|_| ())?;
    let report: CheckReport = serde_json::from_str(&finished.lines.join("\n"))
        .with_context(|| format!("{name}: {}", finished.explain()))?;
    let mut outcome = judge(&name, &report, &[]);
    outcome.agree_with(&name, &finished);
    if let Err(error) = server.check() {
        outcome.add(Outcome::failed(format!("{name}: {error:#}")));
    }
    Ok(outcome)
}
