//! `floors.toml`: the rules for each crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

pub(crate) const FILE: &str = "floors.toml";

/// The contents of `floors.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// Names of the crates, lowest floor first.
    pub(crate) crates: Vec<Vec<String>>,
    #[serde(rename = "crate", default)]
    pub(crate) per_crate: BTreeMap<String, CrateRules>,
    /// Files that may contain `unsafe`.
    #[serde(rename = "unsafe", default)]
    pub(crate) unsafe_files: Vec<PathBuf>,
    /// Files that may exceed the limit on length, each with the reason.
    #[serde(default)]
    pub(crate) long_files: BTreeMap<PathBuf, String>,
}

/// The rules for one crate.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrateRules {
    /// Module paths relative to `src`, such as `handshake::server`, lowest floor first.
    pub(crate) floors: Vec<Vec<String>>,
    /// Top-level modules that have child modules, lowest first.
    #[serde(default)]
    pub(crate) folders: Vec<Vec<String>>,
    #[serde(default)]
    pub(crate) forbidden: Vec<Forbidden>,
    /// Type names that occur more than once, each with the reason.
    #[serde(default)]
    pub(crate) same_names: BTreeMap<String, String>,
}

/// A word or a path that a crate's code must not name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forbidden {
    /// One word (`async`), or a path (`std::io`), which includes everything below it.
    pub(crate) name: String,
    /// Paths below `name` that are allowed.
    #[serde(default)]
    pub(crate) except: Vec<String>,
    pub(crate) reason: String,
}

impl Rules {
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("in {}", path.display()))
    }
}
