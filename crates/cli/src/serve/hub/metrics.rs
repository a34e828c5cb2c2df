//! The figures of the hub at `/metrics`.

use std::fmt::Write as _;

use longwire_hub::HubCounts;

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
    ] {
        // Writing to a `String` never fails.
        let _ = writeln!(
            text,
            "# HELP longwire_hub_{name} {help}\n# TYPE longwire_hub_{name} {kind}\nlongwire_hub_{name} {value}\n"
        );
    }
    text
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
