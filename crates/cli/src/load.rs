//! `longwire load`.

mod files;
mod found;
mod live;
mod making;
mod output;

use std::process::ExitCode;
use std::sync::Arc;

use longwire_load::{Control, Outcome, Pace, Plan, PlanError, Report, Target, Workload};

use crate::args::LoadArgs;
use crate::failure::Failure;
use crate::signals::{Ending, INTERRUPTED};
use crate::terminal;
use files::OutputFiles;
use found::Found;
use live::Live;

/// An endpoint that is loaded.
struct Endpoint {
    url: String,
    target: Arc<Target>,
}

pub(crate) async fn run(args: LoadArgs) -> Result<ExitCode, Failure> {
    let plan = making::plan(&args)?;
    let files = OutputFiles::check(&args)?;
    let before = args.output.compare.as_deref().map(output::read).transpose()?;
    let mut endpoints = Vec::new();
    for url in std::iter::once(&args.url).chain(&args.output.versus) {
        if !args.output.quiet
            && let Some(assumption) = url.assumption()
        {
            terminal::complain(&terminal::escape(&assumption));
        }
        endpoints.push(endpoint(&args, &plan, url.as_str()).await?);
    }
    if let Some(first) = endpoints.first() {
        let mut conditions = args.output.fail_if.iter();
        conditions.try_for_each(|condition| condition.check(&plan, &first.target)).map_err(Failure::Usage)?;
    }
    making::announce(&plan, &endpoints.iter().map(|endpoint| &*endpoint.target).collect::<Vec<_>>());
    raise_descriptor_limit(&plan);

    let control = Arc::new(Control::default());
    let stopping = tokio::spawn(stop_when_asked(Ending::of_client(), Arc::clone(&control)));
    let live = Live::start(&plan, Arc::clone(&control), args.output.quiet);
    let found = rounds(&args, &plan, &endpoints, &control).await;
    live.end().await;
    stopping.abort();
    let found = found?;
    output::present(&args, &found, before.as_ref(), files)
}

async fn endpoint(args: &LoadArgs, plan: &Plan, url: &str) -> Result<Endpoint, Failure> {
    let options = making::request(args, plan, url).await?;
    let text = url.to_owned();
    let resolving = tokio::task::spawn_blocking(move || Target::resolve(&text, &options));
    let target = resolving.await.map_err(|error| Failure::Other(error.to_string()))??;
    Ok(Endpoint { url: url.to_owned(), target: Arc::new(target) })
}

/// Runs the plan. Two endpoints take turns, and each begins every second round: what changes on the machine meanwhile
/// affects both.
async fn rounds(
    args: &LoadArgs,
    plan: &Plan,
    endpoints: &[Endpoint],
    control: &Arc<Control>,
) -> Result<Vec<Found>, Failure> {
    let rounds = if endpoints.len() > 1 { u32::from(args.output.rounds) } else { 1 };
    let plan = making::round(args, plan, rounds);
    let mut found: Vec<Found> = endpoints.iter().map(|_| Found::default()).collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..endpoints.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            if control.is_stopped() && found.iter().any(|found| !found.rounds.is_empty()) {
                break;
            }
            let Some((endpoint, mine)) = endpoints.get(number).zip(found.get_mut(number)) else { continue };
            let outcome = one(&plan, endpoint, control, args.threads.into()).await?;
            mine.outcome.append(&outcome);
            let report = |outcome| Report::new(&endpoint.url, &endpoint.target, &plan, outcome);
            mine.rounds.push(report(&outcome));
            mine.report = report(&mine.outcome);
        }
    }
    Ok(found)
}

async fn one(
    plan: &Plan,
    endpoint: &Endpoint,
    control: &Arc<Control>,
    threads: usize,
) -> Result<Outcome, Failure> {
    let (plan, target, control) = (plan.clone(), Arc::clone(&endpoint.target), Arc::clone(control));
    let running =
        tokio::task::spawn_blocking(move || longwire_load::run_on_threads(&plan, &target, &control, threads));
    Ok(running.await.map_err(|error| Failure::Other(error.to_string()))??)
}

/// Ends the run at the first signal, and the program at the second.
async fn stop_when_asked(mut ending: Ending, control: Arc<Control>) {
    ending.next().await;
    control.stop();
    ending.next().await;
    std::process::exit(INTERRUPTED.into());
}

/// Raises the limit on file descriptors: each connection takes one.
fn raise_descriptor_limit(plan: &Plan) {
    /// For the rest of the program.
    const SPARE: u64 = 200;

    let connections = plan.most_connections();
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(SPARE);
    // How many connections a storm in an open loop has at a time is up to the server, and mostly far fewer.
    let is_certain = !matches!(plan.workload, Workload::Storm { pace: Pace::Open(_) });
    if let Ok(got) = rlimit::increase_nofile_limit(wanted)
        && got < wanted
        && is_certain
    {
        terminal::complain(&format!(
            "longwire: the system allows {got} file descriptors, too few for {connections} connections (ulimit -n)"
        ));
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        let message = terminal::escape(&error.to_string());
        if error.is_usage { Failure::Usage(message) } else { Failure::Other(message) }
    }
}
