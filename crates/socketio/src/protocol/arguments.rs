//! The arguments of an event or an acknowledgement, as they arrived.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer,
    SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::binary::{Slots, WithBinary};
use super::shape::{Shape, shape_of_type};

/// The arguments of an event, or of an acknowledgement, as the client sent them: JSON, and binary attachments.
///
/// Most handlers take [`Data`](crate::Data) instead. `Arguments` passes an event on unread, whatever is in it:
///
/// ```
/// use longwire_socketio::{Arguments, Socket};
///
/// async fn forward(socket: Socket, arguments: Arguments) {
///     socket.broadcast().emit("message", arguments).ok();
/// }
/// ```
#[derive(Clone, PartialEq)]
pub struct Arguments {
    /// The JSON array.
    array: ByteString,
    /// Where the arguments begin in it: behind the event's name.
    from: usize,
    /// The elements of the array before the arguments: 1 for an event's name.
    skipped: usize,
    attachments: Vec<Bytes>,
}

impl Arguments {
    /// Of an event whose name stands in the array as `written_name`, which is a part of `array`.
    pub(super) fn of_event(array: ByteString, written_name: &str) -> Arguments {
        let start = written_name.as_ptr().addr().saturating_sub(array.as_ptr().addr());
        let after = start.saturating_add(written_name.len());
        let tail = array.get(after..).unwrap_or_default();
        let from = tail.find(',').map_or(array.len(), |comma| after.saturating_add(comma).saturating_add(1));
        Arguments { array, from, skipped: 1, attachments: Vec::new() }
    }

    pub(super) fn of_ack(array: ByteString) -> Arguments {
        Arguments { array, from: 1, skipped: 0, attachments: Vec::new() }
    }

    /// Those that another node has got: JSON, separated by commas, and their attachments.
    pub(crate) fn from_elements(elements: &str, attachments: Vec<Bytes>) -> Arguments {
        let mut arguments = Arguments::of_ack(ByteString::from(format!("[{elements}]")));
        arguments.attach(attachments);
        arguments
    }

    pub(super) fn attach(&mut self, attachments: Vec<Bytes>) {
        self.attachments = attachments;
    }

    /// The arguments as JSON, separated by commas. Binary ones are placeholders: `{"_placeholder":true,"num":0}`.
    #[must_use]
    pub fn as_json(&self) -> &str {
        let arguments = self.array.get(self.from..).unwrap_or_default().trim_end();
        arguments.strip_suffix(']').unwrap_or_default().trim()
    }

    /// The binary attachments that the placeholders refer to.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The memory that the arguments keep.
    pub(crate) fn size(&self) -> usize {
        self.attachments.iter().map(Bytes::len).fold(self.array.len(), usize::saturating_add)
    }

    /// The arguments as a value. A tuple takes several arguments, `()` takes none, and every other type takes the first.
    /// Surplus arguments are ignored; a missing one is `None` for an `Option`. Binary arguments are
    /// [`Bytes`](bytes::Bytes), at any depth.
    ///
    /// # Errors
    ///
    /// If an argument is missing or has another type.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, ArgumentError> {
        self.read()
    }

    /// As [`parse`](Arguments::parse), for several that read.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ArgumentError> {
        let slots = Slots::new(&self.attachments);
        let mut json = serde_json::Deserializer::from_str(&self.array);
        let skipped = self.skipped;
        let parsed = match shape_of_type::<T>() {
            Shape::None => T::deserialize(().into_deserializer()),
            Shape::Several(length) => {
                T::deserialize(Several { json: &mut json, slots: &slots, skipped, length })
            }
            Shape::One => {
                let json = Several { json: &mut json, slots: &slots, skipped, length: 1 };
                <(T,)>::deserialize(json).map(|(first,)| first)
            }
        };
        parsed.map_err(ArgumentError::from)
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments")
            .field("json", &self.as_json())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// A client sent other arguments than the application expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentError {
    reason: String,
}

impl From<serde_json::Error> for ArgumentError {
    fn from(error: serde_json::Error) -> ArgumentError {
        ArgumentError { reason: error.to_string() }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unexpected arguments: {}", self.reason)
    }
}

impl std::error::Error for ArgumentError {}

type Json<'de> = serde_json::Deserializer<serde_json::de::StrRead<'de>>;

/// All arguments as the elements of a sequence.
struct Several<'a, 'de> {
    json: &'a mut Json<'de>,
    slots: &'a Slots,
    skipped: usize,
    length: usize,
}

impl<'de> Deserializer<'de> for Several<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let Several { json, slots, skipped, length } = self;
        json.deserialize_seq(Elements { visitor, slots, skipped, length })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Elements<'a, V> {
    visitor: V,
    slots: &'a Slots,
    skipped: usize,
    length: usize,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Elements<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<V::Value, A::Error> {
        for _ in 0..self.skipped {
            array.next_element::<IgnoredAny>()?;
        }
        let padded = Padded { array: &mut array, slots: self.slots, length: self.length, taken: 0 };
        let value = self.visitor.visit_seq(padded)?;
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// A sequence with exactly `length` elements: missing ones are null.
struct Padded<'a, A> {
    array: &'a mut A,
    slots: &'a Slots,
    length: usize,
    taken: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Padded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        if self.taken == self.length {
            return Ok(None);
        }
        self.taken += 1;
        let mut seed = Some(seed);
        let element = OrLeft { seed: &mut seed, slots: self.slots };
        if let Some(value) = self.array.next_element_seed(element)? {
            return Ok(Some(value));
        }
        let Some(seed) = seed else { return Ok(None) };
        let missing = IntoDeserializer::<'de, A::Error>::into_deserializer(());
        let value = seed.deserialize(missing);
        value.map(Some).map_err(|_| A::Error::custom(format_args!("argument {} is missing", self.taken)))
    }
}

/// Takes the seed only if there is an element to read.
struct OrLeft<'a, T> {
    seed: &'a mut Option<T>,
    slots: &'a Slots,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for OrLeft<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, element: D) -> Result<T::Value, D::Error> {
        let seed = self.seed.take().ok_or_else(|| D::Error::custom("an argument was read twice"))?;
        seed.deserialize(WithBinary { inner: element, slots: self.slots })
    }
}
