//! The workspace's paths and packages, from `cargo metadata`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cargo::cargo;

/// Folders with workspaces of their own, whose dependencies do not become dependencies of the project.
const BESIDE: [&str; 4] = ["bench", "fuzz", "interop/check/rust", "interop/rust"];

/// The cargo workspace of the current directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// Names of the packages that it depends on, including build and development dependencies.
    pub(crate) depends_on: Vec<String>,
}

impl Workspace {
    /// Asks cargo about the workspace around the current directory.
    pub(crate) fn find() -> Result<Self> {
        Self::ask(None)
    }

    /// The workspaces in folders of this one. They share its target directory.
    pub(crate) fn beside(&self) -> Result<Vec<Self>> {
        let manifests = BESIDE.iter().map(|name| self.root.join(name).join("Cargo.toml"));
        manifests
            .filter(|manifest| manifest.is_file())
            .map(|manifest| Ok(Self { target: self.target.clone(), ..Self::ask(Some(&manifest))? }))
            .collect()
    }

    fn ask(manifest: Option<&Path>) -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version=1"]);
        if let Some(manifest) = manifest {
            command.arg("--manifest-path").arg(manifest);
        }
        let output = command.output().context("cannot start `cargo metadata`")?;
        ensure!(
            output.status.success(),
            "`cargo metadata`: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("unexpected output of `cargo metadata`")?;
        Ok(metadata.into())
    }

    /// The path relative to the workspace's root.
    pub(crate) fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The log file for an external command.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.target.join("test-logs").join(format!("{name}.log"))
    }

    /// The directory for tools that the tests install.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    name: String,
}

impl From<Metadata> for Workspace {
    fn from(metadata: Metadata) -> Self {
        let packages = metadata
            .packages
            .into_iter()
            .map(|package| Package {
                dir: package.manifest_path.parent().unwrap_or(&metadata.workspace_root).to_owned(),
                name: package.name,
                depends_on: package.dependencies.into_iter().map(|dependency| dependency.name).collect(),
            })
            .collect();
        Self { root: metadata.workspace_root, target: metadata.target_directory, packages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folders below `dir` that have a workspace, without those of tools and of compiled code.
    fn workspaces(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
                workspaces(&path, found);
            } else if name == "Cargo.toml"
                && std::fs::read_to_string(&path).unwrap().lines().any(|line| line.starts_with("[workspace]"))
            {
                found.push(dir.to_owned());
            }
        }
    }

    /// Regression: nobody looked at the format of the workspaces below `interop`.
    #[test]
    fn all_workspaces_are_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut expected: Vec<PathBuf> = BESIDE.iter().map(|name| root.join(name)).collect();
        expected.push(root.to_owned());
        let mut found = Vec::new();
        workspaces(root, &mut found);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}
