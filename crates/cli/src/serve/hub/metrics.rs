//! The figures of the hub at `/metrics`.

use std::fmt::{Display, Write as _};

use longwire_hub::{BrokerStatus, HubCounts};

/// The figures in the Prometheus text format. They have no labels, so nothing a client does adds to their number.
pub(crate) fn metrics(counts: &HubCounts) -> String {
    let now = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let subscriptions = counts.subscribes.saturating_sub(counts.unsubscribes);
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("clients", "gauge", "Clients that are connected to the hub.", now(counts.clients)),
        ("users", "gauge", "Users that are connected, without anonymous clients.", now(counts.users)),
        ("channels", "gauge", "Channels that have subscribers.", now(counts.channels)),
        ("subscriptions", "gauge", "Subscriptions of all clients.", subscriptions),
        ("connects_total", "counter", "Clients that have connected.", counts.connects),
        ("disconnects_total", "counter", "Clients that have disconnected.", counts.disconnects),
        ("subscribes_total", "counter", "Subscriptions that have begun.", counts.subscribes),
        ("unsubscribes_total", "counter", "Subscriptions that have ended.", counts.unsubscribes),
        ("commands_total", "counter", "Commands of clients.", counts.commands),
        ("command_errors_total", "counter", "Commands that have failed.", counts.errors),
        ("publications_total", "counter", "Publications.", counts.publications),
        ("recoveries_total", "counter", "Recoveries that found everything.", counts.recovered),
        ("recoveries_failed_total", "counter", "Recoveries that did not.", counts.unrecovered),
        ("other_nodes", "gauge", "Other nodes that share the broker.", now(counts.other_nodes)),
        ("node_messages_total", "counter", "Messages of other nodes.", counts.node_messages),
        (
            "node_messages_skipped_total",
            "counter",
            "Messages of other nodes that this version does not understand.",
            counts.node_messages_skipped,
        ),
        (
            "open_questions",
            "gauge",
            "Questions to other nodes that wait for answers.",
            now(counts.open_questions),
        ),
        ("waiting_bytes", "gauge", "Bytes of clients' commands that wait.", now(counts.waiting_bytes)),
    ] {
        write(&mut text, &format!("longwire_hub_{name}"), kind, help, value);
    }
    text
}

/// The figures of a broker that several nodes share.
pub(crate) fn broker_metrics(status: &BrokerStatus) -> String {
    let now = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("up", "gauge", "Whether the broker can be reached.", u64::from(status.is_reachable)),
        (
            "alone",
            "gauge",
            "Whether this node goes on with channels of its own, because the broker cannot be reached.",
            u64::from(status.is_alone),
        ),
        ("calls_waiting", "gauge", "Calls that wait for the broker's answer.", now(status.waiting)),
        ("calls_total", "counter", "Calls to the broker that have ended.", status.calls),
        ("failures_total", "counter", "Calls that did not reach the broker.", status.failures),
        ("followed_channels", "gauge", "Channels that this node follows.", now(status.followed)),
        ("held_bytes", "gauge", "Bytes that wait for what precedes them.", now(status.held_bytes)),
        ("interruptions_total", "counter", "How often arrivals were interrupted.", status.interruptions),
        (
            "gaps_found_total",
            "counter",
            "How often publications of a channel were missing.",
            status.gaps_found,
        ),
        ("gaps_filled_total", "counter", "How often those were read and delivered.", status.gaps_filled),
        ("gaps_lost_total", "counter", "How often subscribers learned that they are lost.", status.gaps_lost),
        (
            "duplicates_total",
            "counter",
            "Publications that arrived again, and were dropped.",
            status.duplicates,
        ),
    ] {
        write(&mut text, &format!("longwire_broker_{name}"), kind, help, value);
    }
    let (time, name) = (status.call_time.as_secs_f64(), "longwire_broker_call_seconds_total");
    write(&mut text, name, "counter", "Time that all calls to the broker took together.", time);
    if let Some(latency) = status.latency {
        let (time, name) = (latency.as_secs_f64(), "longwire_broker_latency_seconds");
        write(&mut text, name, "gauge", "How long a call takes: a moving average.", time);
    }
    text
}

fn write(text: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    // Writing to a `String` never fails.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_value() {
        let mut counts = HubCounts::default();
        counts.clients = 3;
        counts.subscribes = 7;
        counts.unsubscribes = 2;
        let text = metrics(&counts);
        for line in
            ["longwire_hub_clients 3", "longwire_hub_subscriptions 5", "longwire_hub_subscribes_total 7"]
        {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
