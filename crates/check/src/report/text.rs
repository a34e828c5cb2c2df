//! A report for people.

use std::fmt::{self, Write as _};

use super::escape::escaped;
use super::shorten::shortened;
use super::{CaseReport, Report};
use crate::rule::Family;
use crate::verdict::Verdict;

/// How to show a report.
///
/// ```
/// use longwire_check::{Payloads, Style};
///
/// let command = "longwire check ws://a.example/".to_owned();
/// let plain = Style { is_coloured: false, payloads: Payloads::Shortened, command };
/// ```
#[derive(Debug, Clone)]
pub struct Style {
    /// Whether to use the colours of a terminal.
    pub is_coloured: bool,
    /// How much of each payload to show.
    pub payloads: Payloads,
    /// The command that repeats the run, to which `--only ID` is added.
    pub command: String,
}

/// How much of each payload to show.
///
/// ```
/// assert_ne!(longwire_check::Payloads::Shortened, longwire_check::Payloads::Whole);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payloads {
    /// 200 characters.
    Shortened,
    /// All that a report has: 4,096 bytes or characters.
    Whole,
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
        for attack in self.cases.iter().filter(|case| case.is_attack() && case.verdict == Verdict::Pass) {
            write_attack(text, attack, style)?;
        }
        for verdict in [Verdict::Fail, Verdict::Should, Verdict::Inconclusive] {
            for case in self.cases.iter().filter(|case| case.verdict == verdict) {
                write_case(text, case, style)?;
            }
        }
        if let Some(problem) = self.endpoint_problem() {
            let painted = style.paint(Verdict::Fail, "FAIL");
            writeln!(text, "\n{painted}  {problem}")?;
            if !self.ended_after.is_empty() {
                writeln!(text, "    again    {} --jobs 1{}", style.command, self.suspects())?;
            }
        }
        if self.is_stopped() {
            writeln!(text, "\nstopped: {}", self.not_run())?;
        } else if self.not_run > 0 && !self.serves_no_more() {
            writeln!(text, "\n{}", self.not_run())?;
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
        let known = self.cases.iter().filter(|case| case.family == family && case.is_known).count();
        write!(text, "{family:<14}{:>4} pass", count(Verdict::Pass))?;
        for verdict in
            Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Pass && count(*verdict) > 0)
        {
            write!(text, "   {}", style.paint(verdict, &format!("{} {}", count(verdict), name(verdict))))?;
            if verdict == Verdict::Fail && known > 0 {
                write!(text, " ({known} known)")?;
            }
        }
        writeln!(text)
    }

    /// The line with all counts. Says how many of the failures the baseline knows.
    #[must_use]
    pub fn totals(&self) -> String {
        let known = self.cases.iter().filter(|case| case.is_known).count();
        let count = |verdict: Verdict| match verdict {
            Verdict::Fail if known > 0 => format!("{} {verdict} ({known} known)", self.count(verdict)),
            _ => format!("{} {verdict}", self.count(verdict)),
        };
        Verdict::ALL.map(count).join(" · ")
    }

    /// The flags that select the cases after which the endpoint was gone.
    fn suspects(&self) -> String {
        self.ended_after.iter().map(|id| format!(" --only {id}")).collect()
    }
}

fn name(verdict: Verdict) -> String {
    if verdict == Verdict::Fail { "FAIL".to_owned() } else { verdict.to_string() }
}

/// An attack that the endpoint withstood, with what was measured.
fn write_attack(text: &mut String, case: &CaseReport, style: &Style) -> fmt::Result {
    let verdict = style.paint(case.verdict, &name(case.verdict));
    writeln!(text, "\n{}   {verdict}   {}", case.id, case.title)?;
    escaped(&case.dialogue).lines().try_for_each(|line| writeln!(text, "    {}", line.trim_start()))
}

fn write_case(text: &mut String, case: &CaseReport, style: &Style) -> fmt::Result {
    let known = if case.is_known { " (known)" } else { "" };
    let verdict = style.paint(case.verdict, &name(case.verdict));
    writeln!(text, "\n{}   {verdict}{known}   {} ({})", case.id, case.title, case.paragraph)?;
    writeln!(text, "    rule     {}", case.rule)?;
    let shown = |text: &str| match style.payloads {
        Payloads::Shortened => shortened(&escaped(text)),
        Payloads::Whole => escaped(text),
    };
    for line in shown(&case.dialogue).lines() {
        writeln!(text, "    {}", line.trim_start())?;
    }
    if !case.expected.is_empty() {
        writeln!(text, "    expected {}", shown(&case.expected))?;
    }
    writeln!(text, "    got      {}", shown(&case.got))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::baseline::Baseline;
    use crate::rule::Level;

    fn case(id: &str, verdict: Verdict) -> CaseReport {
        CaseReport {
            id: id.to_owned(),
            title: String::new(),
            family: Family::Control,
            level: Level::Must,
            paragraph: String::new(),
            rule: "",
            verdict,
            is_known: false,
            expected: String::new(),
            got: String::new(),
            attack: None,
            dialogue: format!("  sent     TEXT \"{}\"", "a".repeat(300)),
            ms: 0.0,
        }
    }

    fn report() -> Report {
        let cases = vec![
            case("a/b/inconclusive", Verdict::Inconclusive),
            case("a/b/should", Verdict::Should),
            case("a/b/fail", Verdict::Fail),
            case("a/b/other-should", Verdict::Should),
            case("a/b/other-fail", Verdict::Fail),
        ];
        Report {
            url: "ws://a.example/".to_owned(),
            software: None,
            is_echo: true,
            compresses: false,
            round_trip_ms: 1.0,
            still_serves: Some(true),
            ended_after: Vec::new(),
            not_run: 0,
            grade: None,
            counts: std::collections::BTreeMap::new(),
            cases,
        }
    }

    fn shown(report: &Report, payloads: Payloads) -> String {
        report.to_text(&Style { is_coloured: false, payloads, command: "longwire check".to_owned() })
    }

    #[test]
    fn failures_come_first_and_then_recommendations() {
        let text = shown(&report(), Payloads::Shortened);
        let heads = text.lines().filter(|line| line.starts_with("a/b/"));
        let ids: Vec<&str> = heads.filter_map(|line| line.split(' ').next()).collect();
        let expected = ["a/b/fail", "a/b/other-fail", "a/b/should", "a/b/other-should", "a/b/inconclusive"];
        assert_eq!(ids, expected);
    }

    #[test]
    fn the_totals_say_how_many_failures_are_known() {
        let mut report = report();
        assert!(report.totals().contains(" · 2 fail · "), "{}", report.totals());
        report.compare_with(&Baseline::parse("a/b/fail").unwrap());
        assert!(report.totals().contains(" · 2 fail (1 known) · "), "{}", report.totals());
        assert!(shown(&report, Payloads::Shortened).contains("2 FAIL (1 known)"));
    }

    #[test]
    fn a_payload_is_whole_if_that_was_asked_for() {
        let long = "a".repeat(300);
        assert!(!shown(&report(), Payloads::Shortened).contains(&long));
        assert!(shown(&report(), Payloads::Whole).contains(&long));
    }
}
