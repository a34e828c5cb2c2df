//! A report for tools of continuous integration: the format of `JUnit`.

use std::fmt::{self, Write as _};

use super::escape::escaped;
use super::{CaseReport, Report};
use crate::rule::Family;
use crate::verdict::Verdict;

impl Report {
    /// The report as a document of `JUnit`: a suite for each family. Failures that are not known fail; what is inconclusive
    /// is an error, what is not offered is skipped, and the rest passes.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut xml = String::new();
        // Writing to a string does not fail.
        let _infallible = self.write_junit(&mut xml);
        xml
    }

    fn write_junit(&self, xml: &mut String) -> fmt::Result {
        writeln!(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(xml, "<testsuites name=\"longwire check {}\">", Xml(&self.url))?;
        for family in Family::ALL {
            let cases: Vec<&CaseReport> = self.cases.iter().filter(|case| case.family == family).collect();
            if !cases.is_empty() {
                write_suite(xml, family, &cases)?;
            }
        }
        self.write_endpoint(xml)?;
        writeln!(xml, "</testsuites>")
    }

    /// A suite for the run as a whole: whether it came to its end, and whether the endpoint still serves.
    fn write_endpoint(&self, xml: &mut String) -> fmt::Result {
        let failures = u8::from(self.serves_no_more());
        let errors = u8::from(failures == 0 && (self.is_stopped() || self.not_run > 0));
        writeln!(
            xml,
            "  <testsuite name=\"endpoint\" tests=\"1\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\">"
        )?;
        write!(xml, "    <testcase classname=\"endpoint\" name=\"still-serves\"")?;
        if let Some(problem) = self.endpoint_problem() {
            writeln!(xml, "><failure message=\"{}\"/></testcase>", Xml(&problem))?;
        } else if self.is_stopped() {
            let message = format!("stopped: {}", self.not_run());
            writeln!(xml, "><error message=\"{message}\"/></testcase>")?;
        } else if self.not_run > 0 {
            writeln!(xml, "><error message=\"{}\"/></testcase>", self.not_run())?;
        } else {
            writeln!(xml, "/>")?;
        }
        writeln!(xml, "  </testsuite>")
    }
}

fn write_suite(xml: &mut String, family: Family, cases: &[&CaseReport]) -> fmt::Result {
    let count = |is: fn(&CaseReport) -> bool| cases.iter().filter(|case| is(case)).count();
    let failures = count(|case| case.verdict == Verdict::Fail && !case.is_known);
    let errors = count(|case| case.verdict == Verdict::Inconclusive);
    let skipped = count(|case| case.verdict == Verdict::NotOffered);
    writeln!(
        xml,
        "  <testsuite name=\"{family}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">",
        cases.len()
    )?;
    for case in cases {
        let seconds = case.ms / 1e3;
        write!(xml, "    <testcase classname=\"{family}\" name=\"{}\" time=\"{seconds:.3}\"", Xml(&case.id))?;
        let text = format!("{}: {}\n{}", case.paragraph, case.rule, case.dialogue);
        match case.verdict {
            Verdict::Fail if !case.is_known => write_problem(xml, "failure", case, &text)?,
            Verdict::Inconclusive => write_problem(xml, "error", case, &text)?,
            Verdict::NotOffered => writeln!(xml, "><skipped message=\"{}\"/></testcase>", Xml(&case.got))?,
            Verdict::Pass => writeln!(xml, "/>")?,
            Verdict::Should | Verdict::Fail => {
                let note = format!("{}: expected {}, got {}", case.verdict, case.expected, case.got);
                writeln!(xml, "><system-out>{}</system-out></testcase>", Xml(&note))?;
            }
        }
    }
    writeln!(xml, "  </testsuite>")
}

fn write_problem(xml: &mut String, element: &str, case: &CaseReport, text: &str) -> fmt::Result {
    let message = if case.expected.is_empty() {
        case.got.clone()
    } else {
        format!("expected {}, got {}", case.expected, case.got)
    };
    writeln!(xml, "><{element} message=\"{}\">{}</{element}></testcase>", Xml(&message), Xml(text))
}

/// Text in XML, in an attribute or an element. Characters that XML cannot have are escaped as in other reports.
struct Xml<'t>(&'t str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in escaped(self.0).chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\n' => f.write_str("&#10;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(still_serves: Option<bool>, not_run: usize) -> Report {
        Report {
            url: "ws://a.example/".to_owned(),
            software: None,
            is_echo: true,
            compresses: false,
            round_trip_ms: 1.0,
            still_serves,
            ended_after: Vec::new(),
            not_run,
            grade: None,
            counts: std::collections::BTreeMap::new(),
            cases: Vec::new(),
        }
    }

    #[test]
    fn an_endpoint_that_serves_no_more_fails_a_test() {
        let xml = report(Some(false), 0).to_junit();
        assert!(xml.contains("failures=\"1\"") && xml.contains("accepts no connection"), "{xml}");
        let xml = report(None, 7).to_junit();
        assert!(xml.contains("errors=\"1\"") && xml.contains("7 cases did not run"), "{xml}");
        let xml = report(Some(true), 0).to_junit();
        assert!(!xml.contains("<failure") && !xml.contains("<error"), "{xml}");
    }

    #[test]
    fn markup_and_control_characters_cannot_leave_their_place() {
        assert_eq!(Xml("a<b>&\"\u{1b}\n").to_string(), "a&lt;b&gt;&amp;&quot;\\u{1b}&#10;");
    }
}
