//! A server that is given on the command line: `--peer NAME=COMMAND`.

use std::str::FromStr;

use anyhow::{Context as _, Error, Result, ensure};
use clap::ValueEnum as _;

use super::section::Section;
use super::servers::{self, BenchServer, Clients, Program, ServerTask, Standing};

/// The server that the option describes.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenPeer(pub(super) BenchServer);

impl FromStr for GivenPeer {
    type Err = Error;

    /// Reads `NAME=COMMAND`, which echoes, or `NAME:TASK,TASK…=COMMAND`.
    fn from_str(given: &str) -> Result<Self> {
        let (head, command) = given.split_once('=').context("the form is NAME=COMMAND")?;
        let (name, tasks) = head.split_once(':').unwrap_or((head, ServerTask::Echo.argument()));
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        ensure!(
            !name.is_empty() && name.chars().all(is_plain),
            "{name:?} is not a name of letters and digits"
        );
        ensure!(servers::find(name).is_none(), "{name} is a server that the comparison has already");
        ensure!(!command.trim().is_empty(), "there is no command after {head}=");
        let tasks = tasks.split(',').map(task).collect::<Result<Vec<_>>>()?;
        // There are a few of them, for as long as the program runs.
        Ok(GivenPeer(BenchServer {
            name: name.to_owned().leak(),
            standing: Standing::Peer,
            program: Program::Given(command.to_owned().leak()),
            tasks: tasks.leak(),
            clients: Clients { dialect: "", by: "" },
            broker: None,
        }))
    }
}

fn task(name: &str) -> Result<ServerTask> {
    let known = ServerTask::from_str(name, false)
        .ok()
        .filter(|task| task.section() == Section::WebSocket && *task != ServerTask::Tcp);
    known.with_context(|| format!("{name:?} is none of echo, deflate, tls and broadcast"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &str) -> Result<BenchServer> {
        Ok(given.parse::<GivenPeer>()?.0)
    }

    #[test]
    fn a_peer_has_a_name_tasks_and_a_command_that_may_contain_anything() {
        let plain = read("uWebSockets=./echo --port=$PORT a:b").unwrap();
        assert_eq!((plain.name, plain.tasks), ("uWebSockets", &[ServerTask::Echo][..]));
        assert_eq!(plain.program, Program::Given("./echo --port=$PORT a:b"));
        let able = read("ws-2.1:echo,broadcast=./ws").unwrap();
        assert_eq!((able.name, able.tasks), ("ws-2.1", &[ServerTask::Echo, ServerTask::Broadcast][..]));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for (given, why) in [
            ("./echo", "NAME=COMMAND"),
            ("=./echo", "not a name"),
            ("../up=./echo", "not a name"),
            ("mine= ", "no command"),
            ("fastwebsockets=./echo", "already"),
            ("mine:echo,tcp=./echo", "\"tcp\" is none of"),
            ("mine:=./echo", "\"\" is none of"),
            ("mine:hub=./echo", "\"hub\" is none of"),
        ] {
            let refusal = read(given).unwrap_err().to_string();
            assert!(refusal.contains(why), "{given}: {refusal}");
        }
    }
}
