//! From text to a packet without its attachments.

use std::borrow::Cow;
use std::fmt;

use bytestring::ByteString;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::arguments::Arguments;
use super::depth;
use super::limits::PacketLimits;
use super::packet::{MAIN_NAMESPACE, PacketContent, SocketPacket, is_reserved};

/// What is wrong with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacketError {
    UnknownType,
    ConnectErrorOfClient,
    Attachments,
    TooManyAttachments,
    TooManyAttachmentBytes,
    NamespaceTooLong,
    AckId,
    Payload,
    TooDeep,
    EventName,
    EventNameTooLong,
    UnexpectedText,
    UnexpectedBinary,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PacketError::UnknownType => "the packet's type is unknown",
            PacketError::ConnectErrorOfClient => "only a server sends CONNECT_ERROR",
            PacketError::Attachments => "the number of attachments is not a positive number followed by `-`",
            PacketError::TooManyAttachments => "the packet announces too many attachments",
            PacketError::TooManyAttachmentBytes => "the packet's attachments are too large",
            PacketError::NamespaceTooLong => "the namespace's name is too long",
            PacketError::AckId => "the acknowledgement number is missing, or too large",
            PacketError::Payload => "the packet's payload is not what its type requires",
            PacketError::TooDeep => "the packet's JSON is nested too deeply",
            PacketError::EventName => "the event has no name, or a reserved one",
            PacketError::EventNameTooLong => "the event's name is too long",
            PacketError::UnexpectedText => "text arrived where an attachment was announced",
            PacketError::UnexpectedBinary => "binary data arrived that no packet announced",
        })
    }
}

impl std::error::Error for PacketError {}

/// The packet of a text, and the number of attachments that follow it.
pub(super) fn decode(text: &ByteString, limits: &PacketLimits) -> Result<(SocketPacket, usize), PacketError> {
    let (kind, rest) = text.split_at_checked(1).ok_or(PacketError::UnknownType)?;
    let (attachments, rest) = match kind {
        "5" | "6" => attachments(rest, limits)?,
        _ => (0, rest),
    };
    let (namespace, rest) = namespace(text, rest, limits)?;
    let (id, payload) = ack_id(rest)?;
    if !depth::is_within(payload, limits.json_depth) {
        return Err(PacketError::TooDeep);
    }
    let payload = text.slice_ref(payload);
    let content = match kind {
        "0" => connect(id, payload)?,
        "1" if id.is_none() && payload.is_empty() => PacketContent::Disconnect,
        "1" => return Err(PacketError::Payload),
        "2" | "5" => event(id, &payload, limits)?,
        "3" | "6" => ack(id, payload)?,
        "4" => return Err(PacketError::ConnectErrorOfClient),
        _ => return Err(PacketError::UnknownType),
    };
    Ok((SocketPacket { namespace, content }, attachments))
}

/// `<number>-`
fn attachments<'t>(rest: &'t str, limits: &PacketLimits) -> Result<(usize, &'t str), PacketError> {
    let (number, rest) = rest.split_once('-').ok_or(PacketError::Attachments)?;
    if number.is_empty() || number.len() > 9 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PacketError::Attachments);
    }
    match number.parse() {
        Err(_) | Ok(0) => Err(PacketError::Attachments),
        Ok(number) if number > limits.attachments => Err(PacketError::TooManyAttachments),
        Ok(number) => Ok((number, rest)),
    }
}

/// `/<name>,`. The comma may be missing at the end of the packet, and all of it for the main namespace.
fn namespace<'t>(
    text: &ByteString,
    rest: &'t str,
    limits: &PacketLimits,
) -> Result<(ByteString, &'t str), PacketError> {
    if !rest.starts_with('/') {
        return Ok((ByteString::from_static(MAIN_NAMESPACE), rest));
    }
    let (name, rest) = rest.split_once(',').unwrap_or((rest, ""));
    if name.len() > limits.namespace_name {
        return Err(PacketError::NamespaceTooLong);
    }
    Ok((text.slice_ref(name), rest))
}

fn ack_id(rest: &str) -> Result<(Option<u64>, &str), PacketError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.split_at_checked(digits) {
        None | Some(("", _)) => Ok((None, rest)),
        Some((id, payload)) => Ok((Some(id.parse().map_err(|_| PacketError::AckId)?), payload)),
    }
}

fn connect(id: Option<u64>, payload: ByteString) -> Result<PacketContent, PacketError> {
    if payload.is_empty() && id.is_none() {
        return Ok(PacketContent::Connect { auth: None });
    }
    let is_object = payload.starts_with('{') && serde_json::from_str::<IgnoredAny>(&payload).is_ok();
    if !is_object || id.is_some() {
        return Err(PacketError::Payload);
    }
    Ok(PacketContent::Connect { auth: Some(payload) })
}

fn ack(id: Option<u64>, payload: ByteString) -> Result<PacketContent, PacketError> {
    let id = id.ok_or(PacketError::AckId)?;
    if !payload.starts_with('[') || serde_json::from_str::<IgnoredAny>(&payload).is_err() {
        return Err(PacketError::Payload);
    }
    Ok(PacketContent::Ack { id, arguments: Arguments::of_ack(payload) })
}

fn event(id: Option<u64>, payload: &ByteString, limits: &PacketLimits) -> Result<PacketContent, PacketError> {
    let written = written_name(payload).ok_or(PacketError::Payload)?;
    if written.len() > limits.event_name.saturating_add(2) {
        return Err(PacketError::EventNameTooLong);
    }
    let plain = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name = if let Some(name) = plain.filter(|name| !name.contains('\\')) {
        payload.slice_ref(name)
    } else if written.starts_with('"') {
        match serde_json::from_str(written).map_err(|_| PacketError::EventName)? {
            Text(Cow::Borrowed(name)) => payload.slice_ref(name),
            Text(Cow::Owned(name)) => ByteString::from(name),
        }
    } else if written.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        payload.slice_ref(written)
    } else {
        return Err(PacketError::EventName);
    };
    if is_reserved(&name) {
        return Err(PacketError::EventName);
    }
    let arguments = Arguments::of_event(payload.clone(), written);
    Ok(PacketContent::Event { name, id, arguments })
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// Checks that the payload is a JSON array, and returns its first element as it is written.
fn written_name(payload: &str) -> Option<&str> {
    struct First;

    impl<'de> Visitor<'de> for First {
        type Value = Option<&'de str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
            let first = array.next_element::<&'de RawValue>()?;
            while array.next_element::<IgnoredAny>()?.is_some() {}
            Ok(first.map(RawValue::get))
        }
    }

    let mut json = serde_json::Deserializer::from_str(payload);
    let first = json.deserialize_seq(First).ok()?;
    json.end().ok()?;
    first
}
