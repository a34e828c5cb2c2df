//! Makes a plan of the arguments.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longwire_load::{
    Check, Coding, Content, Dialect, Ending, Kind, LONGEST_MESSAGE, Pace, Plan, Publishers, RatePlan,
    RequestOptions, Series, Sizes, Target, Think, Waiting, Workload,
};

use crate::args::{CheckArg, LoadArgs, PaceArgs, WorkloadArg};
use crate::failure::Failure;
use crate::terminal;

/// More than this needs --many.
const MANY: u32 = 1000;

/// The rate without a flag: that of a gentle first look.
const RATE: f64 = 1000.0;

/// How many connections there are without a flag, and how many handshakes are under way at a time.
const CONNECTIONS: u32 = 10;
const TOGETHER: u32 = 64;

/// How long messages are without a flag, in bytes.
const SIZE: usize = 125;

/// In an open loop, so many different messages are sent at least: more lost ones in a row are not told apart.
const DIFFERENT: usize = 64;

pub(super) fn plan(args: &LoadArgs) -> Result<Plan, Failure> {
    check(args)?;
    let pace = pace(args);
    let workload = match workload(args) {
        WorkloadArg::Echo => Workload::Echo { series: series(args)?, pace },
        WorkloadArg::FanOut => Workload::Fanout {
            series: series(args)?,
            pace,
            channels: args.messages.channels.into(),
            dialect: match &args.messages.channel {
                Some(channel) => Dialect::Centrifuge { channel: channel.clone() },
                None => Dialect::Plain,
            },
            publishers: Publishers::Apart,
        },
        WorkloadArg::Storm => Workload::Storm { pace },
        WorkloadArg::Idle => Workload::Idle,
    };
    let is_storm = matches!(workload, Workload::Storm { .. });
    Ok(Plan {
        together: together(args) as usize,
        ramp_up: args.ramp_up,
        warm_up: args.warm_up,
        measured: measured(args),
        patience: args.route.timeout,
        check: match args.messages.check {
            CheckArg::Equal => Check::Equal,
            CheckArg::Any => Check::Any,
        },
        waiting: if args.spin { Waiting::Spin } else { Waiting::Sleep },
        engine: args.engine.into(),
        reopening: args.reopen,
        ending: if args.route.reset || is_storm { Ending::Reset } else { Ending::Close },
        ..Plan::new(workload, connections(args) as usize)
    })
}

fn workload(args: &LoadArgs) -> WorkloadArg {
    let by_channel = if args.messages.channel.is_some() { WorkloadArg::FanOut } else { WorkloadArg::Echo };
    args.workload.unwrap_or(by_channel)
}

fn connections(args: &LoadArgs) -> u32 {
    args.connections.unwrap_or(CONNECTIONS)
}

fn together(args: &LoadArgs) -> u32 {
    args.together.unwrap_or(TOGETHER)
}

/// Refuses what makes no sense together, what has no effect, and what may hurt without --many.
fn check(args: &LoadArgs) -> Result<(), Failure> {
    let refusals = [
        wrong_workload(args),
        wrong_messages(args),
        wrong_pace(args),
        wrong_certificates(args),
        wrong_output(args),
        too_much(args),
    ];
    refusals.into_iter().flatten().next().map_or(Ok(()), |refusal| Err(Failure::Usage(refusal)))
}

/// The text of the first refusal that is true.
fn first(refusals: &[(bool, &str)]) -> Option<String> {
    refusals.iter().find(|(is_wrong, _)| *is_wrong).map(|(_, text)| (*text).to_owned())
}

fn wrong_workload(args: &LoadArgs) -> Option<String> {
    let workload = workload(args);
    let (is_fan_out, is_storm) = (workload == WorkloadArg::FanOut, workload == WorkloadArg::Storm);
    let (channels, connections) = (u32::from(args.messages.channels), connections(args));
    if is_fan_out && channels > connections {
        let without = channels - connections;
        return Some(format!(
            "{without} of {channels} channels would have no subscriber; give --connections {channels} or more, \
             or --channels {connections} or fewer"
        ));
    }
    first(&[
        (
            args.messages.channel.is_some() && !is_fan_out,
            "--channel publishes to subscribers; use it with --workload fan-out",
        ),
        (
            channels > 1 && !is_fan_out,
            "--channels divides the subscribers of a fan-out; use --workload fan-out",
        ),
        (
            is_storm && args.connections.is_some(),
            "a storm has as many connections as its rate needs, or --together with --depth 1; leave out --connections",
        ),
        (
            is_storm && args.together.is_some() && args.pace.depth.is_none(),
            "a storm in an open loop opens connections at its rate; use --together with --depth 1",
        ),
        (is_storm && args.reopen.is_some(), "a storm opens connections all the time; leave out --reopen"),
        (
            args.threads > 1 && is_fan_out,
            "one thread must know when each publication was due; use --threads 1",
        ),
        (
            is_storm && !args.ramp_up.is_zero(),
            "a storm opens connections at --rate; use --stage instead of --ramp-up",
        ),
    ])
}

