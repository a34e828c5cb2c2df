//! From values to the elements of a packet's array.

use std::{fmt, io};

use bytes::Bytes;
use serde::Serialize;
use serde_json::ser::Formatter;

use super::arguments::Arguments;
use super::shape::{Shape, shape_of_value};

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
    /// For an array behind this beginning of a packet.
    pub(super) fn behind(beginning: String) -> ArgumentWriter {
        let array = beginning.len();
        let mut packet = beginning.into_bytes();
        packet.push(b'[');
        ArgumentWriter { packet, array, attachments: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.packet.len() == self.array.saturating_add(1)
    }

    fn separate(&mut self) {
        if !self.is_empty() {
            self.packet.push(b',');
        }
    }

    pub(super) fn one<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
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

    /// Ends the array. Returns the packet, where the array begins in it, and the attachments.
    pub(super) fn end(mut self) -> Result<(String, usize, Vec<Bytes>), EncodeError> {
        self.packet.push(b']');
        let packet =
            String::from_utf8(self.packet).map_err(serde::ser::Error::custom).map_err(EncodeError::Json)?;
        Ok((packet, self.array, self.attachments))
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
