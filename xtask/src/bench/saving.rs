//! Writes the page and its charts.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::section::{Page, Section};
use crate::workspace::Workspace;

/// Replaces a section of the page in `dir`.
pub(super) fn replace(workspace: &Workspace, dir: &Path, section: Section, text: &str) -> Result<()> {
    let path = dir.join("benchmarks.md");
    let earlier = std::fs::read_to_string(&path).unwrap_or_default();
    save(workspace, &path, &Page::read(&earlier).with(section, text).text())
}

/// Writes a file, and says so.
pub(super) fn save(workspace: &Workspace, path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    println!("wrote {}", workspace.relative(path).display());
    Ok(())
}
