//! What is printed.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use longwire::proto::{ControlOpcode, Opcode};
use longwire::{Direction, FrameObserver, Message, SeenFrame, WebSocket};

use crate::terminal;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";
const PROMPT: &str = "> ";

/// Where messages go: for a person they are marked and made safe, for a program they are printed as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    to_person: bool,
    from_person: bool,
    colour: bool,
}

impl Output {
    pub(super) fn new() -> Output {
        let to_person = io::stdout().is_terminal();
        let from_person = io::stdin().is_terminal();
        Output { to_person, from_person, colour: terminal::colour_on(to_person) }
    }

    /// Whether a person watches.
    pub(super) fn is_watched(self) -> bool {
        self.to_person
    }

    /// What to show where a line can be typed.
    pub(super) fn prompt(self) -> Option<&'static str> {
        (self.to_person && self.from_person).then_some(PROMPT)
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
        let mut stdout = io::stdout().lock();
        if !self.to_person {
            stdout.write_all(message.as_bytes())?;
            stdout.write_all(b"\n")?;
            return stdout.flush();
        }
        let content = match message {
            Message::Text(text) => terminal::escape(text),
            Message::Binary(bytes) => terminal::describe(bytes),
        };
        // The message takes the place of the prompt, which comes again below it.
        let (dim, plain) = if self.colour { (DIM, PLAIN) } else { ("", "") };
        let return_to_start = if self.prompt().is_some() { "\r" } else { "" };
        writeln!(stdout, "{return_to_start}{dim}<{plain} {content}")?;
        stdout.write_all(self.prompt().unwrap_or_default().as_bytes())?;
        stdout.flush()
    }

    /// Shows every frame on standard error.
    pub(super) fn frame_observer(self) -> FrameObserver {
        FrameObserver::new(|frame| terminal::complain(&describe_frame(frame)))
    }
}

/// One line for a frame: `< ping 2 bytes: hi`.
fn describe_frame(frame: &SeenFrame<'_>) -> String {
    let arrow = match frame.direction {
        Direction::Received => '<',
        Direction::Sent => '>',
    };
    let header = frame.header;
    let len = header.payload_len();
    let unit = if len == 1 { "byte" } else { "bytes" };
    let more = if header.fin() { "" } else { ", more follow" };
    let mut line = format!("{arrow} {} {len} {unit}{more}", header.opcode());
    let payload = frame.control_payload;
    match header.opcode() {
        Opcode::Control(ControlOpcode::Close) => {
            if let Some((code, reason)) = payload.split_first_chunk::<2>() {
                let code = longwire::CloseCode::from(u16::from_be_bytes(*code));
                line.push_str(&format!(": {code} {}", shown(reason)));
            }
        }
        Opcode::Control(_) if !payload.is_empty() => line.push_str(&format!(": {}", shown(payload))),
        _ => {}
    }
    line.truncate(line.trim_end().len());
    line
}

fn shown(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) => terminal::escape(text),
        Err(_) => terminal::describe(payload),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use longwire::proto::{Config, Protocol, Received, Role};

    use super::*;

    #[test]
    fn frames_are_one_line_each() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&lines);
        let mut config = Config::default();
        config.observer =
            Some(FrameObserver::new(move |frame| log.lock().unwrap().push(describe_frame(frame))));
        let mut client = Protocol::new(Role::Client, Arc::new(config));
        let mut arrived = *b"\x01\x01a\x80\x00\x89\x02hi\x8a\x02\xff\x1b\x88\x05\x03\xe8b\x1be";
        let mut received = Received::new(&mut arrived);
        while client.next_event(&mut received).unwrap().is_some() {}
        let expected = [
            "< text 1 byte, more follow",
            "< continuation 0 bytes",
            "< ping 2 bytes: hi",
            "> pong 2 bytes: hi",
            "< pong 2 bytes: <2 bytes: ff 1b>",
            "< close 5 bytes: 1000 (normal closure) b\\u{1b}e",
            "> close 2 bytes: 1000 (normal closure)",
        ];
        assert_eq!(*lines.lock().unwrap(), expected);
    }
}
