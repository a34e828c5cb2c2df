//! Messages.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

/// A message: one send call sends it, and one receive call on the other end returns it. Cheap to clone.
///
/// ```
/// use longwire::Message;
///
/// let message = Message::from("Hello");
/// assert_eq!(message.as_text(), Some("Hello"));
/// assert_eq!(Message::from(vec![1, 2, 3]).to_string(), "<3 bytes>");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// Text.
    Text(Utf8Bytes),
    /// Any bytes.
    Binary(Bytes),
}

impl Message {
    /// The text of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// The content as bytes, for both kinds.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// The content as bytes, for both kinds, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Message::Text(text) => text.into_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }

    /// Marks the message to be sent without compression, even if compression was negotiated. Use it for content that is
    /// already compressed, or that holds a secret beside data that an attacker can choose (RFC 7692 §9).
    ///
    /// ```
    /// # async fn send(socket: &mut longwire::WebSocket, jpeg: Vec<u8>) -> longwire::Result<()> {
    /// use longwire::Message;
    ///
    /// socket.send(Message::from(jpeg).uncompressed()).await
    /// # }
    /// ```
    #[must_use]
    pub fn uncompressed(self) -> Outgoing {
        Outgoing { message: self, compression: Compression::Never }
    }

    /// Whether this is a text message.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Message::Text(_))
    }

    /// The length of the content in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the content is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An outgoing message and how to send it. Every type that converts into a [`Message`] converts into this one.
///
/// ```
/// use longwire::{Message, Outgoing};
///
/// /// A picture is compressed already.
/// fn picture(jpeg: Vec<u8>) -> Outgoing {
///     Message::from(jpeg).uncompressed()
/// }
///
/// let text: Outgoing = "Hello".into();
/// assert_ne!(text, picture(vec![0xff, 0xd8]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub(crate) message: Message,
    pub(crate) compression: Compression,
}

/// Whether a message may be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    AsAgreed,
    Never,
}

impl<T: Into<Message>> From<T> for Outgoing {
    fn from(message: T) -> Outgoing {
        Outgoing { message: message.into(), compression: Compression::AsAgreed }
    }
}

/// A text message with this content.
impl PartialEq<str> for Message {
    fn eq(&self, text: &str) -> bool {
        self.as_text() == Some(text)
    }
}

/// A text message with this content.
impl PartialEq<&str> for Message {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

/// A text message prints its text; a binary message prints its length in angle brackets.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Text(text) => f.write_str(text),
            Message::Binary(bytes) if bytes.len() == 1 => f.write_str("<1 byte>"),
            Message::Binary(bytes) => write!(f, "<{} bytes>", bytes.len()),
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text.into())
    }
}

impl From<&String> for Message {
    fn from(text: &String) -> Message {
        text.as_str().into()
    }
}

impl From<Cow<'_, str>> for Message {
    fn from(text: Cow<'_, str>) -> Message {
        text.into_owned().into()
    }
}

