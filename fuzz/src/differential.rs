//! Compares Longwire with `tungstenite` on the same bytes.

use std::io::{self, Read, Write};
use std::sync::Arc;

use longwire_proto::{CloseFrame, Config, Event, Header, Limits, Protocol, ProtocolError, Received, Role};
use tungstenite::protocol::{self, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

/// The message limit of both, in bytes. It is small, so that inputs reach it.
const LARGEST: usize = 1 << 10;

/// Gives the bytes to two servers, as sent by their client. Both must return the same messages and the same verdict,
/// except for known differences.
pub fn differential(data: &[u8]) {
    let stream = whole_frames(data);
    let (ours, theirs) = (longwire(stream), tungstenite(stream));
    if !agree(&ours, &theirs) && !DIFFERENCES.iter().any(|difference| (difference.explains)(&ours, &theirs)) {
        panic!("they differ:\nlongwire    {ours:?}\ntungstenite {theirs:?}");
    }
}

/// The result of reading a stream.
#[derive(Debug)]
struct Outcome<E> {
    messages: Vec<Event<'static>>,
    verdict: Verdict<E>,
}

#[derive(Debug)]
enum Verdict<E> {
    /// It is waiting for more bytes.
    Open,
    /// The peer's Close frame was received.
    Closed,
    /// The peer violated the protocol.
    Failed(E),
}

/// The kinds of violations that `tungstenite` distinguishes.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Frames,
    Utf8,
    Size,
}

/// Whether both have the same messages and the same verdict.
///
/// If a frame breaks several rules, each may report another one. Ours checks the size late and the content last, so for
/// these the fault must be equal.
fn agree(ours: &Outcome<ProtocolError>, theirs: &Outcome<Fault>) -> bool {
    ours.messages == theirs.messages
        && match (&ours.verdict, &theirs.verdict) {
            (Verdict::Open, Verdict::Open) | (Verdict::Closed, Verdict::Closed) => true,
            (Verdict::Failed(error), Verdict::Failed(fault)) => match error {
                ProtocolError::TextNotUtf8 | ProtocolError::CloseReasonNotUtf8 => *fault == Fault::Utf8,
                ProtocolError::MessageTooBig { .. } => *fault == Fault::Size,
                _ => true,
            },
            _ => false,
        }
}

/// A known difference: intended, or left to the user by `tungstenite`.
struct Difference {
    /// Why ours is as it is.
    #[expect(dead_code, reason = "for the reader")]
    reason: &'static str,
    explains: fn(&Outcome<ProtocolError>, &Outcome<Fault>) -> bool,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "RFC 6455 §5.2: \"the minimal number of bytes MUST be used to encode the length\" (in a control frame any \
                 other number says that it is too long); tungstenite takes any number",
        explains: |ours, theirs| {
            let by_length = matches!(
                ours.verdict,
                Verdict::Failed(ProtocolError::LengthNotMinimal | ProtocolError::ControlTooLong)
            );
            by_length && theirs.messages.starts_with(&ours.messages)
        },
    },
    Difference {
        reason: "what no further byte can mend is reported at once; tungstenite waits until the header, or the whole \
                 frame, has arrived",
        explains: |ours, theirs| {
            let by_header = matches!(
                ours.verdict,
                Verdict::Failed(
                    ProtocolError::ReservedOpcode(_)
                        | ProtocolError::ControlFragmented
                        | ProtocolError::LengthTooLarge
                )
            );
            by_header && ours.messages == theirs.messages && matches!(theirs.verdict, Verdict::Open)
        },
    },
    Difference {
        reason: "a close code that must not be sent (§7.4) breaks the protocol, so it fails the connection with 1002; \
                 tungstenite answers with 1002 too, but reports a Close frame that never came",
        explains: |ours, theirs| {
            matches!(ours.verdict, Verdict::Failed(ProtocolError::CloseCode(_)))
                && replaced_close(theirs) == Some(&ours.messages)
        },
    },
    Difference {
        reason: "1014 (bad gateway) is in the IANA registry; tungstenite does not know it",
        explains: |ours, theirs| match ours.messages.split_last() {
            Some((Event::Close(Some(frame)), before)) => {
                frame.code() == 1014 && replaced_close(theirs) == Some(before)
            }
            _ => false,
        },
    },
];

/// The messages before the Close frame with which `tungstenite` replaces one whose code it rejects.
fn replaced_close(theirs: &Outcome<Fault>) -> Option<&[Event<'static>]> {
    match theirs.messages.split_last()? {
        (Event::Close(Some(frame)), before) if frame.reason() == "Protocol violation" => Some(before),
        _ => None,
    }
}

/// The stream without an incomplete last frame: ours judges the part that has arrived, `tungstenite` waits for the
/// rest.
fn whole_frames(stream: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Ok(decoded) = Header::decode(&stream[end..]) {
        let Some((header, used)) = decoded else { return &stream[..end] };
        let whole = usize::try_from(header.payload_len()).ok().and_then(|len| (end + used).checked_add(len));
        match whole.filter(|&whole| whole <= stream.len()) {
            Some(whole) => end = whole,
            // Both report a frame that is too large as soon as its header is complete.
            None if header.payload_len() > LARGEST as u64 => return &stream[..end + used],
            None => return &stream[..end],
        }
    }
    stream
}

fn longwire(stream: &[u8]) -> Outcome<ProtocolError> {
    let config = Arc::new(Config::new(Limits::default().message(LARGEST)));
    let mut protocol = Protocol::new(Role::Server, config);
    let mut buffer = stream.to_vec();
    let mut received = Received::new(&mut buffer);
    let mut messages = Vec::new();
    let verdict = loop {
        match protocol.next_event(&mut received) {
            Ok(Some(event)) => messages.push(event.into_owned()),
            Ok(None) if protocol.closed().is_some() => break Verdict::Closed,
            Ok(None) => break Verdict::Open,
            Err(error) => break Verdict::Failed(error),
        }
    };
    Outcome { messages, verdict }
}

fn tungstenite(stream: &[u8]) -> Outcome<Fault> {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let mut socket = WebSocket::from_raw_socket(Recording { stream }, protocol::Role::Server, Some(config));
    let mut messages = Vec::new();
    let verdict = loop {
        match socket.read() {
            Ok(message) => messages.push(event(message)),
            // It sees the end of the stream, which ours does not.
            Err(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                break Verdict::Open;
            }
            Err(Error::ConnectionClosed) => break Verdict::Closed,
            Err(Error::Protocol(_)) => break Verdict::Failed(Fault::Frames),
            Err(Error::Utf8(_)) => break Verdict::Failed(Fault::Utf8),
            Err(Error::Capacity(_)) => break Verdict::Failed(Fault::Size),
            Err(error) => panic!("tungstenite: {error}"),
        }
    };
    Outcome { messages, verdict }
}

fn event(message: Message) -> Event<'static> {
    match message {
        Message::Text(text) => Event::Text(text.to_string().into()),
        Message::Binary(payload) => Event::Binary(payload.to_vec().into()),
        Message::Ping(payload) => Event::Ping(payload.to_vec().into()),
        Message::Pong(payload) => Event::Pong(payload.to_vec().into()),
        Message::Close(frame) => Event::Close(frame.map(|frame| {
            CloseFrame::new(u16::from(frame.code), frame.reason.as_str()).expect("a code that may be sent")
        })),
        Message::Frame(frame) => panic!("a frame is never read: {frame}"),
    }
}

/// A transport that returns the stream and discards writes.
struct Recording<'s> {
    stream: &'s [u8],
}

impl Read for Recording<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Recording<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
