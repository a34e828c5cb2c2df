//! Results that are kept between calls, so that scenarios can be measured one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::figures::Samples;

/// Results by scenario and server.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Results {
    scenarios: BTreeMap<String, Measured>,
}

/// The results of a scenario.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) servers: BTreeMap<String, Samples>,
    /// Why a server has no samples, or too few.
    pub(super) failures: BTreeMap<String, String>,
    /// The servers that were given by `--peer`.
    #[serde(default)]
    pub(super) given: BTreeSet<String>,
}

impl Results {
    /// The results of earlier calls, if any.
    pub(super) fn load(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{}: remove it to start over", path.display()))
    }

    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }

    pub(super) fn of(&self, scenario: &str) -> Option<&Measured> {
        self.scenarios.get(scenario)
    }

    /// Replaces the scenario's results: only servers of the same run can be compared.
    pub(super) fn replace(&mut self, scenario: &str, measured: Measured) {
        self.scenarios.insert(scenario.to_owned(), measured);
    }
}
