//! The processes with the clients: `bench-crowd`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command::spawn;
use crate::process_tree;

/// All of them, each with a server of its own.
#[derive(Debug)]
pub(super) struct ClientProcesses(pub(super) Vec<ClientProcess>);

#[derive(Debug)]
pub(super) struct ClientProcess {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What the processes answer, together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Answered {
    /// Connections or deliveries.
    pub(super) count: u32,
    /// The time of the slowest process, in seconds.
    pub(super) slowest: f64,
    /// The sum of what else they count.
    pub(super) sum: f64,
}

impl ClientProcess {
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let orders = child.stdin.take().context("standard input")?;
        let answers = BufReader::new(child.stdout.take().context("standard output")?);
        Ok(Self { child, orders, answers })
    }

    fn answer(&mut self) -> Result<(u32, f64)> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let (count, figure) = line.trim().split_once(' ').context("it has ended; its last line says why")?;
        Ok((count.parse()?, figure.parse()?))
    }
}

impl ClientProcesses {
    /// Gives the order to all of them at once, and waits until all have carried it out.
    pub(super) fn order(&mut self, order: &str) -> Result<Answered> {
        for process in &mut self.0 {
            writeln!(process.orders, "{order}").context("a process with clients has ended")?;
        }
        let mut together = Answered::default();
        for process in &mut self.0 {
            let answer = process.answer();
            let (count, figure) = answer.with_context(|| format!("{order:?} to a process with clients"))?;
            together.count += count;
            together.slowest = together.slowest.max(figure);
            together.sum += figure;
        }
        Ok(together)
    }
}

impl Drop for ClientProcess {
    fn drop(&mut self) {
        process_tree::kill(&mut self.child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(script: &str) -> ClientProcess {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        ClientProcess::start(command).unwrap()
    }

    #[test]
    fn the_answers_of_all_processes_are_put_together() {
        let answering = |answer: &str| process(&format!("while read order; do echo {answer}; done"));
        let mut clients = ClientProcesses(vec![answering("100 0.5"), answering("50 2")]);
        assert_eq!(clients.order("open").unwrap(), Answered { count: 150, slowest: 2.0, sum: 2.5 });
        let mut ended = ClientProcesses(vec![process("read order")]);
        assert!(ended.order("open").unwrap_err().to_string().contains("\"open\""));
    }
}
