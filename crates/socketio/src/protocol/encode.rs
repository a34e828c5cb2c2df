//! From values to packets.

use bytes::Bytes;
use bytestring::ByteString;
use longwire::MessageRef;
use serde_json::value::RawValue;

use crate::engine::EngineMessage;

use super::argument_writer::{ArgumentWriter, EncodeError, ToArguments};
use super::arguments::Arguments;
use super::packet::{MAIN_NAMESPACE, is_reserved};

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

/// An event.
pub(crate) fn event(
    namespace: &ByteString,
    name: &str,
    data: impl ToArguments,
) -> Result<Draft, EncodeError> {
    if is_reserved(name) {
        return Err(EncodeError::ReservedName(name.to_owned()));
    }
    let mut writer = ArgumentWriter::behind(beginning(Kind::Event, namespace, None, USUAL));
    writer.one(name)?;
    data.write_to(&mut writer)?;
    Draft::new(Kind::Event, writer)
}

/// The acknowledgement of a client's event.
pub(crate) fn ack(namespace: &ByteString, id: u64, data: impl ToArguments) -> Result<Encoded, EncodeError> {
    let mut writer = ArgumentWriter::behind(beginning(Kind::Ack, namespace, Some(id), USUAL));
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

/// Most packets are no longer than this.
const USUAL: usize = 128;

/// What comes before the array of a packet without attachments.
fn beginning(kind: Kind, namespace: &str, id: Option<u64>, capacity: usize) -> String {
    let mut packet = String::with_capacity(capacity);
    packet.extend([EngineMessage::MESSAGE, kind.without_attachments()]);
    push_namespace(&mut packet, namespace);
    if let Some(id) = id {
        packet.push_str(&id.to_string());
    }
    packet
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
        let (mut packet, array, attachments) = writer.end()?;
        if packet.len() > USUAL {
            // What waits for clients is counted by its length.
            packet.shrink_to_fit();
        }
        Ok(Draft::of(kind, packet, array, attachments))
    }

    /// Announces the attachments in a packet whose array begins there.
    fn of(kind: Kind, mut packet: String, array: usize, attachments: Vec<Bytes>) -> Draft {
        // Behind the type of the message.
        let mut array = array.saturating_sub(1);
        if !attachments.is_empty() {
            let announced = format!("{}{}-", kind.with_attachments(), attachments.len());
            packet.replace_range(1..2, &announced);
            array = array.saturating_add(announced.len()).saturating_sub(1);
        }
        Draft { packet: Encoded { text: EngineMessage::of_packet(packet), attachments }, array }
    }

    /// The text before the array, and the array.
    fn text(&self) -> (&str, &str) {
        let MessageRef::Text(text) = self.packet.text.content() else { return ("", "") };
        text.split_at_checked(self.array).unwrap_or((text, ""))
    }

    /// An event of these elements: the name and the arguments as JSON, separated by commas.
    pub(crate) fn event(namespace: &str, elements: &str, attachments: Vec<Bytes>) -> Draft {
        /// The type, and the punctuation.
        const BESIDE: usize = 8;

        let capacity = namespace.len().saturating_add(elements.len()).saturating_add(BESIDE);
        let mut packet = beginning(Kind::Event, namespace, None, capacity);
        let array = packet.len();
        packet.extend(["[", elements, "]"]);
        Draft::of(Kind::Event, packet, array, attachments)
    }

    /// What [`event`](Draft::event) takes.
    pub(crate) fn parts(&self) -> (String, Vec<Bytes>) {
        let array = self.text().1;
        let elements = array.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
        (elements.to_owned(), self.packet.attachments.clone())
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
        let array = ByteString::from(self.text().1);
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

        let (head, array) = self.text();
        let capacity = head.len().saturating_add(array.len()).saturating_add(NUMBER);
        EngineMessage::text_with(capacity, |text| write(text, head, array))
    }
}
