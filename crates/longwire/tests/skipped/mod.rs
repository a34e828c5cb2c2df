//! Reports tests that this system cannot run. The harness cannot skip a test once it runs, and counts it as passed.

use std::fs::OpenOptions;
use std::io::Write as _;

/// The file that `cargo xtask test` names, to count what was skipped.
const FILE: &str = "LONGWIRE_SKIPPED";

/// Reports that the test that runs on this thread is skipped, as a whole or in part, since there is no `missing`.
pub(crate) fn skipped_without(missing: &str) {
    let thread = std::thread::current();
    // With one test at a time the harness gives tests no thread of their own.
    let test = thread.name().filter(|name| *name != "main").unwrap_or("a test");
    println!("skipped: {test} needs {missing}");
    if let Some(path) = std::env::var_os(FILE) {
        // In one write, since other tests write too.
        let line = format!("{test} needs {missing}\n");
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "a skipped test could not be reported: {written:?}");
    }
}
