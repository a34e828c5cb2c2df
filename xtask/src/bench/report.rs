//! Writes the results as Markdown and charts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::figures::{Figure, Samples, Spread, ratio, spread};
use super::goals::{GOALS, INTERFACES, Measure, Reached};
use super::hub_load::HubLoad;
use super::machine::{Versions, machine};
use super::plot::{Bar, Panel, Plot, Scale, Shade};
use super::results::{Measured, Results};
use super::scenarios::{Load, SCENARIOS, Scenario};
use super::section::Section;
use super::servers::{self, BenchServer, Floor, RAW_EPOLL, Standing};

/// Above the table of goals.
const WHICH_ENGINE: &str = "\
`longwire-uring` and `longwire-readiness` are the same event loops over the two engines of `Server::run` and `longwire serve`. \
Where io_uring is refused, they run over readiness (epoll): in containers with Docker's default seccomp profile, under gVisor, \
and with the sysctl `kernel.io_uring_disabled`. `longwire serve` says at its start which engine runs, and why. `longwire-async` is \
`Server::serve`, a task for each connection, and always over epoll.

";

/// The same below the title of a figure.
const ENGINES_IN_A_FIGURE: &str = "longwire-uring where io_uring is allowed; longwire-readiness in most containers (Docker's \
    default seccomp profile, gVisor).";

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

impl Report<'_> {
    /// A section of the page `benchmarks.md`. It begins with its heading.
    pub(super) fn section(&self, section: Section) -> String {
        let mut page = format!("{}\n\n", section.heading());
        let (machine, rust) = (machine(), &self.versions.rust);
        let command = self.command.clone() + &self.peers(section);
        add(&mut page, format_args!("Written by `{command}`, on {machine}, with {rust}.\n\n"));
        if section == Section::WebSocket {
            page.push_str("![Server CPU µs a message](benchmarks.svg)\n\n![Memory of an idle connection](benchmarks-idle.svg)\n\n");
            self.goals(&mut page);
            page.push_str("## How it was measured\n\n");
        }
        page.push_str(section.method());
        let notes = format!("\n{}\n", self.notes.trim());
        let tables = self.tables(section);
        page.push_str(&if section == Section::WebSocket { tables + &notes } else { notes + &tables });
        page
    }

    /// The options that give the peers that were there.
    fn peers(&self, section: Section) -> String {
        let scenarios = SCENARIOS.iter().filter(|scenario| scenario.task.section() == section);
        let measured = scenarios.filter_map(|scenario| self.results.of(scenario.name));
        let given: BTreeSet<&String> = measured.flat_map(|measured| &measured.given).collect();
        given.iter().map(|name| format!(" --peer {name}=…")).collect()
    }

    fn tables(&self, section: Section) -> String {
        let mut tables = String::new();
        for scenario in SCENARIOS.iter().filter(|scenario| scenario.task.section() == section) {
            if let Some(measured) = self.results.of(scenario.name) {
                self.table(&mut tables, scenario, measured);
            }
        }
        tables
    }

    fn goals(&self, page: &mut String) {
        page.push_str("## Goals and results\n\n");
        page.push_str("Server CPU as a ratio to another server of the same run, or bytes. The goal is the upper limit after ≤.\n\n");
        page.push_str(WHICH_ENGINE);
        add(page, format_args!("| | against | {} |\n|---|---|---|---|---|\n", INTERFACES.join(" | ")));
        for goal in GOALS {
            let against = match goal.measure {
                Measure::Against(RAW_EPOLL) => "TCP echo over epoll",
                Measure::Against(other) => other,
                Measure::Bytes => "",
            };
            let cells =
                goal.reached(self.results).map(|reached| reached.as_ref().map_or_else(String::new, cell));
            add(page, format_args!("| {} | {against} | {} |\n", goal.title, cells.join(" | ")));
        }
        page.push('\n');
    }

    /// The table of one scenario, the best server first.
    fn table(&self, page: &mut String, scenario: &Scenario, measured: &Measured) {
        let section = scenario.task.section();
        let heading = if section == Section::WebSocket { "##" } else { "###" };
        add(page, format_args!("\n{heading} {}\n\n`{}`\n\n", capitalised(scenario.title), scenario.name));
        let columns = Columns::of(scenario.load);
        let titles = columns.titles(servers::lower_bound(section));
        add(page, format_args!("| server | {} |\n|---|", titles.join(" | ")));
        page.push_str(&"---:|".repeat(titles.len()));
        page.push('\n');
        for entrant in ranking(scenario, measured) {
            let cells = columns.cells(scenario, entrant.samples, measured);
            add(page, format_args!("| {} | {} |\n", self.name(&entrant), cells.join(" | ")));
        }
        for (server, why) in &measured.failures {
            add(page, format_args!("\n`{server}` has no figures, or fewer: {}\n", reason(why)));
        }
    }

    fn name(&self, entrant: &Entrant<'_>) -> String {
        match entrant.server {
            Some(server) if server.standing == Standing::Ours => {
                format!("**{}**", self.versions.title(server))
            }
            Some(server) => self.versions.title(server),
            None => format!("{}, given by `--peer`", entrant.name),
        }
    }

    /// The chart of the costs of some scenarios.
    pub(super) fn costs(&self) -> Plot {
        let shown = ["16b-c64", "16b-c64-d32", "1k-c64-d32", "16k-c64"];
        let panels = shown.iter().filter_map(|name| self.panel(name, Scale::Linear)).collect();
        let title = "Server CPU µs for each echoed message: less is better".to_owned();
        Plot { title, caption: ENGINES_IN_A_FIGURE.to_owned(), panels }
    }

    /// The chart of the memory of idle connections.
    pub(super) fn memory(&self) -> Plot {
        let panels = self.panel("idle", Scale::Logarithmic).into_iter().collect();
        let title = "Bytes for each idle connection: less is better, logarithmic".to_owned();
        Plot { title, caption: ENGINES_IN_A_FIGURE.to_owned(), panels }
    }

    fn panel(&self, scenario: &str, scale: Scale) -> Option<Panel> {
        let scenario = SCENARIOS.iter().find(|known| known.name == scenario)?;
        let figure = scenario.load.main_figure();
        let bars = ranking(scenario, self.results.of(scenario.name)?)
            .into_iter()
            .filter_map(|Entrant { name, server, samples }| {
                let value = spread(samples, figure)?.median;
                let shade = match server.map(|server| server.standing) {
                    Some(Standing::Floor) => Shade::Floor,
                    Some(Standing::Ours) => Shade::Ours,
                    Some(Standing::Peer) | None => Shade::Peer,
                };
                let name =
                    server.map_or_else(|| format!("{name} (--peer)"), |known| self.versions.title(known));
                Some(Bar { name, value, label: number(value), shade })
            })
            .collect();
        Some(Panel { title: capitalised(scenario.title), scale, bars })
    }
}

