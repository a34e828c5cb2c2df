//! Writes the results as Markdown and charts.

use std::fmt::Write as _;

use super::figures::{Figure, Samples, Spread, ratio, spread};
use super::goals::{GOALS, INTERFACES, Measure, Reached};
use super::hub_load::HubLoad;
use super::machine::{Versions, machine};
use super::plot::{Bar, Panel, Plot, Scale, Shade};
use super::results::{Measured, Results};
use super::scenarios::{Load, SCENARIOS, Scenario};
use super::servers::{self, BenchServer, PLAIN_TOPICS, RAW_EPOLL, Standing};

/// The pages that a run writes.
#[derive(Debug)]
pub(super) struct Report<'r> {
    pub(super) results: &'r Results,
    pub(super) versions: &'r Versions,
    /// The command that reproduces the figures.
    pub(super) command: String,
    /// Text written by hand: which goals were missed, and why.
    pub(super) notes: String,
}

const METHOD: &str = "\
Each server runs alone, on one core, and the load generator (`bench/load`: one thread over io_uring, frames masked and \
encoded beforehand) on another. The length, content and order of every reply are checked. Each measurement starts a \
new server process. The rounds of a scenario follow one another, and each round measures the servers in a different \
order. A ratio is the median of the rounds' ratios, so a disturbance of one round affects both sides.

- **µs** is the server's CPU time, user and system, per message, delivery or handshake, read from `/proc/PID/stat` \
before and after. It includes the kernel's work for the loopback interface, on both sides.
- **a second** is the throughput of the same run. If the server was not *busy* all the time, the load generator was \
the limit, so compare µs instead.
- **Latency** is measured in an open loop: messages are due at a fixed rate, and latency counts from the time when a \
message was due. A stall therefore delays all messages that were due during it (no coordinated omission).
- **Bytes for an idle connection** is the growth of `Private_Dirty` in `/proc/PID/smaps_rollup`, divided by the number \
of connections. Each connection has exchanged one message. The kernel's own memory for a socket is not included.
- `tcp-epoll` and `tcp-uring` are TCP echo without WebSocket (`bench/floor`): the lower bound for each system \
interface.
- Our servers run with all checks and the default limits. The others follow their documentation, with batched writes \
where the library supports them (`forward`). All are built with the same profile: `lto = \"fat\"`, one codegen unit.
- Differences of less than 10 % are noise on a small virtual machine.
";

/// The heading of the section that compares hubs.
pub(super) const HUB_HEADING: &str = "## The hub";

const HUB_METHOD: &str = "\
Clients subscribe to channels, and publications of 128 bytes of JSON are delivered to them. What is said above of the \
cores, the rounds and the ratios holds here, too. Every delivery is found by its text.

- `plain-topics` are the topics of an event loop without a hub: the URL names the topic, and a message is sent as it is. \
It is the lower bound.
- `longwire-hub` is `longwire serve` as it is released, with one event loop and `bench/hub/longwire.toml`. Its clients \
speak the Centrifuge protocol, in JSON or in protobuf.
- The next publication follows when all subscribers have received the one before. With 10,000 channels, a client publishes \
to 32 of them in one write; the cost then includes receiving the publications and, except for `plain-topics`, answering \
them.
- sockudo has no publications of clients to arbitrary channels, so they come by its HTTP API, up to ten in a request. \
socket.io has a room per channel, over WebSocket.
- **Bytes** are those of the whole connection, WebSocket included, with one subscription.
- To recover, all clients connect, subscribe and get what they missed, 64 at a time.
";

