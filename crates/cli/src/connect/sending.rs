//! What is sent: messages of the command line, then the input.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longwire::{CloseFrame, Error, Message};
use tokio::sync::{Notify, mpsc};

use super::command::{self, FileKind, Typed};
use super::ends::Outlet;
use super::in_flight::Origin;
use super::input::{self, Cut, Input};
use super::json_lines::{self, Order};
use super::observing::Observing;
use super::output;
use super::unsent::Unsent;
use crate::args::{AtEnd, ConnectArgs};
use crate::message_view::milliseconds;
use crate::terminal;

/// How long nothing may arrive before the connection is closed at the end of the input: answers take a while.
const QUIET: Duration = Duration::from_secs(1);

/// What to send, and what to do after it.
#[derive(Clone)]
pub(super) struct Sending {
    observing: Observing,
    first: Vec<String>,
    files: Vec<PathBuf>,
    cut: Cut,
    form: Form,
    /// What to do at the end of a file or pipe.
    at_end: AtEnd,
    /// What to do after Ctrl-D on a terminal.
    at_eof_key: AtEnd,
    wait: Option<Duration>,
    /// Whether something could not be sent. This has been reported.
    unsendable: Arc<AtomicBool>,
    /// The connection has ended.
    over: Arc<Notify>,
}

/// The form of the input's pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Binary,
    Json,
}

/// Whether anything can follow.
enum Next {
    GoOn,
    /// The connection has ended.
    Ended,
    /// The input asked to close the connection.
    Closing,
}

/// How the input has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndOfInput {
    /// The file or pipe is over.
    Given,
    /// Ctrl-D on a terminal.
    Key,
}

impl Sending {
    pub(super) fn new(args: &ConnectArgs, observing: Observing) -> Sending {
        let cut = match args.chunk {
            Some(len) => Cut::Chunks(len),
            None if args.raw => Cut::Whole,
            None if args.binary => Cut::BinaryLines,
            None => Cut::TextLines,
        };
        let form = match (args.json, args.binary) {
            (true, _) => Form::Json,
            (false, true) => Form::Binary,
            (false, false) => Form::Text,
        };
        let stays = args.wait.is_none() && (args.reconnect || args.count.is_some() || args.expect.is_some());
        Sending {
            observing,
            first: args.send.clone(),
            files: args.file.clone(),
            cut,
            form,
            at_end: args.at_end.unwrap_or(if stays { AtEnd::Stay } else { AtEnd::Close }),
            at_eof_key: args.at_end.unwrap_or(AtEnd::Close),
            wait: args.wait,
            unsendable: Arc::default(),
            over: Arc::default(),
        }
    }

    /// Whether some of the input could not be sent so far. This has been reported.
    pub(super) fn has_failed(&self) -> bool {
        self.unsendable.load(Ordering::Relaxed)
    }

    /// Makes [`run`](Sending::run) return, because the connection has ended.
    pub(super) fn end(&self) {
        self.over.notify_one();
    }

    /// Sends everything, and returns what was not sent when the connection ended. Ctrl-C is passed to `interrupts` while
    /// the line editor reads it as a key.
    pub(super) async fn run(self, outlet: Outlet, interrupts: Arc<Notify>) -> Unsent {
        let mut remaining = self.first.len().saturating_add(self.files.len());
        // The input has not been read yet.
        let unsent = |count| Unsent { count, is_least: true, are_lines: false };
        for message in self.first.iter().map(|text| Message::from(text.as_str())) {
            if let Next::Ended = self.send(&outlet, message, Origin::Given).await {
                return unsent(remaining);
            }
            remaining -= 1;
        }
        let kind = if self.form == Form::Binary { FileKind::Binary } else { FileKind::Text };
        for path in &self.files {
            match command::read_file(path.clone(), kind).await {
                Ok(message) => {
                    if let Next::Ended = self.send(&outlet, message, Origin::Given).await {
                        return unsent(remaining);
                    }
                }
                Err(error) => self.fail(&error),
            }
            remaining -= 1;
        }
        self.run_input(&outlet, interrupts).await
    }

    async fn run_input(&self, outlet: &Outlet, interrupts: Arc<Notify>) -> Unsent {
        let (pieces, mut incoming) = mpsc::channel(64);
        let is_edited = self.observing.output.is_dialogue()
            && matches!(self.cut, Cut::TextLines | Cut::BinaryLines)
            && input::edit(&pieces, interrupts);
        if is_edited {
            drop(pieces);
        } else {
            input::read(pieces, self.cut);
        }
        let are_lines = matches!(self.cut, Cut::TextLines | Cut::BinaryLines);
        let (mut at_end, mut end) = (self.at_end, EndOfInput::Given);
        let mut number = 0;
        loop {
            let input = tokio::select! {
                biased;
                () = self.over.notified() => {
                    // A person sees what was typed.
                    return if is_edited { Unsent::default() } else { Unsent::count(0, &mut incoming, are_lines).await };
                }
                input = incoming.recv() => input,
            };
            let Some(input) = input else { break };
            number += 1;
            let next = match input {
                Input::Piece(bytes) => self.send_piece(outlet, bytes, number).await,
                Input::Typed(line) => self.obey(outlet, &line).await,
                Input::EofKey => {
                    (at_end, end) = (self.at_eof_key, EndOfInput::Key);
                    break;
                }
                Input::Failed(error) => {
                    self.fail(&format!("cannot read standard input: {error}"));
                    break;
                }
            };
            match next {
                Next::GoOn => {}
                // The inlet reports how the connection ended.
                Next::Ended if is_edited => return Unsent::default(),
                Next::Ended => return Unsent::count(1, &mut incoming, are_lines).await,
                Next::Closing => return Unsent::count(0, &mut incoming, are_lines).await,
            }
        }
        if at_end == AtEnd::Close {
            tokio::select! {
                () = self.over.notified() => {}
                () = self.close_at_end(outlet, end) => {}
            }
        }
        Unsent::default()
    }

