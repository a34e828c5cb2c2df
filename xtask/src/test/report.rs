//! The table at the end of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::suite::outcome::Outcome;
use crate::terminal::{Tone, paint};

#[derive(Debug, Default)]
pub(crate) struct RunReport {
    /// By the index of the suite.
    rows: BTreeMap<usize, SuiteRow>,
}

#[derive(Debug)]
struct SuiteRow {
    suite: String,
    outcome: Outcome,
    took: Duration,
}

impl RunReport {
    /// Adds a row, and prints the reasons for failures and skips.
    pub(crate) fn add(&mut self, place: usize, suite: String, outcome: Outcome, took: Duration) {
        for note in &outcome.notes {
            println!("{note}");
        }
        self.rows.insert(place, SuiteRow { suite, outcome, took });
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.rows.values().all(|row| row.outcome.failed == 0)
    }
}

/// The last line is also parsed by programs: `N passed, N failed, N skipped`.
impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A suite with more notes has printed them above.
        const NOTES: usize = 5;

        let titles =
            format!("{:<16} {:>7} {:>7} {:>8} {:>8}", "suite", "passed", "failed", "skipped", "time");
        writeln!(f, "\n{}", paint(Tone::Heading, &titles))?;
        for SuiteRow { suite, outcome, took } in self.rows.values() {
            let Outcome { passed, failed, skipped, notes } = outcome;
            let row = format!("{suite:<16} {passed:>7} {failed:>7} {skipped:>8} {:>6} s", took.as_secs());
            let tone = if *failed > 0 { Tone::Bad } else { Tone::Good };
            writeln!(f, "{}", if passed + failed > 0 { paint(tone, &row) } else { row })?;
            for note in notes.iter().take(NOTES) {
                let note = note.lines().next().unwrap_or_default();
                writeln!(f, "  {}", paint(Tone::Quiet, note))?;
            }
            if notes.len() > NOTES {
                writeln!(f, "  {}", paint(Tone::Quiet, &format!("and {} more", notes.len() - NOTES)))?;
            }
        }
        let sum = |count: fn(&Outcome) -> u32| self.rows.values().map(|row| count(&row.outcome)).sum::<u32>();
        write!(
            f,
            "\n{} passed, {} failed, {} skipped",
            sum(|outcome| outcome.passed),
            sum(|outcome| outcome.failed),
            sum(|outcome| outcome.skipped)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_sum() {
        let mut report = RunReport::default();
        let tidy = Outcome { passed: 10, ..Outcome::default() };
        report.add(0, "tidy".into(), tidy, Duration::from_secs(70));
        assert!(report.is_clean());
        report.add(2, "autobahn".into(), Outcome::skipped("no Python 2.7"), Duration::ZERO);
        assert!(report.is_clean());
        report.add(1, "node".into(), Outcome::failed("ran no test"), Duration::ZERO);
        assert!(!report.is_clean());

        let text = report.to_string();
        assert_eq!(text.lines().last(), Some("10 passed, 1 failed, 1 skipped"));
        assert!(text.contains("  no Python 2.7\n"), "{text}");
    }
}
