//! The outcome of a suite.

use serde::{Deserialize, Serialize};

use crate::command::Finished;

/// The counts of a suite, with notes for the reader.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    /// Why something failed or was skipped.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self { failed: 1, notes: vec![why.into()], ..Self::default() }
    }

    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self { skipped: 1, notes: vec![why.into()], ..Self::default() }
    }

    /// Adds the counts of another part of the suite.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.notes.extend(other.notes);
    }

    /// Counts one check, by the exit code of its program.
    pub(crate) fn count(&mut self, name: &str, finished: &Finished) {
        if finished.succeeded() {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.notes.push(format!("{name} failed"));
            println!("{name}: {}", finished.explain());
        }
    }

    /// Records a failure if the program failed although every test that it counted passed.
    pub(crate) fn agree_with(&mut self, name: &str, finished: &Finished) {
        if self.passed + self.failed == 0 {
            self.failed = 1;
            self.notes.push(format!("{name} ran no test"));
        } else if self.failed == 0 && !finished.succeeded() {
            self.failed = 1;
            self.notes.push(format!("{name} failed although each test passed"));
        }
    }
}

/// Whether this is a CI machine, which must provide what the tests need.
pub(crate) fn on_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Why a suite did not run to completion.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something that it needs is missing, and this machine cannot provide it.
    Unavailable(String),
    /// Something that it needs could not be installed.
    NotInstalled(String),
    /// It failed before it could count anything.
    Broken(anyhow::Error),
}

impl Stop {
    /// A failure or a skip. On CI, a failed installation is a failure.
    pub(crate) fn outcome(self, continuous_integration: bool) -> Outcome {
        match self {
            Self::Unavailable(why) => Outcome::skipped(why),
            Self::NotInstalled(why) if continuous_integration => Outcome::failed(why),
            Self::NotInstalled(why) => Outcome::skipped(why),
            Self::Broken(error) => Outcome::failed(format!("{error:#}")),
        }
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_installed_is_a_failure_only_on_ci() {
        let skipped = Stop::NotInstalled("no network".into()).outcome(false);
        assert_eq!((skipped.failed, skipped.skipped), (0, 1));
        let failed = Stop::NotInstalled("no network".into()).outcome(true);
        assert_eq!((failed.failed, failed.skipped), (1, 0));
        assert_eq!(failed.notes, ["no network"]);
    }

    #[test]
    fn what_the_machine_cannot_supply_is_skipped_everywhere() {
        for continuous_integration in [false, true] {
            let outcome = Stop::Unavailable("no Python 2.7".into()).outcome(continuous_integration);
            assert_eq!((outcome.failed, outcome.skipped), (0, 1));
        }
    }
}
