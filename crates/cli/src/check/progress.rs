//! The progress of a run, by family.

use std::io::{self, IsTerminal as _, Write as _};

use longwire_check::{Case, CaseReport, Endpoint, Family, Target, Verdict};

use crate::message_view::milliseconds;
use crate::terminal;

/// How wide a bar is, in characters.
const WIDTH: usize = 20;

/// Draws on standard error if that is a terminal, and otherwise writes a line there for each family and attack that has ended.
pub(super) struct FamilyProgress {
    form: ProgressForm,
    families: Vec<FamilyCount>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProgressForm {
    Hidden,
    /// Bars, which are drawn again after each case.
    Bars,
    /// A line for what has ended.
    Lines,
}

/// Cases of one family, or of all.
struct FamilyCount {
    family: Option<Family>,
    total: usize,
    done: usize,
    failed: usize,
}

impl FamilyProgress {
    pub(super) fn of(cases: &[Case], is_quiet: bool) -> FamilyProgress {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let total = |family: Family| cases.iter().filter(|case| case.family() == family).count();
        let counted =
            |family: Family| FamilyCount { family: Some(family), total: total(family), done: 0, failed: 0 };
        let form = match is_quiet {
            true => ProgressForm::Hidden,
            false if io::stderr().is_terminal() && !is_dumb => ProgressForm::Bars,
            false => ProgressForm::Lines,
        };
        FamilyProgress { form, families: Family::ALL.into_iter().map(counted).collect() }
    }

    /// Says what the endpoint offers.
    pub(super) fn begin(&self, target: &Target, endpoint: &Endpoint) {
        if self.form == ProgressForm::Bars {
            let echo = if endpoint.is_echo() { "echo" } else { "no echo" };
            let compression = if endpoint.compresses() { "permessage-deflate" } else { "no compression" };
            let round_trip = milliseconds(endpoint.round_trip());
            let line = format!("{} · {echo} · {compression} · {round_trip}", target.url());
            terminal::complain(&terminal::escape(&line));
        }
    }

    /// Counts a case that has ended.
    pub(super) fn count(&mut self, case: &CaseReport) {
        self.note(case.family(), case.verdict());
        match self.form {
            ProgressForm::Hidden => {}
            ProgressForm::Lines => self.ended(case).into_iter().for_each(|line| terminal::complain(&line)),
            ProgressForm::Bars => {
                let lines = self.lines();
                // The cursor stays above the lines, so that whatever comes next replaces them.
                let text = format!("\x1b[J{}\n\x1b[{}A", lines.join("\n"), lines.len());
                let _unseen = io::stderr().write_all(text.as_bytes());
            }
        }
    }

    /// Removes what was drawn.
    pub(super) fn end(&self) {
        if self.form == ProgressForm::Bars {
            let _unseen = io::stderr().write_all(b"\x1b[J");
        }
    }

    fn note(&mut self, family: Family, verdict: Verdict) {
        if let Some(counted) = self.families.iter_mut().find(|counted| counted.family == Some(family)) {
            counted.done += 1;
            counted.failed += usize::from(verdict == Verdict::Fail);
        }
    }

    /// The line for what this case ends: an attack, or the family of which it is the last.
    fn ended(&self, case: &CaseReport) -> Option<String> {
        if case.family() == Family::Attack {
            return Some(format!("{}: {}", case.id(), case.verdict()));
        }
        let counted = self.families.iter().find(|counted| counted.family == Some(case.family()))?;
        let FamilyCount { total, done, failed, .. } = counted;
        let failed = if *failed > 0 { format!(", {failed} fail") } else { String::new() };
        (done == total).then(|| format!("{}: {done} of {total}{failed}", case.family()))
    }

    /// A line for each family that is running, and one for all.
    fn lines(&self) -> Vec<String> {
        let is_running = |counted: &&FamilyCount| counted.done > 0 && counted.done < counted.total;
        let mut lines: Vec<String> = self.families.iter().filter(is_running).map(FamilyCount::line).collect();
        let sum = |of: fn(&FamilyCount) -> usize| self.families.iter().map(of).sum();
        let (total, done, failed) = (sum(|each| each.total), sum(|each| each.done), sum(|each| each.failed));
        lines.push(FamilyCount { family: None, total, done, failed }.line());
        lines
    }
}

impl FamilyCount {
    fn line(&self) -> String {
        let FamilyCount { family, total, done, failed } = self;
        let name = family.map_or_else(|| "all".to_owned(), |family| family.to_string());
        let filled = (done * WIDTH).checked_div(*total).unwrap_or_default().min(WIDTH);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled));
        let failed = if *failed > 0 { format!(" · {failed} fail") } else { String::new() };
        format!("{name:<14} {bar} {done} of {total}{failed}")
    }
}

#[cfg(test)]
mod tests {
    use longwire_check::{Pattern, server_cases};

    use super::*;

    #[test]
    fn families_that_are_running_have_a_line() {
        let chosen = ["control", "masking", "origin"].map(Pattern::new);
        let is_chosen = |case: &Case| chosen.iter().any(|pattern| pattern.matches(case));
        let cases: Vec<Case> = server_cases().into_iter().filter(is_chosen).collect();
        let mut progress = FamilyProgress::of(&cases, true);
        progress.note(Family::Control, Verdict::Pass);
        progress.note(Family::Masking, Verdict::Fail);
        let lines = progress.lines();
        assert!(lines[0].starts_with("masking ") && lines[0].ends_with(" · 1 fail"), "{lines:?}");
        assert!(lines[1].starts_with("control ") && lines[1].contains(" 1 of "), "{lines:?}");
        assert!(lines[2].ends_with(&format!("2 of {} · 1 fail", cases.len())), "{lines:?}");
        while progress
            .families
            .iter()
            .any(|each| each.family == Some(Family::Control) && each.done < each.total)
        {
            progress.note(Family::Control, Verdict::Pass);
        }
        assert_eq!(progress.lines().len(), 2, "{:?}", progress.lines());
    }
}