impl Report<'_> {
    /// The page `benchmarks.md`.
    pub(super) fn markdown(&self) -> String {
        let mut page = String::from("# Benchmarks\n\n");
        add(
            &mut page,
            format_args!("Written by `{}`, on {}, with {}.\n\n", self.command, machine(), self.versions.rust),
        );
        page.push_str("![Server CPU µs a message](benchmarks.svg)\n\n![Memory of an idle connection](benchmarks-idle.svg)\n\n");
        self.goals(&mut page);
        page.push_str("## How it was measured\n\n");
        page.push_str(METHOD);
        self.tables(&mut page, false);
        page.push('\n');
        page.push_str(self.notes.trim());
        page.push('\n');
        page
    }

    /// The section of the page that compares hubs. It begins with its heading.
    pub(super) fn hub_section(&self) -> String {
        let mut section = format!("{HUB_HEADING}\n\n");
        let (machine, rust) = (machine(), &self.versions.rust);
        add(&mut section, format_args!("Written by `{}`, on {machine}, with {rust}.\n\n", self.command));
        section.push_str(HUB_METHOD);
        section.push('\n');
        section.push_str(self.notes.trim());
        section.push('\n');
        self.tables(&mut section, true);
        section
    }

    /// The tables of the scenarios with hubs, or of all others.
    fn tables(&self, page: &mut String, of_hubs: bool) {
        for scenario in SCENARIOS.iter().filter(|scenario| scenario.task.is_of_hubs() == of_hubs) {
            if let Some(measured) = self.results.of(scenario.name) {
                self.table(page, scenario, measured);
            }
        }
    }

    fn goals(&self, page: &mut String) {
        page.push_str("## Goals and results\n\n");
        page.push_str("Server CPU as a ratio, or bytes. The goal is the upper limit after ≤.\n\n");
        add(page, format_args!("| | {} |\n|---|---|---|---|\n", INTERFACES.join(" | ")));
        for goal in GOALS {
            let cells: Vec<String> = goal.reached(self.results).iter().map(cell).collect();
            add(page, format_args!("| {} | {} |\n", goal.title, cells.join(" | ")));
        }
        page.push('\n');
    }

    /// The table of one scenario, the best server first.
    fn table(&self, page: &mut String, scenario: &Scenario, measured: &Measured) {
        let heading = if scenario.task.is_of_hubs() { "###" } else { "##" };
        add(page, format_args!("\n{heading} {}\n\n`{}`\n\n", capitalised(scenario.title), scenario.name));
        let columns = Columns::of(scenario.load);
        let titles = columns.titles(scenario.load);
        add(page, format_args!("| server | {} |\n|---|", titles.join(" | ")));
        page.push_str(&"---:|".repeat(titles.len()));
        page.push('\n');
        for (server, samples) in ranking(scenario, measured) {
            let cells = columns.cells(scenario.load, samples, measured);
            add(page, format_args!("| {} | {} |\n", self.name(server), cells.join(" | ")));
        }
        for (server, why) in &measured.failures {
            add(page, format_args!("\n`{server}` has no figures, or fewer: {}\n", reason(why)));
        }
    }

    fn name(&self, server: &BenchServer) -> String {
        let title = self.versions.title(server);
        if server.standing == Standing::Ours { format!("**{title}**") } else { title }
    }

    /// The chart of the costs of some scenarios.
    pub(super) fn costs(&self) -> Plot {
        let shown = ["16b-c64", "16b-c64-d32", "1k-c64-d32", "16k-c64"];
        let panels = shown.iter().filter_map(|name| self.panel(name, Scale::Linear)).collect();
        Plot { title: "Server CPU µs for each echoed message: less is better".to_owned(), panels }
    }

    /// The chart of the memory of idle connections.
    pub(super) fn memory(&self) -> Plot {
        let panels = self.panel("idle", Scale::Logarithmic).into_iter().collect();
        Plot { title: "Bytes for each idle connection: less is better, logarithmic".to_owned(), panels }
    }

    fn panel(&self, scenario: &str, scale: Scale) -> Option<Panel> {
        let scenario = SCENARIOS.iter().find(|known| known.name == scenario)?;
        let figure = scenario.load.main_figure();
        let bars = ranking(scenario, self.results.of(scenario.name)?)
            .into_iter()
            .filter_map(|(server, samples)| {
                let value = spread(samples, figure)?.median;
                let shade = match server.standing {
                    Standing::Floor => Shade::Floor,
                    Standing::Ours => Shade::Ours,
                    Standing::Peer => Shade::Peer,
                };
                Some(Bar { name: self.versions.title(server), value, label: number(value), shade })
            })
            .collect();
        Some(Panel { title: capitalised(scenario.title), scale, bars })
    }
}

/// The measured servers, the best first.
fn ranking<'m>(scenario: &Scenario, measured: &'m Measured) -> Vec<(&'static BenchServer, &'m Samples)> {
    let figure = scenario.load.main_figure();
    let median = |samples: &Samples| spread(samples, figure).map_or(f64::INFINITY, |spread| spread.median);
    let mut servers: Vec<_> =
        measured.servers.iter().filter_map(|(name, samples)| Some((servers::find(name)?, samples))).collect();
    servers.sort_by(|(_, one), (_, other)| median(one).total_cmp(&median(other)));
    servers
}

