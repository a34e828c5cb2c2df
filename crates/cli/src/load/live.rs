//! The progress of a run, on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use longwire_load::{Control, Phase, Plan, Progress, Times, time};
use tokio::task::JoinHandle;

/// How often it is drawn.
const PERIOD: Duration = Duration::from_millis(500);

/// How many lines the view has.
const BARS: usize = 8;

/// The widest bar, in characters.
const WIDTH: usize = 40;

/// Draws on standard error while a run continues.
pub(super) struct Live(Option<JoinHandle<()>>);

impl Live {
    pub(super) fn start(plan: &Plan, control: Arc<Control>, is_quiet: bool) -> Live {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if is_quiet || is_dumb || !std::io::stderr().is_terminal() {
            return Live(None);
        }
        let measured = plan.measured;
        Live(Some(tokio::spawn(draw(measured, control))))
    }

    /// Removes the view.
    pub(super) async fn end(self) {
        let Some(drawing) = self.0 else { return };
        drawing.abort();
        let _ended = drawing.await;
        let _unseen = std::io::stderr().write_all(b"\x1b[J");
    }
}

async fn draw(measured: Duration, control: Arc<Control>) {
    let mut before = Progress::default();
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = control.progress();
        let lines = view(&before, &now, measured);
        before = now;
        // The cursor stays above the view, so that whatever comes next replaces it.
        let mut text = String::from("\x1b[J");
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(&format!("\x1b[{}A", lines.len()));
        let _unseen = std::io::stderr().write_all(text.as_bytes());
    }
}

/// The lines of the view.
fn view(before: &Progress, now: &Progress, measured: Duration) -> Vec<String> {
    let what = match now.phase {
        Phase::Opening => "opening connections".to_owned(),
        Phase::WarmingUp => "warming up".to_owned(),
        Phase::Measuring => format!("{:.1} of {:.0} s", now.elapsed.as_secs_f64(), measured.as_secs_f64()),
        Phase::Ending => "waiting for the last answers".to_owned(),
    };
    let per_second =
        |now: u64, before: u64| u128::from(now.saturating_sub(before)) * 1000 / PERIOD.as_millis().max(1);
    let mut lines = vec![
        what,
        format!("open {} · opening {}", now.open, now.opening),
        format!(
            "a second: sent {} · received {}",
            per_second(now.sent, before.sent),
            per_second(now.done, before.done)
        ),
        format!("errors {} · lost or out of place {}", now.errors, now.misplaced),
    ];
    lines.extend(histogram(&now.latency));
    lines
}

/// The latest latencies as bars: each of the same ratio of times.
fn histogram(latency: &Times) -> Vec<String> {
    if latency.count() == 0 {
        return Vec::new();
    }
    let (low, high) = (latency.quantile(0.001), latency.quantile(0.999));
    let ratio = (high.as_secs_f64() / low.as_secs_f64().max(1e-9)).max(1.001);
    #[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
    let edge = |bar: usize| low.mul_f64(ratio.powf(bar as f64 / BARS as f64));
    let counts: Vec<u64> = (0..BARS)
        .map(|bar| {
            let below = if bar == 0 { latency.count() } else { latency.above(edge(bar)) };
            let above = if bar + 1 == BARS { 0 } else { latency.above(edge(bar + 1)) };
            below.saturating_sub(above)
        })
        .collect();
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let bars = counts.iter().enumerate().map(|(bar, count)| {
        let width = usize::try_from(count.saturating_mul(WIDTH as u64) / most).unwrap_or(WIDTH);
        format!("{:>8} ms {}", time(edge(bar + 1).as_secs_f64() * 1000.0), "█".repeat(width))
    });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_shows_rates_and_bars() {
        let mut now = Progress {
            phase: Phase::Measuring,
            elapsed: Duration::from_millis(2500),
            open: 3,
            sent: 1500,
            done: 1400,
            errors: 1,
            ..Progress::default()
        };
        for micros in 100..300 {
            now.latency.record(Duration::from_micros(micros));
        }
        let before = Progress { sent: 1000, done: 1000, ..Progress::default() };
        let lines = view(&before, &now, Duration::from_secs(10));
        assert_eq!(lines[0], "2.5 of 10 s");
        assert_eq!(lines[2], "a second: sent 1000 · received 800");
        assert_eq!(lines.len(), 4 + BARS);
        let bars = lines[4..].iter().map(|line| line.matches('█').count());
        assert!(bars.clone().all(|width| width > 0) && bars.max() == Some(WIDTH), "{lines:#?}");
    }

    #[test]
    fn without_latencies_there_are_no_bars() {
        let lines = view(&Progress::default(), &Progress::default(), Duration::from_secs(1));
        assert_eq!(lines.len(), 4);
    }
}
