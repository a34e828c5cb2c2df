//! `longwire demo sensors`: many devices at once.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire::Cause;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::device::{Device, DeviceEvent};
use super::wire_bytes::ByteCounts;
use crate::args::SensorsArgs;
use crate::failure::Failure;
use crate::signals::{Ending, INTERRUPTED};
use crate::terminal;

/// How often changes are reported.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How many events may wait to be counted. Devices wait when there are more.
const EVENTS: usize = 1_024;

/// What the devices have done, as counted from their events.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct FleetTally {
    online: u32,
    readings: u64,
    commands: u64,
}

pub(crate) async fn run(args: SensorsArgs) -> Result<ExitCode, Failure> {
    let url: Arc<str> = with_path(args.url.as_str()).into();
    args.route.check(&url).map_err(Failure::Usage)?;
    let mut ending = Ending::of_client();
    // Messages as small as these are sent as they are; an agreement to compress would only cost memory.
    let client = args.route.client()?.deflate(None);
    let (stop, stopped) = watch::channel(());
    let (events, mut happened) = mpsc::channel(EVENTS);
    let mut devices = JoinSet::new();
    let digits = args.devices.to_string().len().max(2);
    for number in 1..=args.devices {
        let name = format!("{}-{number:0digits$}", args.name);
        let device = Device::new(name, args.every, events.clone());
        devices.spawn(device.run(client.clone(), Arc::clone(&url), stopped.clone()));
    }
    drop(events);
    say(&format!("{} devices connect to {url}; the page is {}", args.devices, page(&url)));
    let begun = Instant::now();
    let outcome = watch_over(&mut happened, args.devices, &mut ending).await;
    let _nobody_waits = stop.send(());
    let bytes = tokio::select! {
        bytes = all_ended(&mut devices, &mut happened) => bytes?,
        () = ending.next() => return Ok(INTERRUPTED.into()),
    };
    let tally = outcome?;
    say(&summary(&tally, bytes, begun.elapsed()));
    Ok(ExitCode::SUCCESS)
}

/// Counts and reports what happens, until a signal ends the program or the server refuses a device.
async fn watch_over(
    happened: &mut mpsc::Receiver<DeviceEvent>,
    devices: u16,
    ending: &mut Ending,
) -> Result<FleetTally, Failure> {
    let mut tally = FleetTally::default();
    let mut reported = 0;
    let mut because: Option<Cause> = None;
    let mut times = interval(REPORT_EVERY);
    loop {
        tokio::select! {
            event = happened.recv() => match event {
                // Every device has ended, and each has said why.
                None => return Err(lost(because)),
                Some(DeviceEvent::Online) => tally.online += 1,
                Some(DeviceEvent::Offline { was_online, cause }) => {
                    tally.online -= u32::from(was_online);
                    because = Some(cause);
                }
                Some(DeviceEvent::Reading) => tally.readings += 1,
                Some(DeviceEvent::Obeyed(what)) => {
                    tally.commands += 1;
                    say(&what);
                }
                Some(DeviceEvent::Refused(why)) => return Err(refused(&why)),
            },
            _ = times.tick() => {
                let cause = because.take();
                if tally.online != reported || cause.is_some() {
                    reported = tally.online;
                    let cause = cause.map(|cause| format!("; {cause}")).unwrap_or_default();
                    say(&format!("{reported} of {devices} devices online{cause}"));
                }
            }
            () = ending.next() => return Ok(tally),
        }
    }
}

/// Waits until every connection is closed.
async fn all_ended(
    devices: &mut JoinSet<longwire::Result<ByteCounts>>,
    happened: &mut mpsc::Receiver<DeviceEvent>,
) -> Result<ByteCounts, Failure> {
    // No device waits for somebody to read its events.
    happened.close();
    while happened.recv().await.is_some() {}
    let mut all = ByteCounts::default();
    while let Some(ended) = devices.join_next().await {
        if let Ok(counts) = ended {
            all += counts?;
        }
    }
    Ok(all)
}

fn lost(because: Option<Cause>) -> Failure {
    let because = because.map_or_else(|| "the connections have ended".to_owned(), |cause| cause.to_string());
    Failure::Other(terminal::escape(&because))
}

fn refused(why: &str) -> Failure {
    let why = terminal::escape(why);
    Failure::Other(format!(
        "the server refuses the devices: {why}. It has no channels for the demo if its configuration has channels of its own"
    ))
}

fn summary(tally: &FleetTally, bytes: ByteCounts, time: Duration) -> String {
    let per_reading = |bytes: u64| bytes.checked_div(tally.readings).unwrap_or(0);
    format!(
        "{} readings and {} commands in {:.0} s; a reading cost {} bytes up and {} down, with all frames of its connection",
        tally.readings,
        tally.commands,
        time.as_secs_f64(),
        per_reading(bytes.up),
        per_reading(bytes.down)
    )
}

fn say(line: &str) {
    terminal::complain(&terminal::escape(line));
}

/// Adds the path of the hub to a URL that names only a host.
fn with_path(url: &str) -> String {
    match url.split_once("://").map(|(_, rest)| rest.trim_end_matches('/')) {
        Some(host) if !host.contains(['/', '?', '#']) => {
            format!("{}/connection/websocket", url.trim_end_matches('/'))
        }
        _ => url.to_owned(),
    }
}

/// The page of the same server.
fn page(url: &str) -> String {
    let host = url.find("/connection/websocket").and_then(|at| url.get(..at)).unwrap_or(url);
    let host = host.strip_prefix("ws").map_or_else(|| host.to_owned(), |rest| format!("http{rest}"));
    format!("{host}/demo/sensors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_alone_means_its_hub() {
        for (given, url, page) in [
            ("ws://a:1", "ws://a:1/connection/websocket", "http://a:1/demo/sensors"),
            ("wss://a/", "wss://a/connection/websocket", "https://a/demo/sensors"),
            ("wss://a/x/connection/websocket", "wss://a/x/connection/websocket", "https://a/x/demo/sensors"),
        ] {
            assert_eq!(with_path(given), url);
            assert_eq!(super::page(url), page);
        }
    }

    #[test]
    fn a_fleet_without_readings_has_a_summary() {
        let said = summary(&FleetTally::default(), ByteCounts { up: 7, down: 7 }, Duration::from_secs(1));
        assert!(said.starts_with("0 readings and 0 commands in 1 s; a reading cost 0 bytes"), "{said}");
    }
}
