//! Reports tests that this system cannot run. The harness cannot skip a running test, and counts it as passed.

use std::fs::OpenOptions;
use std::io::Write as _;

/// The variable with the path of the file in which `cargo xtask test` counts skipped tests.
const FILE: &str = "LONGWIRE_SKIPPED";

/// Reports that the current thread's test is skipped, as a whole or in part, because `missing` is not available.
pub(crate) fn skipped_without(missing: &str) {
    let thread = std::thread::current();
    // With one test thread, the harness runs tests on the main thread.
    let test = thread.name().filter(|name| *name != "main").unwrap_or("a test");
    println!("skipped: {test} needs {missing}");
    if let Some(path) = std::env::var_os(FILE) {
        // A single write, because other tests write, too.
        let line = format!("{test} needs {missing}\n");
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "a skipped test could not be reported: {written:?}");
    }
}
