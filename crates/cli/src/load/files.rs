//! The reports of `longwire load` that are files.

use std::path::Path;

use longwire_load::{Outcome, Report, Times, hgrm, html};

use crate::args::LoadArgs;
use crate::failure::Failure;
use crate::report_file::{ReportFile, print_report, unwritten};

/// Where reports go.
pub(super) struct OutputFiles {
    json: Option<JsonPlace>,
    html: Option<ReportFile>,
    hgrm: Option<ReportFile>,
}

enum JsonPlace {
    StandardOutput,
    File(ReportFile),
}

impl OutputFiles {
    /// Finds out whether the files can be written.
    pub(super) fn check(args: &LoadArgs) -> Result<OutputFiles, Failure> {
        let check =
            |flag, path: &Option<_>| path.as_deref().map(|path| ReportFile::check(flag, path)).transpose();
        let json = match args.output.json.as_deref() {
            Some(path) if path == Path::new("-") => Some(JsonPlace::StandardOutput),
            Some(path) => Some(JsonPlace::File(ReportFile::check("--json", path)?)),
            None => None,
        };
        let files = OutputFiles {
            json,
            html: check("--html", &args.output.html)?,
            hgrm: check("--hgrm", &args.output.hgrm)?,
        };
        let json = match &files.json {
            Some(JsonPlace::File(file)) => Some(file),
            _ => None,
        };
        ReportFile::check_apart(json.into_iter().chain(&files.html).chain(&files.hgrm))?;
        Ok(files)
    }

    /// Whether standard output is for the JSON alone.
    pub(super) fn is_json_out(&self) -> bool {
        matches!(self.json, Some(JsonPlace::StandardOutput))
    }

    /// Writes the summary to standard output, and all reports that can be written.
    ///
    /// # Errors
    ///
    /// The first of them that could not be written.
    pub(super) fn write(self, summary: &str, report: &Report, outcome: &Outcome) -> Result<(), Failure> {
        let latency = latency(report, outcome);
        let written = [
            print_report(summary),
            self.json.map_or(Ok(()), |place| write_json(place, report)),
            self.html.map_or(Ok(()), |file| file.write(&html(report, latency))),
            self.hgrm.map_or(Ok(()), |file| file.write(&hgrm(latency))),
        ];
        written.into_iter().collect()
    }
}

fn write_json(place: JsonPlace, report: &Report) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(report).map_err(|error| unwritten(error.to_string()))? + "\n";
    match place {
        JsonPlace::StandardOutput => print_report(&json),
        JsonPlace::File(file) => file.write(&json),
    }
}

/// The times that the run is about. There may be none, even if connections were opened.
fn latency<'o>(report: &Report, outcome: &'o Outcome) -> &'o Times {
    match report.latency_name() {
        Some("handshake") => &outcome.tally.handshake,
        _ => &outcome.tally.round_trip,
    }
}
