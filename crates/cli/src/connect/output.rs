//! Printing messages.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use longwire::{Message, WebSocket};

use crate::terminal;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Prints messages: marked and escaped on a terminal, unchanged otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    to_person: bool,
    colour: bool,
}

impl Output {
    pub(super) fn new() -> Output {
        let to_person = io::stdout().is_terminal();
        Output { to_person, colour: terminal::colour_on(to_person) }
    }

    /// Whether standard output is a terminal.
    pub(super) fn is_watched(self) -> bool {
        self.to_person
    }

    /// Whether standard output and standard input are terminals.
    pub(super) fn is_dialogue(self) -> bool {
        self.to_person && io::stdin().is_terminal()
    }

    pub(super) fn connected(self, socket: &WebSocket, took: Duration) {
        if self.to_person {
            let mut line = String::from("connected · HTTP/1.1");
            for agreed in [socket.extensions(), socket.subprotocol().unwrap_or_default()] {
                if !agreed.is_empty() {
                    line.push_str(" · ");
                    line.push_str(&terminal::escape(agreed));
                }
            }
            terminal::complain(&format!("{line} · {:.1} ms", took.as_secs_f64() * 1e3));
        }
    }

    pub(super) fn message(self, message: &Message) -> io::Result<()> {
        if !self.to_person {
            let mut stdout = io::stdout().lock();
            stdout.write_all(message.as_bytes())?;
            // A text message is printed as a line, a binary message as it is.
            if let Message::Text(_) = message {
                stdout.write_all(b"\n")?;
            }
            return stdout.flush();
        }
        let content = match message {
            Message::Text(text) => terminal::escape(text),
            Message::Binary(bytes) => terminal::describe(bytes),
        };
        let (dim, plain) = if self.colour { (DIM, PLAIN) } else { ("", "") };
        let line = format!("{dim}<{plain} {content}");
        if terminal::print_above(&line) {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }
}