fn wrong_messages(args: &LoadArgs) -> Option<String> {
    let messages = &args.messages;
    let has_shape =
        messages.binary || messages.json_content || messages.messages.is_some() || messages.size.is_some();
    first(&[
        (
            messages.channel.is_some() && (messages.binary || messages.json_content),
            "the data of --channel is text; leave out --binary and --json-content",
        ),
        (
            messages.channel.is_some() && messages.check == CheckArg::Any,
            "deliveries of --channel are known by their data; leave out --check",
        ),
        (
            !sends(args) && (has_shape || messages.check == CheckArg::Any),
            "storms and idle connections send no messages; leave out --size, --messages, --binary, --json-content and \
             --check",
        ),
    ])
}

fn wrong_pace(args: &LoadArgs) -> Option<String> {
    let workload = workload(args);
    let PaceArgs { rate, stage, depth, think } = &args.pace;
    let is_idle = workload == WorkloadArg::Idle;
    let is_one_at_a_time = matches!(workload, WorkloadArg::FanOut | WorkloadArg::Storm);
    let is_never_due = match pace(args) {
        Pace::Open(rate) => !is_idle && rate.schedule().next().is_none(),
        Pace::Closed { .. } => false,
    };
    first(&[
        (
            is_idle && (rate.is_some() || depth.is_some() || !stage.is_empty()),
            "idle connections send nothing; leave out --rate, --stage and --depth",
        ),
        (
            is_one_at_a_time && depth.is_some_and(|depth| depth > 1),
            "in a closed loop, a fan-out has one publication under way, and a storm as many handshakes as --together; \
             use --depth 1",
        ),
        (is_one_at_a_time && think.is_some(), "only the connections of an echo --think"),
        (
            args.spin && (depth.is_some() || is_idle),
            "--spin sends on time what is due in an open loop; leave it out",
        ),
        (is_never_due && stage.is_empty(), "at --rate 0, nothing is ever sent; give a higher rate"),
        (is_never_due, "nothing is ever sent: no --stage has both a time and a rate above 0"),
    ])
}

fn wrong_certificates(args: &LoadArgs) -> Option<String> {
    let flag = args.route.certificates.given()?;
    let mut urls = std::iter::once(&args.url).chain(&args.output.versus);
    let is_plain = !urls.any(|url| is_secure(url.as_str()));
    is_plain.then(|| format!("{flag} has no effect on an endpoint without TLS; use wss:// instead"))
}

fn is_secure(url: &str) -> bool {
    url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("wss:"))
        || url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

fn wrong_output(args: &LoadArgs) -> Option<String> {
    let is_json_out = args.output.json.as_deref() == Some(Path::new("-"));
    first(&[(
        is_json_out && args.output.compare.is_some(),
        "--json - prints the report alone, so nobody would see what --compare finds; give --json a file",
    )])
}

/// Whether connections send messages.
fn sends(args: &LoadArgs) -> bool {
    matches!(workload(args), WorkloadArg::Echo | WorkloadArg::FanOut)
}

fn too_much(args: &LoadArgs) -> Option<String> {
    if args.many {
        return None;
    }
    let highest =
        args.pace.stage.iter().map(|stage| stage.rate).fold(args.pace.rate.unwrap_or(0.0), f64::max);
    let too_many = connections(args).max(together(args)) > MANY;
    // A server that refuses all connections gets this many attempts a second.
    let again = args.reopen.map_or(0.0, |after| f64::from(connections(args)) / after.as_secs_f64());
    let is_storm = workload(args) == WorkloadArg::Storm;
    let is_too_much = too_many || again > f64::from(MANY) || (is_storm && highest > f64::from(MANY));
    is_too_much.then(|| {
        format!("more than {MANY} connections, at a time or a second, can hurt a server; if it is yours, add --many")
    })
}

fn pace(args: &LoadArgs) -> Pace {
    if let Some(depth) = args.pace.depth {
        let think =
            args.pace.think.map_or(Think::default(), |think| Think { least: think.least, most: think.most });
        // A storm keeps so many handshakes under way; the depth only says that the loop is closed.
        let is_storm = workload(args) == WorkloadArg::Storm;
        let depth = if is_storm { together(args) } else { depth };
        return Pace::Closed { depth: depth as usize, think };
    }
    if args.pace.stage.is_empty() {
        let usual = if workload(args) == WorkloadArg::Storm { RATE / 10.0 } else { RATE };
        let time = args.time + args.warm_up;
        return Pace::Open(RatePlan::constant(args.pace.rate.unwrap_or(usual), time));
    }
    let stages: Vec<_> = args.pace.stage.iter().map(|stage| (stage.time, stage.rate)).collect();
    Pace::Open(RatePlan::ramps(args.pace.rate.unwrap_or(0.0), &stages))
}

