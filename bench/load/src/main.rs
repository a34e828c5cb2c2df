//! The load of the comparison: runs of `longwire-load` on one thread, and scenarios of hubs. It measures what they cost
//! the server, and prints one line of JSON.

mod arguments;
mod broadcast;
mod closed_loop;
mod events;
mod handshake;
mod handshakes;
mod hub;
mod idle;
mod latency;
mod measured;
mod process;
mod tls;

use anyhow::Result;
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use arguments::{Arguments, Scenario};

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    raise_descriptor_limit()?;
    let line = match &arguments.scenario {
        Scenario::Echo(echo) => serde_json::to_string(&closed_loop::run(&arguments.target, echo)?)?,
        Scenario::Latency(latency) => serde_json::to_string(&latency::run(&arguments.target, latency)?)?,
        Scenario::Broadcast(broadcast) => {
            serde_json::to_string(&broadcast::run(&arguments.target, broadcast)?)?
        }
        Scenario::Idle(idle) => serde_json::to_string(&idle::run(&arguments.target, idle)?)?,
        Scenario::Handshakes(handshakes) => {
            serde_json::to_string(&handshakes::run(&arguments.target, handshakes)?)?
        }
        Scenario::Events(events) => serde_json::to_string(&events::run(&arguments.target, events)?)?,
        Scenario::Hub(hub) => hub::run(&arguments.target, hub)?,
    };
    println!("{line}");
    Ok(())
}

fn raise_descriptor_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
