//! From values to packets.

use std::{fmt, io};

use bytes::Bytes;
use bytestring::ByteString;
use longwire::MessageRef;
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use crate::engine::EngineMessage;

use super::arguments::Arguments;
use super::packet::{MAIN_NAMESPACE, is_reserved};
use super::shape::{Shape, shape_of_value};

/// A packet as its messages are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    text: EngineMessage,
    attachments: Vec<Bytes>,
}

impl Encoded {
    /// The text, and the attachments that follow it. A clone of a message shares its bytes.
    pub(crate) fn messages(&self) -> impl Iterator<Item = EngineMessage> + '_ {
        let attachments = self.attachments.iter().cloned().map(EngineMessage::binary);
        std::iter::once(self.text.clone()).chain(attachments)
    }

    /// The bytes of all messages.
    pub(crate) fn size(&self) -> usize {
        let text = self.text.content().as_bytes().len();
        self.attachments.iter().map(Bytes::len).fold(text, usize::saturating_add)
    }
}

/// An event or acknowledgement that cannot be sent, because the application gave it a wrong name or value.
#[derive(Debug)]
pub enum EncodeError {
    /// The JavaScript libraries use this name for an event of their own: `connect`, `disconnect` and others.
    ReservedName(String),
    /// The value cannot be JSON, such as a map whose keys are not strings.
    Json(serde_json::Error),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::ReservedName(name) => {
                write!(f, "`{name}` is a reserved event name; give the event another name")
            }
            EncodeError::Json(error) => write!(f, "the event's data cannot be sent as JSON: {error}"),
        }
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            EncodeError::ReservedName(_) => None,
            EncodeError::Json(error) => Some(error),
        }
    }
}

/// What can be sent as the arguments of an event or an acknowledgement: everything that implements
/// [`serde::Serialize`], and [`Arguments`].
///
/// A tuple is several arguments, `()` is none, and everything else is one. [`Bytes`](bytes::Bytes) is binary, at any
/// depth. A `Vec<u8>` is an array of numbers, because serde does not tell it from other vectors.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in an event",
    label = "the data of an event implements `serde::Serialize`",
    note = "add `#[derive(serde::Serialize)]` to `{Self}`; several arguments are a tuple, binary data is `bytes::Bytes`"
)]
pub trait ToArguments: Sized {
    #[doc(hidden)]
    fn write_to(self, writer: &mut ArgumentWriter) -> Result<(), EncodeError>;
}

impl<T: Serialize> ToArguments for T {
    fn write_to(self, writer: &mut ArgumentWriter) -> Result<(), EncodeError> {
        match shape_of_value(&self) {
            Shape::None => Ok(()),
            Shape::One => writer.one(&self),
            Shape::Several(_) => writer.several(&self),
        }
    }
}

impl ToArguments for &Arguments {
    fn write_to(self, writer: &mut ArgumentWriter) -> Result<(), EncodeError> {
        let json = self.as_json();
        if !json.is_empty() {
            writer.separate();
            writer.packet.extend_from_slice(json.as_bytes());
        }
        writer.attachments.extend_from_slice(self.attachments());
        Ok(())
    }
}

impl ToArguments for Arguments {
    fn write_to(self, writer: &mut ArgumentWriter) -> Result<(), EncodeError> {
        (&self).write_to(writer)
    }
}

/// Writes the elements of a packet's array, separated by commas, behind the beginning of the packet.
#[doc(hidden)]
#[derive(Debug)]
pub struct ArgumentWriter {
    packet: Vec<u8>,
    /// Where the array begins in the packet.
    array: usize,
    attachments: Vec<Bytes>,
}

impl ArgumentWriter {
    /// Most packets are no longer than this.
    const USUAL: usize = 128;

