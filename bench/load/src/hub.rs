//! Channels: clients subscribe, and publications are delivered to them.

mod api;
mod audience;
mod deliver;
mod dialect;
mod idle;
mod incoming;
mod latency;
mod opening;
mod publisher;
mod recover;
mod timing;

pub(crate) use self::dialect::Dialect;
pub(crate) use self::publisher::By;
pub(crate) use self::recover::Past;

use anyhow::Result;
use serde::Serialize;

use crate::arguments::{Hub, HubScenario, Target};

/// Measures, and returns the report as JSON.
pub(crate) fn run(target: &Target, hub: &Hub) -> Result<String> {
    fn json(report: &impl Serialize) -> Result<String> {
        Ok(serde_json::to_string(report)?)
    }
    match &hub.scenario {
        HubScenario::Deliver(deliver) => json(&deliver::run(target, hub, deliver)?),
        HubScenario::Latency(latency) => json(&latency::run(target, hub, latency)?),
        HubScenario::Idle(idle) => json(&idle::run(target, hub, idle)?),
        HubScenario::Recover(recover) => json(&recover::run(target, hub, recover)?),
        HubScenario::Api(api) => json(&api::run(target, hub, api)?),
    }
}

/// The content of every publication: 128 bytes of JSON. The text is looked for in what clients receive.
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and after that it jumps over the quick dog, and the lazy fox";

fn content() -> String {
    format!(r#"{{"at":1767225600,"text":"{TEXT}"}}"#)
}

/// The name of a channel. The namespace has the options.
fn channel(dialect: Dialect, namespace: &str, number: usize) -> String {
    match dialect {
        Dialect::Pusher => format!("{namespace}-{number}"),
        _ => format!("{namespace}:{number}"),
    }
}
