//! The reports of `longwire check` that are files.

use longwire_check::Report;

use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::report_file::{ReportFile, unwritten};

/// The files for reports.
pub(super) struct Files {
    junit: Option<ReportFile>,
    html: Option<ReportFile>,
}

impl Files {
    /// Finds out whether the files can be written.
    pub(super) fn check(args: &CheckArgs) -> Result<Files, Failure> {
        let check =
            |flag, path: &Option<_>| path.as_deref().map(|path| ReportFile::check(flag, path)).transpose();
        let files = Files { junit: check("--junit", &args.junit)?, html: check("--html", &args.html)? };
        ReportFile::check_apart(files.junit.iter().chain(&files.html))?;
        Ok(files)
    }

    /// Writes all reports that can be written.
    ///
    /// # Errors
    ///
    /// The first report that could not be written.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        let junit = self.junit.map_or(Ok(()), |file| file.write(&report.to_junit()));
        let html = self.html.map_or(Ok(()), |file| {
            file.write(&report.to_html().map_err(|error| unwritten(error.to_string()))?)
        });
        junit.and(html)
    }
}