fn measured(args: &LoadArgs) -> Duration {
    match pace(args) {
        Pace::Open(rate) if !args.pace.stage.is_empty() => rate.time(),
        _ => args.time,
    }
}

/// The plan of one of several rounds. Each has all stages, in less time.
pub(super) fn round(args: &LoadArgs, plan: &Plan, rounds: u32) -> Plan {
    let mut plan = Plan { measured: plan.measured / rounds.max(1), ..plan.clone() };
    if !args.pace.stage.is_empty() {
        plan.shorten_stages(rounds);
    }
    plan
}

fn series(args: &LoadArgs) -> Result<Arc<Series>, Failure> {
    let messages = &args.messages;
    let (content, kind) = match (messages.binary, messages.json_content) {
        (true, _) => (Content::Binary, Kind::Binary),
        (false, true) => (Content::Json, Kind::Text),
        (false, false) => (Content::Text, Kind::Text),
    };
    let contents = match &messages.messages {
        Some(path) => lines(path)?,
        None => {
            let sizes = messages.size.clone().unwrap_or_else(|| Sizes::fixed(SIZE));
            made(&sizes, content, args.pace.depth.unwrap_or(0) as usize)
        }
    };
    Ok(Arc::new(Series::new(contents, kind, coding(args))?))
}

fn made(sizes: &Sizes, content: Content, depth: usize) -> Vec<Vec<u8>> {
    /// A series of long messages may be shorter.
    const TOTAL: usize = 8 << 20;

    let drawn = sizes.draw(depth);
    let longest = drawn.iter().copied().max().unwrap_or(0).max(1);
    let drawn = sizes.draw(depth.max(DIFFERENT.min(TOTAL / longest)));
    drawn.into_iter().enumerate().map(|(number, size)| content.message(number, size)).collect()
}

fn lines(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let read = std::fs::read(path);
    let bytes = read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let lines: Vec<Vec<u8>> = lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    if lines.iter().any(|line| line.len() > LONGEST_MESSAGE) {
        return Err(Failure::Usage(format!("{} has a line of more than 16 MiB", path.display())));
    }
    Ok(lines)
}

fn coding(args: &LoadArgs) -> Coding {
    if args.messages.compress { Coding::Deflate } else { Coding::Plain }
}

/// What the requests to an endpoint have in common.
pub(super) async fn request(args: &LoadArgs, plan: &Plan, url: &str) -> Result<RequestOptions, Failure> {
    let mut subprotocols = args.route.request.subprotocol.clone();
    if args.messages.channel.is_some() && subprotocols.is_empty() {
        subprotocols.push("centrifuge-json".to_owned());
    }
    let tls = if is_secure(url) { Some(args.route.certificates.client_tls()?.config().await?) } else { None };
    Ok(RequestOptions {
        headers: args.route.request.header.clone(),
        subprotocols,
        sources: args.route.source.clone().unwrap_or_default(),
        #[cfg(unix)]
        unix_socket: args.route.unix_socket.clone(),
        #[cfg(not(unix))]
        unix_socket: None,
        tls,
        coding: coding(args),
        channels: plan.channels(),
    })
}

/// Says what will be done to an endpoint that is not on this machine.
pub(super) fn announce(plan: &Plan, targets: &[&Target]) {
    for target in targets.iter().filter(|target| !target.is_local()) {
        let Some(address) = target.address() else { continue };
        let what = match &plan.workload {
            Workload::Storm { .. } => "open and drop connections".to_owned(),
            _ => format!("open {} connections", plan.connections),
        };
        let rate = match &plan.workload {
            Workload::Echo { pace: Pace::Open(rate), .. } => {
                format!(", send up to {} messages a second", rate.highest())
            }
            Workload::Fanout { pace: Pace::Open(rate), .. } => {
                format!(", publish up to {} times a second", rate.highest())
            }
            Workload::Storm { pace: Pace::Open(rate) } => format!(", up to {} a second", rate.highest()),
            Workload::Idle => String::new(),
            _ => ", send as fast as it answers".to_owned(),
        };
        terminal::complain(&format!(
            "longwire: this will {what} at {address}{rate}, for {:.0} s; load only what is yours",
            plan.measured.as_secs_f64()
        ));
    }
}
