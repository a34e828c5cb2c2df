//! External programs that run to completion: each has a deadline and a log.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process_tree;

/// A program that runs to completion.
#[derive(Debug)]
pub(crate) struct Task {
    command: Command,
    deadline: Duration,
    /// Receives the program's stdout and stderr.
    log: PathBuf,
}

/// How a [`Task`] ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) lines: Vec<String>,
    pub(crate) log: PathBuf,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Exited(ExitStatus),
    Deadline(Duration),
}

impl Task {
    pub(crate) fn new(command: Command, deadline: Duration, log: PathBuf) -> Self {
        Self { command, deadline, log }
    }

    /// Runs the program. `on_line` receives each line of output as it arrives.
    pub(crate) fn run(mut self, mut on_line: impl FnMut(&str)) -> Result<Finished> {
        /// How long to wait for output before checking whether the program has ended. A process that the program left
        /// behind may hold its stdout open, so the end of the output is not enough.
        const LOOK: Duration = Duration::from_millis(200);

        let mut log = create_log(&self.log)?;
        let until = Instant::now() + self.deadline;
        let mut child =
            spawn(self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let output = lines_of(&mut child);
        let mut lines = Vec::new();
        let end = loop {
            match output.recv_timeout(LOOK) {
                Ok(line) => {
                    writeln!(log, "{line}").with_context(|| format!("writing {}", self.log.display()))?;
                    on_line(&line);
                    lines.push(line);
                }
                Err(end_of_output) => {
                    if let Some(status) = child.try_wait()? {
                        break End::Exited(status);
                    }
                    if end_of_output == RecvTimeoutError::Disconnected {
                        thread::sleep(LOOK);
                    }
                }
            }
            if Instant::now() >= until {
                process_tree::kill(&mut child);
                break End::Deadline(self.deadline);
            }
        };
        Ok(Finished { end, lines, log: self.log })
    }
}

impl Finished {
    pub(crate) fn succeeded(&self) -> bool {
        matches!(self.end, End::Exited(status) if status.success())
    }

    /// Describes a failure: how the program ended, its last lines, and the path of the log.
    pub(crate) fn explain(&self) -> String {
        self.explain_with(&self.lines)
    }

    /// Like [`Finished::explain`], with lines chosen by the caller.
    pub(crate) fn explain_with<S: AsRef<str>>(&self, lines: &[S]) -> String {
        const SHOWN: usize = 120;
        let end = match self.end {
            End::Exited(status) => status.to_string(),
            End::Deadline(deadline) => format!("stopped after its deadline of {} s", deadline.as_secs()),
        };
        let mut text = format!("{end}; all of its output: {}", self.log.display());
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
            text.push_str("\n| ");
            text.push_str(line.as_ref());
        }
        text
    }
}

/// Looks up `name` in the directories of `PATH`.
pub(crate) fn find_on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|program| program.is_file())
}

/// Creates the log, and its directory.
pub(crate) fn create_log(log: &Path) -> Result<File> {
    if let Some(dir) = log.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    }
    File::create(log).with_context(|| format!("creating {}", log.display()))
}

/// Starts the program; the error names it. Proxies from the environment are disabled for local addresses.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    let exceptions = std::env::var("no_proxy").or_else(|_| std::env::var("NO_PROXY")).unwrap_or_default();
    let exceptions = format!("localhost,127.0.0.1,::1,{exceptions}");
    command
        .env("no_proxy", &exceptions)
        .env("NO_PROXY", &exceptions)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
}

/// The lines of stdout and stderr in order of arrival.
fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        send_lines(stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        send_lines(stderr, sender);
    }
    receiver
}

fn send_lines(stream: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests;
