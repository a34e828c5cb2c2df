//! What is known of the connections: it is printed, recorded, and shown on the page.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use longwire::{CloseCode, ControlOpcode, Direction, Message, Topics};
use serde_json::{Value, json};

use super::faults::Fate;
use super::recordings::{MAX_RECORDINGS, Recordings};
use super::stopping::Stopping;
use super::tap::{Seen, SeenMessage, sender};
use crate::args::{ProxyArgs, TextPattern};
use crate::clock;
use crate::har::{CloseFrames, Handshake, Recorder, RecordingStopped};
use crate::json_text::TextLayout;
use crate::message_view::{MessageView, grouped};
use crate::paint::{Ink, Palette};
use crate::terminal::{self, colour_on, escape};

/// The topic of pages.
pub(super) const LIVE: &str = "live";

/// How many lines a page gets that comes later, and their bytes.
const MAX_HISTORY: usize = 1000;
const MAX_HISTORY_BYTES: usize = 8 << 20;

/// The most bytes of a message that a page gets.
const MAX_SHOWN: usize = 32 << 10;

/// The journal of the whole run.
pub(super) struct Book {
    view: MessageView,
    grep: Option<TextPattern>,
    recording: Option<Recordings>,
    pages: Mutex<PageFeed>,
    /// Differs from one run of the program to the next.
    run: String,
    pub(super) stopping: Stopping,
}

#[derive(Default)]
struct PageFeed {
    topics: Option<Topics>,
    history: VecDeque<String>,
    history_bytes: usize,
    /// The number of the last line.
    last: u64,
}

/// The journal of one connection.
pub(super) struct Journal {
    book: Arc<Book>,
    connection: u64,
    recorder: Mutex<Option<Recorder>>,
    close_frames: Mutex<CloseFrames>,
}

impl Book {
    /// # Errors
    ///
    /// It cannot be recorded.
    pub(super) fn new(args: &ProxyArgs, grep: Option<TextPattern>) -> Result<Arc<Book>, String> {
        let recording = Recordings::of(&args.recording)?;
        Ok(Arc::new(Book {
            view: MessageView {
                layout: TextLayout::of(args.pretty),
                palette: Palette::of(colour_on(io::stdout().is_terminal())),
            },
            grep,
            recording,
            pages: Mutex::default(),
            run: clock::timestamp(SystemTime::now()),
            stopping: Stopping::new(),
        }))
    }

    fn pages(&self) -> MutexGuard<'_, PageFeed> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes to pages from now on.
    pub(super) fn publish_to(&self, topics: Topics) {
        self.pages().topics = Some(topics);
    }

    /// The first message to a page: it names this run, because numbers begin anew with each.
    pub(super) fn greeting(&self) -> String {
        json!({"kind": "run", "run": self.run}).to_string()
    }

    /// What a page that has just come gets.
    pub(super) fn history(&self) -> Vec<String> {
        self.pages().history.iter().cloned().collect()
    }

    /// The journal of connection number `connection`.
    pub(super) fn connection(self: &Arc<Book>, connection: u64) -> Journal {
        Journal {
            book: Arc::clone(self),
            connection,
            recorder: Mutex::default(),
            close_frames: Mutex::default(),
        }
    }

    fn print(&self, lines: &[String]) {
        let mut stdout = io::stdout().lock();
        let text = lines.join("\n");
        if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush())
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Nobody reads any more: end as tools in a pipe do.
            self.stopping.ask();
        }
    }

    fn publish(&self, mut line: Value) {
        let mut pages = self.pages();
        let Some(topics) = pages.topics.clone() else { return };
        pages.last += 1;
        if let Some(fields) = line.as_object_mut() {
            fields.insert("number".into(), pages.last.into());
        }
        let line = line.to_string();
        pages.history_bytes += line.len();
        pages.history.push_back(line.clone());
        while pages.history.len() > MAX_HISTORY || pages.history_bytes > MAX_HISTORY_BYTES {
            let Some(oldest) = pages.history.pop_front() else { break };
            pages.history_bytes -= oldest.len();
        }
        // Under the lock, so that pages get lines in the order of their numbers.
        topics.publish(LIVE, line);
    }
}

impl Journal {
    /// A connection has been opened, or the server has refused.
    pub(super) fn answered(&self, handshake: &Handshake, extensions: &str) {
        let mut what = format!("{} · {}", handshake.url, handshake.status);
        if !extensions.is_empty() {
            what.push_str(&format!(" · {extensions}"));
        }
        self.note("open", &what);
        if handshake.status == 101 {
            self.begin_recording(handshake);
        }
    }

    fn begin_recording(&self, handshake: &Handshake) {
        let Some(recordings) = &self.book.recording else { return };
        if self.connection > MAX_RECORDINGS {
            if self.connection == MAX_RECORDINGS + 1 {
                terminal::complain(&format!(
                    "longwire: {MAX_RECORDINGS} connections are recorded; no more will be"
                ));
            }
            return;
        }
        let begun = recordings.recorder(self.connection).and_then(|mut recorder| {
            recorder.begin(handshake).map_err(|RecordingStopped(why)| why)?;
            Ok(recorder)
        });
        match begun {
            Ok(recorder) => *self.recorder() = Some(recorder),
            Err(error) => terminal::complain(&format!("longwire: {}", escape(&error))),
        }
    }

    fn record(&self, write: impl FnOnce(&mut Recorder) -> Result<(), RecordingStopped>) {
        if let Some(Err(RecordingStopped(why))) = self.recorder().as_mut().map(write) {
            terminal::complain(&format!("longwire: {}", escape(&why)));
        }
    }

    /// The connection has ended. `why`: what ended the two transports.
    pub(super) fn ended(&self, why: &str) {
        let (time, end) = self.close_frames().end(why);
        self.record(|recorder| recorder.end(time, &end));
        self.note("end", why);
    }

