//! The reports of `longwire check` that are files.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use longwire_check::Report;

use crate::args::CheckArgs;
use crate::failure::Failure;

/// The files for reports. They are opened before the run, so that none is in vain.
pub(super) struct Files {
    junit: Option<ReportFile>,
    html: Option<ReportFile>,
}

struct ReportFile {
    path: PathBuf,
    file: File,
}

impl Files {
    pub(super) fn open(args: &CheckArgs) -> Result<Files, Failure> {
        let open = |flag: &str, path: &Option<PathBuf>| match path {
            Some(path) => ReportFile::open(path).map(Some).map_err(|error| {
                Failure::Usage(format!("{flag} {}: it cannot be written: {error}", path.display()))
            }),
            None => Ok(None),
        };
        Ok(Files { junit: open("--junit", &args.junit)?, html: open("--html", &args.html)? })
    }

    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        if let Some(output) = self.junit {
            output.write(&report.to_junit())?;
        }
        if let Some(output) = self.html {
            output.write(&report.to_html().map_err(|error| Failure::Other(error.to_string()))?)?;
        }
        Ok(())
    }
}

impl ReportFile {
    /// Keeps what is in the file until there is a report.
    fn open(path: &Path) -> io::Result<ReportFile> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        Ok(ReportFile { path: path.to_owned(), file })
    }

    fn write(mut self, text: &str) -> Result<(), Failure> {
        self.replace(text)
            .map_err(|error| Failure::Other(format!("cannot write {}: {error}", self.path.display())))
    }

    fn replace(&mut self, text: &str) -> io::Result<()> {
        // Pipes and devices have nothing to replace.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())
    }
}
