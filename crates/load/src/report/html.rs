//! The report as a page: one file, which needs no network.

use std::fmt::Write as _;

use super::document::{Part, Report, per_second};
use super::plot::{Curve, Scale, plot};
use super::text;
use crate::times::Times;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--grid:#d5dae0;--a:#0b62c4;--b:#b3590a;--c:#18794e;--d:#a3195b}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--paper:#14171a;--grid:#343b42;--a:#6cb2ff;--b:#f0a35c;--c:#5fcf9a;--d:#ff8fc0}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:52rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}td,th{padding:.25rem .5rem;text-align:right;border-bottom:1px solid var(--grid)}\
td:first-child,th:first-child{text-align:left}figure{margin:1.5rem 0}figcaption{font-weight:600}svg{width:100%;font-size:12px;fill:var(--ink)}\
.grid{stroke:var(--grid);fill:none}.line{fill:none;stroke-width:2}path.a{stroke:var(--a)}path.b{stroke:var(--b)}path.c{stroke:var(--c)}path.d{stroke:var(--d)}\
text.a{fill:var(--a)}text.b{fill:var(--b)}text.c{fill:var(--c)}text.d{fill:var(--d)}.warning{border-left:4px solid var(--b);padding-left:1rem}\
pre{white-space:pre-wrap}";

/// The page of a report. `latency` is the whole distribution of the latency.
#[must_use]
pub fn html(report: &Report, latency: &Times) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Load of {url}</title><style>{STYLE}</style></head><body>\n<h1>Load of {url}</h1>\n<p>{load}, for {:.1} s</p>\n",
        report.seconds,
        url = escape(&report.url),
        load = escape(&report.load),
    );
    if let Some(bottleneck) = text::bottleneck(report) {
        let _infallible = writeln!(page, "<p class=\"warning\">{}</p>", escape(&bottleneck));
    }
    page.push_str(&table(report));
    page.push_str(&distribution(latency));
    page.push_str(&over_time(&report.intervals));
    let _infallible = writeln!(page, "<h2>Summary</h2>\n<pre>{}</pre>", escape(&text::summary(report)));
    let _infallible = writeln!(page, "<p>Longwire {}</p>\n</body></html>", escape(&report.version));
    page
}

fn table(report: &Report) -> String {
    let mut table = String::from(
        "<table><thead><tr><th>ms</th><th>count</th><th>mean</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>\
         <th>p99.99</th><th>max</th></tr></thead><tbody>\n",
    );
    for (name, times) in &report.times {
        let percentiles = times.percentiles().map(|(_, time)| time);
        let values = [&[Some(times.mean)], &percentiles[..], &[Some(times.max)]].concat();
        let cells: String = values
            .into_iter()
            .map(|time| format!("<td>{}</td>", time.map_or_else(String::new, text::time)))
            .collect();
        let (name, count) = (name.replace('_', " "), text::thousands(times.count));
        let _infallible = writeln!(table, "<tr><td>{name}</td><td>{count}</td>{cells}</tr>");
    }
    table.push_str("</tbody></table>\n");
    table
}

/// The latency by percentile. To the right, each nine takes the same space.
fn distribution(latency: &Times) -> String {
    let nines = |share: f64| -(1.0 - share.min(0.999_999)).log10();
    let points = latency.percentiles();
    let points = points.iter().map(|(time, share, _)| (nines(*share), time.as_secs_f64() * 1000.0)).collect();
    let ticks = [
        (0.0, "0"),
        (0.5, "50"),
        (0.9, "90"),
        (0.99, "99"),
        (0.999, "99.9"),
        (0.9999, "99.99"),
        (0.99999, "99.999"),
    ];
    let ticks = ticks.map(|(share, label)| (nines(share), format!("{label} %")));
    plot("Latency by percentile, in ms", &[Curve { label: "latency", points }], Scale::Logarithmic, &ticks)
}

fn over_time(parts: &[Part]) -> String {
    let mut end = 0.0;
    let ends: Vec<f64> = parts
        .iter()
        .map(|part| {
            end += part.seconds;
            end
        })
        .collect();
    let line = |value: fn(&Part) -> f64| -> Vec<(f64, f64)> {
        ends.iter().copied().zip(parts.iter().map(value)).collect()
    };
    let ticks: Vec<(f64, String)> = ends.iter().step_by(4).map(|end| (*end, format!("{end:.1} s"))).collect();
    let rates = [
        Curve { label: "done", points: line(|part| per_second(part.done, part.seconds)) },
        Curve { label: "sent", points: line(|part| per_second(part.sent, part.seconds)) },
    ];
    let times = [
        Curve { label: "p50", points: line(|part| part.p50) },
        Curve { label: "p99", points: line(|part| part.p99) },
        Curve { label: "max", points: line(|part| part.max) },
    ];
    plot("Per second", &rates, Scale::Linear, &ticks)
        + &plot("Latency over time, in ms", &times, Scale::Logarithmic, &ticks)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