    async fn close_at_end(&self, outlet: &Outlet, end: EndOfInput) {
        match (self.wait, end) {
            (Some(wait), _) => tokio::time::sleep(wait).await,
            (None, EndOfInput::Given) => self.observing.traffic.quiet_for(QUIET).await,
            // A person has seen what has arrived.
            (None, EndOfInput::Key) => {}
        }
        outlet.close_when_open().await;
    }

    /// `number` is that of the piece in the input, counted from 1.
    async fn send_piece(&self, outlet: &Outlet, bytes: Vec<u8>, number: u64) -> Next {
        if self.form == Form::Binary {
            return self.send(outlet, Message::from(bytes), Origin::Given).await;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            self.fail(&self.not_text(number));
            return Next::GoOn;
        };
        if self.form == Form::Text {
            return self.send(outlet, Message::from(text), Origin::Given).await;
        }
        match json_lines::parse(&text) {
            Ok(Order::Message(message)) => return self.send(outlet, message, Origin::Given).await,
            Ok(Order::Close(frame)) => return close(outlet, frame),
            Ok(Order::Ping(payload)) => match outlet.send_ping(payload).await {
                Ok(()) => {}
                Err(Error::Send(error)) => self.fail(&error.to_string()),
                Err(_) => return Next::Ended,
            },
            Err(error) => self.fail(&format!("line {number} of the input was not sent: {error}")),
        }
        Next::GoOn
    }

    /// Does what a typed line says. A mistake is reported, and is no failure of the program.
    async fn obey(&self, outlet: &Outlet, line: &str) -> Next {
        match command::parse(line) {
            Ok(Typed::Message(text)) => {
                let message = if self.form == Form::Binary {
                    Message::from(text.into_bytes())
                } else {
                    Message::from(text)
                };
                return self.send(outlet, message, Origin::Typed).await;
            }
            Ok(Typed::TextFile(path)) => return self.send_typed_file(outlet, path, FileKind::Text).await,
            Ok(Typed::BinaryFile(path)) => return self.send_typed_file(outlet, path, FileKind::Binary).await,
            Ok(Typed::Close(frame)) => return close(outlet, frame),
            Ok(Typed::Ping) => self.ping(outlet),
            Ok(Typed::Headers) => show(&self.observing.headers()),
            Ok(Typed::Statistics) => show(&self.observing.traffic.lines()),
            Ok(Typed::Help) => show(&[command::HELP.to_owned()]),
            Err(error) => report(&error),
        }
        Next::GoOn
    }

    async fn send_typed_file(&self, outlet: &Outlet, path: PathBuf, kind: FileKind) -> Next {
        match command::read_file(path, kind).await {
            Ok(message) => self.send(outlet, message, Origin::Given).await,
            Err(error) => {
                report(&error);
                Next::GoOn
            }
        }
    }

    /// Pings without delaying the messages that follow.
    fn ping(&self, outlet: &Outlet) {
        let (outlet, traffic) = (outlet.clone(), self.observing.traffic.clone());
        tokio::spawn(async move {
            if let Ok(time) = outlet.ping().await {
                traffic.pinged(time);
                show(&[format!("pong {}", milliseconds(time))]);
            }
        });
    }

    async fn send(&self, outlet: &Outlet, message: Message, origin: Origin) -> Next {
        self.observing.sending(&message, origin);
        if outlet.send(message).await.is_err() {
            self.observing.not_sent();
            return Next::Ended;
        }
        self.observing.sent();
        Next::GoOn
    }

    /// Reports what could not be sent.
    fn fail(&self, why: &str) {
        report(why);
        self.unsendable.store(true, Ordering::Relaxed);
    }

    fn not_text(&self, number: u64) -> String {
        let what = match self.cut {
            Cut::Whole => "the input".to_owned(),
            _ => format!("line {number} of the input"),
        };
        format!("{what} is not UTF-8 and was not sent; --binary sends any bytes")
    }
}

fn report(why: &str) {
    terminal::complain(&format!("longwire: {}", terminal::escape(why)));
}

/// Begins to close; the inlet reports how the connection ended.
fn close(outlet: &Outlet, frame: CloseFrame) -> Next {
    let outlet = outlet.clone();
    tokio::spawn(async move { outlet.close_with(frame).await });
    Next::Closing
}

fn show(lines: &[String]) {
    let _unread = output::print_lines(lines);
}
