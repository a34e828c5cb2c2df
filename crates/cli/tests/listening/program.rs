//! The program, and requests to it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// `longwire serve`, which is killed at the end of the test.
pub(crate) struct Program {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it listens, as it says.
    pub(crate) places: Vec<String>,
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longwire"));
    command.args(["serve", "--workers", "2"]).args(args).env_remove("LONGWIRE_LOG");
    command
}

/// Runs the program until it ends by itself.
pub(crate) fn run(args: &[&str]) -> Output {
    command(args).stdin(Stdio::null()).output().unwrap()
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Program {
        Program::spawn(&mut command(args))
    }

    pub(crate) fn spawn(command: &mut Command) -> Program {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut program = Program {
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            places: Vec::new(),
        };
        program.places = program.line("listen").split(", ").map(str::to_owned).collect();
        program
    }

    /// The value of the next line of the announcement with this name.
    pub(crate) fn line(&mut self, name: &str) -> String {
        let value = |line: String| Some(line.trim().strip_prefix(name)?.trim().to_owned());
        self.lines.by_ref().map_while(Result::ok).find_map(value).unwrap()
    }

    /// Asks the program to end. Returns whether it ended as it should.
    pub(crate) fn stop(&mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}

/// The response to a request at one of the places that the program has named.
pub(crate) fn ask(place: &str, request: &str) -> String {
    match place.strip_prefix("unix:") {
        Some(path) => exchange(UnixStream::connect(path).unwrap(), request),
        None => exchange(TcpStream::connect(place).unwrap(), request),
    }
}

/// Whether the program serves at this place.
pub(crate) fn serves(place: &str) -> bool {
    ask(place, HEALTH).starts_with("HTTP/1.1 200 ")
}

/// Whether somebody listens at this path.
pub(crate) fn listens(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

fn exchange(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    // A reset ends the response, too.
    let _reset = stream.read_to_end(&mut response);
    String::from_utf8(response).unwrap()
}
