//! The reports of `longwire check` that are files.

use longwire_check::Report;

use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::report_file::ReportFile;

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