    /// Whether a Close frame has passed.
    pub(super) fn is_closed(&self) -> bool {
        self.close_frames().is_begun()
    }

    fn close_frames(&self) -> MutexGuard<'_, CloseFrames> {
        self.close_frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recorder(&self) -> MutexGuard<'_, Option<Recorder>> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that is not a message: what has happened to the connection.
    pub(super) fn note(&self, kind: &str, what: &str) {
        let prefix = self.prefix();
        let line = self.book.view.palette.ink(Ink::Dim, &format!("{prefix}* {}", escape(what)));
        self.book.print(&[line]);
        self.publish(json!({"kind": kind, "data": what}));
    }

    /// What has passed.
    pub(super) fn seen(&self, direction: Direction, seen: Seen) {
        match seen {
            Seen::Message(message) => self.message(direction, &message),
            Seen::Control { opcode, payload } => self.control(direction, opcode, &payload),
            Seen::Unreadable(error) => {
                let sender = sender(direction);
                self.note(
                    "fault",
                    &format!("{sender} breaks the protocol, the rest is passed on unread: {error}"),
                );
            }
        }
    }

    fn message(&self, direction: Direction, seen: &SeenMessage) {
        if let Some(content) = &seen.content {
            self.record(|recorder| recorder.message(direction, SystemTime::now(), content));
        }
        let note = note(seen);
        if self.is_wanted(seen) {
            let placeholder = Message::from("(too long to show, or not readable)");
            let content = seen.content.as_ref().unwrap_or(&placeholder);
            self.book.print(&self.book.view.lines(&self.prefix(), direction, content, &note));
        }
        let (kind, data) = match &seen.content {
            Some(Message::Text(text)) => ("text", shortened(text)),
            Some(Message::Binary(bytes)) => ("binary", hex(bytes)),
            None => ("unreadable", String::new()),
        };
        let size = seen.content.as_ref().map_or(0, |content| content.as_bytes().len());
        self.publish(
            json!({"kind": kind, "direction": name(direction), "data": data, "size": size, "note": note}),
        );
    }

    fn is_wanted(&self, seen: &SeenMessage) -> bool {
        let text = seen.content.as_ref().and_then(Message::as_text);
        self.book.grep.as_ref().is_none_or(|grep| text.is_some_and(|text| grep.is_match(text)))
    }

    fn control(&self, direction: Direction, opcode: ControlOpcode, payload: &[u8]) {
        if opcode == ControlOpcode::Close {
            self.close_frames().seen(direction, payload);
        }
        let (kind, what) = match opcode {
            ControlOpcode::Ping => ("ping", shown(payload)),
            ControlOpcode::Pong => ("pong", shown(payload)),
            ControlOpcode::Close => ("close", close(payload)),
        };
        if self.book.grep.is_none() {
            let arrow = if direction == Direction::Sent { '>' } else { '<' };
            let line = format!("{}{arrow} {kind} {what}", self.prefix());
            self.book.print(&[self.book.view.palette.ink(Ink::Dim, line.trim_end())]);
        }
        self.publish(
            json!({"kind": kind, "direction": name(direction), "data": what, "size": payload.len()}),
        );
    }

    fn prefix(&self) -> String {
        format!("{} #{} ", clock::time_of_day(SystemTime::now()), self.connection)
    }

    fn publish(&self, mut line: Value) {
        if let Some(fields) = line.as_object_mut() {
            fields.insert("connection".into(), self.connection.into());
            fields.insert("time".into(), clock::time_of_day(SystemTime::now()).into());
        }
        self.book.publish(line);
    }
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    }
}

/// What is worth knowing of a message beside its content.
fn note(seen: &SeenMessage) -> String {
    let mut notes = Vec::new();
    match seen.fate {
        Fate::Passed => {}
        Fate::Corrupted => notes.push("corrupted".to_owned()),
        Fate::Dropped => notes.push("dropped".to_owned()),
    }
    if seen.frames > 1 {
        notes.push(format!("{} frames", grouped(seen.frames)));
    }
    if seen.is_compressed {
        notes.push(format!("{} bytes compressed", grouped(seen.wire_bytes)));
    }
    notes.join(" · ")
}

fn close(payload: &[u8]) -> String {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else { return "without a code".to_owned() };
    let code = CloseCode::from(u16::from_be_bytes(*code));
    format!("{code} {}", shown(reason)).trim_end().to_owned()
}

fn shown(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) if !text.contains(char::is_control) => escape(text),
        _ => terminal::describe(payload),
    }
}

/// The text, or its beginning.
fn shortened(text: &str) -> String {
    if text.len() <= MAX_SHOWN {
        return text.to_owned();
    }
    let end = (0..=MAX_SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// The first bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 256;
    let digits: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > SHOWN { " …" } else { "" };
    format!("{}{more}", digits.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_get_a_bounded_part_of_long_messages() {
        let long = "é".repeat(MAX_SHOWN);
        assert!(shortened(&long).len() <= MAX_SHOWN + "…".len());
        assert_eq!(shortened("short"), "short");
        assert_eq!(hex(&[0, 255]), "00 ff");
        assert_eq!(hex(&[0; 300]).len(), 256 * 3 - 1 + " …".len());
    }

    #[test]
    fn a_note_says_what_the_content_does_not() {
        let seen = SeenMessage {
            content: None,
            frames: 2,
            wire_bytes: 1200,
            is_compressed: true,
            fate: Fate::Dropped,
        };
        assert_eq!(note(&seen), "dropped · 2 frames · 1,200 bytes compressed");
        assert_eq!(close(b"\x0f\xa0bye"), "4000 bye");
        assert_eq!(close(b""), "without a code");
    }
}
