//! The reports of `longwire load` that are files.

use std::path::Path;

use longwire_load::{Outcome, Report, hgrm, html};

use crate::args::LoadArgs;
use crate::failure::Failure;
use crate::report_file::ReportFile;
use crate::standard_output;

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

    pub(super) fn write(self, report: &Report, outcome: &Outcome) -> Result<(), Failure> {
        if let Some(place) = self.json {
            let json =
                serde_json::to_string_pretty(report).map_err(|error| Failure::Other(error.to_string()))?;
            match place {
                JsonPlace::StandardOutput => drop(standard_output::print((json + "\n").as_bytes())?),
                JsonPlace::File(file) => file.write(&(json + "\n"))?,
            }
        }
        let latency = if outcome.tally.round_trip.count() > 0 {
            &outcome.tally.round_trip
        } else {
            &outcome.tally.handshake
        };
        if let Some(file) = self.html {
            file.write(&html(report, latency))?;
        }
        if let Some(file) = self.hgrm {
            file.write(&hgrm(latency))?;
        }
        Ok(())
    }
}
