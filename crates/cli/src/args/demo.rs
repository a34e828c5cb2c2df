//! The arguments of `longwire demo`.

use std::time::Duration;

use clap::{Parser, Subcommand};

use super::route::RouteArgs;
use super::url::EndpointUrl;
use crate::values::parse_time_above_0;

/// Programs that take part in the demo pages of `longwire serve`
#[derive(Debug, Parser)]
pub(crate) struct DemoArgs {
    #[command(subcommand)]
    pub(crate) command: DemoCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DemoCommand {
    Sensors(SensorsArgs),
}

/// Simulate a fleet of devices that publish readings and obey commands, for the page /demo/sensors
///
/// Each device has a connection of its own. It subscribes to its commands, publishes a temperature at every interval, and
/// acknowledges each command. When its connection breaks, it waits a random time and connects again, as often as needed.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire demo sensors
  longwire demo sensors --devices 500 --every 10
  longwire demo sensors --devices 5 --every 3600 --name meter      (idle for an hour between two readings)
  longwire demo sensors --url wss://demo.example.com

Channels:
  demo-sensors:readings  where devices publish: {\"d\":\"sensor-01\",\"t\":21.4}
  demo-sensors:fleet     to which every device subscribes, so that its presence shows who is connected
  demo-sensors:{name}    the commands to one device, such as {\"id\":\"1\",\"led\":true} or {\"id\":\"2\",\"every\":500}

A command to a device that is away waits in the history of its channel, for up to five minutes. Any client can send one:
  longwire connect 127.0.0.1:8080/channel/demo-sensors:sensor-01      (then type {\"id\":\"1\",\"led\":true})

While there is no connection, readings are dropped: the next one replaces them.

Ctrl-C, SIGTERM and SIGHUP close every connection with 1000; a second one stops immediately, with exit code 130.")]
pub(crate) struct SensorsArgs {
    /// The server: ws://… or wss://…; without a scheme, ws:// for this machine and ports other than 443; the default path is /connection/websocket
    #[arg(long, value_name = "URL", default_value = "127.0.0.1:8080")]
    pub(crate) url: EndpointUrl,

    /// How many devices, up to 10,000
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) devices: u16,

    /// The time between two readings of a device, at least 200ms; a command can change them
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    pub(crate) every: Duration,

    /// What the names of the devices begin with: letters, digits and hyphens
    #[arg(long, value_name = "NAME", default_value = "sensor", value_parser = parse_name)]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) route: RouteArgs,
}

/// The demo lets a client publish ten times a second, and an acknowledgement counts, too.
const SHORTEST: Duration = Duration::from_millis(200);

fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = parse_time_above_0(text)?;
    if interval < SHORTEST {
        Err("a device may send at most five readings a second: 200ms".into())
    } else {
        Ok(interval)
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 32 letters, digits and hyphens".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_refuse_is_refused_here() {
        for name in ["", "a:b", "ü", "a b", &"a".repeat(33)] {
            assert!(parse_name(name).is_err(), "{name}");
        }
        assert_eq!(parse_name("Meter-7").unwrap(), "Meter-7");
        assert!(parse_interval("0.1").is_err());
        assert_eq!(parse_interval("0.2").unwrap(), SHORTEST);
    }
}
