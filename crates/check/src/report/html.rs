//! A report for a browser: one file, which works offline.

use super::Report;

/// The page, without its report.
const PAGE: &str = include_str!("page.html");

/// Where the report stands in the page.
const PLACE: &str = "@REPORT@";

impl Report {
    /// The report as a page with filters. It loads nothing.
    ///
    /// # Errors
    ///
    /// As [`Report::to_json`].
    pub fn to_html(&self) -> Result<String, serde_json::Error> {
        // In a script element, only `<` could end the element or begin a comment.
        let json = self.to_json()?.replace('<', "\\u003c");
        Ok(PAGE.replacen(PLACE, &json, 1))
    }
}