/// A server with its results.
struct Entrant<'m> {
    name: &'m str,
    /// `None` if it was given by `--peer`.
    server: Option<&'static BenchServer>,
    samples: &'m Samples,
}

/// The measured servers, the best first.
fn ranking<'m>(scenario: &Scenario, measured: &'m Measured) -> Vec<Entrant<'m>> {
    let figure = scenario.load.main_figure();
    let median = |samples: &Samples| spread(samples, figure).map_or(f64::INFINITY, |spread| spread.median);
    let known = measured.servers.iter().filter_map(|(name, samples)| {
        let server = servers::find(name);
        (server.is_some() || measured.given.contains(name)).then_some(Entrant { name, server, samples })
    });
    let mut entrants: Vec<_> = known.collect();
    entrants.sort_by(|one, other| median(one.samples).total_cmp(&median(other.samples)));
    entrants
}

/// The figures in a scenario's table.
struct Columns(&'static [(Figure, &'static str)]);

impl Columns {
    fn of(load: Load) -> Self {
        Self(match load {
            Load::Echo { .. } | Load::Events { .. } | Load::Broadcast { .. } | Load::Handshakes => {
                &[(Figure::Cost, "µs"), (Figure::Rate, "a second"), (Figure::Busy, "busy")]
            }
            Load::Hub(HubLoad::Deliver { .. } | HubLoad::Nodes { .. } | HubLoad::Api { .. }) => {
                &[(Figure::Cost, "µs"), (Figure::Rate, "a second"), (Figure::Busy, "busy")]
            }
            Load::Hub(HubLoad::Recover { .. }) => &[
                (Figure::Time, "seconds"),
                (Figure::Cost, "CPU µs a client"),
                (Figure::Rate, "clients a second"),
            ],
            Load::Idle { .. } | Load::Hub(HubLoad::Idle { .. }) => &[(Figure::Memory, "bytes")],
            Load::Latency { .. } | Load::Hub(HubLoad::Latency { .. }) => &[
                (Figure::P99, "p99 µs"),
                (Figure::P50, "p50 µs"),
                (Figure::P999, "p99.9 µs"),
                (Figure::Longest, "longest µs"),
                (Figure::Cost, "CPU µs"),
            ],
        })
    }

    fn titles(&self, floor: Floor) -> Vec<&'static str> {
        let mut titles = Vec::new();
        for (place, (_, title)) in self.0.iter().enumerate() {
            titles.push(*title);
            if place == 0 {
                titles.extend(["from – to", "to the best peer", floor.title]);
            }
        }
        titles
    }

    fn cells(&self, scenario: &Scenario, samples: &Samples, measured: &Measured) -> Vec<String> {
        let main = scenario.load.main_figure();
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
                cells.push(against(best_peer(scenario.load, measured)).unwrap_or_default());
                let floor = servers::lower_bound(scenario.task.section());
                cells.push(against(measured.servers.get(floor.server)).unwrap_or_default());
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
        .filter(|(name, _)| {
            let known = servers::find(name).map(|server| server.standing == Standing::Peer);
            known.unwrap_or_else(|| measured.given.contains(*name))
        })
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
    fn a_server_that_nobody_knows_has_a_row_only_if_it_was_given() {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == "16b-c64").unwrap();
        let cost = |cost| Samples::from([(0, [(Figure::Cost, cost)].into())]);
        let servers = [("removed", 1.0), ("given", 2.0), ("fastwebsockets", 3.0)];
        let servers = servers.map(|(name, value)| (name.to_owned(), cost(value))).into();
        let measured = Measured { servers, given: ["given".to_owned()].into(), ..Measured::default() };
        let names: Vec<&str> = ranking(scenario, &measured).iter().map(|entrant| entrant.name).collect();
        assert_eq!(names, ["given", "fastwebsockets"]);
        assert_eq!(best_peer(scenario.load, &measured), Some(&cost(2.0)));
    }

    #[test]
    fn numbers_have_three_digits_and_more_only_if_they_are_whole() {
        for (value, text) in
            [(0.168, "0.17"), (5.5, "5.50"), (19.94, "19.9"), (137_808.4, "137,808"), (-120.0, "-120")]
        {
            assert_eq!(number(value), text);
        }
    }
}
