//! A report for people.

use std::fmt::{self, Write as _};

use super::escape::escaped;
use super::{CaseReport, Report, SERVES_NO_MORE};
use crate::rule::Family;
use crate::verdict::Verdict;

/// How to show a report.
///
/// ```
/// let plain = longwire_check::Style { is_coloured: false, command: "longwire check ws://a.example/".to_owned() };
/// ```
#[derive(Debug, Clone)]
pub struct Style {
    /// Whether to use the colours of a terminal.
    pub is_coloured: bool,
    /// The command that repeats the run, to which `--only ID` is added.
    pub command: String,
}

impl Report {
    /// The families with their counts, each case that did not pass as a dialogue, and the counts of all.
    #[must_use]
    pub fn to_text(&self, style: &Style) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _infallible = self.write(&mut text, style);
        text
    }

    fn write(&self, text: &mut String, style: &Style) -> fmt::Result {
        for family in Family::ALL {
            self.write_family(text, family, style)?;
        }
        for verdict in [Verdict::Inconclusive, Verdict::Should, Verdict::Fail] {
            for case in self.cases.iter().filter(|case| case.verdict == verdict) {
                write_case(text, case, style)?;
            }
        }
        if self.serves_no_more() {
            let painted = style.paint(Verdict::Fail, "FAIL");
            writeln!(text, "\n{painted}  {SERVES_NO_MORE}")?;
        }
        if self.is_stopped() {
            writeln!(text, "\nstopped: {} cases did not run", self.not_run)?;
        }
        writeln!(text, "\n{}", self.totals())
    }

    fn write_family(&self, text: &mut String, family: Family, style: &Style) -> fmt::Result {
        let count = |verdict: Verdict| {
            self.cases.iter().filter(|case| case.family == family && case.verdict == verdict).count()
        };
        if Verdict::ALL.iter().all(|verdict| count(*verdict) == 0) {
            return Ok(());
        }
        write!(text, "{family:<14}{:>4} pass", count(Verdict::Pass))?;
        for verdict in
            Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Pass && count(*verdict) > 0)
        {
            write!(text, "   {}", style.paint(verdict, &format!("{} {}", count(verdict), name(verdict))))?;
        }
        writeln!(text)
    }

    /// The line with all counts.
    #[must_use]
    pub fn totals(&self) -> String {
        Verdict::ALL.map(|verdict| format!("{} {verdict}", self.count(verdict))).join(" · ")
    }
}

fn name(verdict: Verdict) -> String {
    if verdict == Verdict::Fail { "FAIL".to_owned() } else { verdict.to_string() }
}

fn write_case(text: &mut String, case: &CaseReport, style: &Style) -> fmt::Result {
    let known = if case.is_known { " (known)" } else { "" };
    let verdict = style.paint(case.verdict, &name(case.verdict));
    writeln!(text, "\n{}   {verdict}{known}   {} ({})", case.id, case.title, case.paragraph)?;
    writeln!(text, "    rule     {}", case.rule)?;
    for line in escaped(&case.dialogue).lines() {
        writeln!(text, "    {}", line.trim_start())?;
    }
    if !case.expected.is_empty() {
        writeln!(text, "    expected {}", escaped(&case.expected))?;
    }
    writeln!(text, "    got      {}", escaped(&case.got))?;
    writeln!(text, "    again    {} --only {}", style.command, case.id)
}

impl Style {
    fn paint(&self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Pass => 32,
            Verdict::Fail => 31,
            Verdict::Should => 33,
            Verdict::Inconclusive => 35,
            Verdict::NotOffered => 90,
        };
        if self.is_coloured { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
