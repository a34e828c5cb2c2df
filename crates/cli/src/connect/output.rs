//! Printing messages.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use longwire::{ControlOpcode, Direction, Message, Opcode, SeenFrame, WebSocket};

use super::encoding::Encoding;
use super::json_lines;
use crate::args::{BinaryFormat, ConnectArgs};
use crate::clock;
use crate::json_text::TextLayout;
use crate::message_view::{MessageView, milliseconds};
use crate::paint::Palette;
use crate::terminal;

/// Prints messages in the form that their reader expects.
#[derive(Debug, Clone)]
pub(super) struct Output {
    format: Format,
    timestamps: bool,
    /// Lines of Close frames, which are printed after the last message.
    closes: Arc<Mutex<Vec<String>>>,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    /// For people: marked, escaped, indented.
    Person(MessageView),
    /// A text message is a line.
    Plain(BinaryFormat, TextForm),
    Json(Encoding),
}

/// How a text message is printed as a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextForm {
    Unchanged,
    /// For a terminal, which would obey what is in it.
    Escaped,
}

impl Output {
    pub(super) fn new(args: &ConnectArgs) -> Output {
        let to_person = io::stdout().is_terminal();
        let text = if to_person { TextForm::Escaped } else { TextForm::Unchanged };
        let format = match args.binary_format {
            binary if args.json => Format::Json(match binary {
                Some(BinaryFormat::Hex) => Encoding::Hex,
                _ => Encoding::Base64,
            }),
            Some(binary) => Format::Plain(binary, text),
            None if to_person => {
                let palette = Palette::of(terminal::colour_on(to_person));
                Format::Person(MessageView { layout: TextLayout::Indented, palette })
            }
            None => Format::Plain(BinaryFormat::Raw, text),
        };
        Output { format, timestamps: args.timestamps, closes: Arc::default() }
    }

    /// Whether messages are printed for people.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.format, Format::Person(_))
    }

    /// Whether a person also types the messages.
    pub(super) fn is_dialogue(&self) -> bool {
        self.is_watched() && io::stdin().is_terminal()
    }

    pub(super) fn connected(&self, socket: &WebSocket, took: Duration) {
        let mut line = format!("connected · {} · HTTP/1.1", socket.uri());
        for agreed in [socket.extensions(), socket.subprotocol().unwrap_or_default()] {
            if !agreed.is_empty() {
                line.push_str(" · ");
                line.push_str(agreed);
            }
        }
        terminal::complain(&terminal::escape(&format!("{line} · {}", milliseconds(took))));
        if self.is_dialogue() {
            terminal::complain("each line is a message; /help lists commands, Ctrl-D closes");
        }
    }

    /// Prints a message. `answered` is the time since the last message that was sent, if this is the first one after it.
    pub(super) fn received(&self, message: &Message, answered: Option<Duration>) -> io::Result<()> {
        match self.format {
            Format::Person(view) => {
                let note = answered.map(milliseconds).unwrap_or_default();
                print_lines(&view.lines(&self.prefix(), Direction::Received, message, &note))
            }
            Format::Json(encoding) => {
                print_line(&json_lines::message(Direction::Received, message, encoding))
            }
            Format::Plain(binary, text) => self.plain(message, binary, text),
        }
    }

    /// Prints a message that was sent, and was not typed.
    pub(super) fn sent(&self, message: &Message) {
        let _unread = match self.format {
            Format::Person(view) => print_lines(&view.lines(&self.prefix(), Direction::Sent, message, "")),
            Format::Json(encoding) => print_line(&json_lines::message(Direction::Sent, message, encoding)),
            Format::Plain(..) => Ok(()),
        };
    }

    /// Prints a control frame, if this format has a place for it.
    pub(super) fn frame(&self, frame: &SeenFrame<'_>) {
        let (Format::Json(encoding), Opcode::Control(opcode)) = (self.format, frame.header.opcode()) else {
            return;
        };
        let line = json_lines::control(frame.direction, opcode, frame.control_payload, encoding);
        if opcode == ControlOpcode::Close {
            // The frame is seen before the receiver has taken the messages that precede it.
            self.closes.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        } else {
            let _unread = print_line(&line);
        }
    }

    /// Prints what comes after the last message.
    pub(super) fn end(&self) {
        for line in self.closes.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _unread = print_line(&line);
        }
    }

    fn prefix(&self) -> String {
        if self.timestamps { format!("{} ", clock::time_of_day(SystemTime::now())) } else { String::new() }
    }

    fn plain(&self, message: &Message, binary: BinaryFormat, form: TextForm) -> io::Result<()> {
        let prefix = self.prefix();
        match (message, binary) {
            (Message::Text(text), _) if form == TextForm::Escaped => {
                print_bytes(&[prefix.as_bytes(), terminal::escape(text).as_bytes(), b"\n"])
            }
            (Message::Text(text), _) => print_bytes(&[prefix.as_bytes(), text.as_bytes(), b"\n"]),
            // A prefix would be a part of the data.
            (Message::Binary(bytes), BinaryFormat::Raw) => print_bytes(&[bytes]),
            (Message::Binary(bytes), BinaryFormat::Hex) => {
                print_bytes(&[prefix.as_bytes(), Encoding::Hex.encode(bytes).as_bytes(), b"\n"])
            }
            (Message::Binary(bytes), BinaryFormat::Base64) => {
                print_bytes(&[prefix.as_bytes(), Encoding::Base64.encode(bytes).as_bytes(), b"\n"])
            }
        }
    }
}

/// Prints lines for people, above the line that is being edited.
pub(super) fn print_lines(lines: &[String]) -> io::Result<()> {
    let text = lines.join("\n");
    if terminal::print_above(&text) { Ok(()) } else { print_line(&text) }
}

fn print_line(line: &str) -> io::Result<()> {
    print_bytes(&[line.as_bytes(), b"\n"])
}

fn print_bytes(parts: &[&[u8]]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for part in parts {
        stdout.write_all(part)?;
    }
    stdout.flush()
}
