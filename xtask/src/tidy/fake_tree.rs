//! A small crate in a temporary directory, for testing the checks.

use crate::tidy::source::{self, SourceFile};
use crate::workspace::{Package, Workspace};

pub(crate) struct FakeTree {
    dir: tempfile::TempDir,
}

impl FakeTree {
    /// A crate with these files in `src`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join("src").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn files(&self) -> Vec<SourceFile> {
        let package = Package { name: "fake".into(), dir: self.dir.path().into(), depends_on: Vec::new() };
        let root = self.dir.path().to_owned();
        let workspace = Workspace { target: root.join("target"), root, packages: Vec::new() };
        source::load(&workspace, &package).unwrap()
    }
}