    /// For a packet of this type without attachments.
    fn new(kind: Kind, namespace: &str, id: Option<u64>) -> ArgumentWriter {
        let mut packet = String::with_capacity(Self::USUAL);
        packet.extend([EngineMessage::MESSAGE, kind.without_attachments()]);
        push_namespace(&mut packet, namespace);
        if let Some(id) = id {
            packet.push_str(&id.to_string());
        }
        let array = packet.len();
        packet.push('[');
        ArgumentWriter { packet: packet.into_bytes(), array, attachments: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.packet.len() == self.array.saturating_add(1)
    }

    fn separate(&mut self) {
        if !self.is_empty() {
            self.packet.push(b',');
        }
    }

    fn one<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.separate();
        self.serialize(value)
    }

    /// Serializes a sequence and drops its brackets.
    fn several<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let (start, is_first) = (self.packet.len(), self.is_empty());
        self.serialize(value)?;
        self.packet.pop();
        if self.packet.len() == start.saturating_add(1) {
            self.packet.pop();
        } else if is_first {
            self.packet.remove(start);
        } else if let Some(bracket) = self.packet.get_mut(start) {
            *bracket = b',';
        }
        Ok(())
    }

    fn serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let placeholders = Placeholders { attachments: &mut self.attachments };
        let mut json = serde_json::Serializer::with_formatter(&mut self.packet, placeholders);
        value.serialize(&mut json).map_err(EncodeError::Json)
    }
}

/// Compact JSON with placeholders for bytes.
struct Placeholders<'a> {
    attachments: &'a mut Vec<Bytes>,
}

impl Formatter for Placeholders<'_> {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        let number = self.attachments.len();
        self.attachments.push(Bytes::copy_from_slice(value));
        write!(writer, r#"{{"_placeholder":true,"num":{number}}}"#)
    }
}

/// An event.
pub(crate) fn event(
    namespace: &ByteString,
    name: &str,
    data: impl ToArguments,
) -> Result<Draft, EncodeError> {
    if is_reserved(name) {
        return Err(EncodeError::ReservedName(name.to_owned()));
    }
    let mut writer = ArgumentWriter::new(Kind::Event, namespace, None);
    writer.one(name)?;
    data.write_to(&mut writer)?;
    Draft::new(Kind::Event, writer)
}

/// The acknowledgement of a client's event.
pub(crate) fn ack(namespace: &ByteString, id: u64, data: impl ToArguments) -> Result<Encoded, EncodeError> {
    let mut writer = ArgumentWriter::new(Kind::Ack, namespace, Some(id));
    data.write_to(&mut writer)?;
    Ok(Draft::new(Kind::Ack, writer)?.finish(None))
}

/// Tells the client that it has joined a namespace.
pub(crate) fn connected(namespace: &str, sid: &str, pid: Option<&str>) -> Encoded {
    let payload = match pid {
        None => serde_json::json!({ "sid": sid }),
        Some(pid) => serde_json::json!({ "sid": sid, "pid": pid }),
    };
    object('0', namespace, &payload.to_string())
}

/// Refuses to let a client into a namespace; `error` is a JSON object.
pub(crate) fn connect_error(namespace: &str, error: &serde_json::Value) -> Encoded {
    object('4', namespace, &error.to_string())
}

/// Removes a client from a namespace.
pub(crate) fn disconnect(namespace: &str) -> Encoded {
    object('1', namespace, "")
}

fn object(kind: char, namespace: &str, payload: &str) -> Encoded {
    let text =
        EngineMessage::text_with(namespace.len().saturating_add(payload.len()).saturating_add(2), |text| {
            text.push(kind);
            push_namespace(text, namespace);
            text.push_str(payload);
        });
    Encoded { text, attachments: Vec::new() }
}