/// The figures in a scenario's table.
struct Columns(&'static [(Figure, &'static str)]);

impl Columns {
    fn of(load: Load) -> Self {
        Self(match load {
            Load::Echo { .. } | Load::Broadcast { .. } | Load::Handshakes => {
                &[(Figure::Cost, "µs"), (Figure::Rate, "a second"), (Figure::Busy, "busy")]
            }
            Load::Hub(HubLoad::Deliver { .. } | HubLoad::Api { .. }) => {
                &[(Figure::Cost, "µs"), (Figure::Rate, "a second"), (Figure::Busy, "busy")]
            }
            Load::Hub(HubLoad::Recover { .. }) => &[
                (Figure::Time, "seconds"),
                (Figure::Cost, "CPU µs a client"),
                (Figure::Rate, "clients a second"),
            ],
            Load::Idle { .. } | Load::Hub(HubLoad::Idle { .. }) => &[(Figure::Memory, "bytes")],
            Load::Latency { .. } => &[
                (Figure::P99, "p99 µs"),
                (Figure::P50, "p50 µs"),
                (Figure::P999, "p99.9 µs"),
                (Figure::Longest, "longest µs"),
                (Figure::Cost, "CPU µs"),
            ],
        })
    }

    fn titles(&self, load: Load) -> Vec<&'static str> {
        let mut titles = Vec::new();
        for (place, (_, title)) in self.0.iter().enumerate() {
            titles.push(*title);
            if place == 0 {
                let floor = if let Load::Hub(_) = load { "to plain topics" } else { "to TCP over epoll" };
                titles.extend(["from – to", "to the best peer", floor]);
            }
        }
        titles
    }

    fn cells(&self, load: Load, samples: &Samples, measured: &Measured) -> Vec<String> {
        let main = load.main_figure();
        let mut cells = Vec::new();
        for (place, (figure, _)) in self.0.iter().enumerate() {
            let spread = spread(samples, *figure);
            cells.push(spread.map_or_else(String::new, |spread| shown(*figure, spread.median)));
            if place == 0 {
                let from_to = |spread: Spread| format!("{} – {}", number(spread.least), number(spread.most));
                cells.push(spread.map_or_else(String::new, from_to));
                let against = |other: Option<&Samples>| {
                    let ratio = ratio(samples, other?, main)?;
                    Some(format!("{:.2}", ratio.median))
                };
                cells.push(against(best_peer(load, measured)).unwrap_or_default());
                let floor = if let Load::Hub(_) = load { PLAIN_TOPICS } else { RAW_EPOLL };
                cells.push(against(measured.servers.get(floor)).unwrap_or_default());
            }
        }
        cells
    }
}

fn best_peer(load: Load, measured: &Measured) -> Option<&Samples> {
    let median = |samples: &Samples| spread(samples, load.main_figure()).map(|spread| spread.median);
    measured
        .servers
        .iter()
        .filter(|(name, _)| servers::find(name).is_some_and(|server| server.standing == Standing::Peer))
        .filter_map(|(_, samples)| Some((median(samples)?, samples)))
        .min_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, samples)| samples)
}

/// The first line of a failure, without the path of its log.
fn reason(failure: &str) -> &str {
    failure.split([';', '\n']).next().unwrap_or_default()
}

fn cell(reached: &Reached) -> String {
    let shown = |value: f64| match reached.measure {
        Measure::Against(_) => format!("{value:.2}"),
        Measure::Bytes => number(value),
    };
    let limit = shown(reached.limit);
    match reached.value {
        None => format!("not measured (≤ {limit})"),
        Some(spread) if spread.median <= reached.limit => format!("**{}** (≤ {limit})", shown(spread.median)),
        Some(spread) => format!("{} (≤ {limit}, not reached)", shown(spread.median)),
    }
}

fn shown(figure: Figure, value: f64) -> String {
    if figure == Figure::Busy { format!("{:.0} %", value * 100.0) } else { number(value) }
}

/// Formats a number with its significant digits.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// Inserts a comma before every third digit from the end.
fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_more_only_if_they_are_whole() {
        for (value, text) in
            [(0.168, "0.17"), (5.5, "5.50"), (19.94, "19.9"), (137_808.4, "137,808"), (-120.0, "-120")]
        {
            assert_eq!(number(value), text);
        }
    }
}
