//! Whether two reports may be compared.

use super::document::Report;

impl Report {
    /// What stands in the way of a comparison with an earlier report: what was different about its run, and whether that
    /// run says anything about its server. Each is a sentence without its full stop.
    #[must_use]
    pub fn doubts(&self, earlier: &Report) -> Vec<String> {
        let mut doubts = unlike(earlier, self);
        if !earlier.generator.bottleneck.is_empty() {
            let reasons = earlier.generator.bottleneck.join("; ");
            doubts.push(format!(
                "the earlier run has no verdict, because its generator was the bottleneck: {reasons}"
            ));
        }
        if earlier.stopped {
            doubts.push(format!("the earlier run was stopped after {:.1} s", earlier.seconds));
        }
        if earlier.without_excuses().has_failures() {
            doubts.push("in the earlier run, connections or messages failed".to_owned());
        }
        doubts
    }
}

/// What differs between the setups of two runs.
fn unlike(earlier: &Report, later: &Report) -> Vec<String> {
    if earlier.setup.is_empty() {
        return vec!["the earlier report does not say how it was measured".to_owned()];
    }
    let value =
        |report: &Report, name: &str| report.setup.get(name).cloned().unwrap_or_else(|| "unknown".to_owned());
    let mut names: Vec<&String> = earlier.setup.keys().chain(later.setup.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let pairs = names.into_iter().map(|name| (name.as_str(), value(earlier, name), value(later, name)));
    let versions = ("version", earlier.version.clone(), later.version.clone());
    let differ = pairs.chain([versions]).filter(|(_, before, after)| before != after);
    differ.map(|(name, before, after)| format!("{name}: {before} → {after}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::Connections;
    use super::*;

    fn report(setup: &[(&str, &str)]) -> Report {
        let setup = setup.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Report {
            setup,
            connections: Connections { opened: 1, ..Connections::default() },
            ..Report::default()
        }
    }

    #[test]
    fn only_what_differs_is_named() {
        let before = report(&[("connections", "10"), ("pace", "1000 a second"), ("engine", "io_uring")]);
        let after = report(&[("connections", "20"), ("pace", "1000 a second"), ("new", "x")]);
        assert!(before.doubts(&before).is_empty());
        let expected = ["connections: 10 → 20", "engine: io_uring → unknown", "new: unknown → x"];
        assert_eq!(after.doubts(&before), expected);
    }

    #[test]
    fn an_earlier_run_without_a_verdict_is_doubted() {
        let mut before = report(&[("pace", "1000 a second")]);
        before.generator.bottleneck = vec!["it was busy 99 % of the time".to_owned()];
        before.stopped = true;
        before.messages.lost = 1;
        let doubts = report(&[("pace", "1000 a second")]).doubts(&before);
        assert!(
            doubts
                .iter()
                .any(|doubt| doubt.contains("no verdict") && doubt.ends_with("busy 99 % of the time"))
        );
        assert_eq!(doubts.len(), 3, "{doubts:?}");
        let unknown = report(&[]);
        assert!(unknown.doubts(&unknown).first().unwrap().contains("does not say how it was measured"));
    }
}
