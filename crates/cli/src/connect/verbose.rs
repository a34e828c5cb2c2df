//! The output of `--verbose` on standard error: each step, with the seconds since the program began to connect.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use longwire::{
    CloseCode, ConnectStep, ControlOpcode, Direction, Message, Opcode, ReservedBits, Secured, SeenFrame,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::message_view::grouped;
use crate::terminal;

/// Prints what happens on a connection.
#[derive(Clone)]
pub(super) struct Verbose {
    start: Instant,
    /// The wire sizes of the messages that are being received and sent, or were last.
    sizes: Arc<Mutex<Sizes>>,
}

#[derive(Debug, Default)]
struct Sizes {
    received: OnWire,
    sent: OnWire,
}

/// The size of a message on the wire, without frame headers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct OnWire {
    bytes: u64,
    frames: u64,
    is_compressed: bool,
    is_whole: bool,
}

impl OnWire {
    fn add(&mut self, frame: &SeenFrame<'_>) {
        if self.is_whole {
            *self = OnWire::default();
        }
        self.bytes += frame.header.payload_len();
        self.frames += 1;
        self.is_compressed |= frame.header.reserved == ReservedBits::RSV1;
        self.is_whole = frame.header.fin();
    }
}

impl Verbose {
    pub(super) fn new() -> Verbose {
        Verbose { start: Instant::now(), sizes: Arc::default() }
    }

    pub(super) fn say(&self, line: &str) {
        terminal::complain(&format!("{:9.4} {line}", self.start.elapsed().as_secs_f64()));
    }

    /// Prints the negotiated extensions and subprotocol.
    pub(super) fn open(&self, extensions: &str, subprotocol: Option<&str>) {
        let or_none = |agreed: &str| if agreed.is_empty() { "none".into() } else { terminal::escape(agreed) };
        let (extensions, subprotocol) = (or_none(extensions), or_none(subprotocol.unwrap_or_default()));
        self.say(&format!("* open; extensions: {extensions}; subprotocol: {subprotocol}"));
    }

    pub(super) fn step(&self, step: &ConnectStep<'_>) {
        match step {
            ConnectStep::Connected { to, address, .. } => {
                self.say(&format!("* connected to {to} at {address}"));
            }
            ConnectStep::Tunnelled { to, .. } => self.say(&format!("* the proxy has connected to {to}")),
            ConnectStep::Secured(secured) => self.secured(secured),
            ConnectStep::Request(request) => {
                self.say(&format!("> {} {} HTTP/1.1", request.method(), request.uri()));
                self.headers('>', request.headers());
            }
            ConnectStep::Response(response) => {
                self.say(&format!("< HTTP/1.1 {}", response.status()));
                self.headers('<', response.headers());
            }
            _ => {}
        }
    }

    fn headers(&self, arrow: char, headers: &HeaderMap) {
        for (name, value) in headers {
            let shown = String::from_utf8_lossy(value.as_bytes());
            let shown = if value.is_sensitive() { "(not shown)".into() } else { terminal::escape(&shown) };
            self.say(&format!("{arrow} {name}: {shown}"));
        }
    }

    fn secured(&self, secured: &Secured<'_>) {
        self.say(&format!("* {}, {}", secured.version, secured.cipher_suite));
        match X509Certificate::from_der(secured.certificate) {
            Ok((_, certificate)) => self.say(&format!("* {}", describe_certificate(&certificate))),
            Err(error) => self.say(&format!("* cannot show the certificate: {error}")),
        }
    }

    /// Prints a frame.
    pub(super) fn frame(&self, frame: &SeenFrame<'_>) {
        self.count(frame);
        self.say(&describe_frame(frame));
    }

    fn count(&self, frame: &SeenFrame<'_>) {
        if let Opcode::Data(_) = frame.header.opcode() {
            let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
            match frame.direction {
                Direction::Received => sizes.received.add(frame),
                Direction::Sent => sizes.sent.add(frame),
            }
        }
    }

    /// Prints the size of a message, unless its only frame has shown it.
    pub(super) fn message(&self, direction: Direction, message: &Message) {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let on_wire = match direction {
            Direction::Received => sizes.received,
            Direction::Sent => sizes.sent,
        };
        drop(sizes);
        if let Some(line) = describe_message(direction, on_wire, message.as_bytes().len()) {
            self.say(&line);
        }
    }
}

/// One line for a message, unless its size equals that of its only frame.
fn describe_message(direction: Direction, on_wire: OnWire, len: usize) -> Option<String> {
    let arrow = arrow(direction);
    let bytes = bytes(on_wire.bytes);
    let frames = match on_wire.frames {
        0 => return None,
        1 => String::new(),
        frames => format!(" in {} frames", grouped(frames)),
    };
    let len = grouped(len);
    if on_wire.is_compressed {
        Some(format!("{arrow} {bytes} on the wire{frames}, compressed, {len} in the message"))
    } else if on_wire.frames > 1 {
        Some(format!("{arrow} {bytes} on the wire{frames}, {len} in the message"))
    } else {
        None
    }
}

fn arrow(direction: Direction) -> char {
    match direction {
        Direction::Received => '<',
        Direction::Sent => '>',
    }
}

fn bytes(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "byte" } else { "bytes" })
}

/// One line for a frame: `< ping 2 bytes: hi`.
fn describe_frame(frame: &SeenFrame<'_>) -> String {
    let header = frame.header;
    let compressed = if header.reserved == ReservedBits::RSV1 { ", compressed" } else { "" };
    let more = if header.fin() { "" } else { ", more follow" };
    let mut line = format!(
        "{} {} {}{compressed}{more}",
        arrow(frame.direction),
        header.opcode(),
        bytes(header.payload_len())
    );
    let payload = frame.control_payload;
    match header.opcode() {
        Opcode::Control(ControlOpcode::Close) => {
            if let Some((code, reason)) = payload.split_first_chunk::<2>() {
                let code = CloseCode::from(u16::from_be_bytes(*code));
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

/// One line for a certificate: its names, its issuer and its validity.
fn describe_certificate(certificate: &X509Certificate<'_>) -> String {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|names| &names.value.general_names[..]).unwrap_or_default();
    let names: Vec<String> = names.iter().filter_map(describe_name).collect();
    let names = if names.is_empty() { "no name".into() } else { names.join(", ") };
    let (subject, issuer) = (certificate.subject(), certificate.issuer());
    let validity = certificate.validity();
    terminal::escape(&format!(
        "certificate for {names}; subject {subject}; issued by {issuer}; valid from {} to {}",
        validity.not_before, validity.not_after
    ))
}

fn describe_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(v4), _) => Some(IpAddr::from(v4).to_string()),
            (_, Ok(v6)) => Some(IpAddr::from(v6).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use longwire_proto::{Config, FrameObserver, Protocol, Received, Role};

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
            "> close 5 bytes: 1000 (normal closure) b\\u{1b}e",
        ];
        assert_eq!(*lines.lock().unwrap(), expected);
    }

    #[test]
    fn a_message_tells_its_size_apart_from_what_it_took_on_the_wire() {
        let line = |bytes, frames, is_compressed, len| {
            describe_message(
                Direction::Received,
                OnWire { bytes, frames, is_compressed, is_whole: true },
                len,
            )
        };
        assert_eq!(
            line(114, 1, true, 100_000).unwrap(),
            "< 114 bytes on the wire, compressed, 100,000 in the message"
        );
        assert_eq!(line(1, 2, false, 1).unwrap(), "< 1 byte on the wire in 2 frames, 1 in the message");
        assert_eq!(line(5, 1, false, 5), None);
    }
}