impl From<Box<str>> for Message {
    fn from(text: Box<str>) -> Message {
        text.into_string().into()
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Message {
        Message::Text(text)
    }
}

impl From<&Utf8Bytes> for Message {
    fn from(text: &Utf8Bytes) -> Message {
        Message::Text(text.clone())
    }
}

impl From<&Message> for Message {
    fn from(message: &Message) -> Message {
        message.clone()
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Message {
        Message::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes.into())
    }
}

impl From<&Vec<u8>> for Message {
    fn from(bytes: &Vec<u8>) -> Message {
        bytes.as_slice().into()
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(bytes: [u8; N]) -> Message {
        bytes.as_slice().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Message {
        bytes.as_slice().into()
    }
}

impl From<Box<[u8]>> for Message {
    fn from(bytes: Box<[u8]>) -> Message {
        Message::Binary(bytes.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Message {
        Message::Binary(bytes)
    }
}

impl From<&Bytes> for Message {
    fn from(bytes: &Bytes) -> Message {
        Message::Binary(bytes.clone())
    }
}

impl From<BytesMut> for Message {
    fn from(bytes: BytesMut) -> Message {
        Message::Binary(bytes.freeze())
    }
}

/// Text that is shared instead of copied: [`Bytes`] that hold valid UTF-8.
///
/// ```
/// use longwire::Utf8Bytes;
///
/// let text = Utf8Bytes::from("Hello");
/// let shared = text.clone(); // the same memory
/// assert!(shared.starts_with("Hell"));
/// assert!(Utf8Bytes::try_from(vec![0xff]).is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Utf8Bytes(ByteString);

impl Utf8Bytes {
    /// Creates text from a static string, without a copy.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Utf8Bytes {
        Utf8Bytes(ByteString::from_static(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes of the text, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

/// Compares with any type of text: `&str`, `String`, `Cow<str>`.
impl<T> PartialEq<T> for Utf8Bytes
where
    for<'a> &'a str: PartialEq<T>,
{
    fn eq(&self, other: &T) -> bool {
        self.as_str() == *other
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Utf8Bytes {
        Utf8Bytes(text.into())
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Utf8Bytes {
        Utf8Bytes(text.into())
    }
}

impl From<&String> for Utf8Bytes {
    fn from(text: &String) -> Utf8Bytes {
        text.as_str().into()
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Bytes {
        text.into_bytes()
    }
}

impl TryFrom<Vec<u8>> for Utf8Bytes {
    type Error = std::str::Utf8Error;

    fn try_from(bytes: Vec<u8>) -> Result<Utf8Bytes, std::str::Utf8Error> {
        Bytes::from(bytes).try_into()
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = std::str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Utf8Bytes, std::str::Utf8Error> {
        ByteString::try_from(bytes).map(Utf8Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_binary() {
        let text = Message::from("é");
        assert_eq!(
            (text.as_text(), text.is_text(), text.len(), text.is_empty()),
            (Some("é"), true, 2, false)
        );
        let binary = Message::from("é".as_bytes());
        assert_eq!((binary.as_text(), binary.is_text(), binary.as_bytes()), (None, false, "é".as_bytes()));
        assert_ne!(text, binary);
        assert_eq!(text.into_bytes(), binary.into_bytes());
    }

    #[test]
    fn a_message_is_taken_and_cloned_without_a_copy() {
        let source = String::from("a text that is long enough for the heap");
        let address = source.as_ptr();
        let message = Message::from(source);
        assert_eq!(message.clone().into_bytes().as_ptr(), address);
        assert_eq!(message.into_bytes().as_ptr(), address);
    }

    /// Every common type of text and bytes can be sent without a conversion by the caller.
    #[test]
    fn a_message_is_made_of_every_common_type() {
        let (owned, bytes) = (String::from("text"), vec![1, 2]);
        let text: [Message; 7] = [
            "text".into(),
            (&owned).into(),
            owned.clone().into(),
            Cow::from("text").into(),
            owned.clone().into_boxed_str().into(),
            (&Utf8Bytes::from_static("text")).into(),
            (&Message::from("text")).into(),
        ];
        assert!(text.iter().all(|message| message.as_text() == Some("text")), "{text:?}");
        let binary: [Message; 8] = [
            (&[1, 2][..]).into(),
            [1, 2].into(),
            (&[1, 2]).into(),
            (&bytes).into(),
            bytes.clone().into(),
            bytes.clone().into_boxed_slice().into(),
            (&Bytes::from_static(&[1, 2])).into(),
            BytesMut::from(&[1, 2][..]).into(),
        ];
        assert!(
            binary.iter().all(|message| !message.is_text() && message.as_bytes() == [1, 2]),
            "{binary:?}"
        );
    }

    #[test]
    fn display_is_for_people() {
        assert_eq!(Message::from("hi").to_string(), "hi");
        assert_eq!(Message::from(vec![0]).to_string(), "<1 byte>");
        assert_eq!(Message::from(Bytes::new()).to_string(), "<0 bytes>");
        assert_eq!(format!("{:?}", Utf8Bytes::from("a\n")), r#""a\n""#);
    }

    #[test]
    fn bytes_become_text_only_if_they_are_utf8() {
        assert_eq!(Utf8Bytes::try_from(Bytes::from_static(b"ok")).unwrap(), "ok");
        assert_eq!(Utf8Bytes::try_from(b"ok".to_vec()).unwrap(), "ok");
        assert!(Utf8Bytes::try_from(Bytes::from_static(b"\xff")).is_err());
        assert!(Utf8Bytes::try_from(vec![0xff]).is_err());
    }

    #[test]
    fn text_is_compared_with_text_of_any_kind() {
        const TEXT: Utf8Bytes = Utf8Bytes::from_static("ok");
        let owned = "ok".to_owned();
        assert_eq!(TEXT, *"ok");
        assert_eq!(TEXT, owned);
        assert_eq!(TEXT, Cow::from("ok"));
        assert_eq!(TEXT, Utf8Bytes::from(&owned));
        assert_ne!(TEXT, "no");
        assert_eq!(Bytes::from(TEXT), "ok");
    }
}
