//! The cases for clients, against ours.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use super::report::{CheckReport, DEADLINE, judge};
use crate::command::{Finished, Task};
use crate::server::free_address;
use crate::suite::context::Context;
use crate::suite::outcome::{Outcome, Stop};

/// The client for threads reads ahead. It answers a Close frame when that arrives, also while messages before it wait for the
/// application, whose answers are then too late.
const ANSWERED_TOO_LATE: &str = "6455/5.5.1/message-before-close-comes-back";

/// How the client is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Plain,
    Secure,
    /// It sends each message back while the rest is still arriving.
    InPieces,
    /// The client for threads.
    Blocking,
}

/// Runs the cases against our client, with and without TLS, and in pieces, and against the one for threads.
pub(super) fn check_all(
    context: &Context<'_>,
    longwire: &Path,
    certificates: &Path,
) -> Result<Outcome, Stop> {
    let client = context.longwire_interop()?;
    let mut outcome = Outcome::default();
    for variant in [Variant::Plain, Variant::Secure, Variant::InPieces, Variant::Blocking] {
        outcome.add(check(context, [longwire, &client], certificates, variant)?);
    }
    Ok(outcome)
}

fn check(
    context: &Context<'_>,
    [longwire, client]: [&Path; 2],
    certificates: &Path,
    variant: Variant,
) -> Result<Outcome> {
    let name = match variant {
        Variant::Plain => "check-client-ws",
        Variant::Secure => "check-client-wss",
        Variant::InPieces => "check-client-in-pieces",
        Variant::Blocking => "check-client-blocking",
    };
    let scheme = if variant == Variant::Secure { "wss" } else { "ws" };
    let address = free_address()?;
    let mut checking = Command::new(longwire);
    checking.args([
        "check",
        "--listen",
        &address.to_string(),
        "--json",
        "--quiet",
        "--patience",
        "60s",
        "--idle",
        "60s",
    ]);
    let mut connecting = Command::new(client);
    connecting.args(["autobahn", &format!("{scheme}://localhost:{}", address.port())]);
    match variant {
        Variant::Plain => {}
        Variant::Secure => {
            checking.arg("--cert").arg(certificates.join("cert.pem"));
            checking.arg("--key").arg(certificates.join("key.pem"));
            connecting.arg("--authority").arg(certificates.join("ca.pem"));
        }
        Variant::InPieces => {
            connecting.arg("--in-pieces");
        }
        Variant::Blocking => {
            connecting.arg("--blocking");
        }
    }
    let checking = Task::new(checking, DEADLINE, context.workspace.log(name));
    let connecting = Task::new(connecting, DEADLINE, context.workspace.log(&format!("{name}-ours")));
    let (finished, connected) = run_both(checking, connecting)?;
    let json = finished.lines.iter().skip_while(|line| *line != "{").map(String::as_str);
    let report: CheckReport = serde_json::from_str(&json.collect::<Vec<_>>().join("\n"))
        .with_context(|| format!("{name}: {}", finished.explain()))?;
    let left: &[&str] = if variant == Variant::Blocking { &[ANSWERED_TOO_LATE] } else { &[] };
    let mut outcome = judge(name, &report, left);
    outcome.agree_with(name, &finished);
    outcome.agree_with(&format!("{name}-ours"), &connected);
    Ok(outcome)
}

/// Runs the client as soon as the other program listens.
fn run_both(checking: Task, connecting: Task) -> Result<(Finished, Finished)> {
    let (sender, listening) = mpsc::channel();
    thread::scope(|scope| {
        let checking = scope.spawn(move || {
            checking.run(|line| {
                if line.starts_with("listening at ") {
                    let _gone = sender.send(());
                }
            })
        });
        // If it ends without a word, the client fails, and the report says why.
        let _ended = listening.recv();
        let connected = connecting.run(|_| ());
        let finished = checking.join().map_err(|_| anyhow!("the thread of one program panicked"))?;
        Ok((finished?, connected?))
    })
}