fn push_namespace(text: &mut String, namespace: &str) {
    if namespace != MAIN_NAMESPACE {
        text.push_str(namespace);
        text.push(',');
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Event,
    Ack,
}

impl Kind {
    fn without_attachments(self) -> char {
        match self {
            Kind::Event => '2',
            Kind::Ack => '3',
        }
    }

    fn with_attachments(self) -> char {
        match self {
            Kind::Event => '5',
            Kind::Ack => '6',
        }
    }
}

/// A packet with an array, before the offset is added that may become its last element.
#[derive(Debug)]
pub(crate) struct Draft {
    packet: Encoded,
    /// Where the array begins in the text.
    array: usize,
}

impl Draft {
    fn new(kind: Kind, writer: ArgumentWriter) -> Result<Draft, EncodeError> {
        let ArgumentWriter { mut packet, array, attachments } = writer;
        packet.push(b']');
        if packet.len() > ArgumentWriter::USUAL {
            // What waits for clients is counted by its length.
            packet.shrink_to_fit();
        }
        let mut packet =
            String::from_utf8(packet).map_err(serde::ser::Error::custom).map_err(EncodeError::Json)?;
        // Behind the type of the message.
        let mut array = array.saturating_sub(1);
        if !attachments.is_empty() {
            let announced = format!("{}{}-", kind.with_attachments(), attachments.len());
            packet.replace_range(1..2, &announced);
            array = array.saturating_add(announced.len()).saturating_sub(1);
        }
        Ok(Draft { packet: Encoded { text: EngineMessage::of_packet(packet), attachments }, array })
    }

    /// The text before the array, and the array.
    fn parts(&self) -> (&str, &str) {
        let MessageRef::Text(text) = self.packet.text.content() else { return ("", "") };
        text.split_at_checked(self.array).unwrap_or((text, ""))
    }

    /// An event of these elements: the name and the arguments as JSON, separated by commas.
    pub(crate) fn event(namespace: ByteString, elements: String, attachments: Vec<Bytes>) -> Draft {
        Draft { kind: Kind::Event, namespace, id: None, elements, attachments }
    }

    /// What [`event`](Draft::event) takes.
    pub(crate) fn parts(&self) -> (String, Vec<Bytes>) {
        (self.elements.clone(), self.attachments.clone())
    }

    /// An event that the client acknowledges with this number.
    pub(crate) fn expecting_ack(self, id: u64) -> Draft {
        let id = id.to_string();
        let text = self.with(|text, head, array| text.extend([head, &id, array]));
        let array = self.array.saturating_add(id.len());
        Draft { packet: Encoded { text, attachments: self.packet.attachments }, array }
    }

    /// The event's name and arguments.
    pub(crate) fn content(&self) -> (ByteString, Arguments) {
        let array = ByteString::from(self.parts().1);
        let elements = array.get(1..).unwrap_or_default();
        let mut names = serde_json::Deserializer::from_str(elements).into_iter::<&RawValue>();
        let written = names.next().and_then(Result::ok).map(RawValue::get).unwrap_or_default();
        let name = serde_json::from_str::<String>(written).unwrap_or_default();
        let mut arguments = Arguments::of_event(array.clone(), written);
        arguments.attach(self.packet.attachments.clone());
        (ByteString::from(name), arguments)
    }

    /// The packet, with the position from which the client continues after an interruption.
    pub(crate) fn finish(&self, offset: Option<u64>) -> Encoded {
        let Some(offset) = offset else { return self.packet.clone() };
        let offset = offset.to_string();
        let text = self.with(|text, head, array| {
            let elements = array.strip_suffix(']').unwrap_or(array);
            text.extend([head, elements, ",\"", &offset, "\"]"]);
        });
        Encoded { text, attachments: self.packet.attachments.clone() }
    }

    /// Another text, of the text before the array and the array.
    fn with(&self, write: impl FnOnce(&mut String, &str, &str)) -> EngineMessage {
        /// What a number and its quotes may add.
        const NUMBER: usize = 24;

        let (head, array) = self.parts();
        let capacity = head.len().saturating_add(array.len()).saturating_add(NUMBER);
        EngineMessage::text_with(capacity, |text| write(text, head, array))
    }
}
