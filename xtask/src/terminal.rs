//! What a person sees: headings, marks, progress.

use std::io::{IsTerminal, Write};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static COLOURS: LazyLock<bool> = LazyLock::new(|| {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && std::io::stdout().is_terminal()
});

/// The few meanings that a colour has here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Heading,
    Good,
    Bad,
    Quiet,
}

/// The text in the colour of its tone, or plain where colours are not wanted (<https://no-color.org>).
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Heading => "1",
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Quiet => "2",
    };
    if *COLOURS { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Starts the part of the output that belongs to `title`.
pub(crate) fn heading(title: &str) {
    println!("\n{}", paint(Tone::Heading, &format!("== {title}")));
}

/// One line for one check, and below it what was found.
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

/// Begins a line of progress in a log.
const PROGRESS: &str = "… ";

/// What a line of another program of ours tells about its progress; `None`: it tells something else.
pub(crate) fn progress_in(line: &str) -> Option<&str> {
    line.strip_prefix(PROGRESS)
}

/// A line that tells how far long work has come.
///
/// On a terminal it is rewritten in place; elsewhere it is printed now and then, so that a log stays short.
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
        // A progress line that cannot be shown is no reason to stop the work.
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
