//! Terminal output: headings, verdicts and progress.

use std::io::{IsTerminal, Write};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static COLOURS: LazyLock<bool> = LazyLock::new(|| {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stdout().is_terminal()
});

/// The meanings of colours.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Heading,
    Good,
    Bad,
    Quiet,
}

/// The text in the colour of its tone, or plain if colours are disabled (<https://no-color.org>).
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Heading => "1",
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Quiet => "2",
    };
    if *COLOURS { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Prints the heading of a section of the output.
pub(crate) fn heading(title: &str) {
    println!("\n{}", paint(Tone::Heading, &format!("== {title}")));
}

/// Prints a line for a check, with its findings below.
pub(crate) fn verdict(name: &str, findings: &[String]) {
    if findings.is_empty() {
        println!("{} {name}", paint(Tone::Good, "ok    "));
        return;
    }
    println!("{} {name}", paint(Tone::Bad, "failed"));
    for finding in findings {
        println!("       {}", finding.replace('\n', "\n       "));
    }
}

/// The prefix of a line of progress in a log.
const PROGRESS: &str = "… ";

/// The progress in a line of another xtask program, or `None` for any other line.
pub(crate) fn progress_in(line: &str) -> Option<&str> {
    line.strip_prefix(PROGRESS)
}

/// Shows the progress of long work in a single line.
///
/// On a terminal the line is rewritten in place. Elsewhere it is printed at intervals, so that a log stays short.
#[derive(Debug)]
pub(crate) struct Progress {
    in_place: bool,
    said: Instant,
}

impl Progress {
    const QUIET_TIME: Duration = Duration::from_secs(10);

    pub(crate) fn start() -> Self {
        Self { in_place: std::io::stdout().is_terminal(), said: Instant::now() }
    }

    pub(crate) fn say(&mut self, text: &str) {
        if self.in_place {
            let line: String = text.chars().take(100).collect();
            print!("\r\x1b[K{line}");
        } else if self.said.elapsed() >= Self::QUIET_TIME {
            self.said = Instant::now();
            println!("{PROGRESS}{text}");
        }
        // Failing to show progress is no reason to stop.
        let _ = std::io::stdout().flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.in_place {
            print!("\r\x1b[K");
            let _ = std::io::stdout().flush();
        }
    }
}
