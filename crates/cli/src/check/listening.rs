//! `longwire check --listen`: the client under test comes here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use longwire_check::{Case, CaseReport, ClientRun, Listener, Pace, Report, Target, server_tls};

use super::progress::FamilyProgress;
use crate::args::CheckArgs;
use crate::args::listen::{Addresses, PortAddr};
use crate::failure::Failure;
use crate::signals::Ending;
use crate::terminal;

/// How long to go on without a connection.
const IDLE: Duration = Duration::from_secs(60);

/// A port where the client under test connects.
pub(super) struct ClientTest {
    listener: Listener,
    target: Target,
    idle: Duration,
    patience: Duration,
    is_quiet: bool,
}

impl ClientTest {
    pub(super) async fn listen(address: &PortAddr, args: &CheckArgs) -> Result<ClientTest, Failure> {
        let certificates = &args.route.certificates;
        let tls = certificates.cert.as_ref().zip(certificates.key.as_ref());
        let tls = tls.map(|(certificate, key)| server_tls(certificate, key).map_err(Failure::Usage));
        let idle = args.idle.unwrap_or(IDLE);
        let mut listener = bind(address).await?.idle(idle);
        let mut scheme = "ws";
        if let Some(config) = tls.transpose()? {
            listener = listener.tls(config);
            scheme = "wss";
        }
        let url = format!("{scheme}://{}/", listener.address());
        let target = Target::new(&url).map_err(|error| Failure::Other(error.to_string()))?;
        let pace = args.patience.map_or_else(Pace::default, |patience| Pace::default().patience(patience));
        let patience = pace.patience_with(None);
        Ok(ClientTest { listener, target, idle, patience, is_quiet: args.quiet })
    }

    /// Runs the cases with the client that comes, until Ctrl-C.
    pub(super) async fn check(self, cases: Vec<Case>) -> Result<Report, String> {
        let mut ending = Ending::of_client();
        terminal::complain(&instructions(self.target.url(), cases.len()));
        let mut progress = FamilyProgress::of(&cases, self.is_quiet);
        let run = Arc::new(ClientRun::new(self.target, cases, self.patience));
        let count = |case: &CaseReport| progress.count(case);
        let report = self.listener.serve(&run, ending.next(), count).await;
        progress.end();
        if report.cases().is_empty() && !report.is_stopped() {
            return Err(format!("no client ran a case within {:?}", self.idle));
        }
        Ok(report)
    }
}

async fn bind(address: &PortAddr) -> Result<Listener, Failure> {
    let failed = |error: io::Error| {
        let address = address.to_string();
        Failure::Other(format!("cannot listen on {}: {error}", terminal::escape(&address)))
    };
    let (Addresses::All(all) | Addresses::First(all)) = address.resolve().await.map_err(failed)?;
    Listener::bind(&all).await.map_err(failed)
}

/// What the user does next.
fn instructions(url: &str, total: usize) -> String {
    let (cases, times) = if total == 1 { ("case", "once") } else { ("cases", "once for each case") };
    format!(
        "listening at {url} with {total} {cases}\n\
         Either connect {times} to {url}?agent=NAME and send each message back.\n\
         Or run a client that was written for Autobahn's fuzzing server: {url}getCaseCount, \
         {url}runCase?case=N&agent=NAME, {url}updateReports?agent=NAME."
    )
}
